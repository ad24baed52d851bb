import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.audit_chain import verify
from tenants.models import Company


class Command(BaseCommand):
    help = (
        "Check the audit log: no gap, no change, nothing cut off. Prints the head of each chain; "
        "keep it elsewhere and give it back with --expect."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--company", metavar="SLUG")
        which.add_argument("--platform", action="store_true", help="the platform's own chain")
        which.add_argument("--all", action="store_true", help="every chain there is")
        parser.add_argument("--expect", metavar="NUMBER:DIGEST", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["expect"] and options["all"]:
            raise CommandError("--expect belongs to one chain: name it with --company.")
        companies = Company.objects.order_by("slug")
        if options["company"]:
            companies = companies.filter(slug=options["company"])
            if not companies:
                raise CommandError(f"There is no company {options['company']!r}.")
        chains: list[tuple[str, uuid.UUID | None]] = []
        if not options["platform"]:
            chains += [(row.slug, row.pk) for row in companies]
        if not options["company"]:
            chains.append(("(platform)", None))
        broken = 0
        for name, company_id in chains:
            report = verify(company_id, expected_head=options["expect"])
            self.stdout.write(f"{name}: {report.events} events, head {report.head}")
            for problem in report.problems:
                self.stderr.write(f"{name}: event {problem.number} {problem.what}")
            broken += bool(report.problems)
        if broken:
            raise CommandError(f"The log of {broken} of {len(chains)} chains does not hold.")
