"""What every child process needs: an environment built for it, and an identity that outlives its pid.

A child gets only the variables on an allow list, so a secret in the person's shell never reaches it. A
process to be found again later is identified by pid *and* start time, since pids are reused.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import pwd
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event, Thread
from typing import IO, Any, AnyStr, NamedTuple

from workflows.core.files import OWN_LIMIT, FileError, load_file, replace_file
from workflows.core.parsing import parse_json

ALLOWED = (
    # the person, their folders, and the locale
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ", "LANG", "LANGUAGE", "LC_*"),
    # git and ssh, since modules come from private repositories
    *("GIT_*", "SSH_AUTH_SOCK", "SSH_AGENT_PID", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE"),
    # proxies and trusted certificates
    *("http_proxy", "https_proxy", "no_proxy", "all_proxy"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"),
    *(
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "NIX_SSL_CERT_FILE",
        "CURL_CA_BUNDLE",
        "REQUESTS_CA_BUNDLE",
        "AWS_CA_BUNDLE",
    ),
    # Terraform's and OpenTofu's own (variables, mirrors, plugin cache, data folder)
    *("TF_*", "TOFU_*", "CHECKPOINT_DISABLE"),
    # their version managers
    *("TFENV_*", "TOFUENV_*", "TENV_*", "ASDF_*", "MISE_*"),
    # the keyring and gpg, for a profile's credential_process
    *("XDG_*", "DBUS_SESSION_BUS_ADDRESS", "GNUPGHOME"),
)
"""Variables that a child may inherit; a trailing * matches every name with that prefix."""

ON_A_DESKTOP = (
    *ALLOWED,
    *("TERM", "DISPLAY", "XAUTHORITY", "WAYLAND_*", "BROWSER", "DESKTOP_*", "SESSION_MANAGER"),
    *("GNOME_*", "GDK_*", "GTK_*", "KDE_*", "QT_*", "MOZ_*", "SWAYSOCK", "WSL*"),
)
"""Variables that a graphical program may inherit."""

REFUSED = ("TF_LOG", "TF_LOG_*", "GIT_TRACE*", "GIT_CURL_VERBOSE")
"""Excluded although `ALLOWED` matches: they make programs write credentials into their output."""

_GRACE_SECONDS = 5.0
"""How long an interrupted program may take to end."""


class Completed(NamedTuple):
    """The result of a short child process.

    Attributes:
        exit_code: the exit status; the negated signal number if a signal ended it.
        stdout: its raw standard output.
        stderr: its raw standard error.
    """

    exit_code: int
    stdout: str
    stderr: str


def child_environment(
    base: Mapping[str, str],
    extra: Mapping[str, str] | None = None,
    *,
    allowed: Sequence[str] = ALLOWED,
) -> dict[str, str]:
    """Build a child's environment from an allow list.

    Args:
        base: the environment to filter, usually the person's own.
        extra: variables to set regardless of the list (a profile's files, a region).
        allowed: names to keep, as in `ALLOWED`.

    Returns:
        A new dictionary, never with AWS credentials from `base`.
    """
    kept = {
        name: value for name, value in base.items() if _is_of(name, allowed) and not _is_of(name, REFUSED)
    }
    return {**kept, **(extra or {})}


def _is_of(name: str, wanted: Sequence[str]) -> bool:
    return any(name.startswith(known[:-1]) if known.endswith("*") else name == known for known in wanted)


def search_absolute_folders_only() -> None:
    """Drop relative folders from the PATH of this process and its children.

    With "." or another relative folder in PATH, a checkout could supply its own git and gpg.
    """
    folders = [
        folder
        for folder in os.environ.get("PATH", os.defpath).split(os.pathsep)
        if Path(folder).is_absolute()
    ]
    os.environ["PATH"] = os.pathsep.join(folders)


def own_module(name: str) -> list[str]:
    """The command line that runs one of this program's modules, however it is installed.

    Nothing is imported from the current folder (`-P`).
    """
    code = f"import iam_onboard, runpy; runpy.run_module({name!r}, run_name='__main__', alter_sys=True)"
    return [sys.executable, "-P", "-c", code]


def disable_core_dumps() -> None:
    """Keep this process and its children from writing core dumps, which would hold secrets."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write a private JSON file atomically.

    Raises:
        OSError: as for `replace_file`.
    """
    replace_file(path, json.dumps(record).encode())


def read_record(path: Path) -> dict[str, Any] | None:
    """Read a file that `write_record` wrote; None if it does not exist.

    Raises:
        FileError: it is not such a record.
    """
    try:
        record = parse_json(load_file(path, OWN_LIMIT))
    except FileNotFoundError:
        return None
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise FileError(
            "A saved file is damaged",
            f"{path} isn't a JSON object.",
            why="The file was edited, or damaged by the disk.",
            next="Move it away. iam-onboard then looks the answer up again, or counts it as unknown.",
        )
    return record


def user_and_host(variables: Mapping[str, str]) -> str:
    """The user and host as Terraform names them in its locks: like Go's os/user and hostname."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # in a container, a user without an entry
        name = variables.get("USER", "")
    return f"{name}@{os.uname().nodename}"


def process_started_at(pid: int) -> str | None:
    """Return when a process was started, as an opaque text for comparison.

    On Linux: the boot id and the start time in clock ticks since boot (proc(5), field 22 of `stat`);
    elsewhere the output of `ps -o lstart=`, to the second.

    Returns:
        None if there is no such process, or it is a zombie.
    """
    return _started_at_linux(pid) if sys.platform == "linux" else _started_at_ps(pid)


def _started_at_linux(pid: int) -> str | None:
    try:
        # The command in parentheses may contain blanks and parentheses, so count from the last one.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    if fields[0] in {"Z", "X"}:
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}:{fields[19]}"


