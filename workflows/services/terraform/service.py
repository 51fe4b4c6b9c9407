"""Terraform for one layer: init, plan, apply and read, each as one call that waits and reports.

What runs is found again: the runs of a layer are in one private folder under fixed names, so that a wizard
which was killed meanwhile asks for the same apply and gets the end of the one that is running or has ended
since.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflows.errors import Cancelled, OnboardError
from workflows.services.git import Git
from workflows.services.processes import Completed, capture, child_environment, write_record
from workflows.services.terraform.failures import failure, needs_init
from workflows.services.terraform.initialisation import init_needed
from workflows.services.terraform.kept_results import earlier_result
from workflows.services.terraform.layer_runs import LayerRuns
from workflows.services.terraform.outcome import Kind, Outcome, Update
from workflows.services.terraform.plan import Plan
from workflows.services.terraform.plan_reader import read_plan
from workflows.services.terraform.record import (
    PlanRecord,
    changed_since,
    hash_sources,
    record_plan,
    refuse_another_plan,
)
from workflows.services.terraform.results import (
    ApplyCancelled,
    ApplyFailed,
    ApplyResult,
    apply_failure,
    apply_result,
    older_than_files,
)
from workflows.services.terraform.runner import Run
from workflows.services.terraform.state import State, parse_state, without_clear_secrets

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from workflows.services.terraform.binary import Binary


class Terraform:
    """One layer and the program that runs it.

    Args:
        binary: the program, as `choose_binary` found it.
        layer: the layer's folder; Terraform runs in it, since layers read `path.cwd`.
        folder: a private folder of the session for this layer's runs; made if it is not there (0700).
        environment: the person's environment to build Terraform's from.
        variables: what Terraform needs besides (AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE, AWS_PROFILE).
        backend_configs: files for `init -backend-config=`.
        var_files: files for `plan -var-file=`, in order.
        now: the clock, in UTC.
        python: the Python for the supervisor.
    """

    def __init__(
        self,
        binary: Binary,
        layer: Path,
        folder: Path,
        *,
        environment: Mapping[str, str],
        variables: Mapping[str, str],
        backend_configs: Sequence[Path],
        var_files: Sequence[Path],
        now: Callable[[], datetime],
        python: str = sys.executable,
    ) -> None:
        self.binary = binary
        self.layer = layer
        self.folder = folder
        self._own = {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
        self._environment = child_environment(environment, {**self._own, **variables})
        self._backend_configs = tuple(backend_configs)
        self._var_files = tuple(var_files)
        self._now = now
        self._runs = LayerRuns(folder, layer, self._environment, python)

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The variable and backend files, whose changes make a plan old."""
        return (*self._var_files, *self._backend_configs)

    def running(self) -> Run | None:
        """The run of this layer that is still going on, if there is one."""
        return self._runs.running()

    def init_reasons(self) -> tuple[str, ...]:
        """Why the layer has to be initialised, in words; nothing if it has not."""
        data = self._environment.get("TF_DATA_DIR")
        return init_needed(self.layer, self._backend_configs, data_folder=self.layer / data if data else None)

    def init(
        self,
        *,
        upgrade: bool = False,
        reconfigure: bool = False,
        on_update: Callable[[Update], None] | None = None,
        cancelled: threading.Event | None = None,
        leave: threading.Event | None = None,
    ) -> None:
        """Initialise the layer. The lock file is only read, except with `upgrade` or where there is none yet.

        Raises:
            Cancelled: the person stopped it.
            OnboardError: it failed; the detail has Terraform's own words.
        """
        argv = self.binary.commands.init(
            backend_configs=self._backend_configs,
            upgrade=upgrade,
            reconfigure=reconfigure,
            readonly=(self.layer / ".terraform.lock.hcl").is_file(),
        )
        outcome = self._runs.run(Kind.INIT, argv, on_update, cancelled, leave)
        self._runs.finish(Kind.INIT)
        self._refuse_unless_done(Kind.INIT, outcome)

    def plan(
        self,
        *,
        replace: Sequence[str] = (),
        on_update: Callable[[Update], None] | None = None,
        cancelled: threading.Event | None = None,
        leave: threading.Event | None = None,
    ) -> tuple[PlanRecord, Plan]:
        """Plan the layer into a private file, initialising it first if need be; an older plan is removed.

        Args:
            replace: addresses to make anew (a login profile, for a new password).
            on_update: called with what Terraform says.
            cancelled: when set, it is stopped.
            leave: when set, watching stops and Terraform goes on.

        Returns:
            What the plan was made from, and what it will do.

        Raises:
            Cancelled: the person stopped it.
            OnboardError: it failed; or the files changed while it was made.
        """
        self._runs.await_older(on_update, cancelled, leave)
        if self.init_reasons():
            self.init(on_update=on_update, cancelled=cancelled, leave=leave)
        self.give_up_plan()
        path = self.folder / "plan.tfplan"
        sources = hash_sources(self.layer, self.inputs)
        argv = self.binary.commands.plan(path, var_files=self._var_files, replace=replace)
        outcome = self._runs.run(Kind.PLAN, argv, on_update, cancelled, leave)
        if not outcome.succeeded and not outcome.cancelled and needs_init(outcome.progress.diagnostics):
            self._runs.finish(Kind.PLAN)
            self.init(on_update=on_update, cancelled=cancelled, leave=leave)
            outcome = self._runs.run(Kind.PLAN, argv, on_update, cancelled, leave)
        self._runs.finish(Kind.PLAN)
        if not outcome.succeeded:
            path.unlink(missing_ok=True)
        self._refuse_unless_done(Kind.PLAN, outcome)
        path.chmod(0o600)
        record = record_plan(
            path,
            self.layer,
            self.inputs,
            sources=sources,
            git=Git(self.layer, self._environment),
            binary=str(self.binary),
            made_at=self._now(),
        )
        if changed := changed_since(record):
            self.give_up_plan()
            raise older_than_files(changed)
        try:
            return record, self.read(record, cancelled=cancelled)
        except OnboardError:
            self.give_up_plan()
            raise

    def read(self, record: PlanRecord, *, cancelled: threading.Event | None = None) -> Plan:
        """Read a plan file again.

        Raises:
            OnboardError: it is gone, or not the one that was recorded.
        """
        refuse_another_plan(record)
        answer = self._capture("show", self.binary.commands.show(record.plan), cancelled)
        return read_plan(json.loads(answer.stdout))

    def give_up_plan(self) -> None:
        """Remove the plan file, which can carry the state. What is running is left alone.

        Raises:
            OnboardError: its apply is still running.
        """
        self._runs.refuse_while_running()
        (self.folder / "plan.tfplan").unlink(missing_ok=True)

    def apply(
        self,
        record: PlanRecord,
        *,
        on_update: Callable[[Update], None] | None = None,
        cancelled: threading.Event | None = None,
        leave: threading.Event | None = None,
    ) -> ApplyResult:
        """Apply exactly the recorded plan file, or find the end of its apply that was begun before.

        The plan file is removed when the apply has changed anything; the raw output becomes a redacted
        `apply.log` in the folder.

        Raises:
            ApplyFailed: Terraform failed on the way.
            ApplyCancelled: the person stopped it.
            LeftRunning: `leave` was set; it goes on.
            OnboardError: the files, the plan or the program are not those of the record.
        """
        begun = self._runs.of(Kind.APPLY)
        if begun is not None and begun.facts.get("plan_sha256") == record.plan_sha256:
            return self._end_of_apply(record, begun.follow(on_update, cancelled=cancelled, leave=leave))
        if (earlier := earlier_result(self.folder, record)) is not None:
            return earlier
        refuse_another_plan(record)
        if changed := changed_since(record):
            raise older_than_files(changed)
        if record.binary != str(self.binary):
            raise OnboardError(
                "Another program made this plan",
                f"It was made by {record.binary}, and this is {self.binary}.",
                next="Plan again.",
            )
        (self.folder / "apply.json").unlink(missing_ok=True)
        argv = self.binary.commands.apply(record.plan)
        facts = {"plan_sha256": record.plan_sha256}
        return self._end_of_apply(
            record, self._runs.run(Kind.APPLY, argv, on_update, cancelled, leave, facts)
        )

    def show_state(self, *, cancelled: threading.Event | None = None) -> State:
        """What the state says about identities. Secrets in clear are dropped as it is read.

        Raises:
            OnboardError: it cannot be read.
        """
        return parse_state(self._capture("show", self.binary.commands.show(), cancelled).stdout)

    def output(self, *, cancelled: threading.Event | None = None) -> dict[str, Any]:
        """The layer's outputs, name -> value, sensitive ones too: keep them in memory.

        Raises:
            OnboardError: they cannot be read.
        """
        answer = self._capture("output", self.binary.commands.output(), cancelled)
        outputs = json.loads(answer.stdout, object_hook=without_clear_secrets)
        return {name: output.get("value") for name, output in outputs.items()}

    def force_unlock(self, lock_id: str) -> None:
        """Release a state's lock that a dead run left behind. The caller has asked the person, in writing.

        Raises:
            OnboardError: there is no such lock, or it could not be released.
        """
        self._capture("force-unlock", self.binary.commands.force_unlock(lock_id), None)

    def _end_of_apply(self, record: PlanRecord, outcome: Outcome) -> ApplyResult:
        result, progress = apply_result(outcome), outcome.progress
        # The result first: a wizard killed after it finds it, one killed before it finds the run.
        write_record(
            self.folder / "apply.json", {"plan_sha256": record.plan_sha256, "result": result.as_facts()}
        )
        self._runs.finish(Kind.APPLY)
        untouched = not (progress.operations or progress.failed or progress.running)
        if result.succeeded or not untouched or outcome.exit_code is None:
            record.plan.unlink(missing_ok=True)
        if result.succeeded:
            return result
        if outcome.cancelled and outcome.exit_code == 1:
            raise ApplyCancelled(result)
        raise ApplyFailed(apply_failure(outcome, str(self.layer)), result)

    def _refuse_unless_done(self, kind: Kind, outcome: Outcome) -> None:
        if outcome.succeeded:
            return
        if outcome.cancelled:
            raise Cancelled(
                f"The {kind} was stopped", "Nothing was changed.", next="Start it again when you like."
            )
        raise failure(kind, str(self.layer), outcome.progress.diagnostics, outcome.text)

    def _capture(self, operation: str, argv: Sequence[str], cancelled: threading.Event | None) -> Completed:
        answer = capture(argv, cwd=self.layer, environment=self._environment, cancelled=cancelled)
        if cancelled is not None and cancelled.is_set():
            raise Cancelled("Stopped", f"Terraform's {operation} was stopped; nothing was changed.")
        if answer.exit_code != 0:
            # Never stdout: of show and output it is the state.
            raise failure(operation, str(self.layer), (), answer.stderr)
        return answer
