from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.repository import ROOT

from workflows.core import files
from workflows.core.files import FileError, FileWrite, NotAccepted
from workflows.core.locks import locked_folder
from workflows.core.sentences import text_of

NOW = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_is_private(tmp_path: Path) -> None:
    target = tmp_path / "new"
    files.write_atomically(target, b"data")
    assert (target.read_bytes(), mode(target)) == (b"data", 0o600)
    assert list(tmp_path.iterdir()) == [target]


def test_a_mode_is_set_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        files.write_atomically(tmp_path / "a", b"", mode=0o644)
    finally:
        os.umask(old)
    assert mode(tmp_path / "a") == 0o644


@pytest.mark.parametrize(("wanted", "expected"), [(None, 0o640), (0o600, 0o600)])
def test_the_mode_of_a_target_is_kept_on_request(tmp_path: Path, wanted: int | None, expected: int) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"old")
    target.chmod(0o640)
    files.replace_file(target, b"new", mode=wanted)
    assert (target.read_bytes(), mode(target)) == (b"new", expected)


def test_a_new_file_without_a_mode_gets_what_the_umask_leaves(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        files.replace_file(tmp_path / "a", b"new", mode=None)
    finally:
        os.umask(old)
    assert mode(tmp_path / "a") == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_that_keeps_its_mode_keeps_its_owner(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"old")
    os.chown(target, 65534, 65534)
    target.chmod(0o4750)
    files.replace_file(target, b"new", mode=None)
    status = target.stat()
    assert (status.st_uid, status.st_gid, mode(target)) == (65534, 65534, 0o4750)


def test_a_link_is_replaced_where_nothing_may_be_followed(tmp_path: Path) -> None:
    elsewhere, link = tmp_path / "elsewhere", tmp_path / "link"
    elsewhere.write_bytes(b"old")
    link.symlink_to(elsewhere)
    files.replace_file(link, b"new")
    assert not link.is_symlink()
    assert (link.read_bytes(), elsewhere.read_bytes()) == (b"new", b"old")


def test_a_link_stays_a_link_even_one_to_a_file_still_to_be_made(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "link"
    link.symlink_to("there/real")
    files.write_atomically(link, b"one")
    files.write_atomically(link, b"two")
    assert link.is_symlink()
    assert (tmp_path / "there" / "real").read_bytes() == b"two"
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["real"]


def test_a_link_into_a_folder_that_is_gone_is_told_with_where_it_leads(tmp_path: Path) -> None:
    link = tmp_path / "config"
    link.symlink_to("gone/config")
    with pytest.raises(FileError) as caught:
        files.write_atomically(link, b"data")
    assert str(tmp_path / "gone" / "config") in caught.value.what
    assert link.is_symlink()


def test_a_loop_of_links_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(FileError) as caught:
        files.write_atomically(tmp_path / "a", b"")
    error = caught.value
    assert error.why == files.cause_of(OSError(errno.ELOOP, ""))
    assert (error.brief, error.title in error.brief) == (error.sentences, False)


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (errno.ENOSPC, "The disk is full."),
        (errno.EACCES, "You don't have permission."),
        (errno.EROFS, "The file system is read-only."),
        (errno.EIO, "Input/output error."),
    ],
)
@pytest.mark.parametrize("function", ["fsync", "fchmod"])
def test_a_failure_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, why: str, function: str
) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, function, fail)
    with pytest.raises(FileError) as caught:
        files.write_atomically(target, b"new")
    assert caught.value.why == why
    assert str(target) in caught.value.what
    assert caught.value.next
    assert list(tmp_path.iterdir()) == [target]
    assert target.read_bytes() == b"old"


def test_an_interrupt_leaves_no_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        files.write_atomically(tmp_path / "a", b"new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("relative", "why"),
    [
        (".", "This is a folder, not a file."),
        ("no/a", "There is no such file or folder."),
        ("file/a", "Part of"),
    ],
)
def test_an_impossible_target_is_told(tmp_path: Path, relative: str, why: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileError) as caught:
        files.write_atomically(tmp_path / relative, b"")
    assert caught.value.why.startswith(why)


