"""`plan` and `apply` from their arguments to their refusals; Terraform runs in the end-to-end tests."""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import signal
import stat
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
from support.admin_project import AdminProject
from support.loaded import loaded
from support.own_machine import Terminal

from tui.cli import apply, handoff, layer_run, plan
from tui.cli.arguments import DONE, REFUSED, USAGE, UsageError
from tui.cli.layer_run import asked_code, layer_alone, plans_of, stoppable, with_codes
from tui.cli.main import main
from tui.cli.parser import build_parser
from tui.host import Machine, Places
from workflows.aws.clients import ProfileFiles
from workflows.aws.sts import CodeMemory, RepeatedCode
from workflows.core.errors import OnboardError
from workflows.core.openpgp import fingerprint_in
from workflows.core.processes import process_started_at
from workflows.core.secret import Secret
from workflows.machine.summaries import Summary, keep_summary, made_from
from workflows.messages.handoff import NEW_PASSWORD
from workflows.steps.admin import (
    apply as apply_step,
    judged_plan,
    new_passwords,
    plan as plan_step,
    terraform_runs,
    upstream,
)
from workflows.steps.admin.accepted_plan import PASSWORD, ChangeLine, Planned, parts_of
from workflows.steps.admin.hand_over import occasion_of
from workflows.steps.admin.new_passwords import Note
from workflows.steps.admin.one_layer import KeptPlans, with_new_password
from workflows.steps.admin.other_sessions import answer_about
from workflows.steps.admin.terraform_runs import CodeWanted, open_layer, run_folder
from workflows.steps.decisions import Comparison
from workflows.steps.shared.module import Context, Progress
from workflows.terraform.binary import Binary, Product
from workflows.terraform.events import Progress as Operations
from workflows.terraform.failures import Failure, LockHeld, LockInfo, TerraformFailed
from workflows.terraform.record import PlanRecord, file_sha256, hash_sources
from workflows.terraform.results import ApplyFailed, ApplyResult
from workflows.terraform.runner import LeftRunning, Update
from workflows.terraform.state import LoginProfile, State

GONE = ChangeLine("module.user.alex", "user alex.kim: removed for good", ("alex.kim",))
GROUP = ChangeLine("group.old", "group old: is destroyed")
FOREIGN = ChangeLine("alias", "alias is changed")


@pytest.fixture
def machine(admin_project: AdminProject, tmp_path: Path) -> Machine:
    folder = tmp_path / "state"
    places = Places(folder / "sessions", folder / "sandboxes", folder / "vault", folder / "cache")
    home = admin_project.environment.home
    return Machine(places, home, home, admin_project.root, admin_project.environment.variables)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "kept.tfplan"


def terminal_with(monkeypatch: pytest.MonkeyPatch, *answers: str) -> Terminal:
    """A terminal at which this is answered, in order."""
    made = Terminal()
    made.answers = list(answers)
    made.stand_in(monkeypatch)
    return made


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


def parsed(*words: str) -> argparse.Namespace:
    return build_parser().parse_args(words)


def keep(machine: Machine, target: Path, content: bytes = b"a plan", **parts: Any) -> Planned:
    """A plan of the security layer, kept as `plan --out` keeps it."""
    with layer_alone(machine, parsed("plan", "security")) as context:
        run_folder(context).mkdir(parents=True, exist_ok=True)
        file = run_folder(context) / "plan.tfplan"
        file.write_bytes(content)
        layer = machine.working_folder / "security/global/base-identities"
        record = PlanRecord(
            file, file_sha256(file), layer, (), hash_sources(layer, ()), "", "Terraform 1.15.5", "now"
        )
        planned = Planned(record, ("a line",), {"add": 1, "change": 0, "destroy": 0}, **parts)
        plans_of(machine).keep(planned, "security", target, machine.now(), Note())
        file.unlink()
    return planned


def applying(machine: Machine, target: Path, *more: str) -> int:
    apply.apply(machine, parsed("apply", "security", str(target), *more))
    return DONE


@pytest.mark.parametrize(
    "words",
    [
        ["plan"],
        ["plan", "security", "--redact", "--json"],
        ["plan", "security", "--init", "again"],
        ["apply", "security"],
        ["handoff"],
        ["handoff", "create", "security"],
        ["handoff", "open"],
    ],
)
def test_what_is_no_command_is_wrong_usage(words: Sequence[str]) -> None:
    with pytest.raises(SystemExit) as usage:
        main(words)
    assert usage.value.code == USAGE


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


