from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from support.repository import ROOT

from workflows.core import processes
from workflows.core.files import FileError
from workflows.core.processes import (
    capture,
    child_environment,
    is_alive,
    process_started_at,
    read_record,
    write_record,
)


def test_only_what_is_allowed_is_inherited() -> None:
    base = {
        "PATH": "/bin",
        "HOME": "/home/a",
        "LC_ALL": "C",
        "GIT_SSH_COMMAND": "ssh",
        "SSH_AUTH_SOCK": "/s",
        "https_proxy": "http://proxy",
        "NO_PROXY": "x",
        "SSL_CERT_FILE": "/ca",
        "TF_CLI_CONFIG_FILE": "/tf",
        "TF_VAR_x": "1",
        "TF_LOG": "trace",
        "TF_LOG_PATH": "/log",
        "GIT_TRACE_CURL": "1",
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_PROFILE": "wrong",
        "GITHUB_TOKEN": "t",
        "DATABASE_PASSWORD": "p",
    }
    extra = {"AWS_PROFILE": "bb-security-devops", "AWS_CONFIG_FILE": "/c"}
    built = child_environment(base, extra)
    dropped = {
        "TF_LOG",
        "TF_LOG_PATH",
        "GIT_TRACE_CURL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "GITHUB_TOKEN",
        "DATABASE_PASSWORD",
    }
    assert built == {**{name: value for name, value in base.items() if name not in dropped}, **extra}
    assert "AWS_PROFILE" not in child_environment(base)


def test_a_process_is_known_by_its_start() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        started = process_started_at(child.pid)
        assert started is not None
        assert process_started_at(child.pid) == started
        assert is_alive(child.pid, started)
        assert not is_alive(child.pid, "another")
        assert not is_alive(os.getpid(), started)
        child.kill()
        while is_alive(child.pid, started):  # the child is a zombie until it is reaped
            time.sleep(0.01)
    assert process_started_at(child.pid) is None


def test_capture_keeps_both_streams_and_the_status(tmp_path: Path) -> None:
    program = "import os, sys; print(os.getcwd(), sys.stdin.read()); print('e', file=sys.stderr); sys.exit(4)"
    answer = capture([sys.executable, "-c", program], cwd=tmp_path, environment={})
    assert (answer.exit_code, answer.stdout, answer.stderr) == (4, f"{tmp_path} \n", "e\n")
    with pytest.raises(FileNotFoundError):
        capture([str(tmp_path / "none")], cwd=tmp_path, environment={})


@pytest.mark.parametrize("way", ["cancelled", "timeout"])
def test_capture_interrupts_once(tmp_path: Path, way: str) -> None:
    program = """
import signal, sys, time
def stop(number, frame):
    print("stopped"); sys.exit(130)
signal.signal(signal.SIGINT, stop)
open("ready", "w").close()
time.sleep(3600)
"""
    cancelled = threading.Event()

    def cancel() -> None:
        while not (tmp_path / "ready").exists():
            time.sleep(0.01)
        cancelled.set()

    argv = [sys.executable, "-c", program]
    if way == "cancelled":
        thread = threading.Thread(target=cancel)
        thread.start()
        answer = capture(argv, cwd=tmp_path, environment={}, cancelled=cancelled)
        thread.join()
        assert (answer.exit_code, answer.stdout) == (130, "stopped\n")
    else:
        with pytest.raises(TimeoutError, match=r"\b1 seconds"):
            capture(argv, cwd=tmp_path, environment={}, timeout=1)


def test_a_program_that_ignores_the_interrupt_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_GRACE_SECONDS", 0.1)
    argv, environment = ["sh", "-c", "trap '' INT; sleep 600"], dict(os.environ)
    with pytest.raises(TimeoutError):
        capture(argv, cwd=tmp_path, environment=environment, timeout=1)
    cancelled = threading.Event()
    cancelled.set()
    assert capture(argv, cwd=tmp_path, environment=environment, cancelled=cancelled).exit_code != 0


def test_a_program_that_reads_late_gets_all_of_it(tmp_path: Path) -> None:
    program = "import sys, time; time.sleep(0.3); print(len(sys.stdin.read()))"
    argv, given = [sys.executable, "-c", program], "x" * 1_000_000
    answer = capture(argv, cwd=tmp_path, environment={}, timeout=60, stdin=given)
    assert answer.stdout == "1000000\n"


def test_a_program_need_not_read_what_it_is_given(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", "print('done')"]
    answer = capture(argv, cwd=tmp_path, environment={}, timeout=60, stdin="x" * 1_000_000)
    assert answer.stdout == "done\n"


def test_what_a_program_leaves_behind_does_not_hold_its_pipes(tmp_path: Path) -> None:
    program = "import subprocess, time; subprocess.Popen(['sleep', '600']); time.sleep(600)"
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        capture([sys.executable, "-c", program], cwd=tmp_path, environment=dict(os.environ), timeout=2)
    assert time.monotonic() - begun < 300


def test_core_dumps_are_off_for_the_process_and_its_children(tmp_path: Path) -> None:
    program = """
import resource, subprocess, sys
from workflows.core.processes import disable_core_dumps
disable_core_dumps()
print(resource.getrlimit(resource.RLIMIT_CORE))
subprocess.run([sys.executable, "-c", "import resource; print(resource.getrlimit(resource.RLIMIT_CORE))"])
"""
    root = str(ROOT)
    answer = capture([sys.executable, "-u", "-c", program], cwd=tmp_path, environment={"PYTHONPATH": root})
    assert answer.stdout == "(0, 0)\n(0, 0)\n"
    assert resource.getrlimit(resource.RLIMIT_CORE) is not None


def test_a_record_is_private_and_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_record(path, {"a": 1})
    write_record(path, {"b": 2})
    assert path.read_text() == '{"b": 2}'
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff", b"[" * 100_000])
def test_a_damaged_record_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "record.json").write_bytes(content)
    with pytest.raises(FileError, match=r"record\.json"):
        read_record(tmp_path / "record.json")
