"""The load generator: its own process, so that its work is nobody's latency but the machine's.

Reads one JSON object (see Plan) from standard input, opens every pair of sockets, runs the phases
and writes one JSON object to standard output. A pair is a visitor who sends and an agent who must
receive; each message carries the time it was sent at.
"""

import asyncio
import json
import re
import sys
import time
import uuid
from typing import Any

import psutil  # type: ignore[import-untyped]
import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

_TIME = re.compile(rb"T=(\d+)")
_NOW = time.perf_counter_ns
_WARM_UP = 1.0
# What a person writes, a line and a half.
_BODY = "Hello, I ordered two lamps last Tuesday and the parcel has not arrived yet. T="


class Side(WSListener):
    """One socket. `spec`: url, headers, hello (or none), ready (the type that answers it)."""

    def __init__(self, run: "Run", pair: int, spec: dict[str, Any]) -> None:
        self.run, self.pair, self.spec = run, pair, spec
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: WSTransport | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        if self.spec.get("hello"):
            self.send(json.dumps(self.spec["hello"]))

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.run.lost += 1
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("closed"))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type != WSMsgType.TEXT:
            if frame.msg_type == WSMsgType.CLOSE:
                transport.disconnect()
            return
        payload = frame.get_payload_as_bytes()
        if not self.ready.done():
            if self.spec["ready"].encode() in payload:
                self.ready.set_result(None)
            return
        if self.spec["role"] == "agent":
            found = _TIME.search(payload)
            if found:
                self.run.arrived(self.pair, int(found[1]))
        elif b'"type":"ack"' in payload:
            self.run.acked(self.pair)
        elif b'"type":"error"' in payload:
            self.run.errors += 1
            self.run.last_error = payload.decode()[:200]

    def send(self, text: str) -> None:
        assert self.transport is not None
        self.transport.send(WSMsgType.TEXT, text.encode())


class Run:
    """Every pair of a plan."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.lost = self.errors = 0
        self.last_error = ""
        self.is_closed_loop = False
        self.visitors: list[Side] = []
        self.processes = [psutil.Process(pid) for pid in plan["pids"]]
        self._reset()

    def _reset(self) -> None:
        self.delays: list[int] = []
        self.ack_delays: list[int] = []
        self.sent_at: dict[int, int] = {}
        self.cpu_before = self.cpu()
        self.own_before = time.process_time()
        self.began = time.perf_counter()

    def cpu(self) -> float:
        times = [process.cpu_times() for process in self.processes]
        return float(sum(spent.user + spent.system for spent in times))

    def arrived(self, pair: int, sent: int) -> None:
        self.delays.append(_NOW() - sent)
        if self.is_closed_loop:
            self.say(pair)

    def acked(self, pair: int) -> None:
        sent = self.sent_at.pop(pair, None)
        if sent is not None:
            self.ack_delays.append(_NOW() - sent)

    def say(self, pair: int) -> None:
        now = _NOW()
        self.sent_at[pair] = now
        frame = self.plan["pairs"][pair]["message"]
        text = f"{_BODY}{now}"
        if frame is None:
            self.visitors[pair].send(f'{{"text":"{text}"}}')
        else:
            self.visitors[pair].send(
                f'{{"type":"message.send","id":"{uuid.uuid4()}",'
                f'"conversation":"{frame}","text":"{text}"}}'
            )

    async def connect(self) -> None:
        places = asyncio.Semaphore(20)

        async def one(pair: int, role: str) -> Side:
            spec = {"role": role, **self.plan["pairs"][pair][role]}
            async with places:
                side = Side(self, pair, spec)
                await ws_connect(
                    lambda: side,
                    spec["url"],
                    extra_headers=spec["headers"],
                    websocket_handshake_timeout=60,
                )
                await asyncio.wait_for(side.ready, 60)
                return side

        count = range(len(self.plan["pairs"]))
        self.agents = await asyncio.gather(*(one(pair, "agent") for pair in count))
        self.visitors = await asyncio.gather(*(one(pair, "visitor") for pair in count))

    async def closed_loop(self, in_flight: int, seconds: float) -> dict[str, float]:
        """So many messages under way at any time; the next is sent when one has arrived."""
        self.is_closed_loop = True
        for pair in range(min(in_flight, len(self.visitors))):
            self.say(pair)
        await asyncio.sleep(_WARM_UP)
        self._reset()
        await asyncio.sleep(seconds)
        found = self.figures()
        self.is_closed_loop = False
        await asyncio.sleep(1.0)
        return found

    async def open_loop(self, rate: float, seconds: float) -> dict[str, float]:
        """So many messages a second, whatever becomes of them."""
        self._reset()
        total, gap, start = int(rate * seconds), 1e9 / rate, _NOW()
        sent = 0
        while sent < total:
            while sent < min(total, int((_NOW() - start) / gap) + 1):
                self.say(sent % len(self.visitors))
                sent += 1
            await asyncio.sleep(max(0.0, (start + sent * gap - _NOW()) / 1e9))
        for _ in range(500):
            if len(self.delays) >= total:
                break
            await asyncio.sleep(0.01)
        return {"sent": total, **self.figures()}

    def figures(self) -> dict[str, float]:
        seconds = time.perf_counter() - self.began
        count = len(self.delays)
        return {
            "delivered": count,
            "rate": count / seconds,
            "cpu_us": (self.cpu() - self.cpu_before) * 1e6 / max(count, 1),
            "load_cpu": (time.process_time() - self.own_before) / seconds,
            **_quantiles("", self.delays),
            **_quantiles("ack_", self.ack_delays),
        }


def _quantiles(prefix: str, nanoseconds: list[int]) -> dict[str, float]:
    ordered = sorted(nanoseconds)
    if not ordered:
        return {}
    return {
        f"{prefix}p{part}": ordered[min(len(ordered) - 1, len(ordered) * part // 100)] / 1e6
        for part in (50, 95, 99)
    }


async def main(plan: dict[str, Any]) -> dict[str, Any]:
    run = Run(plan)
    await run.connect()
    await asyncio.sleep(1.0)
    found: dict[str, Any] = {}
    if plan.get("closed"):
        found["closed"] = await run.closed_loop(*plan["closed"])
    if plan.get("open"):
        found["open"] = await run.open_loop(*plan["open"])
    return {**found, "lost": run.lost, "errors": run.errors, "last_error": run.last_error}


if __name__ == "__main__":  # the runner lists benchmarks by their last lines
    json.dump(uvloop.run(main(json.load(sys.stdin))), sys.stdout)
