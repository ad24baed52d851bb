"""Whether the process lives, and whether it can do its work."""

import time

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET

from tenants.heartbeat import WORKER_HEARTBEAT_KEY

WORKER_SILENT_AFTER = 30.0


@require_GET
def live(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@require_GET
def ready(request: HttpRequest) -> JsonResponse:
    """200 when the database and Redis answer and a worker was heard in the last 30 s, else 503.

    The worker is one of the `interactive` queue. The workers of `delivery` are left out: they wait
    for CRMs, and no website may lose its chat because a CRM is slow.
    """
    checks = {"database": _database(), **_redis_and_worker()}
    ok = all(state == "ok" for state in checks.values())
    return JsonResponse(
        {"status": "ok" if ok else "unavailable", **checks}, status=200 if ok else 503
    )


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "unreachable"
    return "ok"


def _redis_and_worker() -> dict[str, str]:
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
    try:
        heard = client.get(WORKER_HEARTBEAT_KEY)
    except redis.RedisError:
        return {"redis": "unreachable", "worker": "unknown"}
    finally:
        client.close()
    silent = heard is None or time.time() - float(heard) > WORKER_SILENT_AFTER
    return {"redis": "ok", "worker": "silent" if silent else "ok"}
