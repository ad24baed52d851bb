"""`python -m config.embedded start|stop|status`: the embedded servers by hand."""

from __future__ import annotations

import argparse
import sys

from config import embedded


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m config.embedded", description=__doc__)
    parser.add_argument("action", choices=["start", "stop", "status", "remove"])
    action: str = parser.parse_args().action
    folder = embedded.data_folder()
    try:
        if action == "start":
            embedded.start(folder)
        elif action == "stop":
            embedded.stop(folder)
        elif action == "remove":
            embedded.remove(folder)
            # Other data folders would have them copied again.
            embedded.remove_copies()
        up = embedded.running(folder)
    except embedded.EmbeddedError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"PostgreSQL and Valkey of {folder} {'run' if up else 'do not run'}.")
    # 3 is what init scripts answer for "not running" (LSB 5.0, section 22.2).
    return 3 if action == "status" and not up else 0


if __name__ == "__main__":
    sys.exit(main())
