"""What people install, from a wheel or a checkout, where others own the names of our rooms."""

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

PACKAGE = "iam_onboard"
ROOMS = ("tui", "screens", "workflows")
FOREIGN = "A package of somebody else's."

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
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        folder,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module", params=["wheel", "editable"])
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command in a new environment beside foreign packages, with dependencies from this one."""
    folder = tmp_path_factory.mktemp("environment")
    run([sys.executable, "-m", "venv", "--without-pip", str(folder)], folder)
    python = folder / "bin" / "python"
    (site,) = folder.glob("lib/python*/site-packages")
    for room in ROOMS:
        (site / room).mkdir()
        (site / room / "__init__.py").write_text(f'"""{FOREIGN}"""\n')
    # As a plain path entry, whose own .pth files (the checkout's among them) are not read.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    what = ["-e", str(ROOT)] if request.param == "editable" else [str(request.getfixturevalue("wheel"))]
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "-q",
        "--disable-pip-version-check",
    ]
    run([*pip, "--no-deps", "--no-index", "--no-build-isolation", *what], folder)
    return folder / "bin" / "iam-onboard"


def test_every_file_that_the_program_reads_is_in_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    sources = {
        f"{PACKAGE}/{file.relative_to(ROOT)}"
        for room in ROOMS
        for file in (ROOT / room).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    own = {f"{PACKAGE}/{name}" for name in ("__init__.py", "__main__.py", "py.typed")}
    assert inside == sources | own
    for data in ("screens/help", "workflows/sandbox/files", "workflows/sandbox/console/templates"):
        assert any(name.startswith(f"{PACKAGE}/{data}/") for name in inside)


def test_the_command_works(program: Path, tmp_path: Path) -> None:
    assert run([str(program), "--version"], tmp_path) == f"iam-onboard {version('iam-onboard')}\n"
    assert "credential-process" in run([str(program), "--help"], tmp_path)
    assert len(run([str(program), "sessions"], tmp_path).splitlines()) == 1
    assert run([str(program), "sessions", "--json"], tmp_path) == "[]\n"
    assert "gpg: GnuPG" in run([str(program), "doctor"], tmp_path)
    run([str(program)], tmp_path, 2)


def test_it_runs_as_a_module_too(program: Path, tmp_path: Path) -> None:
    python = str(program.with_name("python"))
    assert run([python, "-P", "-m", PACKAGE, "sessions", "--json"], tmp_path) == "[]\n"


def test_every_page_and_its_help_is_found_in_it(program: Path, tmp_path: Path) -> None:
    code = (
        "import iam_onboard; from screens.registry import PANES; from screens.step.help import help_text;"
        "print(all(help_text(step) for step in [*PANES, '']))"
    )
    assert run([str(program.with_name("python")), "-c", code], tmp_path) == "True\n"


@pytest.mark.parametrize("room", ROOMS)
def test_what_others_call_so_stays_theirs(program: Path, tmp_path: Path, room: str) -> None:
    python = str(program.with_name("python"))
    assert run([python, "-c", f"import {room}; print({room}.__doc__)"], tmp_path) == f"{FOREIGN}\n"
