"""What must not be loaded, seen from a fresh interpreter."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

import pytest

HEAVY = {
    "argcomplete",
    "textual",
    "rich",
    "boto3",
    "botocore",
    "keyring",
    "gnupg",
    "tree_sitter",
    "pygohcl",
    "flask",
    "moto",
}
WRITER = {"workflows.core", "workflows.core.sentences", "workflows.core.text"}
"""What everything that is printed goes through."""

_REPORT = """
import json, sys
sys.stderr.write("\\n" + json.dumps(sorted(sys.modules)))
"""


def loaded(program: str, arguments: Sequence[str] = ()) -> set[str]:
    """The modules that a program has loaded when it ends."""
    code = f"import atexit\natexit.register(lambda: exec({_REPORT!r}))\n{program}"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


MAIN = "import sys; from tui.command_line import main; sys.exit(main())"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        *([*words.split(), "--help"] for words in ("admin", "demo", "plan", "handoff open")),
    ],
)
def test_help_loads_nothing_heavy_and_no_step(arguments: list[str]) -> None:
    modules = loaded(MAIN, arguments)
    assert not modules & HEAVY
    assert {name for name in modules if name.startswith("workflows.")} <= WRITER


@pytest.mark.parametrize("arguments", [["sessions"], ["sessions", "--json"]])
def test_what_scripts_ask_loads_no_screen(arguments: list[str]) -> None:
    assert not loaded(MAIN, arguments) & {"textual", "rich", "boto3", "botocore", "moto", "flask"}


def test_the_package_of_workflows_loads_nothing_heavy() -> None:
    assert not loaded("import workflows") & HEAVY


def test_every_step_can_be_imported_without_a_screen_and_without_boto3() -> None:
    modules = loaded("import workflows.catalogue")
    assert "workflows" in modules
    assert not modules & {"textual", "rich", "boto3", "botocore"}
