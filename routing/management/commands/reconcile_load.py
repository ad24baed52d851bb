from typing import Any

from django.core.management.base import BaseCommand, CommandError

from routing.queries.drift import drift


class Command(BaseCommand):
    help = (
        "Compare every agent's load with their live offers and assignments; fail on a difference."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        found = drift()
        for agent_id, stored, true in found:
            self.stderr.write(f"{agent_id}: stored {stored}, live {true}")
        if found:
            raise CommandError(f"The load of {len(found)} agents has drifted.")
        self.stdout.write("No drift.")
