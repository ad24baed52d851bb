"""Wrapping keys with the key-encryption keys (FIELD_ENCRYPTION_KEY, newest first).

The package's own functions; the key list is read when the process starts.
"""

import base64
import binascii

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from encrypted_model_fields.fields import decrypt_str, encrypt_str

from tenants.errors import DecryptionFailed

KEY_BYTES = 32


class KeyUnreadable(DecryptionFailed):
    code = "key_unreadable"
    message = "A company's key does not open with any of the keys in FIELD_ENCRYPTION_KEY."


def wrap(key: bytes) -> str:
    """Return `key` encrypted with the newest key-encryption key."""
    return str(encrypt_str(base64.b64encode(key).decode()).decode())


def unwrap(token: str) -> bytes:
    """Return the 32 bytes that were wrapped. Raises KeyUnreadable, never answers with guesswork."""
    try:
        key = base64.b64decode(decrypt_str(token), validate=True)
    except (InvalidToken, binascii.Error):
        raise KeyUnreadable from None
    if len(key) != KEY_BYTES:
        raise KeyUnreadable
    return key


def is_newest(token: str) -> bool:
    """Whether the newest key-encryption key alone opens the token."""
    try:
        Fernet(settings.FIELD_ENCRYPTION_KEY[0]).decrypt(token.encode())
    except InvalidToken:
        return False
    return True
