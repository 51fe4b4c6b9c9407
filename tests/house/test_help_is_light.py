"""What must not be loaded, seen from a fresh interpreter."""

from __future__ import annotations

import pytest
from support.loaded import loaded

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
LIGHT = {
    "workflows.core",
    *(f"workflows.core.{name}" for name in ("errors", "garbage", "later", "secret", "sentences", "text")),
}
"""What the modules of the commands begin with."""

MAIN = "import sys; from tui.cli.main import main; sys.exit(main(sys.argv[1:]))"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        *(
            [*words.split(), "--help"]
            for words in ("admin", "demo", "plan", "handoff open", "layer add", "profiles write")
        ),
    ],
)
def test_help_loads_nothing_heavy_and_no_step(arguments: list[str]) -> None:
    modules = loaded(MAIN, arguments)
    assert not modules & HEAVY
    assert {name for name in modules if name.startswith("workflows.")} <= LIGHT


@pytest.mark.parametrize("arguments", [["sessions"], ["sessions", "--json"]])
def test_what_scripts_ask_loads_neither_a_screen_nor_the_workflows(arguments: list[str]) -> None:
    modules = loaded(MAIN, arguments)
    assert not modules & {"textual", "rich", "boto3", "botocore", "moto", "flask", "workflows.catalogue"}


def test_the_package_of_workflows_loads_nothing_heavy() -> None:
    assert not loaded("import workflows") & HEAVY


def test_the_list_of_sessions_loads_no_code_of_a_step() -> None:
    modules = loaded("import workflows.catalogue, workflows.step_modules, screens.registry")
    rooms = ("workflows.steps.admin.", "workflows.steps.new_user.", "workflows.steps.rotation.", "screens.")
    found = {name for name in modules if name.startswith(rooms)}
    facts = {f"workflows.steps.admin.{name}" for name in ("accepted_plan", "deactivated")}
    assert found == {"screens.registry", *facts}


def test_home_loads_neither_the_wizard_nor_what_it_does_not_show() -> None:
    modules = loaded("import tui.cli.wizard, tui.app.application, screens.registry, workflows.step_modules")
    assert "tui.app.home" in modules
    assert not modules & {"tui.app.wizard", "tui.app.starting", "workflows.run", "workflows.environment"}
    assert not modules & {"workflows.catalogue", "workflows.machine.session", "workflows.machine.events"}
    assert not modules & {"hashlib", "email", "importlib.metadata", "markdown_it", "zipfile", "tree_sitter"}
    assert "workflows.desktop.browser" not in modules


def test_the_first_page_needs_no_parser_of_arguments() -> None:
    assert "argparse" not in loaded("from tui.cli import main; main._parsed([])")


def test_a_key_for_an_sdk_loads_only_what_reads_it() -> None:
    modules = loaded("import tui.host, tui.cli.credential_process, tui.cli.asking, workflows.gpg.decrypt")
    assert not modules & {"workflows.core.openpgp", "workflows.gpg.pasted", "base64", "getpass", "sysconfig"}


def test_every_step_can_be_imported_without_a_screen_and_without_boto3() -> None:
    modules = loaded(
        "from workflows.step_modules import MODULES; [list(steps.values()) for steps in MODULES.values()]"
    )
    assert "workflows.steps.admin.hand_over" in modules
    assert not modules & {"textual", "rich", "boto3", "botocore"}
