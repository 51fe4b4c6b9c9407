"""One run of Terraform, independent of any terminal: start it, follow it, find it again, cancel it once.

A pipe would kill Terraform in the middle of an apply when the wizard dies. So Terraform writes to a private
file, which is read as it grows; it runs in its own session, out of reach of the terminal's signals; and a
supervisor (see `supervisor`) keeps its exit status. A later reader of the run's folder can follow it from
there.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from workflows.core.files import OWN_LIMIT, cause_of, open_file, read_bytes, write_atomically
from workflows.core.parsing import read_json
from workflows.core.processes import (
    is_alive,
    process_started_at,
    read_record,
    user_and_host,
    write_record,
)
from workflows.core.sentences import Cancelled, OnboardError, Sentence
from workflows.core.shapes import read
from workflows.terraform.events import (
    Diagnostic,
    Event,
    Progress,
    decoded,
    message_of,
    parse_line,
    whole_lines,
)
from workflows.terraform.redaction import redact

POLL_SECONDS = 0.02
"""How often the output file is read; measured to cost Terraform nothing."""

LISTENS_SECONDS = 5.0
"""How long an interrupt waits for the first output: before its own handler is set, it would kill
Terraform."""

ALIVE_EVERY = 25
"""Every how many polls to check that the processes are alive, which reads four files."""

TEXT_LINES = 400
"""How many last lines to keep for an error's detail."""

_TEMPORARY = "io-"
SUPERVISOR = Path(__file__).with_name("supervisor.py")


class NotStarted(OnboardError):  # noqa: N818 - it says what happened
    """A run could not be started."""


class StillRunning(OnboardError):  # noqa: N818 - it says what is wrong
    """A run has not ended yet."""


class Kind(StrEnum):
    """What a run is for."""

    INIT = "init"
    PLAN = "plan"
    APPLY = "apply"
    IMPORT = "import"
    PUSH = "push"


class LeftRunning(Cancelled):
    """The wizard stopped watching; Terraform continues, and the next start picks it up."""


@dataclass(frozen=True)
class Update:
    """The output since the last update.

    Attributes:
        lines: the new lines for people (an event's own message, or the line itself).
        events: the events in these lines.
        progress: the progress of the whole run.
        said: the message of the last of these events that is no diagnostic, or "".
    """

    lines: tuple[str, ...]
    events: tuple[Event, ...]
    progress: Progress
    said: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        exit_code: Terraform's exit status; the negated signal that ended it; None if unknown.
        cancelled: True if it was asked to stop.
        progress: what it did.
        text: its last lines for people, joined by newlines.
    """

    exit_code: int | None
    cancelled: bool
    progress: Progress
    text: str

    @property
    def succeeded(self) -> bool:
        """Whether it was successful."""
        return self.exit_code == 0


@dataclass(frozen=True)
class Watch:
    """How a run is watched to its end.

    Attributes:
        on_update: called with new output, at most every 20 ms, in the waiting thread.
        cancelled: when set, Terraform gets its one SIGINT, and its end is awaited.
        leave: when set, watching stops and Terraform continues, even if `cancelled` is set later.
    """

    on_update: Callable[[Update], None] | None = None
    cancelled: threading.Event | None = None
    leave: threading.Event | None = None


NOBODY = Watch()
"""Waits silently, and can't be stopped."""


@dataclass(frozen=True)
class Description:
    """The content of `run.json`.

    Attributes:
        kind: the kind of run.
        layer: the folder it runs in.
        temporary: Terraform's TMPDIR.
        facts: further values from the caller of `start`.
        holder: Terraform's name for the holder of this run's locks ("jane@laptop"); "" if not recorded.
        begun_at: when it was started, in seconds since the epoch; None if not recorded.
    """

    kind: Kind
    layer: Path
    temporary: Path
    facts: Mapping[str, Any]
    holder: str = ""
    begun_at: float | None = None