def _started_at_ps(pid: int) -> str | None:
    answer = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
    )
    status, _, started = answer.stdout.strip().partition(" ")
    if answer.returncode != 0 or not started or status.startswith("Z"):
        return None
    return " ".join(started.split())


def is_alive(pid: int, started_at: str) -> bool:
    """Return whether the process `pid` is running and is the one started then.

    Args:
        pid: the process id.
        started_at: what `process_started_at` returned when the process was known to be the right one.
    """
    return process_started_at(pid) == started_at


def capture(
    argv: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    cancelled: Event | None = None,
    timeout: float | None = None,
    stdin: str = "",
) -> Completed:
    """Run a short program in a new terminal session and capture its output.

    There the terminal's Ctrl-C doesn't reach it, and it can't prompt.

    Args:
        argv: program and arguments.
        cwd: the folder to run in.
        environment: the whole environment of the child.
        cancelled: once set, the program gets one SIGINT, and is killed if it still runs some seconds later.
        timeout: seconds after which the same happens, or None.
        stdin: text to feed it.

    Raises:
        FileNotFoundError: there is no such program (or no such folder).
        TimeoutError: the timeout passed.
    """
    with subprocess.Popen(
        list(argv),
        cwd=cwd,
        env=dict(environment),
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    ) as process:
        limit = _Limit(process, cancelled, timeout)
        check = limit.check if cancelled is not None or timeout is not None else None
        try:
            stdout, stderr = communicate(process, stdin or None, check)
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)  # in its own session it got no Ctrl-C
            raise
    if limit.passed:
        raise TimeoutError(f"{Path(argv[0]).name} didn't answer within {timeout:g} seconds")
    return Completed(process.returncode, stdout, stderr)


class _Limit:
    """Sends a process one SIGINT when it is cancelled or its time is up.

    Any children that survive it are killed: they hold the pipes open, and reading would never end. So is a
    program that ignores the signal, as every child of a shell's background job does.
    """

    def __init__(
        self, process: subprocess.Popen[str], cancelled: Event | None, timeout: float | None
    ) -> None:
        self.passed = False
        self._process = process
        self._cancelled = cancelled
        self._end = math.inf if timeout is None else time.monotonic() + timeout
        self._kill_at: float | None = None

    def check(self) -> None:
        now, cancelled = time.monotonic(), self._cancelled is not None and self._cancelled.is_set()
        if self._kill_at is None:
            self.passed = now > self._end
            if not (self.passed or cancelled):
                return
            self._kill_at = now + _GRACE_SECONDS
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGINT)
        elif now > self._kill_at or self._process.poll() is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


def communicate(
    process: subprocess.Popen[AnyStr], given: AnyStr | None, check: Callable[[], None] | None
) -> tuple[AnyStr, AnyStr]:
    """Feed and read a child until it ends.

    Args:
        process: the child, with pipes.
        given: text to feed it.
        check: called first and then about twenty times a second; an exception from it ends the wait.
    """
    if given and process.stdin is not None:
        # After a timeout, Popen.communicate drops unwritten input and keeps the pipe open.
        Thread(target=_feed, args=(process.stdin, given), daemon=True).start()
        process.stdin = None
    while True:
        if check is not None:
            check()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=None if check is None else 0.05)


def _feed(stdin: IO[AnyStr], given: AnyStr) -> None:
    with contextlib.suppress(BrokenPipeError), stdin:
        stdin.write(given)
