"""The companies' keys, unwrapped, cached in this process and nowhere else, used for a minute."""

import dataclasses
import secrets
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import transaction

from tenants.errors import DecryptionFailed
from tenants.keyring import wrapping
from tenants.keyring.models import CompanyKey

CACHE_SECONDS = 60.0
# Keys that are at hand stay so for this long: enough for a piece of work on an event loop.
AT_HAND_SECONDS = 10.0


class KeyGone(DecryptionFailed):
    code = "key_gone"
    message = "This company has no key: it was never made, or it was shredded."


@dataclasses.dataclass(frozen=True, slots=True)
class Keys:
    """A company's keys of one purpose. `ciphers` is filled by tenants.crypto and dies with them."""

    active_version: int
    by_version: dict[int, bytes]
    ciphers: dict[tuple[int, str], AESGCM] = dataclasses.field(default_factory=dict)

    @property
    def active_key(self) -> bytes:
        return self.by_version[self.active_version]


_cache: dict[tuple[str, str], tuple[float, Keys]] = {}
# Held to put in and to drop what expired, so that a key just renewed is not dropped for its past.
_changing = threading.Lock()


def create_company_keys(*, company_id: uuid.UUID, schema_name: str) -> None:
    """Make the first data key and the first index key of a company."""
    CompanyKey.objects.bulk_create(
        _new_key(company_id, schema_name, purpose, version=1, is_active=True)
        for purpose in CompanyKey.Purpose
    )


def add_data_key(schema_name: str) -> int:
    """Add a data key that encrypts nothing yet; return its version. Raises KeyGone."""
    newest = (
        CompanyKey.objects.filter(schema_name=schema_name, purpose=CompanyKey.Purpose.DATA)
        .order_by("-version")
        .first()
    )
    if newest is None:
        raise KeyGone
    added = _new_key(
        newest.company_id,
        schema_name,
        CompanyKey.Purpose.DATA,
        version=newest.version + 1,
        is_active=False,
    )
    added.save(force_insert=True)
    return added.version


def activate_data_key(schema_name: str, version: int) -> None:
    """Let `version` encrypt from now on. Every process must know it: see CACHE_SECONDS."""
    keys = CompanyKey.objects.filter(schema_name=schema_name, purpose=CompanyKey.Purpose.DATA)
    with transaction.atomic(using="keys"):
        keys.filter(is_active=True).update(is_active=False)
        if not keys.filter(version=version).update(is_active=True):
            raise KeyGone
    forget(schema_name)


def retire_data_keys(schema_name: str) -> int:
    """Delete the data keys older than the active one; return how many."""
    versions = data_keys_stored(schema_name)
    count, _ = CompanyKey.objects.filter(
        schema_name=schema_name,
        purpose=CompanyKey.Purpose.DATA,
        version__lt=versions.active_version,
    ).delete()
    forget(schema_name)
    return count


def shred(schema_name: str) -> int:
    """Delete every key of a company: what was encrypted with them can never be read again.

    Returns how many keys there were. Other processes forget theirs within CACHE_SECONDS; backups
    of the keys database end it there when they expire.
    """
    count, _ = CompanyKey.objects.filter(schema_name=schema_name).delete()
    forget(schema_name)
    return count


def data_keys(schema_name: str) -> Keys:
    """The company's data keys. Raises KeyGone, KeyUnreadable. Queries: 0 or 1."""
    return _keys(schema_name, CompanyKey.Purpose.DATA)


def index_keys(schema_name: str) -> Keys:
    """The company's index keys. Raises KeyGone, KeyUnreadable. Queries: 0 or 1."""
    return _keys(schema_name, CompanyKey.Purpose.INDEX)


def data_keys_stored(schema_name: str) -> Keys:
    """The company's data keys as the database has them now. Raises as data_keys. Queries: 1."""
    return _read(schema_name, CompanyKey.Purpose.DATA)


def load(schema_names: Collection[str]) -> dict[str, DecryptionFailed]:
    """Read the companies' keys anew into this process; returns whose could not be, and why.

    Queries: 1.
    """
    now = time.monotonic()
    rows: dict[tuple[str, str], list[CompanyKey]] = defaultdict(list)
    for row in CompanyKey.objects.filter(schema_name__in=schema_names):
        rows[row.schema_name, row.purpose].append(row)
    failed: dict[str, DecryptionFailed] = {}
    for schema_name in schema_names:
        for purpose in CompanyKey.Purpose:
            try:
                _keep(schema_name, purpose, rows[schema_name, purpose], read_at=now)
            except DecryptionFailed as error:
                failed[schema_name] = error
    return failed


def is_at_hand(schema_name: str) -> bool:
    """Whether both kinds of key answer without a query for AT_HAND_SECONDS from now."""
    until = time.monotonic() + AT_HAND_SECONDS
    hits = [_cache.get((schema_name, purpose)) for purpose in CompanyKey.Purpose]
    return all(hit is not None and hit[0] > until for hit in hits)


def forget(schema_name: str | None = None) -> None:
    """Drop one company's keys from this process, or all."""
    for key in [key for key in list(_cache) if schema_name in (None, key[0])]:
        _cache.pop(key, None)


def forget_expired() -> None:
    """Drop every key that may be used no longer. Queries: 0."""
    with _changing:
        _drop_expired()


def _drop_expired() -> None:
    now = time.monotonic()
    for key in [key for key, (until, _) in list(_cache.items()) if until <= now]:
        _cache.pop(key, None)


def _keys(schema_name: str, purpose: CompanyKey.Purpose) -> Keys:
    hit = _cache.get((schema_name, purpose))
    if hit is not None and hit[0] > time.monotonic():
        return hit[1]
    return _read(schema_name, purpose)


def _read(schema_name: str, purpose: CompanyKey.Purpose) -> Keys:
    now = time.monotonic()
    rows = list(CompanyKey.objects.filter(schema_name=schema_name, purpose=purpose))
    return _keep(schema_name, purpose, rows, read_at=now)


def _keep(
    schema_name: str, purpose: CompanyKey.Purpose, rows: Sequence[CompanyKey], *, read_at: float
) -> Keys:
    """`read_at`: from before the query, so that a key shredded meanwhile is not kept longer."""
    active = [row.version for row in rows if row.is_active]
    if not active:
        _cache.pop((schema_name, purpose), None)
        raise KeyGone
    keys = Keys(active[0], {row.version: wrapping.unwrap(row.wrapped) for row in rows})
    with _changing:
        _drop_expired()
        _cache[schema_name, purpose] = (read_at + CACHE_SECONDS, keys)
    return keys


def _new_key(
    company_id: uuid.UUID,
    schema_name: str,
    purpose: CompanyKey.Purpose,
    *,
    version: int,
    is_active: bool,
) -> CompanyKey:
    return CompanyKey(
        company_id=company_id,
        schema_name=schema_name,
        purpose=purpose,
        version=version,
        is_active=is_active,
        wrapped=wrapping.wrap(secrets.token_bytes(wrapping.KEY_BYTES)),
    )
