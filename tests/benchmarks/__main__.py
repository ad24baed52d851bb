"""`make bench [NAME=..]`: runs `tests/benchmarks/<name>.py`, one or all, each in its own process.

They get migrated databases and a Valkey of their own: an embedded pair that waits for the disk as
a real one does, or the servers that DATABASE_URL and REDIS_URL name.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config import embedded

FOLDER = Path(__file__).resolve().parent
PROJECT = FOLDER.parents[1]


def main(wanted: list[str]) -> int:
    known = sorted(
        path.stem for path in FOLDER.glob("*.py") if f"\n{_ENTRY}" in path.read_text("utf-8")
    )
    known.remove(Path(__file__).stem)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        print(f"No benchmark {unknown[0]}. There are: {', '.join(known)}.", file=sys.stderr)
        return 1
    # A terminated run must still take its servers down.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with _services() as environment:
        failed = [
            name
            for name in wanted or known
            if _python("-m", f"tests.benchmarks.{name}", environment=environment) != 0
        ]
    if failed:
        print(f"Did not come to an end: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


_ENTRY = 'if __name__ == "__main__":'


@contextmanager
def _services() -> Iterator[dict[str, str]]:
    environment = {
        **os.environ,
        "DEVELOPMENT": "1",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SWITCHBOARD_BENCH_DIR": str(embedded.data_folder() / "bench"),
    }
    if environment.get("DATABASE_URL") and environment.get("REDIS_URL"):
        yield environment
        return
    with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as name:
        folder = Path(name)
        try:
            services = embedded.start(folder)
            environment |= {
                "SWITCHBOARD_DATA_DIR": name,
                "DATABASE_URL": services.database_url,
                "KEYS_DATABASE_URL": services.keys_database_url,
                "REDIS_URL": services.redis_url,
            }
            _migrate(environment)
            yield environment
        finally:
            embedded.remove(folder)


def _migrate(environment: dict[str, str]) -> None:
    for arguments in (["--database", "keys"], []):
        if _python("manage.py", "migrate", "-v", "0", *arguments, environment=environment) != 0:
            sys.exit("The databases for the benchmarks could not be migrated.")


def _python(*arguments: str, environment: dict[str, str]) -> int:
    return subprocess.run(
        [sys.executable, *arguments], cwd=PROJECT, env=environment, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
