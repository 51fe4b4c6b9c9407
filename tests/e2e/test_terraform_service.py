"""A real Terraform through the service: plan, apply, cancel, and what a killed wizard leaves behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from support.repository import ROOT
from support.terraform import make_layer, terraform_argv, terraform_environment

from workflows.core.sentences import Cancelled, OnboardError
from workflows.core.shapes import plain, read
from workflows.terraform.binary import Binary, Product, Wanted, choose_binary, identify
from workflows.terraform.failures import Failure, LockHeld, StateUnwritten
from workflows.terraform.plan import Action
from workflows.terraform.record import PlanRecord
from workflows.terraform.results import ApplyCancelled, ApplyFailed, PlanOutdated, replace_next
from workflows.terraform.runner import Kind, LeftRunning, Run, Update, Watch
from workflows.terraform.service import Terraform

pytestmark = pytest.mark.e2e

USERS = {'terraform_data.user["a.example"]', 'terraform_data.user["b.sample"]'}
EVERYTHING = USERS | {"terraform_data.first"}


@pytest.fixture
def binary(tmp_path: Path) -> Binary:
    return identify(terraform_argv(tmp_path), terraform_environment(tmp_path), tmp_path)


def service(
    binary: Binary,
    tmp_path: Path,
    layer: Path,
    folder: str = "runs",
    backend_configs: tuple[Path, ...] = (),
    backend: Mapping[str, str] | None = None,
) -> Terraform:
    return Terraform(
        binary,
        layer,
        tmp_path / folder,
        environment=terraform_environment(tmp_path),
        variables={},
        backend_configs=backend_configs,
        backend=backend or {},
        var_files=(),
        now=lambda: datetime(2026, 2, 3, 10, 20, 30, tzinfo=UTC),
    )


@pytest.fixture
def quick(binary: Binary, tmp_path: Path) -> Terraform:
    return service(binary, tmp_path, make_layer(tmp_path / "layer"))


@pytest.fixture
def over(tmp_path: Path) -> Path:
    """Once this file is there, an apply of the slow layer comes to its end."""
    return tmp_path / "over"


@pytest.fixture
def slow(binary: Binary, tmp_path: Path, over: Path) -> Iterator[Terraform]:
    terraform = service(binary, tmp_path, make_layer(tmp_path / "layer", until=over))
    yield terraform
    over.touch()
    if (run := terraform.running()) is not None:
        run.cancel()
        run.follow()


def leaving(terraform: Terraform, leave: threading.Event) -> Watch:
    """Leaves an apply to itself as soon as it works on a resource."""
    return Watch(lambda _: leave.set() if applying(terraform) else None, leave=leave)


def wait_for(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.02)


def applying(terraform: Terraform) -> bool:
    """Whether it works on both users; Terraform begins them one after the other."""
    output = terraform.folder / "apply" / "output.log"
    log = output.read_text().replace("\\", "") if output.is_file() else ""
    return all(f"{user}: Provisioning" in log for user in USERS)


def test_plan_apply_and_read(quick: Terraform) -> None:
    assert quick.init_needed()
    updates: list[Update] = []
    record, plan = quick.plan(watch=Watch(updates.append))
    assert not quick.init_needed()
    assert {change.address for change in plan.changes} == EVERYTHING
    assert {change.action for change in plan.changes} == {Action.CREATE}
    assert record.made_at == "2026-02-03T10:20:30+00:00"
    assert record.binary == str(quick.binary)
    assert any("Plan: 3 to add" in line for update in updates for line in update.lines)
    assert record.plan.stat().st_mode & 0o777 == 0o600
    assert quick.folder.stat().st_mode & 0o777 == 0o700

    kept = read(PlanRecord, json.loads(json.dumps(plain(record))))
    assert kept == record
    updates.clear()
    result = quick.apply(kept, watch=Watch(updates.append))
    assert result.succeeded
    assert set(result.done) == EVERYTHING
    assert len(updates[-1].progress.done) == updates[-1].progress.total
    assert not record.plan.exists()
    assert sorted(path.name for path in quick.folder.iterdir()) == [
        "apply.json",
        "apply.log",
        "init.log",
        "plan.log",
    ]
    assert set(quick.state().addresses) == EVERYTHING
    # Asked again for the same apply, the service knows that it is over.
    assert quick.apply(kept) == result

    _, nothing = quick.plan()
    assert nothing.is_empty
    _, again = quick.plan(replace=["terraform_data.first"])
    assert [(change.address, change.action) for change in again.replaced] == [
        ("terraform_data.first", Action.REPLACE)
    ]


def test_a_plan_older_than_the_files_is_refused(quick: Terraform) -> None:
    record, _ = quick.plan()
    (quick.layer / "users.tf").write_text("# a new file\n")
    with pytest.raises(PlanOutdated) as refused:
        quick.apply(record)
    assert refused.value.detail == str(quick.layer / "users.tf")
    (quick.layer / "users.tf").unlink()
    assert quick.apply(record).succeeded


def test_another_plan_file_is_refused_and_so_is_none(quick: Terraform) -> None:
    record, _ = quick.plan()
    record.plan.write_bytes(record.plan.read_bytes() + b"x")
    with pytest.raises(OnboardError, match=r"plan\.tfplan"):
        quick.apply(record)
    quick.give_up_plan()
    with pytest.raises(OnboardError, match=r"plan\.tfplan"):
        quick.apply(record)


def test_terraforms_own_error_is_shown_whole(quick: Terraform) -> None:
    (quick.layer / "users.tf").write_text("locals {\n  people = nothing.there\n}\n")
    with pytest.raises(OnboardError) as failed:
        quick.plan()
    assert "Reference to undeclared resource" in failed.value.detail
    assert "users.tf:2" in failed.value.detail
    assert not (quick.folder / "plan.tfplan").exists()
    assert quick.running() is None


def test_a_module_that_is_not_installed_is_noticed(quick: Terraform) -> None:
    quick.init()
    module = quick.layer.parent / "module"
    module.mkdir()
    (module / "main.tf").write_text('resource "terraform_data" "x" {}\n')
    (quick.layer / "module.tf").write_text('module "local" {\n  source = "../module"\n}\n')
    record, plan = quick.plan()
    assert "module.local.terraform_data.x" in {change.address for change in plan.changes}
    (module / "main.tf").write_text('resource "terraform_data" "y" {}\n')
    with pytest.raises(PlanOutdated) as refused:
        quick.apply(record)
    assert refused.value.detail == str(module / "main.tf")


def test_a_changed_backend_is_noticed(binary: Binary, tmp_path: Path) -> None:
    layer = make_layer(tmp_path / "layer")
    config = tmp_path / "backend.tfvars"

    def kept_in(name: str) -> Terraform:
        config.write_text(f'path = "{tmp_path}/{name}.tfstate"\n')
        backend = {"path": f"{tmp_path}/{name}.tfstate"}
        return service(binary, tmp_path, layer, backend_configs=(config,), backend=backend)

    terraform = kept_in("one")
    terraform.init()
    assert not terraform.init_needed()
    terraform = kept_in("two")
    assert terraform.init_needed()
    with pytest.raises(OnboardError, match=Failure.BACKEND.value.title):
        terraform.init()
    terraform.init(reconfigure=True)
    assert not terraform.init_needed()


def test_cancel_is_one_interrupt_and_the_rest_converges(slow: Terraform, over: Path) -> None:
    record, _ = slow.plan()
    cancelled = threading.Event()
    sent: list[int] = []

    def stop(_: Update) -> None:
        if applying(slow) and not cancelled.is_set():
            process = json.loads((slow.folder / "apply" / "process.json").read_text())
            sent.append(process["pid"])
            cancelled.set()

    with pytest.raises(ApplyCancelled) as stopped:
        slow.apply(record, watch=Watch(stop, cancelled))
    assert len(sent) == 1
    assert stopped.value.result.done == ("terraform_data.first",)
    assert set(stopped.value.result.failed) == USERS
    assert not (slow.layer / ".terraform.tfstate.lock.info").exists()
    log = (slow.folder / "apply.log").read_text()
    assert log.count("Interrupt received.") == 1
    assert "Two interrupts received" not in log
    assert not record.plan.exists()

    # What was cut off is tainted; the next plan replaces it, and then nothing is left to do.
    over.touch()
    record, plan = slow.plan()
    assert {change.address for change in plan.changes} == USERS
    assert slow.apply(record).succeeded
    assert slow.plan()[1].is_empty


def test_a_second_cancel_is_never_sent(slow: Terraform) -> None:
    record, _ = slow.plan()
    failures: list[OnboardError] = []

    def apply() -> None:
        try:
            slow.apply(record)
        except OnboardError as error:
            failures.append(error)

    thread = threading.Thread(target=apply)
    thread.start()
    wait_for(lambda: applying(slow))
    first = Run.attach(slow.folder / "apply")
    second = Run.attach(slow.folder / "apply")
    assert first is not None
    assert second is not None
    assert first.cancel() is True
    assert first.cancel() is False
    assert second.cancel() is False
    thread.join()
    (failure,) = failures
    assert isinstance(failure, ApplyCancelled)


def test_leaving_lets_the_apply_go_on_and_the_next_one_finds_it(
    slow: Terraform, over: Path, binary: Binary
) -> None:
    record, _ = slow.plan()
    leave = threading.Event()
    with pytest.raises(LeftRunning):
        slow.apply(record, watch=leaving(slow, leave))
    run = slow.running()
    assert run is not None
    assert run.description.kind is Kind.APPLY
    with pytest.raises(OnboardError, match="still running"):
        slow.plan()
    over.touch()
    another = service(binary, slow.folder.parent, slow.layer)
    result = another.apply(record)
    assert result.succeeded
    assert set(result.done) == EVERYTHING


WIZARD = """
import json, sys
from datetime import UTC, datetime
from pathlib import Path
from workflows.core.shapes import read
from workflows.terraform.binary import Binary, Product
from workflows.terraform.record import PlanRecord
from workflows.terraform.service import Terraform
from workflows.terraform.failures import StateUnwritten