def test_a_kept_plan_is_known_wherever_it_is_moved_and_private(machine: Machine, target: Path) -> None:
    planned = keep(machine, target, gone=("alex.kim",), destroys=(GONE,))
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    moved = target.rename(target.with_name("moved"))
    kept = plans_of(machine).find(moved)
    assert (kept.planned, kept.account, kept.data) == (planned, "security", b"a plan")
    notes = machine.places.sessions.with_name("plans")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (notes, *notes.iterdir())] == [0o700, 0o600]


def test_a_new_plan_takes_the_place_of_the_one_before_and_old_notes_go(
    machine: Machine, target: Path
) -> None:
    keep(machine, target)
    notes = machine.places.sessions.with_name("plans")
    (before,) = notes.iterdir()
    keep(machine, target, b"another plan")
    (now,) = notes.iterdir()
    assert before != now
    os.utime(now, (0, 0))
    keep(machine, target.with_name("third.tfplan"), b"a third plan")
    assert not now.exists()


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


def test_a_plan_replaces_only_a_plan_and_is_no_file_of_the_layer(machine: Machine, target: Path) -> None:
    plans, layer = plans_of(machine), machine.working_folder / "security/global/base-identities"
    keep(machine, target)
    plans.refuse_target(target, layer)
    plans.refuse_target(layer / "my.tfplan", layer)
    build = machine.working_folder / "build.env"
    for path in (build, layer / "users.tf", machine.home, layer / "plan.out", target / "x"):
        with pytest.raises(OnboardError):
            plans.refuse_target(path, layer)


def test_a_plan_in_a_checkout_is_warned_of_unless_git_ignores_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object) -> None:
        raise OnboardError("Stopped here", "Terraform is not run in this test.")

    monkeypatch.setattr(plan_step, "make", stop)
    monkeypatch.setattr(layer_run, "asked_code", lambda _context: None)
    for name, warned in [("plan.out", True), (".terraform/plan.tfplan", False), ("../plan.tfplan", False)]:
        (machine.working_folder / ".terraform").mkdir(exist_ok=True)
        with pytest.raises(OnboardError, match="Stopped here"):
            plan.plan(machine, parsed("plan", "security", "--out", name))
        assert (Path(name).name in capsys.readouterr().err) is warned, name


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


