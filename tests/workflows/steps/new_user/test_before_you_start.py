"""Before you start, with the real gpg and fake programs."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from support.fakes import fake_environment
from support.pgp import ENVIRONMENT

from workflows.core.installation import how_to_install
from workflows.gpg.tools import GpgMissing
from workflows.machine.events import AGREES
from workflows.messages.envelope import MessageError
from workflows.messages.invitation import Invitation
from workflows.steps.new_user import before_you_start as step
from workflows.steps.new_user.before_you_start import Request
from workflows.steps.shared.module import Context, Progress
from workflows.steps.shared.paths import typed_path


def nothing(_progress: Progress) -> None:
    return None


def context(tmp_path: Path, path: str = "", mailbox: Path | None = None) -> Context:
    variables = {**ENVIRONMENT, "PATH": path or ENVIRONMENT["PATH"]}
    environment = fake_environment(tmp_path, variables, mailbox=mailbox, sandbox=mailbox is not None)
    return Context(environment=environment, facts={}, every={}, item="", folder=tmp_path)


def program(folder: Path, name: str, body: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


def test_the_versions_of_what_is_here_become_facts(tmp_path: Path) -> None:
    bin_folder = tmp_path / "bin"
    program(bin_folder, "aws", "echo 'aws-cli/2.15.0 Python/3.11 Linux/6 exe/x86_64'")
    facts = step.perform(
        Request("bb", "jane.doe"), context(tmp_path, f"{bin_folder}:{ENVIRONMENT['PATH']}"), nothing
    )
    assert facts["project"] == "bb"
    assert facts["user"] == "jane.doe"
    assert facts["tools"]["aws"] == "2.15.0"
    assert facts["tools"]["gpg"].startswith("2.")


def test_an_aws_that_is_silent_or_missing_stops_nobody(tmp_path: Path) -> None:
    bin_folder = tmp_path / "bin"
    program(bin_folder, "aws", "exit 3")
    found = step.survey(context(tmp_path, f"{bin_folder}:{ENVIRONMENT['PATH']}"), nothing)
    assert found.tools[1].version
    assert not re.search(r"\d", found.tools[1].version)
    (bin_folder / "aws").unlink()
    program(bin_folder, "gpg", "echo 'gpg (GnuPG) 2.4.7'")
    facts = step.perform(Request("bb", "jane.doe"), context(tmp_path, str(bin_folder)), nothing)
    assert facts["tools"] == {"gpg": "2.4.7"}


def test_without_gpg_the_step_is_refused_with_the_commands_that_install_it(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    without = context(tmp_path, str(tmp_path / "empty"))
    with pytest.raises(GpgMissing) as refused:
        step.perform(Request("bb", "jane.doe"), without, nothing)
    assert how_to_install("gpg") in refused.value.next
    tool = step.survey(without, nothing).tools[0]
    assert (tool.version, tool.needed) == ("", True)
    assert step.observe(without).contradicts
    assert step.observe(context(tmp_path)) == AGREES


@pytest.mark.parametrize(
    ("request_", "fields", "fatal"),
    [
        (Request("bb", "jane.doe"), [], False),
        (Request("", "jane.doe"), ["project"], False),
        (Request("bb", ""), ["user"], True),
        (Request("b b", "jane.doe"), ["project"], True),
        (Request("bb", "jane doe"), ["user"], True),
    ],
)
def test_names_are_checked(tmp_path: Path, request_: Request, fields: list[str], fatal: bool) -> None:
    problems = step.validate(request_, context(tmp_path))
    assert [problem.field for problem in problems] == fields
    assert any(problem.fatal for problem in problems) is fatal


def test_a_sandbox_has_one_project(tmp_path: Path) -> None:
    there = context(tmp_path)
    sandbox = replace(there, environment=replace(there.environment, project="bb"))
    for project, fields in (("bb", []), ("x", ["project"])):
        problems = [
            problem for problem in step.validate(Request(project, "jane.doe"), sandbox) if problem.fatal
        ]
        assert [problem.field for problem in problems] == fields


def test_the_last_invitation_is_the_first_and_another_user_is_warned_of(tmp_path: Path) -> None:
    mailbox = tmp_path / "mailbox"
    mailbox.mkdir()
    for at, name in enumerate(("ann", "eve", "bo.ek")):
        path = mailbox / f"invitation-{name}.txt"
        path.write_text(Invitation("bb", name).render())
        os.utime(path, (at, at))
    found = step.invitations(context(tmp_path, mailbox=mailbox))
    assert [invitation.user for invitation in found] == ["bo.ek", "eve", "ann"]
    for user, fields in (("eve", []), ("jane.doe", ["user"])):
        problems = step.validate(Request("bb", user), context(tmp_path, mailbox=mailbox))
        assert [problem.field for problem in problems if not problem.fatal] == fields


def test_invitations_are_read_from_the_mailbox(tmp_path: Path) -> None:
    mailbox = tmp_path / "mailbox"
    mailbox.mkdir()
    assert step.invitations(context(tmp_path, mailbox=mailbox)) == ()
    (mailbox / "invitation-jane.doe.txt").write_text(Invitation("bb", "jane.doe").render())
    (mailbox / "handoff-jane.doe.txt").write_text("something else")
    assert step.invitations(context(tmp_path, mailbox=mailbox)) == (Invitation("bb", "jane.doe"),)
    (mailbox / "invitation-x.txt").write_text("Hello")
    with pytest.raises(MessageError):
        step.invitations(context(tmp_path, mailbox=mailbox))


def test_paths_start_in_the_home_of_the_person(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert typed_path(" '~/a b.txt' ", home) == home / "a b.txt"
    assert typed_path("a\\ b.txt", home) == home / "a b.txt"
    assert typed_path("~", home) == home
    assert typed_path("/etc/hosts", home) == Path("/etc/hosts")
