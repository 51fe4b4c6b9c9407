"""One run of Terraform that belongs to nobody's terminal: started, followed, found again, cancelled once.

A pipe would kill Terraform when the wizard dies, in the middle of an apply. So it writes into a private
file, which is read as it grows; it runs in a session of its own, where the terminal's signals do not reach
it; and a supervisor (see `supervisor`) keeps its exit status. Whoever opens the run's folder later follows
it from there.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import sys
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflows.core.errors import OnboardError
from workflows.core.files import write_atomically
from workflows.core.processes import is_alive
from workflows.services.terraform.event_reader import LineSplitter, message_of, parse_line
from workflows.services.terraform.launch import launch
from workflows.services.terraform.outcome import Kind, LeftRunning, Outcome, Update
from workflows.services.terraform.progress import Progress, ProgressTracker
from workflows.services.terraform.redaction import redact

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Mapping, Sequence

POLL_SECONDS = 0.02
"""How often the output file is looked at; measured to cost Terraform nothing."""

ALIVE_EVERY = 25
"""At which looks it is asked whether the processes still live: that reads four files each time."""

TEXT_LINES = 400
"""How many of the last lines are kept for an error's detail."""


class Run:
    """A run in its folder (0700): `run.json`, `output.log`, `process.json`, `exit.json`, `cancelled`.

    `run.json` says what the run is and holds no argument list; `output.log` is Terraform's output as it came,
    which may hold outputs in clear: `discard()` or `keep_redacted()` at the end.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "output.log"
        self._description: dict[str, Any] = json.loads((folder / "run.json").read_text("utf-8"))

    @classmethod
    def start(
        cls,
        argv: Sequence[str],
        *,
        kind: Kind,
        folder: Path,
        cwd: Path,
        environment: Mapping[str, str],
        facts: Mapping[str, Any] | None = None,
        python: str = sys.executable,
    ) -> Run:
        """Start a program and return as soon as it runs.

        Args:
            argv: the program and its arguments; no secret may be in them.
            kind: what the run is for.
            folder: a folder that does not exist yet; it is made, private. Its parent must exist.
            cwd: the folder to run in (for Terraform the layer).
            environment: the whole environment, as `child_environment` builds it; its TMPDIR is replaced.
            facts: more to keep in `run.json` (JSON values, nothing secret).
            python: the Python to run the supervisor with.

        Raises:
            OnboardError: the folder is there already, its disk is full, or the program cannot be started.
                Then nothing runs, and nothing of the run is left.
        """
        launch(argv, kind, folder, cwd, environment, facts or {}, python)
        return cls(folder)

    @classmethod
    def attach(cls, folder: Path) -> Run | None:
        """Find a run again by its folder; None if there is none (or it was never described whole)."""
        if not (folder / "run.json").is_file():
            return None
        return cls(folder)

    @property
    def kind(self) -> Kind:
        """What the run is for."""
        return Kind(self._description["kind"])

    @property
    def layer(self) -> Path:
        """The folder it runs in."""
        return Path(self._description["layer"])

    @property
    def facts(self) -> dict[str, Any]:
        """What the starter wanted to be kept."""
        return dict(self._description["facts"])

    def is_running(self) -> bool:
        """Whether Terraform, or the supervisor that will write its exit status, still runs."""
        if (self.folder / "exit.json").is_file():
            return False
        process = self._process()
        if process is None:
            return False
        return _runs(process, "") or _runs(process, "supervisor_")

    def was_cancelled(self) -> bool:
        """Whether this run was asked to stop, by this wizard or by one before it."""
        return (self.folder / "cancelled").exists()

    def cancel(self) -> bool:
        """Ask Terraform to stop, with its one SIGINT; a second one would damage the state and is never sent.

        Returns:
            True if the signal was sent by this call; False if it had been before or nothing runs.
        """
        process = self._process()
        if process is None or not _runs(process, ""):
            return False
        try:
            # Marked before it is sent: better none than two.
            os.close(os.open(self.folder / "cancelled", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return False
        try:
            os.kill(process["pid"], signal.SIGINT)
        except ProcessLookupError:
            return False
        return True

    def follow(
        self,
        on_update: Callable[[Update], None] | None = None,
        *,
        cancelled: threading.Event | None = None,
        leave: threading.Event | None = None,
    ) -> Outcome:
        """Read the output from its beginning, wait for the end, and say how it ended.

        Args:
            on_update: called with what came, at most every 20 ms, in the calling thread.
            cancelled: when it is set, Terraform gets its one SIGINT, and is waited for.
            leave: when it is set, watching stops and Terraform goes on, also if `cancelled` is set after it.

        Raises:
            LeftRunning: `leave` was set.
        """
        tracker = ProgressTracker()
        last: deque[str] = deque(maxlen=TEXT_LINES)
        for lines in self._tail(cancelled, leave):
            events = []
            for line in lines:
                event = parse_line(line)
                if event is None:
                    continue
                tracker.add(event)
                events.append(event)
            messages = tuple(message_of(line) for line in lines)
            last.extend(messages)
            if on_update is not None and lines:
                on_update(Update(messages, tuple(events), tracker.progress()))
        return self._outcome(tracker.progress(), "\n".join(last).strip())

    def discard(self) -> None:
        """Remove the run's folder with the raw output.

        Raises:
            OnboardError: it still runs.
        """
        self._refuse_if_running()
        shutil.rmtree(self._description["temporary"], ignore_errors=True)
        shutil.rmtree(self.folder)

    def keep_redacted(self, target: Path) -> None:
        """Move the output to `target` (0600) without ids, keys and ciphertexts, and remove the folder.

        Raises:
            OnboardError: it still runs.
        """
        self._refuse_if_running()
        text = self.output.read_text("utf-8", errors="replace")
        kept = redact("\n".join(message_of(line) for line in text.splitlines()))
        write_atomically(target, f"{kept}\n".encode())
        self.discard()

    def _refuse_if_running(self) -> None:
        if self.is_running():
            raise OnboardError(
                "Terraform is still running",
                f"Its {self.kind} in {self.layer} has not ended yet.",
                next="Wait for its end, or cancel it.",
            )

    def _tail(
        self, cancelled: threading.Event | None, leave: threading.Event | None
    ) -> Iterator[tuple[str, ...]]:
        splitter, exit_file = LineSplitter(), self.folder / "exit.json"
        with self.output.open("rb") as file:
            for look in itertools.count():
                # Looked at before reading: what is written before the end is then always read.
                running = not exit_file.exists() and (look % ALIVE_EVERY != 0 or self.is_running())
                while data := file.read(1 << 16):
                    yield tuple(splitter.feed(data))
                if not running:
                    yield tuple(splitter.end())
                    return
                # Whoever leaves sets `leave`, then `cancelled`: looked at the other way round, leaving wins.
                stop = cancelled is not None and cancelled.is_set()
                if leave is not None and leave.is_set():
                    raise LeftRunning(
                        "Terraform goes on",
                        f"Its {self.kind} in {self.layer} is still running.",
                        next="Come back here to see how it ends.",
                    )
                if stop:
                    self.cancel()
                time.sleep(POLL_SECONDS)

    def _outcome(self, progress: Progress, text: str) -> Outcome:
        record = _read_json(self.folder / "exit.json")
        if record is not None:
            return Outcome(
                record["exit_code"],
                False,
                self.was_cancelled(),
                record["seconds"],
                progress,
                text,
            )
        # The supervisor was killed too: Terraform's own last words are all there is.
        exit_code = 0 if progress.applied else 1 if progress.errors else None
        return Outcome(exit_code, True, self.was_cancelled(), None, progress, text)

    def _process(self) -> dict[str, Any] | None:
        return _read_json(self.folder / "process.json")


def _runs(process: dict[str, Any], who: str) -> bool:
    pid, started_at = process[f"{who}pid"], process[f"{who}started_at"]
    return started_at is not None and is_alive(pid, started_at)


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    return record
