"""Idle sockets: what 2,000 visitors with an open panel cost one server process."""

import asyncio
import json
import logging
import os
import secrets
import subprocess
import sys
import time
from typing import Any

import django
import psutil  # type: ignore[import-untyped]

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
if __name__ == "__main__":
    django.setup()

from tests.benchmarks.live.servers import PROJECT, daphne

SOCKETS = int(os.environ.get("BENCH_SOCKETS", "2000"))
WATCHED_SECONDS = float(os.environ.get("BENCH_SECONDS", "20"))
PING_SECONDS = 25.0
# 5,000 sockets of which each pings every 25 s may take 3 % of a core.
TARGETS = {
    "kilobytes_a_socket": ("<=", 40.0),
    "core_percent_of_5000": ("<", 3.0),
    "refused": ("<=", 0.0),
}


def specs(port: int) -> list[dict[str, Any]]:
    """One visitor for each socket, of four companies."""
    from chat import visitor_token
    from chat.models import Visit, Visitor
    from tenants.context import in_company
    from tests.benchmarks.live.parties import WEBSITE, make_company

    companies = [make_company("idle") for _ in range(4)]
    found = []
    for company in companies:
        host = f"{company.slug}.localhost:{port}"
        with in_company(company):
            visitors = Visitor.objects.bulk_create(
                Visitor(secret_digest=secrets.token_hex(32)) for _ in range(SOCKETS // 4)
            )
            visits = Visit.objects.bulk_create(
                Visit(visitor=visitor, origin=WEBSITE) for visitor in visitors
            )
            for visitor, visit in zip(visitors, visits, strict=True):
                token = visitor_token.issue(company, visitor.pk, visit.pk, visit.origin)
                found.append(
                    {
                        "role": "visitor",
                        "url": f"ws://127.0.0.1:{port}/ws/visitor/",
                        "headers": {"Host": host, "Origin": f"http://{host}"},
                        "hello": {"type": "hello", "token": token},
                        "ready": '"type":"welcome"',
                    }
                )
    return found


async def hold(plan: dict[str, Any]) -> dict[str, float]:
    """Open the sockets and watch the server: while they say nothing, then pinging as clients do."""
    from picows import ws_connect

    from tests.benchmarks.live.load import Run, Side

    # One line for each of thousands of connections is no news.
    logging.getLogger("picows").setLevel(logging.WARNING)
    run = Run({"pids": [plan["pid"]], "pairs": []})
    server = psutil.Process(plan["pid"])
    places = asyncio.Semaphore(20)
    sides: list[Side] = []

    async def one(spec: dict[str, Any]) -> None:
        async with places:
            side = Side(run, 0, spec)
            await ws_connect(
                lambda: side,
                spec["url"],
                extra_headers=spec["headers"],
                websocket_handshake_timeout=60,
            )
            await asyncio.wait_for(side.ready, 60)
            sides.append(side)

    # The first few load what every socket shares.
    await asyncio.gather(*(one(spec) for spec in plan["specs"][:20]))
    await asyncio.sleep(1)
    before, began = server.memory_info().rss, time.perf_counter()
    await asyncio.gather(*(one(spec) for spec in plan["specs"][20:]))
    opening = time.perf_counter() - began
    await asyncio.sleep(3)
    memory = server.memory_info().rss - before
    spent, began = run.cpu(), time.perf_counter()
    await asyncio.sleep(plan["seconds"])
    silent = (run.cpu() - spent) / (time.perf_counter() - began) * 100
    spent, began = run.cpu(), time.perf_counter()
    step = PING_SECONDS / len(sides)
    for number in range(int(plan["seconds"] / step)):
        sides[number % len(sides)].send('{"type":"ping"}')
        await asyncio.sleep(max(0.0, began + number * step - time.perf_counter()))
    percent = (run.cpu() - spent) / (time.perf_counter() - began) * 100
    opened = len(plan["specs"]) - 20
    return {
        "sockets": len(sides),
        "opened_a_second": opened / opening,
        "kilobytes_a_socket": memory / 1024 / opened,
        "core_percent_silent": silent,
        "core_percent_of_5000_silent": silent * 5000 / len(sides),
        "core_percent": percent,
        "core_percent_of_5000": percent * 5000 / len(sides),
        "refused": run.closed + run.errors,
    }


def main() -> dict[str, float]:
    from django.db import connection

    from tests.benchmarks.result import publish

    with daphne() as (port, pid):
        plan = {"pid": pid, "specs": specs(port), "seconds": WATCHED_SECONDS}
        connection.close()
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.sockets", "hold"],
            cwd=PROJECT,
            input=json.dumps(plan),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=400,
        )
    figures: dict[str, float] = json.loads(done.stdout)
    publish("sockets", figures=figures, targets=TARGETS, context={"ping_seconds": PING_SECONDS})
    return figures


if __name__ == "__main__":
    if sys.argv[1:] == ["hold"]:
        json.dump(asyncio.run(hold(json.load(sys.stdin))), sys.stdout)
    else:
        main()
