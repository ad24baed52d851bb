"""`python -m config.run.prepare PORT FILE`: databases, demo companies, and the addresses in FILE.

One process for all of them, for loading Django is most of the time each takes.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main(port: str, addresses: Path) -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", database="keys")
    call_command("migrate")
    call_command("seed_demo")
    with addresses.open("w", encoding="utf-8") as file:
        call_command("demo_addresses", port=port, stdout=file)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
