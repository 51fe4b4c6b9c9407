"""Terraform for one layer: init, plan, apply and read, each as one call that waits and reports.

What runs is found again: the runs of a layer are in one private folder under fixed names, so that a wizard
which was killed meanwhile asks for the same apply and gets the end of the one that is running or has ended
since.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from workflows.core.errors import OnboardError
from workflows.core.processes import write_record
from workflows.services.git import Git
from workflows.services.terraform.failures import is_stale, needs_init
from workflows.services.terraform.kept_results import earlier_result
from workflows.services.terraform.layer_commands import LayerCommands
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
from workflows.services.terraform.replacements import forget_replacements, pending_replacements
from workflows.services.terraform.results import (
    ApplyCancelled,
    ApplyFailed,
    ApplyResult,
    apply_failure,
    apply_result,
    older_than_files,
)
from workflows.services.terraform.state_lock import LockHeld
from workflows.services.terraform.unwritten_state import keep_private, refuse_unwritten

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence


class Terraform(LayerCommands):
    """Plans and applies one layer; the arguments are those of `LayerCommands`."""

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
            replace: addresses to make anew (a login profile, for a new password), besides those that
                `replace_next` noted.
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
        refuse_unwritten(self.layer)
        if self.init_reasons():
            self.init(on_update=on_update, cancelled=cancelled, leave=leave)
        self.give_up_plan()
        path = self.folder / "plan.tfplan"
        sources = hash_sources(self.layer, self.inputs)
        wanted = dict.fromkeys((*replace, *pending_replacements(self.folder)))
        argv = self.binary.commands.plan(path, var_files=self.var_files, replace=list(wanted))
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
            git=Git(self.layer, self.environment),
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
        refuse_unwritten(self.layer)
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

    def _end_of_apply(self, record: PlanRecord, outcome: Outcome) -> ApplyResult:
        result, progress = apply_result(outcome), outcome.progress
        # The result first: a wizard killed after it finds it, one killed before it finds the run.
        write_record(
            self.folder / "apply.json", {"plan_sha256": record.plan_sha256, "result": result.as_facts()}
        )
        self._runs.finish(Kind.APPLY)
        keep_private(self.layer)
        untouched = not (progress.operations or progress.failed or progress.running)
        spent = not untouched or outcome.exit_code is None or is_stale(progress.diagnostics)
        if result.succeeded or spent:
            record.plan.unlink(missing_ok=True)
        if result.succeeded:
            forget_replacements(self.folder)
            return result
        if outcome.cancelled and outcome.exit_code == 1 and not result.unwritten:
            raise ApplyCancelled(result)
        error = apply_failure(outcome, str(self.layer), self.binary.product)
        if isinstance(error, LockHeld) and untouched:
            raise error
        raise ApplyFailed(error, result)
