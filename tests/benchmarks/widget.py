"""What the widget weighs on a visitor's line: bytes as brotli sends them, and requests."""

import re
from pathlib import Path

import brotli  # type: ignore[import-untyped]
import django

WEBSITE = "https://www.acme.example"


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
    sizes = _sizes("acme.localhost")
    loader = sizes.pop("/widget.js")
    publish(
        "widget",
        figures={
            "loader bytes": loader,
            "frame bytes": sum(sizes.values()),
            "frame requests": len(sizes),
            "frame's largest part bytes": max(sizes.values()),
        },
        targets={
            "loader bytes": ("<=", 5 * 1024),
            "frame bytes": ("<=", 50 * 1024),
        },
        context={"sizes": sizes},
    )


def _sizes(host: str) -> dict[str, int]:
    """Bytes by path of the loader, the frame and everything that the frame fetches to be ready."""
    from django.contrib.staticfiles import finders
    from django.test import Client

    client = Client(headers={"host": host})
    page = client.get(f"/widget/?origin={WEBSITE}").content
    sizes = {
        "/widget.js": _brotli(client.get("/widget.js").content),
        "/widget/": _brotli(page),
    }
    waiting = re.findall(rb'(?:href|src)="(/static/[^"]+)"', page)
    paths = [found.decode().removeprefix("/static/") for found in waiting]
    while paths:
        path = paths.pop()
        if path in sizes:
            continue
        file = finders.find(path)
        assert isinstance(file, str), path
        data = Path(file).read_bytes()
        sizes[path] = _brotli(data)
        for imported in re.findall(r'from "([^"]+)"', data.decode()):
            folder = path.rpartition("/")[0]
            paths.append(_joined(folder, imported))
    return sizes


def _joined(folder: str, relative: str) -> str:
    parts = folder.split("/")
    for step in relative.split("/"):
        if step == "..":
            parts.pop()
        elif step != ".":
            parts.append(step)
    return "/".join(parts)


def _brotli(data: bytes) -> int:
    return len(brotli.compress(data))


if __name__ == "__main__":
    main()
