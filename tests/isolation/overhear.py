"""Writes down every command that a Valkey server gets: `overhear.py URL FILE`."""

import sys
from pathlib import Path

import redis


def main(url: str, file: str) -> None:
    client = redis.Redis.from_url(url, socket_timeout=None)
    with client.monitor() as monitor, Path(file).open("w") as out:  # type: ignore[no-untyped-call]
        for command in monitor.listen():
            print(command["command"], file=out, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
