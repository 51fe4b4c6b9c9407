"""What Terraform does for a layer besides planning and applying: prepare it, read its state, mend it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflows.core.errors import Cancelled
from workflows.core.processes import Completed, capture, child_environment
from workflows.core.sentences import Sentence
from workflows.services.terraform.failures import failure
from workflows.services.terraform.initialisation import init_needed
from workflows.services.terraform.layer_runs import LayerRuns
from workflows.services.terraform.outcome import Kind, Outcome, Update
from workflows.services.terraform.runner import Run
from workflows.services.terraform.state import State, parse_state, without_clear_secrets
from workflows.services.terraform.state_mark import StateMark, read_mark
from workflows.services.terraform.unwritten_state import unwritten

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from workflows.services.terraform.binary import Binary

_NOT_THERE = re.compile(r"Cannot import non-existent remote object", re.IGNORECASE)
_THERE_ALREADY = re.compile(r"Resource already managed by", re.IGNORECASE)


class LayerCommands:
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
        self.environment = child_environment(environment, {**self._own, **variables})
        self._backend_configs = tuple(backend_configs)
        self.var_files = tuple(var_files)
        self._now = now
        self._runs = LayerRuns(folder, layer, self.environment, python)

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The variable and backend files, whose changes make a plan old."""
        return (*self.var_files, *self._backend_configs)

    def running(self) -> Run | None:
        """The run of this layer that is still going on, if there is one."""
        return self._runs.running()

    def init_reasons(self) -> tuple[Sentence, ...]:
        """Why the layer has to be initialised, in words; nothing if it has not."""
        data = self.environment.get("TF_DATA_DIR")
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

    def show_state(self, *, cancelled: threading.Event | None = None) -> State:
        """What the state says about identities. Secrets in clear are dropped as it is read.

        Raises:
            OnboardError: it cannot be read.
        """
        return parse_state(self._capture("show", self.binary.commands.show(), cancelled).stdout)

    def state_mark(self, *, cancelled: threading.Event | None = None) -> StateMark | None:
        """Which version of the state there is now; None if that cannot be told.

        Raises:
            OnboardError: it cannot be read.
        """
        return read_mark(self._capture("state pull", self.binary.commands.state_pull(), cancelled).stdout)

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

    def import_(
        self,
        address: str,
        resource_id: str,
        *,
        on_update: Callable[[Update], None] | None = None,
        cancelled: threading.Event | None = None,
        leave: threading.Event | None = None,
    ) -> bool:
        """Take a resource that exists into the state.

        It writes the state, so it runs as an apply does: on its own, stopped by one SIGINT only.

        Args:
            address: the resource's address in the layer.
            resource_id: what the provider knows it by.
            on_update: called with what Terraform says.
            cancelled: when set, it is stopped.
            leave: when set, watching stops and Terraform goes on.

        Returns:
            True if the state has it now (also if it had it before), False if there is no such thing in AWS.

        Raises:
            Cancelled: the person stopped it.
            LockHeld: the state is locked.
            OnboardError: it failed.
        """
        argv = self.binary.commands.import_(address, resource_id, var_files=self.var_files)
        outcome = self._runs.run(Kind.IMPORT, argv, on_update, cancelled, leave)
        self._runs.finish(Kind.IMPORT)
        if outcome.exit_code != 0 and not outcome.cancelled:
            words = " ".join(outcome.text.split())
            if _NOT_THERE.search(words):
                return False
            if _THERE_ALREADY.search(words):
                return True
        self._refuse_unless_done(Kind.IMPORT, outcome)
        return True

    def push_unwritten(
        self,
        *,
        on_update: Callable[[Update], None] | None = None,
        cancelled: threading.Event | None = None,
        leave: threading.Event | None = None,
    ) -> None:
        """Write the state that an apply left in the layer's folder, and remove that file.

        Without one nothing is done.

        Raises:
            Cancelled: the person stopped it.
            LockHeld: the state is locked, perhaps by that very apply.
            OnboardError: it could not be written; the file is still there.
        """
        file = unwritten(self.layer)
        if file is None:
            return
        outcome = self._runs.run(
            Kind.PUSH, self.binary.commands.state_push(file), on_update, cancelled, leave
        )
        self._runs.finish(Kind.PUSH)
        self._refuse_unless_done(Kind.PUSH, outcome)
        file.unlink()

    def _refuse_unless_done(self, kind: Kind, outcome: Outcome) -> None:
        if outcome.succeeded:
            return
        if outcome.cancelled:
            writes = kind in {Kind.IMPORT, Kind.PUSH}
            words = "The state is complete and not locked." if writes else "Nothing was changed."
            raise Cancelled(f"The {kind} was stopped", words, next="Start it again when you like.")
        raise failure(kind, str(self.layer), outcome.progress.diagnostics, outcome.text, self.binary.product)

    def _capture(self, operation: str, argv: Sequence[str], cancelled: threading.Event | None) -> Completed:
        answer = capture(argv, cwd=self.layer, environment=self.environment, cancelled=cancelled)
        if cancelled is not None and cancelled.is_set():
            raise Cancelled(
                "Stopped", f"{self.binary.product}'s {operation} was stopped; nothing was changed."
            )
        if answer.exit_code != 0:
            # Never stdout: of show and output it is the state.
            raise failure(operation, str(self.layer), (), answer.stderr, self.binary.product)
        return answer
