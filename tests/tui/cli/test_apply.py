"""`apply` from its arguments to its refusals; Terraform runs in the end-to-end tests."""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.kept_plans import keep
from support.loaded import loaded
from support.own_machine import answering, parsed

from tui.cli import apply, layer_run, plan
from tui.cli.arguments import DONE, REFUSED
from tui.cli.layer_run import layer_alone, plans_of
from tui.host import Machine
from workflows.core.openpgp import fingerprint_in
from workflows.core.sentences import OnboardError
from workflows.machine.summaries import Summary, keep_summary, made_from
from workflows.messages.handoff import NEW_PASSWORD
from workflows.steps.admin import (
    apply as apply_step,
    new_passwords,
    plan as plan_step,
)
from workflows.steps.admin.accepted_plan import PASSWORD, ChangeLine, parts_of
from workflows.steps.admin.hand_over import occasion_of
from workflows.steps.admin.new_passwords import Note
from workflows.steps.admin.one_layer import KeptPlans, with_new_password
from workflows.steps.admin.other_sessions import answer_about
from workflows.steps.admin.terraform_runs import run_folder
from workflows.steps.decisions import Comparison
from workflows.steps.shared.module import Context
from workflows.terraform.state import LoginProfile, State

GONE = ChangeLine("module.user.alex", "user alex.kim: removed for good", ("alex.kim",))
GROUP = ChangeLine("group.old", "group old: is destroyed")
FOREIGN = ChangeLine("alias", "alias is changed")


