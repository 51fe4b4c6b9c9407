from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from workflows.core.files import FileError
from workflows.core.temporary import remove_leftover_folders, temporary_folder


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the test's folder the one for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_is_private_and_gone_afterwards(root: Path) -> None:
    with temporary_folder() as folder:
        assert folder.parent == root
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        remove_leftover_folders()
        assert folder.is_dir()
    assert list(root.iterdir()) == []


def test_a_full_disk_is_told_with_the_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "mkdir", fail)
    with pytest.raises(FileError, match=str(root)), temporary_folder():
        pass


def test_a_disk_that_is_full_later_on_is_told_too_and_no_other_failure(root: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(FileError), temporary_folder(root):
        raise full
    with pytest.raises(FileError), temporary_folder(root) as folder:
        (folder / "not there" / "file").write_text("")
    with pytest.raises(FileNotFoundError), temporary_folder(root):
        (root / "not there").read_text()


def test_a_folder_that_cannot_be_removed_is_left_to_the_next_start(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "read-only")

    with monkeypatch.context() as patch, temporary_folder():
        patch.setattr(os, "rmdir", fail)
    assert len(list(root.iterdir())) == 1


def test_what_a_killed_program_left_goes_with_the_next_start(root: Path) -> None:
    script = (
        "import time\nfrom workflows.core.temporary import temporary_folder\n"
        "with temporary_folder() as folder:\n"
        "    (folder / 'key').write_text('x')\n    print(folder, flush=True)\n    time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(root)},
    ) as killed:
        assert killed.stdout is not None
        folder = Path(killed.stdout.readline().strip())
        assert folder.parent == root
        remove_leftover_folders()
        assert (folder / "key").is_file()
        killed.send_signal(signal.SIGKILL)
    subprocess.run(
        [sys.executable, "-m", "iam_onboard", "sessions"],
        env={**os.environ, "TMPDIR": str(root), "HOME": str(root / "home")},
        check=True,
        capture_output=True,
    )
    assert not folder.exists()


def test_nothing_else_is_removed(root: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    outside = root / "outside"
    outside.mkdir()
    (outside / "file").write_text("x")
    (root / f"io.{gone.pid}.link").symlink_to(outside)
    (root / f"io.{gone.pid}.file").write_text("x")
    for name in ("io-abc", "io.abc.def", f"io.{gone.pid}", f"io.{'9' * 40}.x", "io.0.x"):
        (root / name).mkdir()
    (root / f"io.{gone.pid}.left").mkdir()
    before = {path.name for path in root.iterdir()}
    remove_leftover_folders()
    assert before - {path.name for path in root.iterdir()} == {f"io.{gone.pid}.left"}
    assert (outside / "file").is_file()
