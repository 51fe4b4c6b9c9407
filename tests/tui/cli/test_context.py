"""A program that a project names or brings runs only once the person has said so."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from support.admin_project import AdminProject, quiet
from support.distrusted_git import LOCAL
from support.own_machine import Terminal, admins_machine, parsed

from tui.cli import apply
from tui.cli.arguments import DONE
from tui.cli.context import own_world
from tui.cli.layer_run import layer_alone
from tui.host import Machine
from workflows.core.files import FileError
from workflows.steps.admin import project
from workflows.steps.shared.leftovers import credentials_folder
from workflows.terraform.binary import ProgramNotTrusted, TrustedPrograms, Wanted, find_program


def program(path: Path, text: str = "exit 1") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """What a trap leaves when it is run."""
    return tmp_path / "mark"


@pytest.fixture
def trapped(admin_project: AdminProject, mark: Path) -> AdminProject:
    """A project that names a trap as its program, and in every setting of git that takes one."""
    trap = program(admin_project.root / "bin" / "terraform", f"echo $0 $* >> {mark}")
    build_env = admin_project.root / "build.env"
    build_env.write_text(f"{build_env.read_text()}\nTF_BINARY=./bin/terraform\n")
    for key, value in LOCAL.items():
        admin_project.git("config", key, value.format(trap=trap, hooks=trap.parent))
    admin_project.environment = replace(admin_project.environment, binary=None)
    return admin_project


@pytest.fixture
def machine(trapped: AdminProject, tmp_path: Path) -> Machine:
    return admins_machine(trapped, tmp_path / "state")


@pytest.mark.parametrize("name", ["./bin/terraform", "{root}/bin/terraform", "bin/../bin/terraform"])
def test_a_path_in_build_env_is_asked_about_once_and_again_when_it_changed(tmp_path: Path, name: str) -> None:
    root = tmp_path / "project"
    mine = program(root / "bin" / "terraform")
    trusted = TrustedPrograms(tmp_path / "state" / "trusted.json")
    wanted = Wanted(build_env=name.format(root=root), project=root, trusted=trusted)
    with pytest.raises(ProgramNotTrusted) as asked:
        find_program(wanted, "")
    assert (asked.value.program.path, asked.value.program.owner) == (mine, mine.owner())
    trusted.add(asked.value.program)
    assert Path(*find_program(wanted, "")).resolve() == mine
    program(mine, "exit 2")
    with pytest.raises(ProgramNotTrusted):
        find_program(wanted, "")
    (tmp_path / "state" / "trusted.json").write_text("[" * 100_000)
    with pytest.raises(ProgramNotTrusted):
        find_program(wanted, "")


def test_what_lies_in_the_project_is_asked_about_however_it_was_named(tmp_path: Path) -> None:
    root, outside = tmp_path / "project", program(tmp_path / "usr" / "terraform")
    program(root / "bin" / "terraform")
    (root / "links").mkdir()
    (root / "links" / "terraform").symlink_to(outside)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "terraform").symlink_to(root / "bin" / "terraform")
    wanted = Wanted(project=root, trusted=TrustedPrograms(tmp_path / "trusted.json"))
    assert find_program(wanted, str(outside.parent)) == (str(outside),)
    assert find_program(replace(wanted, explicit=str(outside)), "") == (str(outside),)
    for folder in (root / "bin", root / "links", tmp_path / "other"):
        for asked, path in ((wanted, str(folder)), (replace(wanted, explicit=str(folder / "terraform")), "")):
            with pytest.raises(ProgramNotTrusted):
                find_program(asked, path)


def test_a_path_outside_of_the_project_in_build_env_is_asked_about_a_bare_name_is_not(tmp_path: Path) -> None:
    outside = program(tmp_path / "usr" / "terraform")
    wanted = Wanted(project=tmp_path / "project", trusted=TrustedPrograms(tmp_path / "trusted.json"))
    assert find_program(replace(wanted, build_env="terraform"), str(outside.parent)) == (str(outside),)
    with pytest.raises(ProgramNotTrusted):
        find_program(replace(wanted, build_env=str(outside)), "")
    both = replace(wanted, build_env=str(outside), explicit="terraform")
    assert find_program(both, str(outside.parent)) == (str(outside),)


def test_a_named_program_is_looked_for_where_the_name_was_typed(machine: Machine, tmp_path: Path) -> None:
    program(tmp_path / "tools" / "terraform")
    assert machine.working_folder == tmp_path / "project"
    named = own_world(machine, "../tools/terraform").binary
    assert isinstance(named, str)
    wanted = Wanted(explicit=named, project=machine.working_folder, trusted=TrustedPrograms(tmp_path / "t"))
    assert Path(*find_program(wanted, "")).resolve() == tmp_path / "tools" / "terraform"
    assert own_world(machine, "terraform").binary == "terraform"
    assert own_world(machine, "").binary is None


def layer_of(machine: Machine, *more: str) -> None:
    with layer_alone(machine, parsed("plan", "security", *more)):
        pass


def test_a_command_asks_on_the_terminal_once(
    machine: Machine, mark: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    terminal.stand_in(monkeypatch)
    terminal.answers = ["n", "y"]
    with pytest.raises(ProgramNotTrusted):
        layer_of(machine)
    assert not mark.exists()
    layer_of(machine)  # a thread beside asks the program for its version, now that it is accepted
    assert all(str(machine.working_folder / "bin" / "terraform") in question for question in terminal.asked)
    layer_of(machine)
    assert len(terminal.asked) == 2


def test_a_plan_file_that_is_missing_is_told_before_the_question(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    terminal.stand_in(monkeypatch)
    terminal.answers = ["y"]
    with pytest.raises(FileError):
        apply.apply(machine, parsed("apply", "security", "missing.tfplan"))
    assert terminal.asked == []


def test_without_a_terminal_a_command_names_the_flag(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    Terminal().stand_in(monkeypatch)
    layer_of(machine, "--binary", "tofu")
    (runs,) = machine.places.sessions.with_name("layer-runs").iterdir()
    left = credentials_folder(runs, "security")  # by a killed command
    left.mkdir(parents=True)
    with pytest.raises(ProgramNotTrusted) as refused:
        layer_of(machine)
    assert not left.exists()
    assert "--trust-binary" in refused.value.next
    layer_of(machine, "--trust-binary")
    layer_of(machine)
    (known,) = json.loads(machine.places.trusted_programs.read_bytes())
    assert known == str(machine.working_folder / "bin" / "terraform")


@pytest.mark.parametrize(
    "words",
    [
        ("layer", "show", "security"),
        ("layer", "show", "security", "--json"),
        ("layer", "accounts", "--add", "new", "--email", "new@example.org", "--dry-run"),
        ("layer", "account", "security"),
        ("layer", "remove", "security", "alex.kim", "--dry-run"),
        ("profiles", "show", "--as", "security", "."),
    ],
    ids=" ".join,
)
def test_reading_commands_run_nothing_of_the_project(
    machine: Machine, mark: Path, words: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> None:
    options = parsed(*words)
    assert (options.run(machine, options) or DONE) == DONE
    assert capsys.readouterr().out
    assert not mark.exists()


@pytest.mark.parametrize("entry", [".", "", "bin", "./bin"])
def test_no_program_is_looked_for_where_one_stands(trapped: AdminProject, mark: Path, entry: str) -> None:
    for name in ("git", "gpg", "gpgconf", "terraform", "tofu", "aws"):
        for folder in (trapped.root, trapped.root / "bin"):
            program(folder / name, f"echo $0 $* >> {mark}")
    environment = {**trapped.environment.variables, "TMPDIR": str(trapped.folder)}
    environment["PATH"] = f"{entry}:{environment['PATH']}"
    for words in (
        ("layer", "accounts", "--add", "new", "--email", "new@example.org", "--dry-run"),
        ("doctor",),
    ):
        subprocess.run(
            [sys.executable, "-P", "-m", "iam_onboard", *words],
            cwd=trapped.root,
            env=environment,
            check=False,
            capture_output=True,
        )
        assert not mark.exists()


def test_the_wizards_first_page_runs_nothing_of_the_project(trapped: AdminProject, mark: Path) -> None:
    trapped.replace("security", "users.tf", "\n", "\n\n")
    found = project.survey(str(trapped.root), trapped.context(), quiet)
    assert found.uncommitted["security"] == 1
    request = project.Request(path=str(trapped.root), layers=("security",), joining=("jane.doe",))
    with pytest.raises(ProgramNotTrusted):
        project.perform(request, trapped.context(), quiet)
    assert not mark.exists()
