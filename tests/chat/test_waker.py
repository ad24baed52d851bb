"""No wake is lost, in whichever process it comes."""

import subprocess
import sys
import threading

import pytest

from chat.actions import waker
from chat.actions.dispatch import WhenWoken
from tests.waiting import until

FORKING = """
import os
from django.conf import settings
settings.configure()
from chat.actions import waker

waker.connect(lambda: print(os.getpid(), flush=True))
waker.wake()
assert waker.wait_until_idle(5)
child = os.fork()
if child == 0:
    waker.wake()
    assert waker.wait_until_idle(5)
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
print(os.getpid(), child)
"""


def test_start_up_connects_the_dispatcher() -> None:
    assert isinstance(waker._connected().dispatch, WhenWoken)


def test_a_wake_where_nothing_is_connected_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waker, "_waker", None)
    with pytest.raises(RuntimeError, match="call `connect` first"):
        waker.wake()


def test_a_failure_that_nobody_foresaw_ends_one_run_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[type[BaseException]] = []
    monkeypatch.setattr(threading, "excepthook", lambda failure: told.append(failure.exc_type))
    runs: list[int] = []

    def dispatch() -> None:
        runs.append(len(runs))
        if runs == [0]:
            raise TypeError

    one = waker._Waker(dispatch)
    for _ in range(2):
        one.wake()
        assert one.wait_until_idle(5)
    assert runs == [0, 1]
    assert until(lambda: told) == [TypeError]


def test_a_forked_process_dispatches_by_a_thread_of_its_own() -> None:
    output = subprocess.run(
        [sys.executable, "-c", FORKING], check=True, capture_output=True, text=True, timeout=30
    ).stdout.split()
    assert output[:2] == output[2:]
