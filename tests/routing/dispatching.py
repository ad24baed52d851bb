"""`python -m tests.routing.dispatching COUNT`: so many dispatchers that do what the clock does.

Again and again, each in a process of its own, whose number is printed. For one that is killed the
next is forked, which takes milliseconds where a fresh start takes a second.
"""

import os
import sys
import time

import django


def main(count: int) -> None:
    django.setup()
    from chat.actions import dispatch

    living: set[int] = set()
    while True:
        while len(living) < count:
            child = os.fork()
            if child == 0:
                while True:
                    dispatch.run()
                    time.sleep(0.01)
            living.add(child)
            print(child, flush=True)
        living.discard(os.wait()[0])


if __name__ == "__main__":
    main(int(sys.argv[1]))