given = json.loads(sys.argv[1])
Terraform(
    Binary(tuple(given["argv"]), Product.TERRAFORM, given["version"]),
    Path(given["layer"]),
    Path(given["folder"]),
    environment=given["environment"],
    variables={},
    backend_configs=(),
    backend={},
    var_files=(),
    now=lambda: datetime.now(UTC),
).apply(read(PlanRecord, given["record"]))
"""


def start_wizard(terraform: Terraform, record: PlanRecord) -> subprocess.Popen[bytes]:
    """Another process that applies, to be killed."""
    given = {
        "argv": terraform.binary.argv,
        "version": terraform.binary.version,
        "layer": str(terraform.layer),
        "folder": str(terraform.folder),
        "environment": terraform_environment(terraform.folder.parent),
        "record": plain(record),
    }
    root = str(ROOT)
    return subprocess.Popen(
        [sys.executable, "-c", WIZARD, json.dumps(given)],
        env={**os.environ, "PYTHONPATH": root},
        start_new_session=True,
    )


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_the_apply_survives_the_wizard(slow: Terraform, over: Path, number: signal.Signals) -> None:
    record, _ = slow.plan()
    wizard = start_wizard(slow, record)
    wait_for(lambda: applying(slow))
    # The whole process group, as a terminal does it.
    os.killpg(wizard.pid, number)
    assert wizard.wait() != 0
    assert slow.running() is not None

    over.touch()
    result = slow.apply(record)
    assert result.succeeded
    assert set(result.done) == EVERYTHING
    assert not (slow.layer / ".terraform.tfstate.lock.info").exists()
    assert slow.plan()[1].is_empty


def test_the_end_is_found_after_it_came_while_nobody_watched(slow: Terraform, over: Path) -> None:
    record, _ = slow.plan()
    wizard = start_wizard(slow, record)
    wait_for(lambda: applying(slow))
    wizard.kill()
    wizard.wait()
    over.touch()
    wait_for(lambda: slow.running() is None)
    assert record.plan.exists()
    updates: list[Update] = []
    assert slow.apply(record, watch=Watch(updates.append)).succeeded
    assert updates[-1].progress.applied
    assert not record.plan.exists()


def test_the_supervisor_killed_too_the_end_follows_from_terraforms_last_words(
    slow: Terraform, over: Path
) -> None:
    record, _ = slow.plan()
    wizard = start_wizard(slow, record)
    wait_for(lambda: applying(slow))
    process = json.loads((slow.folder / "apply" / "process.json").read_text())
    os.kill(process["supervisor_pid"], signal.SIGKILL)
    wizard.kill()
    wizard.wait()
    run = slow.running()
    assert run is not None
    over.touch()
    outcome = run.follow()
    assert outcome.exit_code == 0
    assert slow.apply(record).succeeded


def test_terraform_killed_is_told_and_what_is_left_can_be_planned(slow: Terraform, over: Path) -> None:
    record, _ = slow.plan()
    leave = threading.Event()
    with pytest.raises(LeftRunning):
        slow.apply(record, watch=leaving(slow, leave))
    process = json.loads((slow.folder / "apply" / "process.json").read_text())
    children = psutil.Process(process["pid"]).children()
    os.kill(process["pid"], signal.SIGKILL)
    with pytest.raises(ApplyFailed, match="was killed") as killed:
        slow.apply(record)
    assert killed.value.result.exit_code == -signal.SIGKILL
    for child in children:
        child.kill()
    record, plan = slow.plan()
    assert not plan.is_empty
    over.touch()
    assert slow.apply(record).succeeded
    assert slow.plan()[1].is_empty


def test_no_folder_for_sockets_stays_behind(quick: Terraform, tmp_path: Path) -> None:
    temporary = tmp_path / "t"
    temporary.mkdir()
    quick.environment["TMPDIR"] = str(temporary)
    record, _ = quick.plan()
    assert quick.apply(record).succeeded
    assert list(temporary.iterdir()) == []


def test_a_lock_that_is_held_says_who_holds_it(
    slow: Terraform, over: Path, binary: Binary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.terraform.commands.LOCK_SECONDS", 0)
    record, _ = slow.plan()
    leave = threading.Event()
    with pytest.raises(LeftRunning):
        slow.apply(record, watch=leaving(slow, leave))
    other = service(binary, slow.folder.parent, slow.layer, folder="other")
    with pytest.raises(LockHeld) as held:
        other.plan()
    assert held.value.lock.operation == "OperationTypeApply"
    assert "@" in held.value.what
    over.touch()
    assert slow.apply(record).succeeded


def test_a_plan_can_be_stopped(slow: Terraform) -> None:
    slow.init()
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(Cancelled):
        slow.state(cancelled=cancelled)
    # Set before it starts, the interrupt may come after the end: then there is a plan.
    try:
        record, _ = slow.plan(watch=Watch(cancelled=cancelled))
    except Cancelled:
        assert not (slow.folder / "plan.tfplan").exists()
    else:
        assert record.plan.exists()
    assert slow.running() is None


def test_a_stand_in_named_tofu_is_opentofu_to_the_end(tmp_path: Path) -> None:
    argv = terraform_argv(tmp_path, "tofu")
    environment = terraform_environment(tmp_path)
    tofu = choose_binary(
        Wanted(registry="opentofu", required_version="~> 1.6"),
        path=str(tmp_path),
        environment=environment,
        folder=tmp_path,
    )
    assert (tofu.argv, tofu.product) == (argv, Product.OPENTOFU)
    terraform = service(tofu, tmp_path, make_layer(tmp_path / "layer"))
    record, _ = terraform.plan()
    assert record.binary == f"OpenTofu {tofu.version}"
    assert terraform.apply(record).succeeded
    other = service(Binary(argv, Product.TERRAFORM, tofu.version), tmp_path, terraform.layer)
    record, _ = terraform.plan(replace=["terraform_data.first"])
    with pytest.raises(OnboardError, match="Another program"):
        other.apply(record)


def test_opentofu_is_called_by_its_name_in_every_word(tmp_path: Path) -> None:
    (real,) = terraform_argv(tmp_path)
    tofu = tmp_path / "bin" / "tofu"
    tofu.parent.mkdir()
    tofu.write_text(
        f'#!/bin/sh\ncase "$*" in\n  version*) echo "OpenTofu v1.8.0" ;;\n  *) exec {real} "$@" ;;\nesac\n'
    )
    tofu.chmod(0o755)
    environment = {**terraform_environment(tmp_path), "PATH": os.environ["PATH"]}
    chosen = choose_binary(
        Wanted(registry="opentofu", required_version="~> 1.6"),
        path=str(tofu.parent),
        environment=environment,
        folder=tmp_path,
    )
    assert str(chosen) == "OpenTofu 1.8.0"
    with pytest.raises(OnboardError, match="uses Terraform") as refused:
        choose_binary(
            Wanted(registry="terraform"), path=str(tofu.parent), environment=environment, folder=tmp_path
        )
    assert "registry.terraform.io" in refused.value.what
    terraform = service(chosen, tmp_path, make_layer(tmp_path / "layer"))
    record, _ = terraform.plan()
    assert terraform.apply(record).succeeded
    (terraform.layer / "broken.tf").write_text("locals {\n  people = nothing.there\n}\n")
    with pytest.raises(OnboardError) as failed:
        terraform.plan()
    assert failed.value.what.startswith("OpenTofu's ")


def test_an_import_takes_in_what_is_there_and_says_what_is_not(quick: Terraform) -> None:
    record, _ = quick.plan()
    assert quick.apply(record).succeeded
    address = "terraform_data.first"
    assert quick.import_(address, "any") is True  # in the state before
    subprocess.run(
        [*quick.binary.argv, "state", "rm", address], cwd=quick.layer, env=quick.environment, check=True
    )
    assert address not in quick.state().addresses
    assert quick.import_(address, "any") is True
    assert address in quick.state().addresses
    with pytest.raises(OnboardError, match="import failed") as failed:
        quick.import_("terraform_data.nobody", "any")
    assert "does not exist in the configuration" in " ".join(failed.value.detail.split())
    assert quick.running() is None
    assert not (quick.folder / "import").exists()


def test_what_is_to_be_replaced_next_is_kept_until_an_apply_went_through(quick: Terraform) -> None:
    record, _ = quick.plan()
    assert quick.apply(record).succeeded
    replace_next(quick.folder, "terraform_data.first")
    replace_next(quick.folder, "terraform_data.first")
    for _ in range(2):
        record, plan = quick.plan()
        assert [change.address for change in plan.replaced] == ["terraform_data.first"]
    assert quick.apply(record).succeeded
    assert quick.plan()[1].is_empty


def test_a_plan_that_the_state_has_outrun_did_nothing_and_is_given_up(
    quick: Terraform, binary: Binary, tmp_path: Path
) -> None:
    record, _ = quick.plan()
    colleague = service(binary, tmp_path, quick.layer, "colleague")
    colleague.apply(colleague.plan()[0])
    with pytest.raises(ApplyFailed) as failed:
        quick.apply(record)
    assert failed.value.title == Failure.STALE_PLAN.value.title
    assert failed.value.result.done == ()
    assert not record.plan.exists()


def leave_unwritten(terraform: Terraform, serial: int = 1, lineage: str = "") -> Path:
    """What an apply that could not write its state leaves: a newer one, in the layer's folder."""
    state = json.loads((terraform.layer / "terraform.tfstate").read_text())
    state |= {"serial": state["serial"] + serial, "lineage": lineage or state["lineage"]}
    file = terraform.layer / "errored.tfstate"
    file.write_text(json.dumps(state))
    return file


def test_a_state_that_could_not_be_written_stops_everything_until_it_is(quick: Terraform) -> None:
    record, _ = quick.plan()
    quick.apply(record)
    record, _ = quick.plan()
    file = leave_unwritten(quick)
    with pytest.raises(StateUnwritten, match=re.escape(str(file.parent))):
        quick.apply(record)
    with pytest.raises(StateUnwritten) as refused:
        quick.plan()
    assert "secrets" in refused.value.next
    quick.push_unwritten()
    assert not file.exists()
    assert quick.plan()[1].is_empty
    quick.push_unwritten()  # there is nothing to write any more


def test_a_left_state_that_is_older_or_anothers_is_kept_and_told(quick: Terraform) -> None:
    record, _ = quick.plan()
    quick.apply(record)
    for file in (leave_unwritten(quick, serial=-1), leave_unwritten(quick, lineage="of-another-layer")):
        with pytest.raises(OnboardError) as refused:
            quick.push_unwritten()
        assert refused.value.title == Failure.OTHER_STATE.value.title
        assert file.is_file()
