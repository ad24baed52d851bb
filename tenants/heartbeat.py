"""A worker's sign of life: beat, broker and worker must all live for it to be renewed."""

import time

import redis
from django.conf import settings

WORKER_HEARTBEAT_KEY = f"{settings.REDIS_PREFIX}:worker:heartbeat"
_KEPT_SECONDS = 3600


def beat() -> None:
    """Store the time (Unix seconds) at which a worker was last heard."""
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
    try:
        client.set(WORKER_HEARTBEAT_KEY, time.time(), ex=_KEPT_SECONDS)
    finally:
        client.close()
