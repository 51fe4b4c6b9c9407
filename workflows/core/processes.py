"""What every child process needs: an environment that is built, and a name that outlives its pid.

A child gets the variables on an allow list and nothing else, so that a secret which happens to be in the
person's shell never travels. A process that is found again later is known by its pid *and* its start time,
since pids are used again.

Only the standard library is imported here: Terraform's supervisor, a process of its own, has nothing else.
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
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import IO, Any, AnyStr

from workflows.core.files import OWN_LIMIT, FileError, load_file, replace_file
from workflows.core.parsing import parse_json

ALLOWED = (
    # who and where the person is, and how text is written
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ", "LANG", "LANGUAGE", "LC_*"),
    # git and ssh: modules come from private repositories
    *("GIT_*", "SSH_AUTH_SOCK", "SSH_AGENT_PID", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE"),
    # the way out of the network and whom to trust there
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
    # what their version managers choose a version by
    *("TFENV_*", "TOFUENV_*", "TENV_*", "ASDF_*", "MISE_*"),
    # the keyring and gpg, which a credential_process in a profile may ask
    *("XDG_*", "DBUS_SESSION_BUS_ADDRESS", "GNUPGHOME"),
)
"""Names of the variables that a child may inherit; with a * at its end, every name that begins so."""

ON_A_DESKTOP = (
    *ALLOWED,
    *("TERM", "DISPLAY", "XAUTHORITY", "WAYLAND_*", "BROWSER", "DESKTOP_*", "SESSION_MANAGER"),
    *("GNOME_*", "GDK_*", "GTK_*", "KDE_*", "QT_*", "MOZ_*", "SWAYSOCK", "WSL*"),
)
"""What a program with windows may inherit."""

REFUSED = ("TF_LOG", "TF_LOG_*", "GIT_TRACE*", "GIT_CURL_VERBOSE")
"""Left out although `ALLOWED` matches: their traces write credentials into the output."""

_GRACE_SECONDS = 5.0
"""How long a program may take to end after it was interrupted."""


@dataclass(frozen=True)
class Completed:
    """What a short child process left behind.

    Attributes:
        exit_code: its exit status; negative for the signal that ended it.
        stdout: what it wrote to stdout, as it is.
        stderr: what it wrote to stderr, as it is.
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
        base: the environment to take from, usually the person's own.
        extra: variables to set in any case, whatever their names (a profile's files, a region).
        allowed: those that pass, as in `ALLOWED`.

    Returns:
        A new dictionary; AWS credentials of `base` are never in it.
    """
    kept = {
        name: value for name, value in base.items() if _is_of(name, allowed) and not _is_of(name, REFUSED)
    }
    return {**kept, **(extra or {})}


def _is_of(name: str, wanted: Sequence[str]) -> bool:
    return any(name.startswith(known[:-1]) if known.endswith("*") else name == known for known in wanted)


def search_absolute_folders_only() -> None:
    """Let this process and its children look for programs in folders of the machine only.

    Where PATH holds "." or another relative folder, a checkout that one stands in brings its own git and gpg.
    """
    folders = [
        folder
        for folder in os.environ.get("PATH", os.defpath).split(os.pathsep)
        if Path(folder).is_absolute()
    ]
    os.environ["PATH"] = os.pathsep.join(folders)


def own_module(name: str) -> list[str]:
    """The arguments by which this Python runs a module of this program, however it is installed.

    Nothing from the folder it runs in is imported (`-P`).
    """
    code = f"import iam_onboard, runpy; runpy.run_module({name!r}, run_name='__main__', alter_sys=True)"
    return [sys.executable, "-P", "-c", code]


def disable_core_dumps() -> None:
    """Forbid this process and its children to leave core dumps, which would hold secrets."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write a private JSON file as a whole.

    Raises:
        OSError: as for `replace_file`.
    """
    replace_file(path, json.dumps(record).encode())


def read_record(path: Path) -> dict[str, Any] | None:
    """What `write_record` wrote; None where there is no such file.

    Raises:
        FileError: what is there is no such record.
    """
    try:
        record = parse_json(load_file(path, OWN_LIMIT))
    except FileNotFoundError:
        return None
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise FileError(
            "Something that was kept is damaged",
            f"{path} isn't a JSON object.",
            why="The file was edited, or damaged by the disk.",
            next="Move it away. iam-onboard then looks that up again, or counts it as unknown.",
        )
    return record


def user_and_host(variables: Mapping[str, str]) -> str:
    """The person and the machine as Terraform calls them in its locks: as Go's os/user and hostname do."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a user of a container, without an entry
        name = variables.get("USER", "")
    return f"{name}@{os.uname().nodename}"


def process_started_at(pid: int) -> str | None:
    """Say when a process was started, as a text to compare and nothing else.

    On Linux it is the boot's id and the start time in clock ticks since then (proc(5), field 22 of `stat`);
    elsewhere what `ps -o lstart=` says, to the second.

    Returns:
        None if there is no such process or it has ended and waits for its parent (a zombie).
    """
    return _started_at_linux(pid) if sys.platform == "linux" else _started_at_ps(pid)


def _started_at_linux(pid: int) -> str | None:
    try:
        # The command in parentheses may hold blanks and parentheses: count from the last one.
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
    """Whether the process `pid` still runs and is the one that was started then.

    Args:
        pid: its process id.
        started_at: what `process_started_at` said of it when it was known to be the right one.
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
    """Run a short program in a session of its own and keep what it says in memory.

    The session keeps the terminal's Ctrl-C from it, and the terminal itself: it can ask nobody.

    Args:
        argv: program and arguments.
        cwd: the folder to run in.
        environment: the whole environment of the child.
        cancelled: when set, the program gets one SIGINT, and is killed if it still runs some seconds later.
        timeout: seconds after which the same happens, or None.
        stdin: what it reads.

    Raises:
        FileNotFoundError: there is no such program (or no such folder).
        TimeoutError: `timeout` passed.
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
            process.send_signal(signal.SIGINT)  # in its own session it has heard of nothing
            raise
    if limit.passed:
        raise TimeoutError(f"{Path(argv[0]).name} did not answer within {timeout:g} seconds")
    return Completed(process.returncode, stdout, stderr)


class _Limit:
    """Sends a process one SIGINT when it is cancelled or its time has passed.

    What it started and left behind at that is killed: it holds the pipes, which would be read without an end.
    So is a program that ignores the signal, as every child of a shell's job does.
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
        given: what it reads.
        check: called before and then about twenty times a second; what it raises ends the waiting.
    """
    if given and process.stdin is not None:
        # Popen.communicate drops what a round that timed out had not written yet, and keeps the pipe open.
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
