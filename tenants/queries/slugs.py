"""Names of company hosts: which are free."""

from django.utils.text import slugify

from tenants.actions.provisioning import RESERVED_SLUGS
from tenants.errors import SlugReserved, SlugTaken
from tenants.models import Company

LONGEST = 40
_ENDINGS = ("", "-chat", "-team", "-hq", "-2", "-3", "-4")


def slug_of(name: str) -> str:
    """The host label that a company's name suggests; may be taken, may be ''."""
    return slugify(name)[:LONGEST].strip("-")


def problem_with(slug: str) -> str:
    """Why nobody new can have this slug, in a sentence; '' where it is free. Queries: 0 or 1."""
    if slug in RESERVED_SLUGS:
        return SlugReserved.message
    return SlugTaken.message if Company.objects.filter(slug=slug).exists() else ""


def suggestions(slug: str, *, count: int = 3) -> list[str]:
    """Up to `count` free slugs like this one. Queries: 1."""
    stem = slug[: LONGEST - 5].strip("-") or "company"
    candidates = [stem + ending for ending in _ENDINGS]
    taken = set(Company.objects.filter(slug__in=candidates).values_list("slug", flat=True))
    return [c for c in candidates if c not in taken and c not in RESERVED_SLUGS][:count]
