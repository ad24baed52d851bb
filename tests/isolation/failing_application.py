"""An application for daphne that fails in its answer, and in a task that nobody waits for."""

import asyncio
import gc
import os
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# For the configuration of the logs.
django.setup()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    async def fail() -> None:
        raise RuntimeError(f"no place for {scope['path']}")

    def fail_at(path: str) -> None:
        raise RuntimeError(f"no place at {path}")

    asyncio.get_running_loop().call_soon(fail_at, scope["path"])
    task = asyncio.create_task(fail())
    await asyncio.wait([task])
    del task
    gc.collect()
    await fail()
