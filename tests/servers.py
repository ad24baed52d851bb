"""The real processes of the product, started against a worker's test databases."""

import dataclasses
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from django.conf import settings
from django.test import Client

from tenants.models import User
from tenants.resolution import CompanyRef
from tests import services

PROJECT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def process_environment(**overrides: str) -> dict[str, str]:
    """The environment in which a child process uses this worker's databases and prefix."""

    def renamed(url: str, alias: str) -> str:
        name = quote(settings.DATABASES[alias]["NAME"])
        return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))

    # What the tests of a browser permit themselves (tests/conftest.py) is an error in a server.
    inherited = {k: v for k, v in os.environ.items() if k != "DJANGO_ALLOW_ASYNC_UNSAFE"}
    return {
        **inherited,
        "DATABASE_URL": renamed(settings.DATABASE_URL, "default"),
        "KEYS_DATABASE_URL": renamed(settings.KEYS_DATABASE_URL, "keys"),
        "REDIS_URL": settings.REDIS_URL,
        "DEVELOPMENT": "1",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "TMPDIR": services.scratch(),
        **overrides,
    }


def session_cookie(user: User) -> tuple[str, str]:
    """Name and value of the cookie of a fresh session of `user`."""
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    name = settings.SESSION_COOKIE_NAME
    return name, client.cookies[name].value


def _started(
    command: list[str], environment: dict[str, str], log: Path | None, *, new_session: bool = False
) -> subprocess.Popen[bytes]:
    """The process of a command, what it says at the end of `log`."""
    with (log or Path(os.devnull)).open("ab") as output:
        return subprocess.Popen(
            command,
            cwd=PROJECT,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=new_session,
        )


@dataclasses.dataclass
class Daphne:
    """One server process on a free port of the loopback address."""

    port: int = 0
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    log: Path | None = None
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Daphne":
        self.port = self.port or free_port()
        self.process = _started(
            [
                *(sys.executable, "-m", "config.serve", "--no-server-name", "--verbosity", "0"),
                *("-b", "127.0.0.1", "-p", str(self.port), "config.asgi:application"),
            ],
            process_environment(PUBLIC_PORT=str(self.port), **self.environment),
            self.log,
        )
        self._wait_until_it_answers()
        return self

    def kill(self) -> None:
        """kill -9, as a machine would."""
        if self.process:
            self.process.kill()
            self.process.wait(10)
            self.process = None

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
            self.process = None

    def host(self, company: CompanyRef | None = None) -> str:
        return f"{company.slug}.localhost:{self.port}" if company else f"localhost:{self.port}"

    def url(self, company: CompanyRef | None = None, path: str = "/") -> str:
        return f"http://{self.host(company)}{path}"

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + 30
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/healthz", headers={"Host": f"localhost:{self.port}"}
        )
        while time.monotonic() < deadline:
            assert self.process is not None
            if self.process.poll() is not None:
                raise RuntimeError(f"daphne ended with {self.process.returncode}; log: {self.log}")
            try:
                with urllib.request.urlopen(request, timeout=1):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError("daphne did not answer within 30 s")


@dataclasses.dataclass
class Worker:
    """A Celery worker on the test's databases, of two processes and with beat if not told else."""

    beat: bool = True
    queues: str = "interactive,delivery,default"
    concurrency: int = 2
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    log: Path | None = None
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Worker":
        command = [
            *(sys.executable, "-m", "celery", "-A", "config.celery", "worker", "--loglevel=INFO"),
            *("-Q", self.queues, "--concurrency", str(self.concurrency)),
            *("--without-gossip", "--without-mingle"),
        ]
        if self.beat:
            command += ["-B", "-s", str(Path(services.scratch(), f"beat-{os.getpid()}"))]
        self.process = _started(
            command, process_environment(**self.environment), self.log, new_session=True
        )
        return self

    def kill(self) -> None:
        """kill -9 of the worker and its children."""
        if self.process:
            os.killpg(self.process.pid, 9)
            self.process.wait(10)
            self.process = None

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()
            self.process = None
