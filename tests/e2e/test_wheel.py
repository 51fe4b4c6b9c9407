"""The built wheel in a clean environment: what people install is what was tested."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import pytest
from support.repository import ROOT

PACKAGES = ("tui", "screens", "workflows")

pytestmark = pytest.mark.e2e


def run(argv: Sequence[str], folder: Path, *codes: int) -> str:
    """Run a program outside the checkout, so that nothing but what is installed is found."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (codes or (0,)), f"{argv}: {done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout with its declared build backend."""
    folder = tmp_path_factory.mktemp("wheel")
    run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)],
        folder,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command as installed: the wheel in a new environment, its dependencies from this one."""
    folder = tmp_path_factory.mktemp("environment")
    run([sys.executable, "-m", "venv", "--without-pip", str(folder)], folder)
    python = folder / "bin" / "python"
    (site,) = folder.glob("lib/python*/site-packages")
    run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(python),
            "install",
            "-q",
            "--no-deps",
            "--no-index",
            str(wheel),
        ],
        folder,
    )
    # As a plain path entry, whose own .pth files (the checkout's among them) are not read.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = run([str(python), "-c", "import tui, screens, workflows; print(tui.__file__)"], folder)
    assert where.startswith(str(site))
    return folder / "bin" / "iam-onboard"


def test_every_file_that_the_program_reads_is_in_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    sources = {
        str(file.relative_to(ROOT))
        for package in PACKAGES
        for file in (ROOT / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert sources <= inside
    for package in PACKAGES:
        assert f"{package}/py.typed" in inside
    assert any(name.startswith("screens/help/") for name in inside)
    assert any(name.startswith("workflows/sandbox/project/files/") for name in inside)
    assert any(name.startswith("workflows/sandbox/console/templates/") for name in inside)
    assert not [name for name in inside if name.startswith(("tests/", "benchmarks/", "docs/"))]


def test_the_command_works(program: Path, tmp_path: Path) -> None:
    assert run([str(program), "--version"], tmp_path) == f"iam-onboard {version('iam-onboard')}\n"
    assert "credential-process" in run([str(program), "--help"], tmp_path)
    assert "No sessions yet" in run([str(program), "sessions"], tmp_path)
    assert run([str(program), "sessions", "--json"], tmp_path) == "[]\n"
    assert "gpg: GnuPG" in run([str(program), "doctor"], tmp_path)
    run([str(program)], tmp_path, 2)


def test_the_wizard_starts_from_it(program: Path, tmp_path: Path) -> None:
    """Every screen and its help text is found in what was installed."""
    code = (
        "from screens.registry import PANES; from screens.step.help import help_text;"
        "print(all(help_text(step) for step in [*PANES, '']))"
    )
    assert run([str(program.with_name("python")), "-c", code], tmp_path) == "True\n"