def test_a_plan_is_not_kept_if_its_keys_cannot_be_checked(
    machine: Machine, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = keep(machine, target.with_name("other.tfplan"))

    def made(*_: object) -> Planned:
        planned.record.plan.write_bytes(b"a plan")
        return planned

    def unread(*_: object) -> NoReturn:
        raise OnboardError("The layer can't be read", "")

    monkeypatch.setattr(plan_step, "make", made)
    monkeypatch.setattr(layer_run, "asked_code", lambda _context: None)
    plan.plan(machine, parsed("plan", "security", "--out", str(target)))
    assert target.exists()
    target.unlink()
    monkeypatch.setattr(judged_plan, "doubted_keys", unread)
    with pytest.raises(OnboardError):
        plan.plan(machine, parsed("plan", "security", "--out", str(target)))
    assert not target.exists()


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


def test_a_plan_is_written_to_no_stream(machine: Machine) -> None:
    with pytest.raises(UsageError, match="--out"):
        plan.plan(machine, parsed("plan", "security", "--out", "-"))


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
    applied, terminal = Applied(monkeypatch), terminal_with(monkeypatch, *answers)
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
    applied, terminal = Applied(monkeypatch), terminal_with(monkeypatch)
    keep(machine, target, gone=("alex.kim",), destroys=(GONE,))
    assert applying(machine, target, "--yes") == DONE
    assert (terminal.asked, applied.requests[0].removals) == ([], ("alex.kim",))
    assert GONE.words in capsys.readouterr().err


def test_two_commands_do_not_work_on_a_layer_at_once(machine: Machine) -> None:
    with layer_alone(machine, parsed("plan", "security")):
        with layer_alone(machine, parsed("plan", "management")) as other:
            assert other.item == "management"
        with (
            pytest.raises(OnboardError, match=f" {os.getpid()} "),
            layer_alone(machine, parsed("plan", "security")),
        ):
            pass
    with layer_alone(machine, parsed("plan", "security")) as again:
        assert stat.S_IMODE(again.folder.stat().st_mode) == 0o700


def test_a_command_finds_its_project_once_and_asks_its_program_meanwhile(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing, binary = Path(os.devnull), Binary(("terraform",), Product.TERRAFORM, "1.5.7")
    monkeypatch.setattr(layer_run, "layer_binary", lambda *_: binary)
    monkeypatch.setattr(terraform_runs, "layer_binary", lambda *_: pytest.fail("It is asked twice."))
    asked: list[Path] = []
    monkeypatch.setattr(upstream, "check_upstream", lambda root, *_, **__: asked.append(root))
    monkeypatch.setattr(terraform_runs, "check_upstream", lambda *_, **__: pytest.fail("It is asked twice."))
    monkeypatch.setattr(terraform_runs, "find_project", lambda _root: pytest.fail("It is found twice."))
    monkeypatch.setattr(
        terraform_runs, "credential_files", lambda *_: nullcontext(ProfileFiles(nothing, nothing))
    )
    with (
        layer_alone(machine, parsed("plan", "security"), current=True) as context,
        open_layer(context, lambda _progress: None, current=True) as layer,
    ):
        assert layer.location.account == "security"
        assert layer.terraform.binary is binary
    assert asked == [layer.project.root]


def test_a_refused_command_does_not_wait_for_the_upstream(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(_root: object, context: Context, **_: object) -> None:
        context.cancelled.wait()

    monkeypatch.setattr(upstream, "check_upstream", asked)
    monkeypatch.setattr(layer_run, "layer_binary", lambda *_: None)
    refusal = OnboardError("Refused", "")
    with pytest.raises(OnboardError), layer_alone(machine, parsed("plan", "security"), current=True):
        raise refusal


def test_a_layer_without_its_project_is_not_planned(machine: Machine, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "users.tf").write_text('module "user_a_b" {\n  source = "../iam-user"\n  name   = "a.b"\n}\n')
    with (
        pytest.raises(OnboardError, match=re.escape(str(alone))),
        layer_alone(machine, parsed("plan", str(alone))),
    ):
        pass


def test_interrupts_stop_once_and_a_hang_up_stops_what_is_no_apply(
    machine: Machine, capfd: pytest.CaptureFixture[str]
) -> None:
    with layer_alone(machine, parsed("plan", "security")) as context, stoppable(context):
        signal.raise_signal(signal.SIGINT)
        assert context.cancelled.is_set()
        (first,) = capfd.readouterr().err.split("\n")[1:-1]
        signal.raise_signal(signal.SIGINT)
        (second,) = capfd.readouterr().err.split("\n")[1:-1]
        assert first != second
        context.cancelled.clear()
        signal.raise_signal(signal.SIGHUP)
        assert context.cancelled.is_set()
        assert not context.leaving.is_set()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_a_hang_up_that_nohup_ignores_stops_nothing(machine: Machine) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with layer_alone(machine, parsed("plan", "security")) as context, stoppable(context):
            signal.raise_signal(signal.SIGHUP)
            assert not context.cancelled.is_set()
            signal.raise_signal(signal.SIGTERM)
            assert context.cancelled.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_nothing_is_done_beside_an_apply_that_runs_and_a_hang_up_leaves_it_to_itself(
    machine: Machine,
) -> None:
    with layer_alone(machine, parsed("plan", "security")) as context:
        folder = run_folder(context) / "apply"
        folder.mkdir(parents=True)
        me = {"pid": os.getpid(), "started_at": process_started_at(os.getpid())}
        (folder / "process.json").write_text(
            json.dumps({**me, **{f"supervisor_{name}": value for name, value in me.items()}})
        )
        described = {"kind": "apply", "layer": "x", "temporary": "x", "facts": {}}
        (folder / "run.json").write_text(json.dumps(described))
        with stoppable(context):
            signal.raise_signal(signal.SIGTERM)
        assert context.leaving.is_set()
    with pytest.raises(OnboardError, match="still running"):
        plan.plan(machine, parsed("plan", "security"))
    with pytest.raises(OnboardError, match="still running"):
        handoff.create(machine, parsed("handoff", "create", "security", "jane.doe"))


def test_a_code_is_asked_for_on_the_terminal_where_the_profile_wants_one(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = machine.home / ".aws" / "bb"
    folder.mkdir(parents=True)
    (folder / "config").write_text(
        "[profile bb-security-devops]\nrole_arn = arn:aws:iam::222222222222:role/DevOps\n"
        "source_profile = bb-security\nmfa_serial = arn:aws:iam::222222222222:mfa/lee\n"
    )
    (folder / "credentials").write_text("[bb-security]\naws_access_key_id = x\naws_secret_access_key = y\n")
    terminal = terminal_with(monkeypatch, "123456")
    with layer_alone(machine, parsed("plan", "security")) as context:
        code = asked_code(context)
    assert code is not None
    assert code.reveal() == "123456"
    assert terminal.asked == ["arn:aws:iam::222222222222:mfa/lee"]


def test_each_further_device_is_asked_once(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    second, third = "arn:aws:iam::222222222222:mfa/second", "arn:aws:iam::333333333333:mfa/third"
    terminal = terminal_with(monkeypatch, "222222", "333333")
    given: list[str] = []

    def act(code: Secret | None) -> str:
        assert code is not None
        given.append(code.reveal())
        if given == ["111111"]:
            raise CodeWanted("bb-shared-devops", second)
        if given[-1] != "222222":
            raise CodeWanted("bb-apps-devops", third)
        return "done"

    with layer_alone(machine, parsed("plan", "security")) as context:
        assert with_codes(context, Secret("111111"), act) == "done"
        assert (given, terminal.asked) == (["111111", "222222"], [second])
        with pytest.raises(CodeWanted):
            with_codes(context, Secret("444444"), act)
    assert (given[2:], terminal.asked) == (["444444", "333333"], [second, third])


def test_a_code_that_aws_does_not_take_is_asked_for_again(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    serial = "arn:aws:iam::222222222222:mfa/lee"
    terminal = terminal_with(monkeypatch, "222222", "333333", "444444", "555555")
    given: list[str] = []
    memory = CodeMemory()
    memory.claim(serial, "222222")

    def act(code: Secret | None) -> str:
        assert code is not None
        given.append(code.reveal())
        if code.reveal() != "333333":
            memory.claim(serial, code.reveal())
            memory.claim(serial, code.reveal())
        return "done"

    with layer_alone(machine, parsed("plan", "security")) as context:
        assert with_codes(context, Secret("111111"), act) == "done"
        assert (given, terminal.asked) == (["111111", "222222", "333333"], [serial, serial])
        assert len(capsys.readouterr().err.splitlines()) == 2
        given.clear()
        with pytest.raises(RepeatedCode):
            with_codes(context, Secret("111111"), act)
        assert given == ["111111", "444444", "555555"]
        with pytest.raises(RepeatedCode):
            with_codes(context, Secret("111111"), act)  # nobody is there to be asked
    assert len(terminal.asked) == 4


def test_resources_that_end_in_one_update_are_counted_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    planned = {"a": "create", "b": "replace", "c": "delete", "d": "update"}
    told = layer_run.RunReport()
    for done, failed in ((("a",), ()), (("a", "c", "b"), ("d",)), (("a", "c", "b"), ("d",))):
        now = Operations(planned=planned, done=done, failed=failed)
        told(Progress("", payload=Update((), (), now)))
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["  ✓ 1/4  a", "  ✓ 2/4  c", "  ✓ 3/4  b", "  ✗ 3/4  d"]


def test_a_resource_alone_is_counted_as_what_ended(capsys: pytest.CaptureFixture[str]) -> None:
    now = Operations(planned=dict.fromkeys("abc", "create"), done=("a", "b", "c"))
    layer_run.RunReport()(Progress("", payload=Update((), (), now)))
    assert [line.split()[1] for line in capsys.readouterr().err.splitlines()] == ["1/3", "2/3", "3/3"]


KILLED = ApplyResult(None, (), (), ())
OTHER_PROVIDERS = TerraformFailed("t", "w", next="Upgrade.")
OTHER_PROVIDERS.failure = Failure.LOCK_FILE
HELD = LockHeld(LockInfo("a-lock", "sam@laptop", "OperationTypeApply", "today"), "")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (HELD, "force-unlock a-lock"),
        (OTHER_PROVIDERS, "--init upgrade"),
        (CodeWanted("bb-security-devops", "arn:x"), "Run the same command again, and enter the six digits"),
        (LeftRunning("t", "w", next="Resume"), "Run the same command again"),
        (ApplyFailed(OnboardError("t", "w"), KILLED), "import ADDRESS ID"),
        (ApplyFailed(OnboardError("t", "w", next="As it was."), replace(KILLED, exit_code=1)), "As it was."),
    ],
)
def test_what_a_screen_would_offer_is_told_as_a_command(
    machine: Machine, error: OnboardError, words: str
) -> None:
    with pytest.raises(type(error)) as told, layer_alone(machine, parsed("plan", "security")):
        raise error
    assert words in told.value.next
