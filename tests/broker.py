"""What waits in the broker for a worker."""

import base64
import json

import redis
from django.conf import settings


class Queue:
    """One of Celery's queues, as it stands in Redis."""

    def __init__(self, name: str) -> None:
        self._client = redis.Redis.from_url(settings.REDIS_URL)
        self._name = f"{settings.REDIS_PREFIX}:{name}"
        self.clear()

    def clear(self) -> None:
        self._client.delete(self._name)

    def tasks(self) -> list[tuple[str, list[str]]]:
        """Name and arguments of each, the first sent first."""
        found = []
        for raw in reversed(self._client.lrange(self._name, 0, -1)):
            message = json.loads(raw)
            args = json.loads(base64.b64decode(message["body"]))[0]
            found.append((message["headers"]["task"], args))
        return found
