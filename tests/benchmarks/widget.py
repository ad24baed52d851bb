"""What the widget weighs on a visitor's line: the bytes that are sent, and requests."""

import dataclasses
import logging
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import brotli
import django

WEBSITE = "https://www.acme.example"
BROWSER = "gzip, deflate, br, zstd"


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """What one request brings: bytes of the body on the line, and the text they stand for."""

    size: int
    is_compressed: bool
    text: str


def main() -> None:
    django.setup()
    from chat.models import AllowedOrigin, Branding
    from tenants.actions.provisioning import provision_company
    from tenants.actor import SYSTEM
    from tenants.context import in_company
    from tenants.models import Company, User
    from tenants.resolution import CompanyRef
    from tests.benchmarks.result import publish

    owner = User.objects.create_user("owner@people.example")
    company = CompanyRef.of(
        provision_company(
            actor=SYSTEM,
            name="Acme Motors",
            slug="acme",
            website=WEBSITE,
            time_zone="Europe/Berlin",
            vertical=Company.Vertical.CAR_DEALERSHIP,
            owner=owner,
        )
    )
    with in_company(company):
        Branding.objects.create(name=company.name)
        AllowedOrigin.objects.create(origin=WEBSITE)
    logging.disable(logging.INFO)
    parts = _parts("acme.localhost")
    sizes = {path: part.size for path, part in parts.items()}
    loader = sizes.pop("/widget.js")
    publish(
        "widget",
        figures={
            "loader bytes": loader,
            "frame bytes": sum(sizes.values()),
            "frame requests": len(sizes),
            "frame's largest part bytes": max(sizes.values()),
            "parts sent as they are": sum(not part.is_compressed for part in parts.values()),
        },
        targets={
            "loader bytes": ("<=", 5 * 1024),
            "frame bytes": ("<=", 50 * 1024),
            "parts sent as they are": ("<=", 0),
        },
        context={"sizes": sizes},
    )


def _parts(host: str) -> dict[str, Part]:
    """By path: the loader, the frame and everything that the frame fetches to be ready."""
    page = f"/widget/?origin={WEBSITE}"
    parts: dict[str, Part] = {}
    with _as_in_production() as client:
        paths = ["/widget.js", page]
        while paths:
            path = paths.pop()
            if path in parts:
                continue
            part = parts[path] = _sent(client, host, path)
            if path == page:
                paths += re.findall(r'(?:href|src)="(/static/[^"]+)"', part.text)
            elif path.startswith("/static/"):
                folder = path.rpartition("/")[0]
                paths += [
                    _joined(folder, imported)
                    for imported in re.findall(r'from "([^"]+)"', part.text)
                ]
    return parts


@contextmanager
def _as_in_production() -> Iterator[Any]:
    """A client of the whole site, its static files collected and compressed as for a release."""
    from django.conf import settings
    from django.core.management import call_command
    from django.test import Client, override_settings

    storage = {"BACKEND": "config.storage.ModuleManifestStorage"}
    with (
        tempfile.TemporaryDirectory(prefix="switchboard-bench-static-") as folder,
        override_settings(
            STATIC_ROOT=folder,
            STORAGES={**settings.STORAGES, "staticfiles": storage},
            WHITENOISE_USE_FINDERS=False,
        ),
    ):
        call_command("collectstatic", interactive=False, verbosity=0)
        yield Client()


def _sent(client: Any, host: str, path: str) -> Part:
    answer = client.get(path, headers={"host": host, "accept-encoding": BROWSER})
    if answer.status_code != 200:
        raise RuntimeError(f"{path} answered {answer.status_code}.")
    body = answer.getvalue()
    is_brotli = answer.headers.get("Content-Encoding") == "br"
    text = (brotli.decompress(body) if is_brotli else body).decode()
    return Part(size=len(body), is_compressed=is_brotli, text=text)


def _joined(folder: str, relative: str) -> str:
    parts = folder.split("/")
    for step in relative.split("/"):
        if step == "..":
            parts.pop()
        elif step != ".":
            parts.append(step)
    return "/".join(parts)


if __name__ == "__main__":
    main()
