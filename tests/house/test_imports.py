"""What the core must not load: a start that is quick, and workflows that need no screen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import workflows

ROOT = Path(workflows.__file__).parent
APART = {"sandbox"}
HEAVY = ("textual", "rich", "boto3", "botocore", "moto", "flask")
LISTS_WHAT_IS_LOADED = f"""
import importlib, sys
importlib.import_module(sys.argv[1])
print(*[name for name in {HEAVY!r} if name in sys.modules])
"""
LISTS_WHO_LOADS_WHAT = f"""
import importlib, sys
for module in sys.argv[1:]:
    importlib.import_module(module)
    loaded = [name for name in {HEAVY!r} if name in sys.modules]
    if loaded:
        sys.exit(module + " loads " + ", ".join(loaded))
print(len(sys.argv) - 1)
"""


def python(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def modules() -> list[str]:
    """Every module of `workflows`, but not the sandbox."""
    files = [file.relative_to(ROOT.parent) for file in sorted(ROOT.rglob("*.py"))]
    parts = [file.with_suffix("").parts for file in files if file.parts[1] not in APART]
    return [".".join(part for part in name if part != "__init__") for name in parts]


@pytest.mark.parametrize("module", ["workflows", "workflows.machine.session"])
def test_importing_it_alone_loads_no_screen_and_no_aws(module: str) -> None:
    done = python(LISTS_WHAT_IS_LOADED, module)
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_no_module_of_the_core_loads_a_screen_or_aws() -> None:
    found = modules()
    assert "workflows.machine.journal" in found
    assert "workflows.steps.shared.module" in found
    done = python(LISTS_WHO_LOADS_WHAT, *found)
    assert done.stderr == ""
    assert done.stdout.strip() == str(len(found))


def test_the_check_sees_a_heavy_module() -> None:
    assert python(LISTS_WHAT_IS_LOADED, "botocore").stdout.strip() == "botocore"
    assert "rich loads rich" in python(LISTS_WHO_LOADS_WHAT, "rich").stderr
