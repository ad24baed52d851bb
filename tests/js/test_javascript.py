"""Runs the browser modules' own tests (`*.test.mjs`) by Node's test runner."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
FILES = sorted(HERE.rglob("*.test.mjs"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HERE)))
def test_the_modules_of_the_pages(path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        if os.environ.get("CI"):
            pytest.fail("NO NODE: install nodejs 20 or newer.")
        pytest.skip("NO NODE: install nodejs 20 or newer.")
    # The modules are served as they are, so no package.json says that they are modules.
    done = subprocess.run(
        [node, "--experimental-detect-module", "--test", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
