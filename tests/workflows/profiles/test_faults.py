"""A full disk and SIGKILL at every write: afterwards the files are the old ones or the new ones."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.profile_samples import devops

from workflows.core.files import FileError, cause_of
from workflows.core.secret import Credentials, Secret
from workflows.profiles.plan import WantedProfiles
from workflows.profiles.write import ProfilePaths, prepare, profile_paths, write_profiles

NOW = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)
CALLS = (
    *((os, name) for name in ("open", "fdopen", "fsync", "fchmod", "chmod", "replace", "unlink", "mkdir")),
    (tempfile, "mkstemp"),
    (shutil, "copy2"),
)
MOST_CALLS = 200


def wanted(turn: int) -> WantedProfiles:
    key = Credentials("AKIA" + "A" * 16, Secret(str(turn) * 40))
    return devops(key, region=f"us-west-{turn}")


@pytest.fixture
def paths(tmp_path: Path) -> ProfilePaths:
    made = profile_paths(tmp_path, "bb")
    write_profiles(made, wanted(1), NOW)
    made.config.write_text("# mine\n[profile mine]\nregion = eu-west-1\n\n" + made.config.read_text())
    return made


@contextmanager
def failing_at(number: int, fail: Callable[[], None]) -> Iterator[list[str]]:
    """Call `fail` in place of the n-th call; yield the names of the calls so far."""
    called: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for module, name in CALLS:
            real = getattr(module, name)

            def counted(*arguments: Any, _real: Any = real, _name: str = name, **options: Any) -> Any:
                called.append(_name)
                if len(called) == number:
                    fail()
                return _real(*arguments, **options)

            patch.setattr(module, name, counted)
        yield called


def both(paths: ProfilePaths) -> tuple[bytes, bytes]:
    return paths.credentials.read_bytes(), paths.config.read_bytes()


def new_state(paths: ProfilePaths, tmp_path: Path) -> tuple[bytes, bytes]:
    """Return the files' contents if nothing fails."""
    copy = profile_paths(tmp_path / "copy", "bb")
    shutil.copytree(paths.folder, copy.folder)
    write_profiles(copy, wanted(2), NOW)
    return both(copy)


def no_space() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_at_every_call_leaves_both_files_as_they_were(
    paths: ProfilePaths, tmp_path: Path
) -> None:
    old, new = both(paths), new_state(paths, tmp_path)
    refusals = []
    for number in range(1, MOST_CALLS):
        with failing_at(number, no_space) as called:
            refused = refusal(paths, number)
        if refused is None:
            assert both(paths) == new
            if len(called) < number:
                break
        else:
            refusals.append(refused.why)
            # If only the folder's final sync fails, both new files are in place.
            assert both(paths) in ((old, new) if called[number - 1] in {"open", "fsync"} else (old,))
        paths.credentials.write_bytes(old[0])
        paths.config.write_bytes(old[1])
        assert not [path for path in paths.folder.iterdir() if path.name.startswith(".")]
    else:
        pytest.fail("it never came to an end")
    assert len(refusals) > 15
    assert set(refusals) == {cause_of(OSError(errno.ENOSPC, ""))}
    assert both(paths) == new


def refusal(paths: ProfilePaths, number: int) -> FileError | None:
    try:
        write_profiles(paths, wanted(2), NOW + timedelta(seconds=number))
    except FileError as error:
        return error
    return None


def test_sigkill_at_every_call_leaves_old_or_new_files_and_the_next_run_finishes(
    paths: ProfilePaths, tmp_path: Path
) -> None:
    old, new, record = both(paths), new_state(paths, tmp_path), paths.record.read_bytes()
    seen = set()
    for number in range(1, MOST_CALLS):
        child = os.fork()
        if child == 0:
            try:
                with failing_at(number, lambda: os.kill(os.getpid(), signal.SIGKILL)):
                    write_profiles(paths, wanted(2), NOW + timedelta(seconds=number))
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        credentials, config = both(paths)
        assert credentials in {old[0], new[0]}
        assert config in {old[1], new[1]}
        assert (credentials, config) != (old[0], new[1])  # never a profile without its key
        assert not prepare(paths, wanted(3)).by_hand, "our own work is not taken for a change by hand"
        seen.add((credentials == new[0], config == new[1]))
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            break
        assert os.WTERMSIG(status) == signal.SIGKILL
        write_profiles(paths, wanted(2), NOW)
        assert both(paths) == new
        assert not [path for path in paths.folder.iterdir() if path.name.startswith(".")]
        paths.credentials.write_bytes(old[0])
        paths.config.write_bytes(old[1])
        paths.record.write_bytes(record)
    else:
        pytest.fail("it never came to an end")
    assert seen == {(False, False), (True, False), (True, True)}


def test_a_disk_that_takes_only_some_bytes(paths: ProfilePaths) -> None:
    """The kernel truncates a real write, at several lengths."""
    old = both(paths)
    size = len(old[1])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        for limit in (0, 1, 20, size // 2, size - 1):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
            try:
                with pytest.raises(FileError):
                    write_profiles(paths, wanted(2), NOW)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            assert both(paths) == old
            assert not [path for path in paths.folder.iterdir() if path.name.startswith(".")]
    finally:
        signal.signal(signal.SIGXFSZ, before)
