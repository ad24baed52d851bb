from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.demo.companies import COMPANIES
from config.demo.people import PASSWORD, PEOPLE
from tenants.addresses import company_url, platform_url


class Command(BaseCommand):
    """Prints where everything is and who may sign in."""

    requires_system_checks = ()

    help = "Print the demo's addresses and sign-ins."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", default=settings.PUBLIC_PORT, help="The web server's port.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.IS_DEVELOPMENT:
            raise CommandError("There is no demo here: this is no development machine.")
        port = str(options["port"])
        lines = [
            ("Platform site", platform_url(port=port)),
            ("Desk", platform_url("/desk/", port=port)),
            *((demo.name, company_url(demo.slug, "/admin/", port=port)) for demo in COMPANIES),
            *(
                (f"Website of {demo.name}", platform_url(f"/demo/{demo.slug}/", port=port))
                for demo in COMPANIES
            ),
            ("Mail that was sent", platform_url("/dev/mail/", port=port)),
            ("Webhooks that arrived", platform_url("/dev/webhook/", port=port)),
        ]
        widest = max(len(label) for label, _ in lines)
        self.stdout.write("\n".join(f"  {label:<{widest}}  {url}" for label, url in lines))
        self.stdout.write(f"\nSign in with the password {PASSWORD}")
        widest = max(len(person.email) for person in PEOPLE)
        self.stdout.write(
            "\n".join(f"  {person.email:<{widest}}  {person.does}" for person in PEOPLE)
        )
