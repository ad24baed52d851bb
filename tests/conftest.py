import io
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from django.conf import settings
from django.test import Client
from pytest_django import DjangoDbBlocker

from config.logging import ContextFilter, JsonFormatter
from tenants.models import User
from tenants.resolution import CompanyRef
from tests import database
from tests.cast import Cast, make_cast
from tests.servers import Daphne, Worker

# Each example is fast enough on a machine of its own, and nobody's business on a busy one.
hypothesis.settings.register_profile("switchboard", deadline=None)
hypothesis.settings.load_profile("switchboard")

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "real_commits: the test commits for real (threads, sockets, servers); undone afterwards",
    )
    # WhiteNoise warns where nothing was ever collected.
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`django_db` alone means both databases."""
    for item in items:
        marker = item.get_closest_marker("django_db")
        if marker is not None and "databases" not in marker.kwargs:
            item.add_marker(pytest.mark.django_db(databases="__all__"), append=False)


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: DjangoDbBlocker) -> Iterator[Cast]:
    """The databases with the cast in them, made before any test opens a transaction."""
    with django_db_blocker.unblock():
        database.make_test_databases(os.environ.get("PYTEST_XDIST_WORKER", "main"))
        made = make_cast()
        # So that the first test finds what every other does.
        database.restore(made)
    yield made
    with django_db_blocker.unblock():
        database.drop_test_databases()


@pytest.fixture(scope="session")
def cast(django_db_setup: Cast) -> Cast:
    return django_db_setup


@pytest.fixture(autouse=True)
def _fresh_caches(request: pytest.FixtureRequest) -> Iterator[None]:
    """No test sees what another left in a cache; those that commit are undone."""
    commits = request.node.get_closest_marker("real_commits") is not None
    if not commits and request.node.get_closest_marker("django_db") is None:
        yield
        return
    cast: Cast = request.getfixturevalue("cast")
    blocker: DjangoDbBlocker = request.getfixturevalue("django_db_blocker")
    if not commits:
        request.getfixturevalue("db")
        database.forget_caches()
        yield
        database.forget_caches()
        return
    with blocker.unblock():
        yield
        database.restore(cast)


@pytest.fixture
def client_for() -> Callable[..., Client]:
    """A signed-in test client (`user` None: nobody) on a company's host, or on the platform's."""

    def make(user: User | None, company: CompanyRef | None = None) -> Client:
        host = f"{company.slug}.localhost" if company else "localhost"
        client = Client(headers={"host": host})
        if user is not None:
            client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return make


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What this process writes, as it is written in production."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(ContextFilter())
    handler.setFormatter(JsonFormatter())
    root, tasks = logging.getLogger(), logging.getLogger("celery.app.trace")
    level = tasks.level
    root.addHandler(handler)
    tasks.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    tasks.setLevel(level)


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="session")
def served(cast: Cast, logs: Path) -> Iterator[Daphne]:
    """A real daphne on this worker's databases; use it in tests marked real_commits."""
    server = Daphne(log=logs / "daphne.log").start()
    yield server
    server.stop()


@pytest.fixture
def worker(cast: Cast, logs: Path) -> Iterator[Worker]:
    """A real Celery worker with beat, for one test."""
    process = Worker(log=logs / "worker.log").start()
    yield process
    process.kill()


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Headless Chromium, Debian's; in CI a missing one is a failure.

    Ended with its file: its driver's event loop would be in the way of tests with their own.
    """
    from playwright.sync_api import sync_playwright

    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if path is None:
        reason = "NO BROWSER: install Debian's chromium, or name one in CHROMIUM."
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # The driver runs an event loop in the very thread in which tests ask the database.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        launched = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def new_context(browser: "Browser") -> "Iterator[Callable[..., BrowserContext]]":
    """A function that opens a fresh browser profile; all are closed after the test."""
    contexts: list[BrowserContext] = []

    def make(**options: Any) -> "BrowserContext":
        contexts.append(browser.new_context(**{"reduced_motion": "reduce", **options}))
        contexts[-1].set_default_timeout(10_000)
        return contexts[-1]

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_context: "Callable[..., BrowserContext]") -> "Page":
    return new_context().new_page()
