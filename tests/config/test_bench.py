"""`make bench`: what a benchmark leaves behind."""

import datetime
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.result import publish

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SWITCHBOARD_BENCH_DIR", str(tmp_path / "bench"))
    return tmp_path / "bench"


def test_figures_and_targets_are_written_and_compared(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = publish(
        "sample",
        figures={"per second": 5480.0, "memory": 41.0, "count": 3.0},
        targets={"per second": (">=", 1000), "memory": ("<=", 40)},
        context={"pairs": 300},
    )
    assert path == folder / "sample.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["name"] == "sample"
    assert found["figures"] == {"per second": 5480.0, "memory": 41.0, "count": 3.0}
    assert found["targets"] == {"per second": [">=", 1000], "memory": ["<=", 40]}
    assert found["context"]["pairs"] == 300
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines[2:4]] == ["met", "MET"]
    assert "NOT MET" in lines[3]
    assert "NOT MET" not in lines[2]


def test_the_context_says_when_and_of_what_it_was_found() -> None:
    began = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    path = publish("sample", figures={"count": 3.0}, targets={})
    context = json.loads(path.read_text(encoding="utf-8"))["context"]
    at = datetime.datetime.fromisoformat(context["at"])
    assert began <= at <= datetime.datetime.now(datetime.UTC)
    assert context["cpus"] == os.cpu_count()
    assert context["load_at_start"] >= 0
    if (PROJECT / ".git").exists():
        assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?", context["commit"])
    else:
        assert context["commit"] is None


@pytest.mark.parametrize("targets", [{"missing": (">", 1.0)}, {"count": ("=>", 1.0)}])
def test_a_target_that_means_nothing_writes_nothing(
    folder: Path, targets: dict[str, tuple[str, float]]
) -> None:
    with pytest.raises(KeyError):
        publish("sample", figures={"count": 3.0}, targets=targets)
    assert not folder.exists()


def test_an_unknown_benchmark_is_refused_with_the_list() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", "nonsense"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr.startswith("No benchmark nonsense. There are: ")
