"""Secrets that go out once and are kept as digests."""

import hashlib
import secrets


def new_token() -> str:
    """256 random bits, safe in an address."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """SHA-256 in hex; enough for a secret of full entropy."""
    return hashlib.sha256(token.encode()).hexdigest()
