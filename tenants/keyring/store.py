"""The companies' keys, unwrapped, cached in this process for at most a minute and nowhere else."""

import base64
import dataclasses
import secrets
import time
import uuid

from tenants.errors import DecryptionFailed
from tenants.keyring.models import CompanyKey

CACHE_SECONDS = 60.0


class KeyGone(DecryptionFailed):
    code = "key_gone"
    message = "This company has no key: it was never made, or it was shredded."


@dataclasses.dataclass(frozen=True, slots=True)
class Keys:
    active_version: int
    by_version: dict[int, bytes]

    @property
    def active_key(self) -> bytes:
        return self.by_version[self.active_version]


_cache: dict[tuple[str, str], tuple[float, Keys]] = {}


def create_company_keys(*, company_id: uuid.UUID, schema_name: str) -> None:
    """Make the first data key and the first index key of a company."""
    CompanyKey.objects.bulk_create(
        CompanyKey(
            company_id=company_id,
            schema_name=schema_name,
            purpose=purpose,
            version=1,
            wrapped=base64.b64encode(secrets.token_bytes(32)).decode(),
        )
        for purpose in CompanyKey.Purpose
    )


def data_keys(schema_name: str) -> Keys:
    """The company's data keys. Raises KeyGone where there are none. Queries: 0 or 1."""
    return _keys(schema_name, CompanyKey.Purpose.DATA)


def index_keys(schema_name: str) -> Keys:
    """The company's index keys. Raises KeyGone where there are none. Queries: 0 or 1."""
    return _keys(schema_name, CompanyKey.Purpose.INDEX)


def shred(schema_name: str) -> int:
    """Delete every key of a company: what was encrypted with them can never be read again.

    Returns how many keys there were. Other processes forget theirs within CACHE_SECONDS; backups
    of the keys database end it there when they expire.
    """
    count, _ = CompanyKey.objects.filter(schema_name=schema_name).delete()
    forget(schema_name)
    return count


def is_cached(schema_name: str) -> bool:
    """Whether data_keys would answer without a query, as it must on an event loop."""
    hit = _cache.get((schema_name, CompanyKey.Purpose.DATA))
    return hit is not None and hit[0] > time.monotonic()


def forget(schema_name: str | None = None) -> None:
    """Drop one company's keys from this process, or all."""
    for key in [key for key in _cache if schema_name in (None, key[0])]:
        _cache.pop(key, None)


def _keys(schema_name: str, purpose: str) -> Keys:
    hit = _cache.get((schema_name, purpose))
    if hit is not None and hit[0] > time.monotonic():
        return hit[1]
    rows = list(CompanyKey.objects.filter(schema_name=schema_name, purpose=purpose))
    active = [row.version for row in rows if row.is_active]
    if not active:
        _cache.pop((schema_name, purpose), None)
        raise KeyGone
    keys = Keys(active[0], {row.version: base64.b64decode(row.wrapped) for row in rows})
    _cache[schema_name, purpose] = (time.monotonic() + CACHE_SECONDS, keys)
    return keys
