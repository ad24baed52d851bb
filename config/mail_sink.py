"""`python -m config.mail_sink`: takes every mail on this machine and keeps the last ones as files.

Development only: the folder holds what the product would have sent, readable by its owner alone.
"""

import argparse
import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session
from django.conf import settings

KEPT = 50
_LARGEST = 10 * 1024 * 1024


class Sink:
    """Handler of the mail server: a mail becomes a file, the oldest files go."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def handle_DATA(  # noqa: N802  the server's name for it
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        keep(self._folder, content, ".eml")
        return "250 2.0.0 Kept"


def keep(folder: Path, content: bytes, suffix: str) -> Path:
    """Write a new file (mode 0600) into the folder, made 0700; delete all but the newest."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{time.time_ns():020d}{suffix}"
    # Renamed when it is whole, so that a page never reads half a mail.
    partial = path.with_suffix(".part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    partial.rename(path)
    for old in kept(folder, suffix)[KEPT:]:
        old.unlink(missing_ok=True)
    return path


def kept(folder: Path, suffix: str) -> list[Path]:
    """The files of the folder, newest first."""
    return sorted(folder.glob(f"*{suffix}"), reverse=True)


def mail_folder() -> Path:
    return settings.DATA_DIR / "mail"


async def serve(port: int, folder: Path, stopped: asyncio.Event) -> None:
    """Take mail on 127.0.0.1 until `stopped`. Raises OSError where the port is taken."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Sink(folder), data_size_limit=_LARGEST, ident="Switchboard mail sink"),
        "127.0.0.1",
        port,
    )
    async with server:
        await stopped.wait()


def main() -> int:
    if not settings.IS_DEVELOPMENT:
        return _refuse("The mail sink is for development. Set EMAIL_HOST to a mail server.")
    parser = argparse.ArgumentParser(prog="python -m config.mail_sink", description=__doc__)
    parser.add_argument("--port", type=int, default=settings.EMAIL_PORT)
    parser.add_argument("--folder", type=Path, default=mail_folder())
    wanted = parser.parse_args()
    try:
        asyncio.run(_run(wanted.port, wanted.folder))
    except OSError as error:
        return _refuse(f"No mail can be taken on port {wanted.port}: {error.strerror}.")
    return 0


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 1


async def _run(port: int, folder: Path) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await serve(port, folder, stopped)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    sys.exit(main())
