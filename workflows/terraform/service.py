"""Terraform for one layer: init, plan, apply, read and repair, each as one call that waits and reports.

Runs can be found again: a layer's runs are in one private folder under fixed names. A wizard that was killed
asks for the same apply and gets the result of the one that is running or has ended since.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

from workflows.core.files import explained, private_folder
from workflows.core.parsing import parse_json
from workflows.core.processes import Completed, capture, child_environment, write_record
from workflows.core.sentences import Cancelled, OnboardError
from workflows.core.shapes import plain
from workflows.git import Git
from workflows.terraform.binary import Binary
from workflows.terraform.failures import (
    Failure,
    LockHeld,
    failure,
    failure_of,
    keep_private,
    needs_init,
    refuse_unwritten,
    unwritten,
)
from workflows.terraform.plan import Plan, read_plan
from workflows.terraform.record import (
    PLAN_FILE,
    PlanRecord,
    StateMark,
    changed_since,
    file_sha256,
    hash_sources,
    read_mark,
    record_plan,
    refuse_another_plan,
)
from workflows.terraform.results import (
    RESULT,
    ApplyCancelled,
    ApplyFailed,
    ApplyResult,
    apply_failure,
    apply_result,
    earlier_result,
    forget_lock,
    forget_replacements,
    note_lock,
    older_than_files,
    pending_replacements,
)
from workflows.terraform.runner import NOBODY, Kind, Outcome, Run, Watch
from workflows.terraform.state import State, init_needed, read_stored


class Terraform:
    """One layer and its program. Starts runs, finds them again, and puts away their output.

    Args:
        binary: the program, from `choose_binary`.
        layer: the layer's folder; Terraform runs in it, since layers read `path.cwd`.
        folder: the session's private folder for this layer's runs; created if missing (0700).
        environment: the person's environment, from which Terraform's is built.
        variables: further variables (AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE, AWS_PROFILE).
        backend_configs: files for `init -backend-config=`.
        backend: the values in these files.
        var_files: files for `plan -var-file=`, in order.
        now: the clock, in UTC.
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
        backend: Mapping[str, object],
        var_files: Sequence[Path],
        now: Callable[[], datetime],
    ) -> None:
        self.binary = binary
        self.layer = layer
        self.folder = folder
        own = {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
        self.environment = child_environment(environment, {**own, **variables})
        self._backend_configs, self._backend = tuple(backend_configs), backend
        self.var_files = tuple(var_files)
        self._now = now
        private_folder(folder)

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The variable and backend files, whose changes outdate a plan."""
        return (*self.var_files, *self._backend_configs)

    def running(self) -> Run | None:
        """Return the layer's current run, or None."""
        runs = map(self._found, (Kind.APPLY, Kind.IMPORT, Kind.PUSH, Kind.PLAN, Kind.INIT))
        return next((run for run in runs if run is not None and run.is_running()), None)

    def _found(self, kind: Kind) -> Run | None:
        """Return the current or ended run of that kind that isn't put away yet, or None."""
        return Run.attach(self.folder / kind)

    def _run(
        self, kind: Kind, argv: Sequence[str], watch: Watch, facts: Mapping[str, Any] | None = None
    ) -> Outcome:
        """Start a run and follow it to its end.

        First wait for any run but an apply that a killed wizard left.

        Raises:
            LeftRunning: `watch.leave` was set.
            Cancelled: `watch.cancelled` was set before it started.
            OnboardError: an apply is running, or the program cannot be started.
        """
        self._await_older(kind, watch)
        self._refuse_while_running()
        self._put_away(kind)
        return Run.start(
            argv,
            kind=kind,
            folder=self.folder / kind,
            cwd=self.layer,
            environment=self.environment,
            facts=facts,
        ).follow(watch)

    def _await_older(self, kind: Kind, watch: Watch) -> None:
        """Before a run, wait for any other but an apply that a killed wizard left running.

        Raises:
            LeftRunning: `watch.leave` was set.
            Cancelled: `watch.cancelled` was set.
        """
        older = self.running()
        if older is not None and older.description.kind is not Kind.APPLY:
            older.follow(watch)
        if watch.cancelled is not None and watch.cancelled.is_set():
            raise Cancelled(f"The {kind} was stopped", "You stopped it before it began.")

    def _put_away(self, kind: Kind) -> None:
        """Keep an ended run's redacted output as `KIND.log`, and remove the rest."""
        if (run := self._found(kind)) is not None:
            note_lock(run, self.folder)
            run.keep_redacted(self.folder / f"{kind}.log")
        elif (self.folder / kind).exists():
            # Killed between creating the folder and describing the run: nothing was started.
            shutil.rmtree(self.folder / kind)

    def _ended(self, kind: Kind, argv: Sequence[str], watch: Watch) -> Outcome:
        """Run to the end and put away the output; raises as `_run`."""
        outcome = self._run(kind, argv, watch)
        self._put_away(kind)
        return outcome

    def _refuse_while_running(self) -> None:
        """Stop if a run of this layer has not ended.

        Raises:
            OnboardError: something is running.
        """
        if (run := self.running()) is not None:
            run.refuse_if_running()

    def init_needed(self) -> bool:
        """Return whether init is needed for a reason that Terraform would not report itself."""
        return init_needed(self._data_folder, self._backend)

    @property
    def _place(self) -> str:
        """The layer's folder for messages, by the last parts of its path: account, "global", layer."""
        return "/".join(self.layer.parts[-3:])

    @property
    def _data_folder(self) -> Path:
        """Terraform's data folder for the layer, filled by init."""
        return self.layer / (self.environment.get("TF_DATA_DIR") or ".terraform")

    def init(
        self,
        *,
        upgrade: bool = False,
        reconfigure: bool = False,
        watch: Watch = NOBODY,
    ) -> None:
        """Initialise the layer. The lock file is only read, unless with `upgrade` or if there is none yet.

        Raises:
            Cancelled: the person stopped it.
            OnboardError: it failed; the detail has Terraform's own message.
        """
        argv = self.binary.commands.init(
            backend_configs=self._backend_configs,
            upgrade=upgrade,
            reconfigure=reconfigure,
            readonly=(self.layer / ".terraform.lock.hcl").is_file(),
        )
        self._refuse_unless_done(Kind.INIT, self._ended(Kind.INIT, argv, watch))

    def state(self, *, cancelled: threading.Event | None = None) -> State:
        """Read the identities in the state, dropping secrets in clear text.

        Raises:
            OnboardError: it cannot be read.
        """
        stored = read_stored(self._pulled(cancelled))
        if stored is None:
            raise OnboardError(
                "Can't read the state",
                f"iam-onboard can't read what `{self.binary.product.program} state pull` returned.",
                next="Report this with the program's version. Nothing was changed.",
            )
        return stored.state

    def state_mark(self, *, cancelled: threading.Event | None = None) -> StateMark | None:
        """Return the current version of the state; None if unknown.

        Raises:
            OnboardError: it cannot be read.
        """
        return read_mark(self._pulled(cancelled))

    def _pulled(self, cancelled: threading.Event | None) -> str:
        return self._capture("state pull", self.binary.commands.state_pull(), cancelled).stdout

    def force_unlock(self, lock_id: str) -> None:
        """Release a state lock that a dead run left behind, after the person's typed confirmation.

        Raises:
            OnboardError: there is no such lock, or it could not be released.
        """
        self._capture("force-unlock", self.binary.commands.force_unlock(lock_id), None)
        forget_lock(self.folder)

    def import_(
        self,
        address: str,
        resource_id: str,
        watch: Watch = NOBODY,
    ) -> bool:
        """Import an existing resource into the state.

        An import writes the state, so it runs like an apply: on its own, stopped by one SIGINT only.

        Args:
            address: the resource's address in the layer.
            resource_id: the provider's id for it.
            watch: how it is watched.

        Returns:
            True if the state has it now (even if it did before), False if AWS has no such thing.

        Raises:
            Cancelled: the person stopped it.
            LockHeld: the state is locked, even if the person stopped it while waiting for the lock.
            OnboardError: it failed.
        """
        argv = self.binary.commands.import_(address, resource_id, var_files=self.var_files)
        outcome = self._ended(Kind.IMPORT, argv, watch)
        known = None if outcome.succeeded or outcome.cancelled else failure_of(outcome.text)
        if known not in {Failure.NOT_IN_AWS, Failure.IN_STATE}:
            self._refuse_unless_done(Kind.IMPORT, outcome)
        return known is not Failure.NOT_IN_AWS

    def push_unwritten(
        self,
        watch: Watch = NOBODY,
    ) -> None:
        """Push the state that an apply left in the layer's folder, if any, and remove that file.

        Raises:
            Cancelled: the person stopped it.
            LockHeld: as for `import_`; perhaps that very apply left the lock.
            OnboardError: it could not be written; the file is still there.
        """
        if file := unwritten(self.layer):
            argv = self.binary.commands.state_push(file)
            self._refuse_unless_done(Kind.PUSH, self._ended(Kind.PUSH, argv, watch))
            file.unlink()

    def _refuse_unless_done(self, kind: Kind, outcome: Outcome) -> None:
        if outcome.succeeded:
            return
        writes, said = kind in {Kind.IMPORT, Kind.PUSH}, outcome.progress.diagnostics
        error = failure(kind, self._place, said, outcome.text, self.binary.product)
        if outcome.cancelled and not (writes and isinstance(error, LockHeld)):
            words = "The state is complete and not locked." if writes else "Nothing was changed."
            what = f"You stopped the {kind}. {words}"
            raise Cancelled(f"The {kind} was stopped", what, next="Start it again when you like.")
        raise error

    def _capture(self, operation: str, argv: Sequence[str], cancelled: threading.Event | None) -> Completed:
        answer = capture(argv, cwd=self.layer, environment=self.environment, cancelled=cancelled)
        if cancelled is not None and cancelled.is_set():
            raise Cancelled("Stopped", "You stopped this. Nothing was changed.")
        if answer.exit_code != 0:
            # Never stdout: for show and state pull it is the state.
            raise failure(operation, self._place, (), answer.stderr, self.binary.product)
        return answer

    def plan(
        self,
        *,
        replace: Sequence[str] = (),
        watch: Watch = NOBODY,
    ) -> tuple[PlanRecord, Plan]:
        """Plan the layer into a private file, initialising it first if needed; an older plan is removed.

        Args:
            replace: addresses to replace (a login profile, for a new password), besides those recorded by
                `replace_next`.
            watch: how it is watched.

        Returns:
            The record of the plan, and its effects.

        Raises:
            Cancelled: the person stopped it.
            OnboardError: it failed, or the files changed meanwhile.
        """
        self._await_older(Kind.PLAN, watch)
        refuse_unwritten(self.layer)
        if self.init_needed():
            self.init(watch=watch)
        self.give_up_plan()
        path = self.folder / PLAN_FILE
        sources = self._plan_into(path, replace, watch)
        try:
            with ThreadPoolExecutor(1) as beside:
                sha256 = file_sha256(path)  # before it is shown: only this content is ever applied
                shown = beside.submit(self._shown, path, watch.cancelled)
                self._put_away(Kind.PLAN)
                record = record_plan(
                    path,
                    sha256,
                    self.layer,
                    self.inputs,
                    sources=sources,
                    git=Git(self.layer, self.environment),
                    binary=str(self.binary),
                    made_at=self._now(),
                )
                if changed := changed_since(record):
                    raise older_than_files(changed)
                plan = shown.result()
            refuse_another_plan(record)
        except OnboardError:
            self.give_up_plan()
            raise
        return record, plan

    def _plan_into(self, path: Path, replace: Sequence[str], watch: Watch) -> dict[str, str]:
        """Plan into a private file, initialising the layer and planning again if Terraform asks for it.

        The run of a successful plan is still to be put away.

        Returns:
            The hashes of its sources, from `hash_sources`.
        """
        wanted = dict.fromkeys((*replace, *pending_replacements(self.folder)))
        argv = self.binary.commands.plan(path, var_files=self.var_files, replace=list(wanted))
        sources = hash_sources(self.layer, self.inputs)
        outcome = self._run(Kind.PLAN, argv, watch)
        if not outcome.succeeded and not outcome.cancelled and needs_init(outcome.progress.diagnostics):
            self._put_away(Kind.PLAN)
            self.init(watch=watch)
            sources = hash_sources(self.layer, self.inputs)  # init determines where modules are
            outcome = self._run(Kind.PLAN, argv, watch)
        if not outcome.succeeded:
            self._put_away(Kind.PLAN)
            path.unlink(missing_ok=True)
            self._refuse_unless_done(Kind.PLAN, outcome)
        path.chmod(0o600)
        return sources

    def _shown(self, plan: Path, cancelled: threading.Event | None) -> Plan:
        """Read the effects of a plan file.

        Raises:
            OnboardError: it cannot be read.
        """
        answer = self._capture("show", self.binary.commands.show(plan), cancelled)
        return read_plan(parse_json(answer.stdout))

    def give_up_plan(self) -> None:
        """Remove the plan file, which can contain the state.

        Raises:
            OnboardError: a run of the layer has not ended.
        """
        self._refuse_while_running()
        (self.folder / PLAN_FILE).unlink(missing_ok=True)

    def apply(
        self,
        record: PlanRecord,
        *,
        watch: Watch = NOBODY,
    ) -> ApplyResult:
        """Apply exactly the recorded plan file, or return the result of its earlier apply.

        If Terraform's data folder is gone, the layer is first initialised again.

        The plan file is removed once the apply has changed anything; the raw output becomes a redacted
        `apply.log` in the folder.

        Raises:
            ApplyFailed: Terraform failed part-way.
            ApplyCancelled: the person stopped it.
            LeftRunning: `watch.leave` was set; the apply continues.
            OnboardError: the files, the plan or the program are not those of the record.
        """
        begun = self._found(Kind.APPLY)
        if begun is not None and begun.description.facts.get("plan_sha256") == record.plan_sha256:
            return self._end_of_apply(record, begun.follow(watch))
        if (earlier := earlier_result(self.folder, record)) is not None:
            return earlier
        refuse_unwritten(self.layer)
        refuse_another_plan(record)
        if changed := changed_since(record):
            raise older_than_files(changed)
        if record.binary != str(self.binary):
            raise OnboardError(
                "Another program made this plan",
                f"{record.binary} made it, but this is {self.binary}.",
                next="Plan again.",
            )
        if not self._data_folder.is_dir():
            self.init(watch=watch)
        (self.folder / RESULT).unlink(missing_ok=True)
        argv = self.binary.commands.apply(record.plan)
        facts = {"plan_sha256": record.plan_sha256}
        return self._end_of_apply(record, self._run(Kind.APPLY, argv, watch, facts))

    def _end_of_apply(self, record: PlanRecord, outcome: Outcome) -> ApplyResult:
        result = apply_result(outcome)
        # Record the result first: a wizard killed later finds the result, one killed earlier finds the run.
        kept = self.folder / RESULT
        with explained(kept, "written"):
            write_record(kept, {"plan_sha256": record.plan_sha256, "result": plain(result)})
        self._put_away(Kind.APPLY)
        keep_private(self.layer)
        # A stale plan can never be applied; a stopped apply can have written outputs.
        stale = result.stopped or any(
            failure_of(error.summary) is Failure.STALE_PLAN for error in outcome.progress.errors
        )
        if not result.untouched or stale:
            record.plan.unlink(missing_ok=True)
        forget_replacements(self.folder, result)
        if result.succeeded:
            return result
        if result.stopped:
            raise ApplyCancelled(result)
        error = apply_failure(outcome, self._place, self.binary.product)
        if isinstance(error, LockHeld) and result.untouched:
            raise error
        raise ApplyFailed(error, result)
