"""Make .venv and install requirements into it, once for each content of the files.

`python3 .ci/environment.py requirements.txt`. Standard library only; plain enough that a Python
too old for the product can still say so.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
# A line for each set of requirements that is installed.
STAMP = VENV / ".installed"


def main(names: list[str]) -> int:
    if sys.version_info < (3, 11):
        version = ".".join(map(str, sys.version_info[:2]))
        return refuse(
            f"Switchboard needs Python 3.11 or newer, and {sys.executable} is {version}. Install "
            "a newer one, or name it: make PYTHON=/path/to/python3.11 ..."
        )
    with Path(__file__).open(encoding="utf-8") as lock:
        # Two makes at once (run and test on a fresh clone) must not install over each other.
        fcntl.flock(lock, fcntl.LOCK_EX)
        usable = starts(PYTHON)
        if usable and STAMP.exists() and digest(names) in STAMP.read_text(encoding="utf-8"):
            return 0
        if not usable and not make_venv():
            return 1
        return install(names)


def make_venv() -> bool:
    print(f"Making .venv with {sys.executable} ...", flush=True)
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode == 0:
        return True
    shutil.rmtree(VENV, ignore_errors=True)
    version = ".".join(map(str, sys.version_info[:2]))
    refuse(
        f"{sys.executable} cannot make a virtual environment. Its venv module is a package of its "
        f"own on some systems (Debian, Ubuntu: apt-get install python{version}-venv). It said:\n"
        + (result.stdout + result.stderr).strip()
    )
    return False


def install(names: list[str]) -> int:
    started = time.monotonic()
    print(f"Installing {' and '.join(names)} into .venv ...", flush=True)
    # Every package is pinned, so there is nothing to resolve, and Python compiles what it imports:
    # both halve the time. What a pin forgot is found by the check below.
    pip_command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    command = [*pip_command, "install", "--no-deps", "--no-compile"]
    for name in names:
        command += ["--requirement", name]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as pip:
        # The downloads are the progress; what pip says of packages already there is noise.
        for line in pip.stdout or ():
            if line.startswith(("  Downloading", "Installing")):
                print(f"  {line.strip()[:96]}", flush=True)
    if pip.returncode != 0:
        return refuse("The packages could not be installed; the reason stands above.")
    checked = subprocess.run([*pip_command, "check"], capture_output=True, text=True, check=False)
    if checked.returncode != 0:
        return refuse(f"The requirements do not fit each other:\n{checked.stdout.strip()}")
    done = [digest(names[:count]) for count in range(1, len(names) + 1)]
    STAMP.write_text("\n".join(done), encoding="utf-8")
    print(f"Installed in {time.monotonic() - started:.0f} s.", flush=True)
    return 0


def digest(names: list[str]) -> str:
    return hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in names)).hexdigest()


def starts(python: Path) -> bool:
    """Whether the interpreter runs: one upgraded or moved away leaves a dead link behind."""
    try:
        return (
            subprocess.run([str(python), "-c", ""], capture_output=True, check=False).returncode
            == 0
        )
    except OSError:
        return False


def refuse(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
