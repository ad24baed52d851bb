from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.demo import companies


class Command(BaseCommand):
    """Makes two demo companies with people, look, hours and four weeks of chats; again, nothing."""

    help = "Make the demo companies. For development machines only."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.IS_DEVELOPMENT:
            raise CommandError(
                "The demo has a password that everybody knows. It is for development machines."
            )
        companies.store_all()
