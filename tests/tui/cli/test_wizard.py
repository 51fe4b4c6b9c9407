from __future__ import annotations

import gc
import shlex
from pathlib import Path

import pytest

from tui.app import application as app
from tui.cli import wizard
from tui.environments import OwnMachine
from tui.host import Machine
from workflows.core.garbage import collection_paused


class ClosedSandbox(OwnMachine):
    sandbox = True


def quit_at_once(session: str) -> type:
    class Quit:
        failure = None
        apply_left = False

        def __init__(self, _machine: object, _load: object, source: OwnMachine, *_rest: object) -> None:
            self.source = source
            self.session = session

        def run(self) -> None:
            assert gc.isenabled()

    return Quit


def test_the_last_line_says_that_an_apply_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    machine, told = Machine.this(), list[str]()
    monkeypatch.setattr(wizard, "_take_terminal", lambda _environment: None)
    for apply_left in (False, True):
        quits = quit_at_once("s1")
        monkeypatch.setattr(quits, "apply_left", apply_left)
        monkeypatch.setattr(app, "OnboardApp", quits)
        with collection_paused():  # as `main` does
            wizard._run(machine, OwnMachine(machine))
        told.append(capsys.readouterr().out)
    assert told[0] != told[1]


@pytest.mark.parametrize(
    ("source", "make", "session", "words"),
    [
        (OwnMachine, False, "s1", "Saved. Resume with: iam-onboard resume\n"),
        (ClosedSandbox, False, "s1", "Saved. Resume with: iam-onboard resume s1\n"),
        (ClosedSandbox, True, "s1", "Saved. Resume with: make demo\n"),
        (OwnMachine, False, "", ""),
    ],
)
def test_the_last_line_says_how_to_go_on_if_a_session_was_begun(
    source: type[OwnMachine],
    make: bool,
    session: str,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(app, "OnboardApp", quit_at_once(session))
    monkeypatch.setattr(wizard, "_take_terminal", lambda _environment: None)
    monkeypatch.delenv("MAKELEVEL", raising=False)
    if make:
        monkeypatch.setenv("MAKELEVEL", "1")
    machine = Machine.this()

    wizard._run(machine, source(machine))
    assert capsys.readouterr().out == words


@pytest.mark.parametrize(("named", "command"), [("s1", "resume s1"), ("s2", "resume"), ("", "resume")])
def test_the_last_line_gives_the_program_and_the_session_again_that_were_named(
    named: str, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(app, "OnboardApp", quit_at_once("s1"))
    monkeypatch.setattr(wizard, "_take_terminal", lambda _environment: None)
    machine = Machine.this()
    wizard._run(machine, OwnMachine(machine, "/opt/my tools/tofu"), named=named)
    typed = shlex.split(capsys.readouterr().out.partition(": ")[2])
    assert typed == ["iam-onboard", *command.split(), "--binary", "/opt/my tools/tofu"]


@pytest.mark.parametrize("on_path", [True, False])
def test_the_last_line_has_the_path_that_was_typed_where_the_name_alone_leads_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, on_path: bool
) -> None:
    monkeypatch.setattr(app, "OnboardApp", quit_at_once("s1"))
    monkeypatch.setattr(wizard, "_take_terminal", lambda _environment: None)
    program = tmp_path / "iam-onboard"
    program.write_text("")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path) if on_path else "/nowhere")
    monkeypatch.setattr("sys.argv", [str(program)])
    machine = Machine.this()
    wizard._run(machine, OwnMachine(machine))
    assert capsys.readouterr().out.split()[-2] == (program.name if on_path else str(program))
