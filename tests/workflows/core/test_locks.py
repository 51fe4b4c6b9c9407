from __future__ import annotations

import errno
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from workflows.core.files import FileError, cause_of
from workflows.core.locks import FileLock, is_held, is_shared

HOLD = """
import sys
from pathlib import Path
from workflows.core.locks import FileLock
lock = FileLock(Path(sys.argv[1]))
lock.acquire(shared=sys.argv[2] == "shared")
print("held", flush=True)
sys.stdin.read()
"""


def hold(path: Path, mode: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), mode],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    with process:
        process.kill()


def test_a_lock_nobody_holds_is_free(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "lock")
    assert not is_shared(tmp_path / "lock")


def test_several_share_a_lock_and_none_gets_it_alone(tmp_path: Path) -> None:
    process = hold(tmp_path / "lock", "shared")
    lock = FileLock(tmp_path / "lock")
    try:
        assert not lock.try_acquire()
        assert lock.try_acquire(shared=True)
    finally:
        lock.release()
        kill(process)


def test_a_shared_lock_is_told_from_one_held_alone(tmp_path: Path) -> None:
    shared, alone = tmp_path / "shared", tmp_path / "alone"
    processes = [hold(shared, "shared"), hold(alone, "alone")]
    try:
        assert is_held(shared)
        assert is_shared(shared)
        assert is_held(alone)
        assert not is_shared(alone)
    finally:
        for process in processes:
            kill(process)


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    process = hold(tmp_path / "lock", "alone")
    assert not FileLock(tmp_path / "lock").try_acquire()
    kill(process)
    assert not is_held(tmp_path / "lock")


def test_a_program_that_the_holder_starts_does_not_inherit_the_lock(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")
    lock.acquire()
    with subprocess.Popen(["sleep", "30"]) as sleeper:
        lock.release()
        assert not is_held(tmp_path / "lock")
        sleeper.kill()


def test_a_lock_that_cannot_be_taken_is_named_with_its_cause(tmp_path: Path) -> None:
    lock = tmp_path / "gone" / "lock"
    for ask in (FileLock(lock).acquire, FileLock(lock).try_acquire, partial(is_held, lock)):
        with pytest.raises(FileError) as refused:
            ask()
        assert refused.value.why == cause_of(OSError(errno.ENOENT, ""))