def test_all_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, three = (tmp_path / name for name in ("one", "two", "three"))
    two.write_bytes(b"old")
    two.chmod(0o640)
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if target == three:
            raise PermissionError(errno.EPERM, "no")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(FileError, match="three"):
        files.write_all_atomically([FileWrite(path, b"new") for path in (one, two, three)])
    assert list(tmp_path.iterdir()) == [two]
    assert (two.read_bytes(), mode(two)) == (b"old", 0o640)


@pytest.mark.parametrize("old", [None, b"old"], ids=["new", "there"])
def test_a_folder_that_turns_read_only_halfway_is_told_with_the_file_that_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: bytes | None
) -> None:
    one, two = (tmp_path / name for name in ("one", "two"))
    if old is not None:
        one.write_bytes(old)
    real, renamed = Path.replace, list[Path]()

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "read-only")

    def replace(self: Path, target: Path) -> Path:
        if renamed:
            fail()
        renamed.append(target)
        monkeypatch.setattr(Path, "unlink", fail)
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(FileError) as caught:
        files.write_all_atomically([FileWrite(path, b"new") for path in (one, two)])
    assert str(one) in caught.value.what
    assert (one.read_bytes(), two.exists()) == (b"new", False)


def test_an_interrupt_right_after_the_rename_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        real(self, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        files.write_atomically(tmp_path / "a", b"new")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"new"]


def test_nothing_to_write_is_fine() -> None:
    files.write_all_atomically([])


def test_a_killed_writer_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    target = tmp_path / "target"
    contents = {b"a" * 300_000, b"b" * 300_000}
    script = textwrap.dedent(f"""
        from pathlib import Path
        from workflows.core.files import write_atomically
        print("ready", flush=True)
        while True:
            write_atomically(Path({str(target)!r}), b"a" * 300_000)
            write_atomically(Path({str(target)!r}), b"b" * 300_000)
    """)
    for attempt in range(8):
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=ROOT) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            time.sleep(0.01 + 0.003 * attempt)
            child.send_signal(signal.SIGKILL)
        if target.exists():
            assert target.read_bytes() in contents
    assert target.exists()


def test_a_private_folder_is_made_with_private_parents(tmp_path: Path) -> None:
    assert files.private_folder(tmp_path / "a" / "b") is False
    assert (mode(tmp_path / "a"), mode(tmp_path / "a" / "b")) == (0o700, 0o700)


def test_a_lax_folder_is_tightened_and_an_even_tighter_one_left(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    folder.chmod(0o755)
    assert files.private_folder(folder) is True
    assert mode(folder) == 0o700
    folder.chmod(0o500)
    assert files.private_folder(folder) is False
    assert mode(folder) == 0o500


def test_where_a_disk_keeps_no_mode_nothing_is_said_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o755)
    monkeypatch.setattr(Path, "chmod", lambda _path, _mode: None)
    assert files.private_folder(tmp_path) is False


@pytest.mark.parametrize("what", ["folder", "link"])
def test_a_folder_or_a_link_of_somebody_else_is_not_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    theirs, mine = os.geteuid() + 1, tmp_path / "mine"
    monkeypatch.setattr(os, "geteuid", lambda: theirs)
    with pytest.raises(FileError) as caught:
        files.private_folder(tmp_path)
    assert str(tmp_path) in text_of(caught.value.what)
    if os.getuid() == 0:
        mine.mkdir()
        os.chown(mine, theirs, -1)
        if what == "link":
            (tmp_path / "link").symlink_to(mine)
            with pytest.raises(FileError):
                files.private_folder(tmp_path / "link")
        else:
            files.private_folder(mine)


def test_a_file_in_the_way_of_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    for path in (tmp_path / "a", tmp_path / "a" / "b"):
        with pytest.raises(FileError) as caught:
            files.private_folder(path)
        assert "file" in caught.value.why


