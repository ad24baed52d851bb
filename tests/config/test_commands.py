"""`make` and what it runs before Python's packages are there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def bare_path(tmp_path: Path) -> str:
    """A PATH with neither a browser nor a way to install one."""
    for name in ("sh", "id", "cat"):
        program = shutil.which(name)
        assert program is not None
        (tmp_path / name).symlink_to(program)
    return str(tmp_path)


def test_make_alone_lists_the_commands() -> None:
    result = run("make", MAKEFLAGS="")
    assert result.returncode == 0
    for name in ("run", "test", "check", "bench", "fmt", "clean"):
        assert f"make {name}" in result.stdout


def test_no_python_at_all_is_said_in_a_sentence() -> None:
    result = run("make", "runtime", "PYTHON=", MAKEFLAGS="")
    assert result.returncode != 0
    assert "needs Python 3.11 or newer, and none is on the PATH" in result.stderr


def test_an_old_python_is_refused_before_anything_is_made() -> None:
    code = (
        "import runpy, sys; sys.version_info = (3, 9, 2, 'final', 0); "
        "sys.argv = ['environment.py', 'requirements.txt']; "
        "runpy.run_path('.ci/environment.py', run_name='__main__')"
    )
    result = run(sys.executable, "-c", code)
    assert result.returncode == 1
    assert "needs Python 3.11 or newer, and " in result.stderr
    assert result.stderr.rstrip().endswith("make PYTHON=/path/to/python3.11 ...")
    assert result.stdout == ""


def test_a_missing_browser_fails_in_ci(bare_path: str) -> None:
    result = run("sh", ".ci/browser", PATH=bare_path, CI="true", CHROMIUM="")
    assert result.returncode == 1
    assert result.stdout == ""
    assert "may not be skipped" in result.stderr


def test_a_missing_browser_elsewhere_is_a_loud_skip(bare_path: str) -> None:
    result = run("sh", ".ci/browser", PATH=bare_path, CI="", CHROMIUM="")
    assert result.returncode == 0
    assert result.stdout.strip() == ""
    assert "THE BROWSER TESTS ARE SKIPPED" in result.stderr


def test_a_named_browser_is_taken(bare_path: str, tmp_path: Path) -> None:
    browser = tmp_path / "my-browser"
    browser.write_text("#!/bin/sh\n", encoding="utf-8")
    browser.chmod(0o755)
    result = run("sh", ".ci/browser", PATH=bare_path, CI="true", CHROMIUM=str(browser))
    assert result.stdout.strip() == str(browser)
