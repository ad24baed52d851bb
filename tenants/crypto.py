"""Encryption with a company's own keys: tokens `t1:<key version>:<fernet>` and blind indexes.

A column's Fernet key is HKDF-SHA256 (RFC 5869) of the company's data key with the column's label as
info, so a value copied to another column or company does not decrypt.
"""

import base64
import hashlib
import hmac
import unicodedata

import idna
import phonenumbers
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tenants.errors import DecryptionFailed
from tenants.keyring import store


def encrypt(schema_name: str, label: str, text: str) -> str:
    """Return the token of `text` under the company's active data key.

    Raises KeyGone where the company has no key (never made, or shredded).
    """
    keys = store.data_keys(schema_name)
    token = _column_key(keys, keys.active_version, label).encrypt(text.encode())
    return f"{token_prefix(keys.active_version)}{token.decode()}"


def decrypt(schema_name: str, label: str, token: str) -> str:
    """Return the text of a token that `encrypt` made for the same company and label.

    Raises DecryptionFailed on anything else: it never answers with the stored value itself.
    """
    tag, _, rest = token.partition(":")
    version, _, fernet_token = rest.partition(":")
    if tag != "t1" or not (version.isascii() and version.isdecimal()):
        raise DecryptionFailed(f"{label} holds a value that is not a token.")
    keys = store.data_keys(schema_name)
    if int(version) not in keys.by_version:
        raise DecryptionFailed(f"{label} was encrypted with a key that is gone.")
    try:
        return _column_key(keys, int(version), label).decrypt(fernet_token.encode()).decode()
    except InvalidToken:
        raise DecryptionFailed(f"{label} holds a token that does not verify.") from None


def token_prefix(version: int) -> str:
    """What every token of a key version begins with."""
    return f"t1:{version}:"


def blind_index(schema_name: str, label: str, normalised: str) -> str:
    """Return 64 hex digits that are equal for equal input within one company and one label."""
    key = _derive(store.index_keys(schema_name).active_key, f"blind-index|{label}")
    return hmac.new(key, normalised.encode(), hashlib.sha256).hexdigest()


def normalise_email(address: str) -> str:
    """NFKC, trimmed, case-folded, the domain in IDNA; '' for what is not an address."""
    local, at, domain = unicodedata.normalize("NFKC", address).strip().casefold().rpartition("@")
    if not (local and at and domain):
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


def _column_key(keys: store.Keys, version: int, label: str) -> Fernet:
    fernet = keys.derived.get((version, label))
    if fernet is None:
        derived = _derive(keys.by_version[version], label)
        fernet = keys.derived[version, label] = Fernet(base64.urlsafe_b64encode(derived))
    return fernet


def _derive(key: bytes, info: str) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info.encode()).derive(key)
