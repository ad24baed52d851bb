from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from chat.live.protocol import document


class Command(BaseCommand):
    help = "Writes docs/protocol.md and docs/protocol.schema.json from chat/live/protocol."

    def handle(self, *args: Any, **options: Any) -> None:
        docs = Path(settings.BASE_DIR) / "docs"
        docs.mkdir(exist_ok=True)
        (docs / "protocol.md").write_text(document.markdown(), encoding="utf-8")
        (docs / "protocol.schema.json").write_text(document.json_schema(), encoding="utf-8")
