"""Messages through daphne: durable, encrypted, exactly once, beside three relays, in one run.

The load generator shares the machine, so the ratios of one run mean more than its numbers.
"""

import os
import sys
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import connection

from tests.benchmarks.live.parties import (
    make_agents,
    make_company,
    make_pairs,
    plain_pairs,
)
from tests.benchmarks.live.servers import daphne, load
from tests.benchmarks.result import publish

PAIRS = int(os.environ.get("BENCH_PAIRS", "300"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "6"))
CLOSED = (100, SECONDS)
# `load_cpu`: cores that the generator itself kept busy.
PUBLISHED = (
    *("rate", "cpu_us", "load_cpu"),
    *("p50", "p95", "p99", "ack_p50", "ack_p95", "ack_p99"),
)
OPEN = (200.0, SECONDS)
# The application and the program that serves it: the floor of our own server, and two ways as their
# users have them.
BASELINES = {
    "raw": ("tests.benchmarks.live.baselines:raw", "config.serve"),
    "pubsub": ("tests.benchmarks.live.baselines:pubsub", "daphne"),
    "usual": ("tests.benchmarks.live.baselines:usual", "daphne"),
}


def relay(application: str, program: str) -> dict[str, Any]:
    with daphne(application, program=program) as (port, pid):
        return load(
            {"pids": [pid], "pairs": plain_pairs(PAIRS, port), "closed": CLOSED, "open": OPEN}
        )


def product(*, processes: int = 1, crossed: bool = False) -> dict[str, Any]:
    """`crossed`: a visitor and their agent are never on the same process."""
    companies = [make_company("bench") for _ in range(4)]
    agents = make_agents(companies, PAIRS)
    with daphne() as (port, pid):
        if processes == 1:
            pairs = make_pairs(companies, agents, (port, port))
            connection.close()
            return load({"pids": [pid], "pairs": pairs, "closed": CLOSED, "open": OPEN})
        with daphne() as (second_port, second_pid):
            half = PAIRS // 2
            other = port if crossed else second_port
            mine = second_port if crossed else port
            pairs = make_pairs(companies, agents[:half], (port, mine)) + make_pairs(
                companies, agents[half:], (second_port, other)
            )
            connection.close()
            # Neighbours in the list are on different processes, so both have work at once.
            pairs = [pair for two in zip(pairs[:half], pairs[half:], strict=True) for pair in two]
            return load({"pids": [pid, second_pid], "pairs": pairs, "closed": CLOSED})


def account(name: str, run: dict[str, Any]) -> dict[str, float]:
    """What became of everything sent; `refused` are errors and sockets that closed."""
    return {
        f"{name}_sent": run["sent"],
        f"{name}_lost": run["lost"],
        f"{name}_doubled": run["doubled"],
        f"{name}_unacked": run["unacked"],
        f"{name}_refused": run["errors"] + run["closed_sockets"],
    }


def faultless(name: str) -> dict[str, tuple[str, float]]:
    return {f"{name}_{fault}": ("<=", 0.0) for fault in ("lost", "doubled", "unacked", "refused")}


def main() -> dict[str, float]:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE IF NOT EXISTS bench_message"
            " (id bigserial PRIMARY KEY, pair int, body text, at timestamptz)"
        )
    found = {name: relay(*served) for name, served in BASELINES.items()}
    found["ours"] = product()
    figures: dict[str, float] = {}
    for name, run in found.items():
        for phase in ("closed", "open"):
            for figure in PUBLISHED:
                if figure in run[phase]:
                    figures[f"{name}_{phase}_{figure}"] = run[phase][figure]
        figures |= account(name, run)
    ours, raw = found["ours"], found["raw"]
    figures["rate_over_usual"] = ours["closed"]["rate"] / found["usual"]["closed"]["rate"]
    figures["rate_over_pubsub"] = ours["closed"]["rate"] / found["pubsub"]["closed"]["rate"]
    figures["cpu_over_raw"] = ours["closed"]["cpu_us"] / raw["closed"]["cpu_us"]
    figures["p95_over_raw"] = ours["open"]["p95"] / raw["open"]["p95"]
    targets = {
        "rate_over_usual": (">=", 6.0),
        "rate_over_pubsub": (">=", 3.0),
        "cpu_over_raw": ("<=", 6.0),
        "p95_over_raw": ("<=", 6.0),
        **faultless("ours"),
    }
    if "quick" not in sys.argv:
        # By CPU is arithmetic: what two would do with a core each, from the CPU time a message
        # costs. The rate beside it is what they did on this machine, which the generator shares.
        for name, crossed in (("two_processes", False), ("two_crossed", True)):
            two = product(processes=2, crossed=crossed)
            figures[f"{name}_rate"] = two["closed"]["rate"]
            figures[f"{name}_cpu_us"] = two["closed"]["cpu_us"]
            figures[f"{name}_load_cpu"] = two["closed"]["load_cpu"]
            figures[f"{name}_rate_over_one"] = two["closed"]["rate"] / ours["closed"]["rate"]
            figures[f"{name}_over_one_by_cpu"] = (
                2 * ours["closed"]["cpu_us"] / two["closed"]["cpu_us"]
            )
            figures |= account(name, two)
            targets |= faultless(name)
        targets["two_processes_over_one_by_cpu"] = (">=", 1.7)
    publish(
        "messages",
        figures=figures,
        targets=targets,
        context={"pairs": PAIRS, "in_flight": CLOSED[0], "seconds": SECONDS},
    )
    return figures


if __name__ == "__main__":
    main()
