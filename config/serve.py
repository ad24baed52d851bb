"""`python -m config.serve ...`: daphne, with daphne's own arguments, on a faster event loop.

daphne makes its loop when it is imported, by asyncio's policy: that is why this is a program of its
own. The message path saves a fifth of its processor time.
"""

import autobahn.util
import uvloop


def main() -> None:
    uvloop.install()
    # autobahn colours the words of a debug line for every frame, also where nobody logs it.
    autobahn.util._HAS_CLICK = False  # noqa: SLF001  it has no setting
    from daphne.cli import CommandLineInterface

    CommandLineInterface.entrypoint()


if __name__ == "__main__":
    main()
