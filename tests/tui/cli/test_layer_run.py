"""The exclusive use of a layer by one command, its codes, its signals and its progress."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from support.own_machine import answering, parsed

from tui.cli import handoff, layer_run, plan
from tui.cli.layer_run import asked_code, layer_alone, stoppable, with_codes
from tui.host import Machine
from workflows.aws.clients import ProfileFiles
from workflows.aws.sts import CodeMemory, RepeatedCode
from workflows.core.processes import process_started_at
from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError
from workflows.steps.admin import (
    terraform_runs,
    upstream,
)
from workflows.steps.admin.terraform_runs import CodeWanted, open_layer, run_folder
from workflows.steps.shared.module import Context, Progress
from workflows.terraform.binary import Binary, Product
from workflows.terraform.events import Progress as Operations
from workflows.terraform.failures import Failure, LockHeld, LockInfo, TerraformFailed
from workflows.terraform.results import ApplyFailed, ApplyResult
from workflows.terraform.runner import LeftRunning, Update


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
    terminal = answering(monkeypatch, "123456")
    with layer_alone(machine, parsed("plan", "security")) as context:
        code = asked_code(context)
    assert code is not None
    assert code.reveal() == "123456"
    assert terminal.asked == ["arn:aws:iam::222222222222:mfa/lee"]


def test_each_further_device_is_asked_once(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    second, third = "arn:aws:iam::222222222222:mfa/second", "arn:aws:iam::333333333333:mfa/third"
    terminal = answering(monkeypatch, "222222", "333333")
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
    terminal = answering(monkeypatch, "222222", "333333", "444444", "555555")
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
