"""No wake is lost, whenever and in whichever process it comes."""

import subprocess
import sys
import threading

from chat.actions import dispatch, waker

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
    assert waker._waker.dispatch == dispatch.on_wake


def test_a_wake_before_that_is_kept_until_then() -> None:
    ran = threading.Event()
    early = waker._Waker()
    early.wake()
    early.connect(ran.set)
    assert ran.wait(5)
    assert early.wait_until_idle(5)


def test_a_forked_process_dispatches_by_a_thread_of_its_own() -> None:
    output = subprocess.run(
        [sys.executable, "-c", FORKING], check=True, capture_output=True, text=True, timeout=30
    ).stdout.split()
    assert output[:2] == output[2:]
