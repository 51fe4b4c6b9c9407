"""Run GnuPG as a child process with a built environment, and read its status lines.

A passphrase goes over a separate pipe, a run can be cancelled, and every status line is kept.
"""

from __future__ import annotations

import errno
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Final, NamedTuple

from workflows.core.installation import how_to_install
from workflows.core.processes import child_environment, communicate
from workflows.core.secret import Secret
from workflows.core.sentences import Cancelled, DeclaredError, OnboardError, Texts

PASSPHRASE_LIMIT: Final = 255
"""Maximum bytes that gpg-agent accepts (MAX_PASSPHRASE_LEN in GnuPG's agent/agent.h)."""

WORK_SECONDS: Final = 60.0
"""How long gpg may work without prompting; on a slow machine it needs a second for a large key."""

_STATUS_PREFIX = "[GNUPG:] "
# No program can be started: out of files, processes or memory (errno(3)).
_LIMITS = frozenset({errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM})
# Variables for gpg, its agent and a graphical pinentry; all others are withheld.
_PASSED_ON: Final = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "TERM",
    "GNUPGHOME",
    "DISPLAY",
    "XAUTHORITY",
    "WAYLAND_DISPLAY",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "PINENTRY_USER_DATA",
)


class GpgMissing(DeclaredError):  # noqa: N818 - it names what is missing
    """GnuPG is not installed, or not on the PATH."""

    texts = Texts(
        title="GnuPG isn't installed",
        what="iam-onboard found no gpg on this computer.",
        why="gpg reads PGP keys and decrypts passwords; iam-onboard does no cryptography of its own.",
        next=f"Install it and try again:\n{how_to_install('gpg')}",
    )


class GpgFailed(OnboardError):  # noqa: N818 - it names what happened
    """GnuPG ended with an error that has no class of its own; `detail` has its message."""


class GpgTooSlow(DeclaredError, GpgFailed):  # noqa: N818 - as the others
    """GnuPG was stopped because it took far longer than usual."""

    texts = Texts(
        title="GnuPG didn't finish",
        what="iam-onboard stopped gpg after {seconds:g} seconds; nothing was changed.",
        why="Its input is far larger than usual, or its agent doesn't answer.",
        next="End the agent with  gpgconf --kill gpg-agent  and try again.",
    )


class GpgRun(NamedTuple):
    """The result of a gpg run.

    Attributes:
        exit_status: 0 for success; gpg uses 1 and 2 for failures.
        output: its standard output. It may be secret, so `repr` leaves it out.
        statuses: its status lines in order, each split at blanks (GnuPG's doc/DETAILS).
        messages: its messages for people, without the status lines.
    """

    exit_status: int
    output: bytes
    statuses: tuple[tuple[str, ...], ...]
    messages: str

    @classmethod
    def read(cls, exit_status: int, output: bytes, errors: bytes) -> GpgRun:
        """Make a run from gpg's exit status and its two output streams."""
        lines = errors.decode("utf-8", errors="replace").splitlines()
        statuses = (line[len(_STATUS_PREFIX) :].split() for line in lines if line.startswith(_STATUS_PREFIX))
        return cls(
            exit_status,
            output,
            tuple(tuple(status) for status in statuses if status),
            "\n".join(line for line in lines if not line.startswith(_STATUS_PREFIX)),
        )

    def __repr__(self) -> str:
        return f"GpgRun(exit_status={self.exit_status}, statuses={self.statuses!r})"

    def has(self, keyword: str) -> bool:
        """Return whether a status line begins with `keyword`."""
        return any(status[0] == keyword for status in self.statuses)

    def arguments(self, keyword: str) -> list[tuple[str, ...]]:
        """Return the arguments of each status line that begins with `keyword`."""
        return [status[1:] for status in self.statuses if status[0] == keyword]


def gpg_version(environment: Mapping[str, str]) -> str:
    """Return the version of the gpg on the PATH of `environment`, such as "2.4.7".

    Raises:
        GpgMissing, GpgFailed: it is missing, or does not start.
    """
    run = run_gpg(["--version"], gnupg_home=None, environment=environment)
    return run.output.decode("utf-8", errors="replace").split("\n", 1)[0].rpartition(" ")[2]


def gpg_environment(environment: Mapping[str, str], tty: str | None = None) -> dict[str, str]:
    """Build gpg's environment: a few of the caller's variables, UTF-8, and the terminal for pinentry.

    GPG_TTY is set exactly when gpg may prompt on the terminal, and never inherited from the person's shell: a
    graphical pinentry falls back to that terminal if its windows do not open (Homebrew's has none at all),
    and would then share the keyboard with the wizard's screen.

    Args:
        environment: the person's environment.
        tty: the terminal's device for pinentry, or None.
    """
    own = {"LC_ALL": "C.UTF-8"} if tty is None else {"LC_ALL": "C.UTF-8", "GPG_TTY": tty}
    return child_environment(environment, own, allowed=_PASSED_ON)