def test_ten_backups_are_kept_and_none_is_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "config"
    strangers = [tmp_path / "config.backup-mine", tmp_path / "other.backup-20250101T000000Z"]
    for stranger in strangers:
        stranger.touch()
    made = []
    for number in range(12):
        target.write_bytes(str(number).encode())
        made.append(files.timestamped_backup(target, NOW + timedelta(seconds=number // 4)))
    assert len(set(made)) == 12
    assert files.backups(target) == made[2:]
    assert [int(path.read_bytes()) for path in made[2:]] == list(range(2, 12))
    assert {mode(path) for path in made[2:]} == {0o600}
    assert all(stranger.exists() for stranger in strangers)
    assert made[0].name == "config.backup-20260131T235959Z"


def test_a_failed_backup_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "config"
    target.write_bytes(b"x")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match="backed up"):
        files.timestamped_backup(target, NOW)
    assert list(tmp_path.iterdir()) == [target]


def test_text_keeps_its_line_ends(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes("ä\r\nb\n".encode())
    assert files.read_text(tmp_path / "a", 6) == "ä\r\nb\n"


def test_what_cannot_be_read_as_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"ok\xff")
    with pytest.raises(FileError, match="byte 3"):
        files.read_text(tmp_path / "binary", 10)


def test_only_regular_files_up_to_a_size_are_read_and_nothing_makes_the_reader_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening, contextlib.chdir(tmp_path):
        listening.bind("socket")
    (tmp_path / "large").write_bytes(b"x" * 11)
    with (tmp_path / "sparse").open("wb") as sparse:
        sparse.truncate(20_000_000_000)
    whys = {
        name: _why_not(tmp_path / name)
        for name in ("pipe", "endless", "socket", "large", "sparse", ".", "missing")
    }
    assert whys["pipe"] == whys["endless"] == whys["socket"]
    assert whys["large"] == whys["sparse"]
    assert len(set(whys.values())) == 4


def _why_not(path: Path) -> str:
    with pytest.raises(FileError, match=re.escape(str(path))) as caught:
        files.read_bytes(path, 10)
    assert caught.value.next
    return text_of(caught.value.why)


def test_what_has_no_size_is_read_up_to_the_limit() -> None:
    assert files.load_file(Path("/proc/self/status"), 1_000_000)
    with pytest.raises(NotAccepted):
        files.load_file(Path("/proc/self/status"), 10)


def test_a_link_is_read_only_where_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    assert files.load_file(tmp_path / "link", 1) == b"x"
    with pytest.raises(OSError, match="link"):
        files.load_file(tmp_path / "link", 1, follow=False)


def test_a_refused_file_leaves_no_descriptor_open(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    free = _free_descriptor()
    for name in (".", "pipe"):
        with pytest.raises(OSError, match=r"folder|regular"):
            files.open_file(tmp_path / name)
    assert _free_descriptor() == free


def _free_descriptor() -> int:
    descriptor = os.open(os.devnull, os.O_RDONLY)
    os.close(descriptor)
    return descriptor


def test_a_locked_folder_lets_the_next_one_in_afterwards_and_holds_no_file(tmp_path: Path) -> None:
    with locked_folder(tmp_path):
        script = (
            "from pathlib import Path; from workflows.core.locks import locked_folder\n"
            f"with locked_folder(Path({str(tmp_path)!r})): print('in')"
        )
        child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=ROOT)
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.4)
    assert child.communicate()[0] == "in\n"
    assert list(tmp_path.iterdir()) == []


def test_only_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    kept = {"config", "config.tmp", ".config.swp", ".config.mine.tmp", ".other.abcdefgh.tmp"}
    for name in (*kept, ".config.ab12_xyz.tmp", ".config.ab12_xyz.old"):
        (tmp_path / name).touch()
    files.remove_leftovers(tmp_path / "config")
    assert {path.name for path in tmp_path.iterdir()} == kept
    files.remove_leftovers(tmp_path / "missing" / "config")


@pytest.mark.parametrize("lacks", [(), ("_sha2", "_sha256")])
def test_a_file_has_the_same_name_with_any_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacks: tuple[str, ...]
) -> None:
    for module in lacks:
        monkeypatch.setitem(sys.modules, module, None)
    digest = hashlib.sha256(b"bb/a b").hexdigest()[:16]
    assert files.file_named(tmp_path, "bb/a b", ".gpg") == tmp_path / f"bb-a-b-{digest}.gpg"
