from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from support import journal_writer
from support.machine_samples import sessions_in
from support.panes import SECONDS

from workflows.core.files import FileError, cause_of
from workflows.core.locks import FileLock
from workflows.machine.lock import SessionInUse, SessionLock, visited


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Yield another process that holds the session "s"; end it afterwards."""
    command = [sys.executable, journal_writer.__file__, str(folder), "hold"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_a_session_that_another_process_has_is_refused_with_its_process_id(tmp_path: Path) -> None:
    sessions_in(tmp_path).create("admin", {}, "s").close()
    with holder(tmp_path) as process:
        for attempt in (
            sessions_in(tmp_path).open,
            partial(sessions_in(tmp_path).open, repair=True),
            sessions_in(tmp_path).delete,
        ):
            with pytest.raises(SessionInUse, match=f"{process.pid} on {os.uname().nodename} ") as refused:
                attempt("s")
            assert refused.value.pid == process.pid
        assert [summary.id for summary in sessions_in(tmp_path).summaries()] == ["s"]
    assert (tmp_path / "s").is_dir()


def test_a_process_that_dies_gives_its_session_back(tmp_path: Path) -> None:
    sessions_in(tmp_path).create("admin", {}, "s").close()
    with holder(tmp_path) as process:
        process.kill()
        process.wait()
        sessions_in(tmp_path).open("s").close()


def test_a_child_of_the_process_does_not_keep_its_session(tmp_path: Path) -> None:
    lock = SessionLock(tmp_path / "lock")
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, close_fds=False
    ) as child:
        lock.release()
        SessionLock(tmp_path / "lock").release()
        child.kill()


def test_one_process_has_a_session_only_once(tmp_path: Path) -> None:
    lock = SessionLock(tmp_path / "lock")
    with pytest.raises(SessionInUse) as refused:
        SessionLock(tmp_path / "lock")
    assert refused.value.pid == os.getpid()
    lock.release()
    lock.release()
    SessionLock(tmp_path / "lock").release()
    assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600


def test_opening_a_session_waits_for_a_visit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits, acquire = threading.Event(), FileLock.acquire

    def waiting(lock: FileLock, **how: bool) -> None:
        waits.set()
        acquire(lock, **how)

    monkeypatch.setattr(FileLock, "acquire", waiting)
    with ThreadPoolExecutor() as pool:
        with visited(tmp_path / "lock") as free:
            assert free
            with visited(tmp_path / "lock") as another:
                assert not another
            opened = pool.submit(SessionLock, tmp_path / "lock")
            assert waits.wait(SECONDS)
            assert not opened.done()
        lock = opened.result(SECONDS)
    with visited(tmp_path / "lock") as free:
        assert not free
    lock.release()


def test_an_owner_that_has_not_told_its_process_id_yet_is_another_process(tmp_path: Path) -> None:
    lock = SessionLock(tmp_path / "lock")
    (tmp_path / "lock").write_text("")
    with pytest.raises(SessionInUse) as refused:
        SessionLock(tmp_path / "lock")
    assert refused.value.pid is None
    lock.release()


def test_a_lock_file_that_cannot_be_opened_says_why(tmp_path: Path) -> None:
    with pytest.raises(FileError) as refused:
        SessionLock(tmp_path / "nowhere" / "lock")
    assert refused.value.why == cause_of(OSError(errno.ENOENT, ""))


def test_a_file_system_without_locks_is_not_taken_for_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(FileError) as refused:
        SessionLock(tmp_path / "lock")
    assert refused.value.why