class Applied:
    """The step that would run Terraform: it notes what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.requests: list[apply_step.Request] = []
        self.error: Exception | None = None
        monkeypatch.setattr(apply_step, "perform", self._perform)
        monkeypatch.setattr(layer_run, "asked_code", lambda _context: None)

    def _perform(
        self, request: apply_step.Request, context: Context, _report: object
    ) -> Mapping[str, Mapping[str, int]]:
        assert apply_step.validate(request, context) == []
        assert (run_folder(context) / "plan.tfplan").read_bytes() == b"a plan"
        self.requests.append(request)
        if self.error:
            raise self.error
        (run_folder(context) / "plan.tfplan").unlink()
        return {"applied": {"added": 1, "changed": 2, "destroyed": 3}}


def applying(machine: Machine, target: Path, *more: str) -> int:
    apply.apply(machine, parsed("apply", "security", str(target), *more))
    return DONE


@pytest.mark.parametrize("command", [["plan"], ["apply", "--yes"]], ids=["plan", "apply"])
def test_the_layer_is_found_and_asks_its_program_before_anything_else_is_loaded(
    tmp_path: Path, command: list[str]
) -> None:
    file = tmp_path / "a.tfplan"
    file.touch()
    words = [*command, os.fspath(tmp_path), *([os.fspath(file)] if "apply" in command else [])]
    there = loaded(f"from tui.cli.main import main; assert main({words!r}) == {REFUSED}")
    assert not there & {"textual", "rich", "boto3", "botocore", "moto", "flask", "configupdater"}
    assert {name for name in there if name.startswith("workflows.steps.admin.")} == {
        "workflows.steps.admin.layer_program"
    }


@pytest.mark.parametrize("asks", [True, False], ids=["a program to ask about", "a trusted one"])
def test_a_plan_that_was_changed_or_made_by_terraform_alone_is_refused_before_any_question(
    machine: Machine, target: Path, *, asks: bool
) -> None:
    keep(machine, target)
    if asks:
        program = machine.working_folder / "terraform"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        build_env = machine.working_folder / "build.env"
        build_env.write_text(f"{build_env.read_text()}\nTF_BINARY=./terraform\n")
    target.write_bytes(b"a plan!")
    with pytest.raises(OnboardError) as refused:
        applying(machine, target)
    assert str(target) in refused.value.what
    assert not refused.value.why
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("tfplan", "")
    target.write_bytes(content.getvalue())
    with pytest.raises(OnboardError) as refused:
        applying(machine, target)
    assert "terraform plan -out" in refused.value.why
    assert target.exists()


def test_only_the_plan_that_was_kept_is_applied_and_then_it_is_gone(
    machine: Machine, target: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    applied = Applied(monkeypatch)
    keep(machine, target, passwords=("jane.doe",))
    assert applying(machine, target) == DONE
    told = capsys.readouterr()
    assert re.findall(r"\d+", told.out) == ["1", "2", "3"]
    assert "iam-onboard handoff create security jane.doe\n" in told.err
    assert len(applied.requests) == 1
    assert not target.exists()
    assert list(machine.places.sessions.with_name("plans").iterdir()) == []


def test_an_applied_plan_is_known_as_long_as_its_file_is_there(
    machine: Machine, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Applied(monkeypatch)
    keep(machine, target)
    there = []
    monkeypatch.setattr(KeptPlans, "forget", lambda _plans, _sha256: there.append(target.exists()))
    assert applying(machine, target) == DONE
    assert there == [False]


def test_a_plan_for_a_new_password_is_applied_as_that_whatever_was_planned_since(
    machine: Machine, target: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    applied = Applied(monkeypatch)
    note = Note(("jane.doe",), {"jane.doe": "a hash"})
    planned = keep(machine, target, passwords=("alex.kim", "jane.doe"))
    with layer_alone(machine, parsed("plan", "security")) as context:
        planned.record.plan.write_bytes(b"a plan")
        plans_of(machine).keep(planned, "security", target, machine.now(), note)
        new_passwords.write(Note(("somebody.else",)), context)
    assert applying(machine, target) == DONE
    assert len(applied.requests) == 1
    told = capsys.readouterr().err
    assert "handoff create security jane.doe --new-password\n" in told
    assert "handoff create security alex.kim\n" in told
    with layer_alone(machine, parsed("plan", "security")) as context:
        assert new_passwords.note_of(context) == note
        known = with_new_password(context, "jane.doe", ["management"])
        state = State(login_profiles={"jane.doe": LoginProfile("jane.doe", "a", "b", "", clear=False)})
        assert list(new_passwords.unchanged(state, known, "management")) == ["jane.doe"]
        assert occasion_of("jane.doe", known) == NEW_PASSWORD
        assert parts_of("jane.doe", "management", known) == {PASSWORD}
        new_passwords.write(Note(), context)
        elsewhere = with_new_password(context, "jane.doe")
        assert new_passwords.unchanged(state, elsewhere, "security") == {}
        assert occasion_of("jane.doe", elsewhere) == NEW_PASSWORD


def test_a_plan_for_somebody_elses_key_is_warned_of(
    machine: Machine, target: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Applied(monkeypatch)
    keys = machine.working_folder / "security/global/base-identities/keys"
    (keys / "alex.kim").write_bytes((keys / "dana.lopez").read_bytes())
    planned = keep(machine, target, passwords=("alex.kim",))
    monkeypatch.setattr(plan_step, "make", lambda *_: planned)
    for act in (
        lambda: plan.plan(machine, parsed("plan", "security")),
        lambda: applying(machine, target),
    ):
        act()
        (warned,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: ")]
        assert "alex.kim" in warned
        assert "dana.lopez" in warned


@pytest.mark.parametrize("decided", [True, False])
@pytest.mark.parametrize("said", [Comparison.DIFFERS, Comparison.SAME])
def test_what_a_session_said_of_a_key_holds_for_the_commands(
    machine: Machine,
    target: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    said: Comparison,
    *,
    decided: bool,
) -> None:
    applied, session = Applied(monkeypatch), machine.places.sessions / "one"
    keys = machine.working_folder / "security/global/base-identities/keys"
    (keys / "alex.kim").write_bytes((keys / "dana.lopez").read_bytes())
    fingerprint = fingerprint_in((keys / "alex.kim").read_bytes())
    planned = keep(machine, target, passwords=("alex.kim",))
    monkeypatch.setattr(plan_step, "make", lambda *_: planned)
    facts: dict[str, Any] = {"project_root": str(machine.working_folder)}
    if decided:
        key = {"text": "a key", "fingerprint": fingerprint, "source": "pasted"}
        facts |= {"joining": ["alex.kim"], "keys": {"alex.kim": key}, "comparisons": {"alex.kim": said}}
    session.mkdir(parents=True)
    keep_summary(session, Summary(session.name, "admin", facts=facts), made_from(session))
    with layer_alone(machine, parsed("plan", "security")) as context:
        if not decided:
            answer_about("alex.kim", fingerprint, said, replace(context, folder=session))
    plan.plan(machine, parsed("plan", "security"))
    assert ("warning: " in capsys.readouterr().err) is (said is Comparison.DIFFERS)
    with nullcontext() if said is Comparison.SAME else pytest.raises(OnboardError):
        applying(machine, target)
    assert bool(applied.requests) is (said is Comparison.SAME)


def test_a_link_stands_for_the_plan_that_it_leads_to(
    machine: Machine, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Applied(monkeypatch)
    keep(machine, target)
    link = target.with_name("link")
    link.symlink_to(target)
    assert applying(machine, link) == DONE
    assert not target.exists()
    link.unlink()
    link.symlink_to(machine.working_folder / "security/global/base-identities/plan.tf")
    with pytest.raises(OnboardError, match=r"plan\.tf"):
        plan.plan(machine, parsed("plan", "security", "--out", str(link)))


def test_a_plan_that_others_can_read_is_told(
    machine: Machine, target: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Applied(monkeypatch)
    keep(machine, target)
    target.chmod(0o640)
    assert applying(machine, target) == DONE
    assert str(target) in capsys.readouterr().err


def test_a_failure_before_anything_was_changed_leaves_the_plan_for_another_time(
    machine: Machine, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied = Applied(monkeypatch)
    applied.error = OnboardError("The state has changed", "Somebody applied something.")
    keep(machine, target)
    with pytest.raises(OnboardError, match="has changed"):
        applying(machine, target)
    assert target.exists()
    assert not list(machine.places.sessions.with_name("layer-runs").rglob("*.tfplan"))
    applied.error = None
    assert applying(machine, target) == DONE


def test_changed_files_and_another_layer_are_refused(
    machine: Machine, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied = Applied(monkeypatch)
    keep(machine, target)
    with pytest.raises(OnboardError, match="/management/"):
        apply.apply(machine, parsed("apply", "management", str(target)))
    (machine.working_folder / "security/global/base-identities/new.tf").write_text("# new\n")
    with pytest.raises(OnboardError, match=r"security/\S+/new\.tf"):
        applying(machine, target)
    assert applied.requests == []
    assert target.exists()


def test_an_empty_plan_is_done_without_terraform(
    machine: Machine, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(machine, target, empty=True)
    assert applying(machine, target) == DONE
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert not target.exists()


@pytest.mark.parametrize(
    ("parts", "answers", "asked", "refused"),
    [
        ({}, (), 0, ""),
        ({"gone": ("alex.kim",), "destroys": (GONE,)}, ("alex.kim",), 1, ""),
        (
            {"gone": ("alex.kim",), "destroys": (GONE,)},
            ("yes",),
            1,
            "You didn't confirm the removal of alex.kim",
        ),
        ({"gone": ("alex.kim",), "destroys": (GONE, GROUP)}, ("alex.kim", "yes"), 2, ""),
        ({"destroys": (GROUP,)}, ("y",), 1, "You didn't confirm that"),
        ({"foreign": (FOREIGN,)}, ("yes",), 1, ""),
        ({"foreign": (FOREIGN,)}, (), 0, "no terminal to ask on"),
        ({"destroys": (GROUP,)}, (), 0, "no terminal to ask on"),
    ],
)
def test_what_is_destroyed_or_foreign_wants_a_typed_answer(
    machine: Machine,
    target: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    parts: dict[str, Any],
    answers: tuple[str, ...],
    asked: int,
    refused: str,
) -> None:
    applied, terminal = Applied(monkeypatch), answering(monkeypatch, *answers)
    keep(machine, target, **parts)
    if refused:
        with pytest.raises(OnboardError, match=refused):
            applying(machine, target)
    else:
        assert applying(machine, target) == DONE
    assert len(terminal.asked) == asked
    assert len(applied.requests) == (0 if refused else 1)
    shown = capsys.readouterr().err
    assert all(part.words in shown for part in (*parts.get("destroys", ()), *parts.get("foreign", ())))


def test_yes_asks_nothing_and_still_tells(
    machine: Machine, target: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    applied, terminal = Applied(monkeypatch), answering(monkeypatch)
    keep(machine, target, gone=("alex.kim",), destroys=(GONE,))
    assert applying(machine, target, "--yes") == DONE
    assert (terminal.asked, applied.requests[0].removals) == ([], ("alex.kim",))
    assert GONE.words in capsys.readouterr().err
