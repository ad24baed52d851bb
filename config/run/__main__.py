"""`python -m config.run --port 8000`: the whole product on this machine, for development."""

from __future__ import annotations

import argparse
import fcntl
import functools
import http.client
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from config import embedded
from config.embedded.state import free_port, make_data_folder, port_is_free
from config.run.children import Children, story_of

_WORKERS = {
    "worker": ["--queues", "interactive,default", "--concurrency", "2"],
    # They wait for CRMs and the mail server; one more than a company may have under way.
    "deliveries": ["--queues", "delivery", "--concurrency", "3"],
}
_MAIL_PORT = 2525


class RunError(Exception):
    """A sentence for the developer that says what to do."""


class Stopped(Exception):
    """Somebody asked for the end."""


class StopRequests:
    """Counts Ctrl-C, SIGTERM and a closed terminal: the first stops in order, the second hurries.

    Nothing is raised inside whatever runs at that moment, so no step is left half-done.
    """

    def __init__(self) -> None:
        self.count = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._add)

    def _add(self, number: int, frame: FrameType | None) -> None:
        self.count += 1

    def check(self) -> None:
        if self.count:
            raise Stopped


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m config.run", description=__doc__)
    parser.add_argument("--port", default="8000")
    asked: str = parser.parse_args().port
    folder = embedded.data_folder()
    stops = StopRequests()
    try:
        port = _port(asked)
        with _only_run(folder, port):
            _run(folder, port, stops)
    except (RunError, embedded.EmbeddedError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except Stopped:
        print("Stopped. The data stays in", folder)
    return 0


def _run(folder: Path, port: int, stops: StopRequests) -> None:
    own_services = not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"))
    children = Children(folder / "logs", _environment(folder, port))
    print(f"Switchboard, logs in {children.logs}")
    try:
        if own_services:
            with _step("PostgreSQL and Valkey", stops):
                embedded.start(folder)
        addresses = folder / "addresses.txt"
        with _step("Databases, demo companies", stops):
            _prepare(children, stops, port, addresses)
        with _step("Web server, workers, clock, mail", stops):
            _start_all(children, folder, port)
            _wait_ready(children, stops, port)
        print(f"\n{addresses.read_text(encoding='utf-8').rstrip()}\n\nCtrl-C stops everything.")
        sys.stdout.flush()
        _watch(children, stops)
    finally:
        if stops.count:
            print("\nStopping ...", flush=True)
        children.stop(hurry=lambda: stops.count > 1)
        if own_services:
            embedded.stop(folder)


def _environment(folder: Path, port: int) -> dict[str, str]:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SWITCHBOARD_DATA_DIR": str(folder),
        "PUBLIC_PORT": str(port),
        "PYTHONUNBUFFERED": "1",
    }
    environment.setdefault("DEVELOPMENT", "1")
    return environment


def _start_all(children: Children, folder: Path, port: int) -> None:
    mail: dict[str, str] = {}
    if not (os.environ.get("EMAIL_HOST") or os.environ.get("EMAIL_PORT")):
        # Only now: somebody else may have taken it while the databases were prepared.
        mail_port = _MAIL_PORT if port_is_free(_MAIL_PORT) else free_port()
        mail["EMAIL_PORT"] = str(mail_port)
    start = functools.partial(children.start, also=mail)
    if not os.environ.get("EMAIL_HOST"):
        start("mail", ["config.mail_sink"])
    celery = ["celery", "--app", "config.celery:app"]
    for name, options in _WORKERS.items():
        # They have nothing to tell each other, and not to greet saves a second at the start.
        alone = ["--hostname", f"{name}@%h", "--without-mingle", "--without-gossip"]
        start(name, [*celery, "worker", *options, *alone])
    start("clock", [*celery, "beat", "--schedule", f"{folder}/beat-schedule"])
    address = ["--bind", "127.0.0.1", "--port", str(port)]
    # No access log of its own: it names clients, and ours names routes.
    start("web", ["config.serve", *address, "--verbosity", "0", "config.asgi:application"])


def _prepare(children: Children, stops: StopRequests, port: int, addresses: Path) -> None:
    child = children.start("prepare", ["config.run.prepare", str(port), str(addresses)])
    while child.process.poll() is None:
        stops.check()
        time.sleep(0.05)
    if children.finish(child) != 0:
        raise RunError(story_of(child))


def _wait_ready(children: Children, stops: StopRequests, port: int) -> None:
    """Wait for the web server, then for the worker it reports on."""
    for path, what in (("/healthz", "web"), ("/readyz", "worker")):
        deadline = time.monotonic() + 120
        while _status(port, path) != 200:
            stops.check()
            _refuse_death(children)
            if time.monotonic() > deadline:
                raise RunError(f"{path} does not answer 200. Look into {children.logs}/{what}.log.")
            time.sleep(0.25)


def _watch(children: Children, stops: StopRequests) -> None:
    while True:
        stops.check()
        _refuse_death(children)
        time.sleep(0.2)


def _refuse_death(children: Children) -> None:
    child = children.dead()
    if child is not None:
        raise RunError(story_of(child))


def _status(port: int, path: str) -> int | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": f"localhost:{port}"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


@contextmanager
def _step(title: str, stops: StopRequests) -> Iterator[None]:
    print(f"  {title:<34}", end="", flush=True)
    started = time.monotonic()
    yield
    print(f"{time.monotonic() - started:6.1f} s", flush=True)
    stops.check()


@contextmanager
def _only_run(folder: Path, port: int) -> Iterator[None]:
    make_data_folder(folder)
    handle = os.open(folder / "run.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 200).decode()
            raise RunError(
                f"Switchboard already runs from {folder} ({holder}). Stop it there with Ctrl-C, "
                "or give this one a data folder of its own: "
                "SWITCHBOARD_DATA_DIR=/some/folder make run PORT=8001"
            ) from None
        # After the lock: the other run is the likeliest holder of the port.
        if not port_is_free(port):
            raise RunError(
                f"Port {port} of 127.0.0.1 is taken by another program or not allowed. "
                f"Choose another: make run PORT={port + 1}"
            )
        os.truncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()}, http://localhost:{port}/".encode(), 0)
        yield
    finally:
        os.close(handle)


def _port(asked: str) -> int:
    if asked.isascii() and asked.isdecimal() and 1 <= int(asked) <= 65_535:
        return int(asked)
    raise RunError(f"PORT={asked} is no port. Write a number, such as: make run PORT=8001")


if __name__ == "__main__":
    sys.exit(main())
