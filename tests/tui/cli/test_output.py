"""What strangers wrote, run past every command: nothing of it reaches a terminal as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support.message_samples import identity, request
from support.poison import LAYER, POISON, places

from tui.cli import output
from tui.cli.main import main
from tui.host import Places
from workflows.core.text import one_line, safe
from workflows.messages.handoff import Handoff
from workflows.sandbox.project import lay_out


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("José 日本 ✓\nnext", "José 日本 ✓\nnext"),
        ("\x1b[31mred\x7f\r", "␛[31mred␡␍"),
        ("\x9b31m\u202e\u2066\u061c", "�31m���"),
        ("\u200b\u00ad\ufeff\U000e0041\U000e0101\u3164", "������"),
        ("\ud800\udc1b", "��"),
        ("a\u00a0b\u2003c", "a b c"),
        ("a\tb", "a       b"),
    ],
)
def test_what_nobody_sees_becomes_a_sign(text: str, shown: str) -> None:
    assert safe(text) == shown


@pytest.mark.parametrize(
    "character", [chr(number) for number in (*range(10), *range(11, 32), *range(127, 160))]
)
def test_no_control_character_passes(character: str) -> None:
    assert character not in safe(f"a{character}b")


def test_a_long_text_is_cut_and_says_so() -> None:
    assert safe("x" * 12, 10).startswith(f"{'x' * 10}… (2 ")
    assert one_line("two\nlines", 40) == "two␊lines"
    assert one_line("x" * 12, 10) == "xxxxxxxxx…"


# -- a project by somebody hostile ---------------------------------------------------------------------


PLACES = places()
COMMANDS = (
    ("layer", "show", LAYER),
    ("layer", "show", LAYER, "--json"),
    ("layer", "remove", LAYER, "dana.lopez", "--dry-run"),
    ("layer", "remove", LAYER, f"dana{POISON}", "--dry-run"),
    ("layer", "groups", LAYER, "dana.lopez"),
    ("layer", "groups", LAYER, "dana.lopez", "--add", f"admins{POISON}", "--dry-run"),
    ("layer", "account", LAYER),
    ("layer", "accounts", "."),
    ("layer", "accounts", ".", "--json"),
    ("pgp", "check", f"{LAYER}/keys"),
    ("profiles", "show", "--as", "security"),
    ("profiles", "show", "--as", f"security{POISON}"),
    ("regions", ".", "--account", f"security{POISON}"),
    ("plan", LAYER, "--binary", f"/nonexistent/{POISON}"),
    (f"wrong{POISON}",),
    ("layer", "show", f"nowhere{POISON}"),
)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The output counts as a terminal's."""
    monkeypatch.setattr(output, "on_terminal", lambda: True)


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command; what it wrote, which has to be safe and no failure that nobody foresaw."""

    def run(*arguments: str) -> str:
        try:
            main(arguments)
        except SystemExit as ended:
            assert ended.code in {0, 1, 2}  # noqa: PT017 - argparse's way
        written = "".join(capfd.readouterr())
        assert safe(written, len(written)) == written, arguments
        assert "Traceback" not in written
        assert not re.search(r"unforeseen|unexpected", written, re.IGNORECASE), (arguments, written)
        return written

    return run


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, as the folder of the commands."""
    made = tmp_path / "project"
    lay_out(made)
    monkeypatch.chdir(made)
    return made


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("place", PLACES)
def test_no_command_writes_what_a_project_hides(place: str, root: Path, run: Callable[..., str]) -> None:
    PLACES[place](root)
    assert "".join(run(*command) for command in COMMANDS)


@pytest.mark.parametrize("place", ["project_long", "user", "profile", "key file"])
def test_what_people_read_is_safe_in_a_pipe_too(place: str, root: Path, run: Callable[..., str]) -> None:
    PLACES[place](root)
    for command in COMMANDS:
        if "--dry-run" not in command:  # a difference is for `git apply` then
            run(*command)


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    "field", ["user", "project", "account_alias", "account_id", "account_name", "region"]
)
def test_no_command_writes_what_a_message_hides(field: str, tmp_path: Path, run: Callable[..., str]) -> None:
    handoff = Handoff("bb", (identity(),)).render()
    values = {"user": "jane.doe", "project": "bb", "account_name": "security", "region": "us-east-1"}
    value = {**values, "account_alias": "bb-security", "account_id": "222222222222"}[field]
    escaped = json.dumps(POISON + "\ud800")[1:-1]
    for number, poison in enumerate((POISON, escaped)):
        for kind, text in (("handoff", handoff), ("request", request().render())):
            file = tmp_path / f"{kind}-{number}{POISON}"
            file.write_text(text.replace(f'"{value}"', f'"{value}{poison}"'), newline="")
            for command in (("handoff", "open"), ("decrypt",), ("pgp", "check"), ("access-key", "import")):
                more = ("--project", "bb", "--profile", "bb-security") if command[0] == "access-key" else ()
                run(*command, str(file), *more)


@pytest.mark.usefixtures("terminal")
def test_the_list_of_sessions_hides_nothing(run: Callable[..., str]) -> None:
    sessions = Places.of_this_machine().sessions
    for name, journal in {
        f"ev{POISON}il": POISON,
        "20260101-000000-aaaa": f'{{"schema": 1, "workflow": "{POISON}"}}\n{POISON}',
        "20260101-000000-bbbb": json.dumps({"schema": 1, "workflow": f"admin{POISON}"}) + "\n",
    }.items():
        folder = sessions / name
        folder.mkdir(parents=True, mode=0o700)
        (folder / "journal.jsonl").write_text(journal)
    run("sessions")
    run("sessions", "--json")
