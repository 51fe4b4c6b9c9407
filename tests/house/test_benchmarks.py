from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.repository import ROOT

FOLDER = ROOT / "benchmarks"
EVERY = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "form")


@pytest.mark.e2e
@pytest.mark.parametrize("name", EVERY)
def test_the_short_form_of_a_benchmark_runs(name: str, tmp_path: Path) -> None:
    """What it measures is nobody's business here: only that it still runs, and says something."""
    ended = subprocess.run(
        [sys.executable, FOLDER / f"{name}.py", "--short"],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip()
