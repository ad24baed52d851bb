"""What a benchmark found: written for programs, printed for people."""

import datetime
import json
import operator
import os
import platform
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from config import embedded

PROJECT = Path(__file__).resolve().parents[2]
# Taken before the benchmark makes its own.
_LOAD_AT_START = os.getloadavg()[0]
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def publish(
    name: str,
    *,
    figures: Mapping[str, float],
    targets: Mapping[str, tuple[str, float]],
    context: Mapping[str, Any] | None = None,
) -> Path:
    """Write `bench/<name>.json` in the data folder and print a table; the file's path.

    The context says of itself when, of which commit and on what machine it was found.
    A target is (comparison, number) for the figure of its name. A missed one is shown, no error.
    Raises KeyError for a target without a figure or an unknown comparison, writing nothing.
    """
    met = {
        figure: _COMPARE[comparison](figures[figure], number)
        for figure, (comparison, number) in targets.items()
    }
    folder = Path(os.environ.get("SWITCHBOARD_BENCH_DIR") or embedded.data_folder() / "bench")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    found = {
        "name": name,
        "figures": dict(figures),
        "targets": {figure: list(target) for figure, target in targets.items()},
        "context": {
            "python": platform.python_version(),
            "machine": platform.machine(),
            "cpus": os.cpu_count(),
            "load_at_start": round(_LOAD_AT_START, 2),
            "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "commit": _commit(),
            **(context or {}),
        },
    }
    part = path.with_suffix(".part")
    part.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    part.replace(path)
    print(_table(name, figures, targets, met), flush=True)
    return path


def _commit() -> str | None:
    """The commit of the work tree, "-dirty" after it for changes since; None without git."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return None
    return found.stdout.strip() or None


def _table(
    name: str,
    figures: Mapping[str, float],
    targets: Mapping[str, tuple[str, float]],
    met: Mapping[str, bool],
) -> str:
    width = max((len(figure) for figure in figures), default=0)
    lines = [f"\n{name}"]
    for figure, number in figures.items():
        line = f"  {figure:<{width}}  {number:>14,.2f}"
        if figure in targets:
            comparison, wanted = targets[figure]
            outcome = "met" if met[figure] else "NOT MET"
            line += f"   {comparison:>2} {wanted:<10,g}  {outcome}"
        lines.append(line)
    return "\n".join(lines)
