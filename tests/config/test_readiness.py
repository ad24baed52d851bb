"""What /readyz answers: 503 names the part that is gone, and tells nothing else of it."""

import http.client
import json
import time
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.test import Client

from config.views.health import WORKER_SILENT_AFTER
from tenants import heartbeat
from tests.cast import Cast
from tests.servers import Daphne, free_port

WORKING = {"database": "ok", "redis": "ok", "worker": "ok"}


def answer() -> tuple[int, dict[str, str]]:
    response = Client(headers={"host": "localhost"}).get("/readyz")
    return response.status_code, response.json()


@pytest.mark.django_db
def test_it_is_ready_while_a_worker_is_heard(cast: Cast) -> None:
    heartbeat.beat()
    assert answer() == (200, {"status": "ok", **WORKING})


@pytest.mark.django_db
@pytest.mark.parametrize("last_heard", ["never", "long ago"])
def test_a_silent_worker(cast: Cast, last_heard: str) -> None:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.delete(heartbeat.WORKER_HEARTBEAT_KEY)
        if last_heard == "long ago":
            client.set(heartbeat.WORKER_HEARTBEAT_KEY, time.time() - WORKER_SILENT_AFTER - 1)
    assert answer() == (503, {"status": "unavailable", **WORKING, "worker": "silent"})


@pytest.mark.django_db
def test_redis_that_cannot_be_reached(cast: Cast) -> None:
    heartbeat.beat()
    nobody_there = f"redis://:a-password@127.0.0.1:{free_port()}/0"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "REDIS_URL", nobody_there)
        told = answer()
    gone = {"redis": "unreachable", "worker": "unknown"}
    assert told == (503, {"status": "unavailable", **WORKING, **gone})


@pytest.mark.real_commits
def test_a_database_that_cannot_be_reached(cast: Cast, tmp_path: Path) -> None:
    """And the server that finds none where it looks lives on, and says so."""
    heartbeat.beat()
    nobody_there = f"postgresql://switchboard:a-password@127.0.0.1:{free_port()}/switchboard"
    server = Daphne(environment={"DATABASE_URL": nobody_there}, log=tmp_path / "daphne.log").start()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("GET", "/readyz", headers={"Host": server.host()})
        response = connection.getresponse()
        told = json.loads(response.read())
        connection.close()
    finally:
        server.stop()
    unreachable = {"status": "unavailable", **WORKING, "database": "unreachable"}
    assert (response.status, told) == (503, unreachable)
    assert "a-password" not in (tmp_path / "daphne.log").read_text()
