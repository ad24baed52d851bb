"""The load generator's account of what it sent: nothing lost or doubled goes unseen."""

import json
from typing import Any

from tests.benchmarks.live.load import Run

PAIR = {"message": "one", "visitor": {}, "agent": {}}


class Outbox:
    """A visitor's socket that keeps what it is given."""

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []

    def send(self, text: str) -> None:
        self.frames.append(json.loads(text))


def running(pairs: int = 2) -> tuple[Run, list[Outbox]]:
    run = Run({"pids": [], "pairs": [PAIR] * pairs})
    outboxes = [Outbox() for _ in range(pairs)]
    run.visitors = outboxes  # type: ignore[assignment]
    return run, outboxes


def test_what_never_arrives_is_lost() -> None:
    run, _ = running()
    for _ in range(3):
        run.say(0)
    run.arrived(0, 1)
    run.arrived(0, 3)
    account = run.account()
    assert (account["sent"], account["lost"], account["doubled"]) == (3, 1, 0)


def test_a_doubled_delivery_is_told_and_raises_no_rate() -> None:
    run, outboxes = running()
    run.is_closed_loop = True
    run.say(0)
    run.arrived(0, 1)
    run.arrived(0, 1)
    assert run.account()["doubled"] == 1
    assert run.figures()["delivered"] == 1
    assert len(outboxes[0].frames) == 2, "one arrival, one next message"


def test_a_message_at_anothers_socket_is_no_delivery() -> None:
    run, _ = running()
    run.say(0)
    run.arrived(1, 1)
    account = run.account()
    assert (account["lost"], account["doubled"]) == (1, 1)


def test_an_ack_is_of_its_own_frame_whatever_was_sent_since() -> None:
    run, outboxes = running()
    run.say(0)
    run.say(0)
    first, second = (frame["id"].encode() for frame in outboxes[0].frames)
    sent = run.unacked[second]
    run.acked(first)
    run.acked(first)
    assert run.unacked == {second: sent}
    assert len(run.ack_delays) == 1
    assert run.account()["unacked"] == 1
