from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants import rotation
from tenants.actor import SYSTEM
from tenants.errors import ProductError
from tenants.keyring.models import CompanyKey
from tenants.models import Company
from tenants.resolution import CompanyRef


class Command(BaseCommand):
    help = (
        "Change keys while the product runs. Interrupted, it goes on when started again. "
        "--wrapping: first set FIELD_ENCRYPTION_KEY to the new key, a comma and the old key "
        "everywhere; afterwards the old one may go."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--company", metavar="SLUG", help="a new data key for one company")
        which.add_argument("--all", action="store_true", help="a new data key for each company")
        which.add_argument(
            "--wrapping", action="store_true", help="wrap all keys with the newest wrapping key"
        )
        parser.add_argument(
            "--wait",
            type=float,
            default=rotation.CACHE_WAIT,
            help="seconds in which other processes renew their caches; less only when none runs",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["wrapping"]:
                changed = rotation.rewrap_keys(actor=SYSTEM, say=self.stdout.write)
                self.stdout.write(f"Done: {changed} keys wrapped anew.")
                return
            rotation.rotate_data_keys(
                companies=self._companies(options["company"]),
                actor=SYSTEM,
                say=self.stdout.write,
                wait=options["wait"],
            )
        except ProductError as error:
            raise CommandError(str(error)) from error
        self.stdout.write("Done.")

    def _companies(self, slug: str | None) -> list[CompanyRef]:
        rows = Company.objects.order_by("slug")
        if slug is None:
            # Companies whose keys were shredded have none to change.
            keyed = CompanyKey.objects.values_list("schema_name", flat=True)
            rows = rows.filter(schema_name__in=set(keyed))
        else:
            rows = rows.filter(slug=slug)
            if not rows:
                raise CommandError(f"There is no company {slug!r}.")
        return [CompanyRef.of(row) for row in rows]
