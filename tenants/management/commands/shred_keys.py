from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.actions.keys import shred_keys
from tenants.actor import SYSTEM
from tenants.models import Company
from tenants.resolution import CompanyRef


class Command(BaseCommand):
    help = "Make everything a company wrote unreadable for good: suspend it and delete its keys."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--confirm", metavar="SLUG", required=True, help="the slug once more")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["confirm"] != options["slug"]:
            raise CommandError("The two slugs differ; nothing was done.")
        company = Company.objects.filter(slug=options["slug"]).first()
        if company is None:
            raise CommandError(f"There is no company {options['slug']!r}.")
        count = shred_keys(company=CompanyRef.of(company), actor=SYSTEM)
        self.stdout.write(f"{company.slug} is suspended and {count} keys are gone.")
