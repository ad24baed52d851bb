"""The load generator: its own process, so that its work is nobody's latency but the machine's.

Reads one JSON object (see Plan) from standard input, opens every pair of sockets, runs the phases
and writes one JSON object to standard output. A pair is a visitor who sends and an agent who must
receive; each message carries its number, so that every one is looked for until it has arrived.
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

_NUMBER = re.compile(rb"T=(\d+)")
_ID = re.compile(rb'"id":"([0-9a-f-]{36})"')
_NOW = time.perf_counter_ns
_WARM_UP = 1.0
# What has not arrived by then is lost; a second delivery has this long to come after the first.
_DRAIN_SECONDS = 15.0
_LATE_SECONDS = 1.0
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
        self.run.closed += 1
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
            found = _NUMBER.search(payload)
            if found:
                self.run.arrived(self.pair, int(found[1]))
        elif b'"type":"ack"' in payload:
            found = _ID.search(payload)
            if found:
                self.run.acked(found[1])
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
        self.closed = self.errors = 0
        self.sent = self.doubled = 0
        # When what has not arrived was sent, by pair and number; by frame id what is not acked.
        self.under_way: dict[tuple[int, int], int] = {}
        self.unacked: dict[bytes, int] = {}
        self.last_error = ""
        self.is_closed_loop = False
        self.visitors: list[Side] = []
        self.processes = [psutil.Process(pid) for pid in plan["pids"]]
        self._reset()

    def _reset(self) -> None:
        self.delays: list[int] = []
        self.ack_delays: list[int] = []
        self.cpu_before = self.cpu()
        self.own_before = time.process_time()
        self.began = time.perf_counter()

    def cpu(self) -> float:
        times = [process.cpu_times() for process in self.processes]
        return float(sum(spent.user + spent.system for spent in times))

    def arrived(self, pair: int, number: int) -> None:
        """A second arrival, or one at another's socket, is no delivery and sends no next one."""
        sent = self.under_way.pop((pair, number), None)
        if sent is None:
            self.doubled += 1
            return
        self.delays.append(_NOW() - sent)
        if self.is_closed_loop:
            self.say(pair)

    def acked(self, frame: bytes) -> None:
        sent = self.unacked.pop(frame, None)
        if sent is not None:
            self.ack_delays.append(_NOW() - sent)

    def say(self, pair: int) -> None:
        self.sent += 1
        now = self.under_way[pair, self.sent] = _NOW()
        conversation = self.plan["pairs"][pair]["message"]
        text = f"{_BODY}{self.sent}"
        if conversation is None:
            self.visitors[pair].send(f'{{"text":"{text}"}}')
        else:
            frame = str(uuid.uuid4())
            self.unacked[frame.encode()] = now
            self.visitors[pair].send(
                f'{{"type":"message.send","id":"{frame}",'
                f'"conversation":"{conversation}","text":"{text}"}}'
            )

    async def settle(self) -> None:
        """Wait until everything sent has arrived and is acked, or is given up."""
        for _ in range(int(_DRAIN_SECONDS / 0.01)):
            if not self.under_way and not self.unacked:
                return
            await asyncio.sleep(0.01)

    def account(self) -> dict[str, int]:
        """Of all phases, once they are settled."""
        return {
            "sent": self.sent,
            "lost": len(self.under_way),
            "doubled": self.doubled,
            "unacked": len(self.unacked),
            "closed_sockets": self.closed,
            "errors": self.errors,
        }

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
        await self.settle()
        await asyncio.sleep(_LATE_SECONDS)
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
        await self.settle()
        found = self.figures()
        await asyncio.sleep(_LATE_SECONDS)
        return found

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
    return {**found, **run.account(), "last_error": run.last_error}


if __name__ == "__main__":  # the runner lists benchmarks by their last lines
    json.dump(uvloop.run(main(json.load(sys.stdin))), sys.stdout)
