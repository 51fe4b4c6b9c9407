"""The runs of one layer, at most one at a time, under fixed names in a private folder."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from workflows.core.errors import Cancelled, OnboardError
from workflows.core.files import private_folder
from workflows.services.terraform.outcome import Kind, Outcome, Update
from workflows.services.terraform.runner import Run

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


class LayerRuns:
    """Starts runs, finds them again, and puts away their output.

    Args:
        folder: the private folder; made if it is not there (0700).
        layer: the folder to run in.
        environment: the whole environment of the runs.
        python: the Python for the supervisor.
    """

    def __init__(self, folder: Path, layer: Path, environment: Mapping[str, str], python: str) -> None:
        self._folder = folder
        self._layer = layer
        self._environment = environment
        self._python = python
        private_folder(folder)

    def of(self, kind: Kind) -> Run | None:
        """The run of that kind, going on or ended, that was not put away yet."""
        return Run.attach(self._folder / kind)

    def running(self) -> Run | None:
        """The run that is going on, if there is one."""
        runs = (self.of(kind) for kind in (Kind.APPLY, Kind.IMPORT, Kind.PUSH, Kind.PLAN, Kind.INIT))
        return next((run for run in runs if run is not None and run.is_running()), None)

    def run(
        self,
        kind: Kind,
        argv: Sequence[str],
        on_update: Callable[[Update], None] | None,
        cancelled: threading.Event | None,
        leave: threading.Event | None,
        facts: Mapping[str, Any] | None = None,
    ) -> Outcome:
        """Start a run and follow it to its end.

        Anything but an apply that a killed wizard left is awaited first.

        Raises:
            LeftRunning: `leave` was set.
            Cancelled: `cancelled` was set while an older run was awaited.
            OnboardError: an apply is running, or the program cannot be started.
        """
        self.await_older(on_update, cancelled, leave)
        self.refuse_while_running()
        self.finish(kind)
        run = Run.start(
            argv,
            kind=kind,
            folder=self._folder / kind,
            cwd=self._layer,
            environment=self._environment,
            facts=facts,
            python=self._python,
        )
        return run.follow(on_update, cancelled=cancelled, leave=leave)

    def await_older(
        self,
        on_update: Callable[[Update], None] | None,
        cancelled: threading.Event | None,
        leave: threading.Event | None,
    ) -> None:
        """Wait for an init, a plan or an import that a killed wizard left running; an apply is left alone.

        Raises:
            LeftRunning: `leave` was set.
            Cancelled: `cancelled` was set.
        """
        older = self.running()
        if older is None or older.kind is Kind.APPLY:
            return
        older.follow(on_update, cancelled=cancelled, leave=leave)
        if cancelled is not None and cancelled.is_set():
            raise Cancelled(f"The {older.kind} was stopped", "Nothing was changed.")

    def finish(self, kind: Kind) -> None:
        """Keep an ended run's output redacted as `KIND.log`, and remove the rest of it."""
        run = self.of(kind)
        if run is not None:
            run.keep_redacted(self._folder / f"{kind}.log")
        elif (self._folder / kind).exists():
            # Killed between making the folder and describing the run: nothing was started.
            shutil.rmtree(self._folder / kind)

    def refuse_while_running(self) -> None:
        """Let nothing happen beside a run.

        Raises:
            OnboardError: something is running.
        """
        run = self.running()
        if run is not None:
            raise OnboardError(
                "Terraform is still running",
                f"Its {run.kind} in {self._layer} has not ended yet.",
                why="It goes on by itself when the program that started it ends.",
                next="Wait for its end, or cancel it.",
            )
