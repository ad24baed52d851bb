"""Encryption with a company's own keys: tokens `t2:<key version>:<sealed>` and blind indexes.

`sealed` is base64url of nonce, ciphertext and tag of AES-256-GCM (NIST SP 800-38D; random nonces of
96 bits, so a key is good for 2**32 values). A column's key is HKDF-SHA256 (RFC 5869) of the
company's data key with the column's label as info: a value copied to another column or company does
not decrypt.
"""

import base64
import hashlib
import hmac
import os
import unicodedata

import idna
import phonenumbers
from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tenants.errors import ValueUnreadable
from tenants.keyring import store
from tenants.unseen import has_unseen

_NONCE_BYTES = 12


def encrypt(schema_name: str, label: str, text: str) -> str:
    """Return the token of `text` under the company's active data key.

    Raises KeyGone where the company has no key (never made, or shredded).
    """
    keys = store.data_keys(schema_name)
    version = keys.active_version
    nonce = os.urandom(_NONCE_BYTES)
    sealed = nonce + _cipher(keys, version, label).encrypt(nonce, text.encode(), None)
    return f"{token_prefix(version)}{base64.urlsafe_b64encode(sealed).decode()}"


def decrypt(schema_name: str, label: str, token: str) -> str:
    """Return the text of a token that `encrypt` made for the same company and label.

    Raises ValueUnreadable on anything else: it never answers with the stored value itself; KeyGone
    and KeyUnreadable where the company's keys cannot be had.
    """
    tag, _, rest = token.partition(":")
    version, _, sealed = rest.partition(":")
    opened = {"t1": _open_fernet, "t2": _open}.get(tag)
    if opened is None or not (version.isascii() and version.isdecimal()):
        raise ValueUnreadable(f"{label} holds a value that is not a token.")
    keys = store.data_keys(schema_name)
    if int(version) not in keys.by_version:
        raise ValueUnreadable(f"{label} was encrypted with a key that is gone.")
    try:
        return opened(keys, int(version), label, sealed).decode()
    except (InvalidTag, InvalidToken, ValueError):
        raise ValueUnreadable(f"{label} holds a token that does not verify.") from None


def token_prefix(version: int) -> str:
    """What every token begins with that is made under a key version."""
    return f"t2:{version}:"


def blind_index(schema_name: str, label: str, normalised: str) -> str:
    """Return 64 hex digits that are equal for equal input within one company and one label."""
    key = _derive(store.index_keys(schema_name).active_key, f"blind-index|{label}")
    return hmac.new(key, normalised.encode(), hashlib.sha256).hexdigest()


def normalise_email(address: str) -> str:
    """NFKC, trimmed, case-folded, the domain in IDNA; '' for what is not an address."""
    local, at, domain = unicodedata.normalize("NFKC", address).strip().casefold().rpartition("@")
    if not (local and at and domain) or has_unseen(address.strip()):
        return ""
    try:
        domain = idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return ""
    return f"{local}@{domain}"


def normalise_phone(number: str, region: str | None = None) -> str:
    """E.164 (ITU-T), '' for what is not a number; `region` (ISO 3166) reads national spellings."""
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(parsed):
        return ""
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _open(keys: store.Keys, version: int, label: str, sealed: str) -> bytes:
    # Else it would pass over what is not of its alphabet.
    raw = base64.b64decode(sealed, b"-_", validate=True)
    cipher = _cipher(keys, version, label)
    return cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], None)


def _open_fernet(keys: store.Keys, version: int, label: str, token: str) -> bytes:
    """The tokens made before 2026-12; `rotate_keys` makes new ones of them."""
    key = base64.urlsafe_b64encode(_derive(keys.by_version[version], label))
    return Fernet(key).decrypt(token.encode())


def _cipher(keys: store.Keys, version: int, label: str) -> AESGCM:
    cipher = keys.ciphers.get((version, label))
    if cipher is None:
        key = _derive(keys.by_version[version], f"AES-256-GCM|{label}")
        cipher = keys.ciphers[version, label] = AESGCM(key)
    return cipher


def _derive(key: bytes, info: str) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info.encode()).derive(key)