class Run:
    """A run in its folder (0700): `run.json`, `output.log`, `process.json`, `exit.json`, `cancelled`.

    `run.json` describes the run, without its arguments; `output.log` is Terraform's raw output, which may
    contain outputs in clear text: call `discard()` or `keep_redacted()` at the end.
    """

    def __init__(self, folder: Path, described: Mapping[str, Any]) -> None:
        self.folder = folder
        self.output = folder / "output.log"
        self.description = read(Description, described, "run.json")

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
    ) -> Run:
        """Start a program and return as soon as it runs.

        Args:
            argv: the program and its arguments, without secrets.
            folder: a new folder, created as private; its parent must exist.
            cwd: the folder to run in (for Terraform the layer).
            environment: the whole environment, from `child_environment`; its TMPDIR is replaced.
            facts: further values for `run.json` (JSON, nothing secret).

        Raises:
            OnboardError: the folder exists already, its disk is full, or the program cannot be started.
                Then nothing runs, and nothing of the run is left.
        """
        _launch(argv, kind, folder, cwd, environment, facts or {})
        return cls(folder, read_json(folder / "run.json", OWN_LIMIT))

    @classmethod
    def attach(cls, folder: Path) -> Run | None:
        """Find a run by its folder; None if there is none (or it was never fully described)."""
        described = read_record(folder / "run.json")
        return None if described is None else cls(folder, described)

    @property
    def exit_code(self) -> int | None:
        """Terraform's exit status; None while it runs, or if unknown."""
        record = read_record(self.folder / "exit.json")
        return None if record is None else read(int, record.get("exit_code"), "exit_code")

    def is_running(self) -> bool:
        """Return whether Terraform, or the supervisor that will write its exit status, is still running."""
        if (self.folder / "exit.json").is_file():
            return False
        process = read_record(self.folder / "process.json")
        return process is not None and (_runs(process, "") or _runs(process, "supervisor_"))

    def was_cancelled(self) -> bool:
        """Return whether this run was asked to stop, by this wizard or an earlier one."""
        return (self.folder / "cancelled").exists()

    def cancel(self) -> bool:
        """Ask Terraform to stop with its one SIGINT; a second one would damage the state and is never sent.

        Returns:
            True if this call sent the signal; False if it was sent before or nothing runs.
        """
        process = read_record(self.folder / "process.json")
        if process is None or not _runs(process, ""):
            return False
        try:
            # Mark before sending: better none than two.
            os.close(os.open(self.folder / "cancelled", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            os.kill(process["pid"], signal.SIGINT)
        except (FileExistsError, ProcessLookupError):
            return False
        return True

    def follow(self, watch: Watch = NOBODY) -> Outcome:
        """Read the output from its beginning, wait for the end, and return how it ended.

        Raises:
            LeftRunning: `watch.leave` was set.
        """
        progress = Progress()
        last: deque[str] = deque(maxlen=TEXT_LINES)
        for lines in self._tail(watch):
            messages = tuple(message_of(line) for line in lines)
            said = [
                (event, words)
                for line, words in zip(lines, messages, strict=True)
                if (event := parse_line(line)) is not None
            ]
            for event, _words in said:
                progress.add(event)
            last.extend(messages)
            if watch.on_update is not None and lines:
                events = tuple(event for event, _words in said)
                plain = [words for event, words in said if not isinstance(event, Diagnostic)]
                watch.on_update(Update(messages, events, progress.snapshot(), "".join(plain[-1:])))
        exit_code = self.exit_code
        if exit_code is None:  # the supervisor was killed too: only the output is left
            exit_code = 0 if progress.applied else 1 if progress.errors else None
        return Outcome(exit_code, self.was_cancelled(), progress, "\n".join(last).strip())

    def discard(self) -> None:
        """Remove the run's folder with the raw output.

        Raises:
            OnboardError: it still runs.
        """
        self.refuse_if_running()
        if self.description.temporary.name.startswith(_TEMPORARY):  # only a folder that `start` created
            shutil.rmtree(self.description.temporary, ignore_errors=True)
        (self.folder / "run.json").unlink()  # first: after a kill, a partly removed run no longer counts
        shutil.rmtree(self.folder)

    def keep_redacted(self, target: Path) -> None:
        """Write the output to `target` (0600), without ids, keys and ciphertexts, and remove the folder.

        Raises:
            OnboardError: it still runs.
        """
        self.refuse_if_running()
        text = read_bytes(self.output, OWN_LIMIT).decode(errors="replace")
        kept = redact("\n".join(message_of(line) for line in text.splitlines()))
        write_atomically(target, f"{kept}\n".encode())
        self.discard()

    def refuse_if_running(self) -> None:
        """Stop if the run has not ended.

        Raises:
            OnboardError: it is still running.
        """
        if self.is_running():
            raise StillRunning(
                "Terraform is still running",
                f"Its {self.description.kind} in {self.description.layer} hasn't ended yet.",
                why="It continues by itself when the program that started it ends.",
                next="Wait until it ends, or cancel it.",
            )

    def _tail(self, watch: Watch) -> Iterator[tuple[str, ...]]:
        rest, exit_file, listens = b"", self.folder / "exit.json", time.monotonic() + LISTENS_SECONDS
        with open_file(self.output) as file, self._wait() as wait:
            for look in itertools.count():
                # Check before reading, so that everything written before the end is read.
                running = not exit_file.exists() and (look % ALIVE_EVERY != 0 or self.is_running())
                while data := file.read(1 << 16):
                    lines, rest = whole_lines(rest + data)
                    yield lines
                # Leaving sets `leave`, then `cancelled`: checked in reverse order, so that leaving wins.
                stop = watch.cancelled is not None and watch.cancelled.is_set()
                # Checked before the end: nobody would record the result now, and the next watcher finds it.
                if watch.leave is not None and watch.leave.is_set():
                    raise LeftRunning(
                        "Terraform continues",
                        f"iam-onboard no longer watches its {self.description.kind} "
                        f"in {self.description.layer}.",
                        next="Come back to see how it ends.",
                    )
                if not running:
                    yield (decoded(rest),) if rest else ()  # a line cut off by a kill
                    return
                if stop and (file.tell() or time.monotonic() > listens):
                    self.cancel()
                wait()

    @contextlib.contextmanager
    def _wait(self) -> Iterator[Callable[[], None]]:
        """Yield a function that waits for `POLL_SECONDS`, where the system allows only until the run ends."""
        poll, process = select.poll(), read_record(self.folder / "process.json")

        def wait() -> None:
            for end, _ in poll.poll(POLL_SECONDS * 1000):
                poll.unregister(end)  # a killed supervisor leaves Terraform running

        with contextlib.ExitStack() as stack:
            if process is not None and hasattr(os, "pidfd_open"):  # not even on every Linux
                with contextlib.suppress(OSError):  # it has ended already, or the kernel is too old
                    end = os.pidfd_open(process["supervisor_pid"])
                    stack.callback(os.close, end)
                    poll.register(end, select.POLLIN)
            yield wait


def _runs(process: dict[str, Any], who: str) -> bool:
    pid, started_at = process[f"{who}pid"], process[f"{who}started_at"]
    return started_at is not None and is_alive(pid, started_at)


def _launch(
    argv: Sequence[str],
    kind: Kind,
    folder: Path,
    cwd: Path,
    environment: Mapping[str, str],
    facts: Mapping[str, Any],
) -> None:
    """Create a run's folder and start its program; arguments as for `Run.start`.

    Raises:
        OnboardError: as for `Run.start`.
    """
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise _no_room(folder, cause_of(error)) from error
    with contextlib.ExitStack() as undo:
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            # Plugins create sockets in TMPDIR, and socket paths are limited to 104 characters: use a short
            # folder.
            temporary = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=environment.get("TMPDIR") or None))
            undo.callback(shutil.rmtree, temporary, ignore_errors=True)
            description = {
                "kind": kind,
                "layer": str(cwd),
                "temporary": str(temporary),
                "facts": dict(facts),
                "holder": user_and_host(environment),
                "begun_at": time.time(),
            }
            output = os.open(folder / "output.log", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        except OSError as error:
            raise _no_room(folder, cause_of(error)) from error
        leftovers = undo.pop_all()
    command = [sys.executable, "-I", "-S", str(SUPERVISOR), str(folder.resolve()), str(temporary)]
    try:
        variables = {**environment, "TMPDIR": str(temporary)}
        _supervised(command, argv, folder, description, variables, output)
    except OnboardError:
        # Only here is it certain that nothing runs; after any other error the run can be found.
        leftovers.close()
        raise
    finally:
        os.close(output)


def _supervised(
    command: Sequence[str],
    argv: Sequence[str],
    folder: Path,
    description: Mapping[str, Any],
    environment: Mapping[str, str],
    output: int,
) -> None:
    """Start the supervisor, record the processes, and let it begin; see `supervisor`.

    Raises:
        OnboardError: nothing was started.
    """
    with contextlib.ExitStack() as ends:
        from_supervisor, tell = _pipe(ends)
        may_go, go = _pipe(ends)
        passed = (tell.fileno(), may_go.fileno())
        try:
            with subprocess.Popen(
                [*command, *map(str, passed), *argv],
                cwd=description["layer"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=passed,
            ) as process:
                tell.close()
                pids = [*map(int, from_supervisor.read().split())]
            if not pids:
                raise ChildProcessError(f"its parent process ended with the exit status {process.returncode}")
        except OSError as error:
            raise NotStarted(
                "Can't start Terraform",
                f"iam-onboard couldn't start {Path(argv[0]).name} in {description['layer']}.",
                why=str(error),
                next="Check that the folder exists and that Python can start programs.",
            ) from error
        record = {
            f"{who}{name}": value
            for who, pid in zip(("", "supervisor_"), pids, strict=True)
            for name, value in (("pid", pid), ("started_at", process_started_at(pid)))
        }
        try:
            write_record(folder / "process.json", record)
            # Last: wherever this is killed, a described run has an output and recorded processes.
            write_record(folder / "run.json", description)
        except OSError as error:
            raise _no_room(folder, cause_of(error)) from error
        go.write(b"\0")


def _pipe(ends: contextlib.ExitStack) -> tuple[BinaryIO, BinaryIO]:
    """Open a pipe whose ends are closed with all others."""
    reading, writing = os.pipe()
    return (
        ends.enter_context(os.fdopen(reading, "rb", buffering=0)),
        ends.enter_context(os.fdopen(writing, "wb", buffering=0)),
    )


def _no_room(folder: Path, why: Sentence) -> NotStarted:
    return NotStarted(
        "Can't start Terraform",
        f"iam-onboard started nothing, because it couldn't write the run's record to {folder}.",
        why=why,
        next="Check that there is room on the disk and that the folder above is yours, then start it again.",
    )