def run_gpg(
    arguments: Sequence[str],
    *,
    gnupg_home: Path | None,
    environment: Mapping[str, str],
    stdin: bytes = b"",
    passphrase: Secret | None = None,
    tty: str | None = None,
    cancelled: Event | None = None,
    progress: Callable[[float], None] | None = None,
    seconds: float | None = WORK_SECONDS,
) -> GpgRun:
    """Run gpg in batch mode and wait for it.

    Args:
        arguments: options and command, without the program and its home folder. Never a secret.
        gnupg_home: the folder with the keyring; None for gpg's own choice.
        environment: the person's environment; `gpg_environment` selects what is passed on.
        stdin: bytes to feed it.
        passphrase: passed over a pipe (loopback), never in argv, environment or a file.
        tty: the terminal's device for pinentry; the caller has suspended its own screen.
        cancelled: set by another thread to end gpg. Its agent is never ended.
        progress: called about twenty times a second with the seconds passed.
        seconds: the time limit; None while it waits for a person.

    Returns:
        The run, whatever its exit status.

    Raises:
        GpgMissing, GpgFailed: gpg cannot be started.
        GpgTooSlow: it exceeded the time limit.
        Cancelled: `cancelled` was set before it ended.
        OnboardError: the passphrase is not one line of at most `PASSPHRASE_LIMIT` bytes.
    """
    command = ["gpg", "--batch", "--no-tty", "--status-fd", "2"]
    if gnupg_home is not None:
        command += ["--homedir", str(gnupg_home)]
    with _passphrase_pipe(passphrase) as descriptors:
        for descriptor in descriptors:
            command += ["--pinentry-mode", "loopback", "--passphrase-fd", str(descriptor)]
        process = _started([*command, *arguments], gpg_environment(environment, tty), descriptors)
    with process:
        try:
            output, errors = communicate(process, stdin, _watch(cancelled, progress, seconds))
        except BaseException:  # Ctrl-C too: gpg must not outlive this process
            _end(process)
            raise
    return GpgRun.read(process.returncode, output, errors)


def _started(
    command: Sequence[str], environment: Mapping[str, str], descriptors: tuple[int, ...]
) -> subprocess.Popen[bytes]:
    """Start the child with pipes for all three streams; gpg is searched on the PATH of its environment."""
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            pass_fds=descriptors,
        )
    except OSError as error:
        raise not_started(error) from error


def not_started(cause: BaseException) -> BaseException:
    """Return why gpg didn't start: missing, or another failure; a system limit's error stays as it is."""
    if isinstance(cause, FileNotFoundError | PermissionError):
        return GpgMissing()
    if isinstance(cause, OSError) and cause.errno in _LIMITS:
        return cause
    return GpgFailed(
        "GnuPG doesn't start",
        "gpg failed at once.",
        next="Run  gpg --version  in a terminal: it has to work there first.",
        detail=str(cause),
    )


def _watch(
    cancelled: Event | None, progress: Callable[[float], None] | None, seconds: float | None
) -> Callable[[], None]:
    """Return a function that checks for cancellation and timeout, and reports progress."""
    started = time.monotonic()

    def check() -> None:
        if cancelled is not None and cancelled.is_set():
            raise Cancelled("Cancelled", "gpg was stopped; nothing was changed.")
        passed = time.monotonic() - started
        if seconds is not None and passed > seconds:
            raise GpgTooSlow(seconds=seconds)
        if progress is not None:
            progress(passed)

    return check


def _end(process: subprocess.Popen[bytes]) -> None:
    """End gpg, politely at first; never its agent (a killed agent leaves pinentry spinning)."""
    process.terminate()
    try:
        process.wait(2.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def _passphrase_pipe(passphrase: Secret | None) -> Iterator[tuple[int, ...]]:
    """Yield the reading end of a pipe with the passphrase; nothing without a passphrase."""
    if passphrase is None:
        yield ()
        return
    line = passphrase.reveal().encode("utf-8")
    if len(line) > PASSPHRASE_LIMIT or b"\n" in line or b"\r" in line:
        raise OnboardError(
            "This can't be the passphrase",
            f"A passphrase is one line of at most {PASSPHRASE_LIMIT} bytes.",
            next="Enter the passphrase of your PGP key.",
        )
    reading, writing = os.pipe()
    try:
        # A pipe buffers this much without a reader (POSIX guarantees 512 bytes), so this never blocks.
        os.write(writing, line + b"\n")
        os.close(writing)
        yield (reading,)
    finally:
        os.close(reading)
