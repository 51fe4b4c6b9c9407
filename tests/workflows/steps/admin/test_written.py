"""The record of writes to the layers: to put files back, and to finish what was cut off."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from support.repository import ROOT

from workflows.core.files import FileError
from workflows.layer.write import ChangeSet, FileChange
from workflows.steps.admin.written import (
    HalfWritten,
    files_left,
    files_written,
    finish_half_written,
    holds_files,
    journal_of,
    last_digest,
    offered_undo,
    refuse_half_written,
    to_undo,
    writes_of,
)
from workflows.steps.shared.leftovers import RUNS
from workflows.terraform.runner import Kind

KILLED = """
import os, signal, sys
from pathlib import Path
import workflows.layer.write as layer_write
from workflows.layer.write import ChangeSet, FileChange
from workflows.steps.admin.written import journal_of

folder, files = Path(sys.argv[1]), Path(sys.argv[2])
changes = tuple(
    FileChange("layer", name, files / name, b"before\\n", b"after\\n") for name in ("a.tf", "b.tf", "c.tf")
)
genuine, count = layer_write._write_one, 0


def write_some(change):
    global count
    if count == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    genuine(change)
    count += 1


layer_write._write_one = write_some
journal_of(folder).write(ChangeSet(changes))
"""


def session_with(folder: Path, before: bytes | None = b"before\n") -> tuple[Path, FileChange]:
    """Return the folder of a session that has written a file, and its change."""
    session, file = folder / "session", folder / "users.tf"
    session.mkdir()
    if before is not None:
        file.write_bytes(before)
    change = FileChange("layer", file.name, file, before, b"after\n")
    journal_of(session).write(ChangeSet((change,)))
    return session, change


@pytest.mark.parametrize("before", [b"before\n", None])
def test_what_was_written_can_be_put_back_until_it_is_applied(tmp_path: Path, before: bytes | None) -> None:
    session, change = session_with(tmp_path, before)
    assert (files_left(session), last_digest(session)) == (
        {("layer", str(change.path))},
        ChangeSet((change,)).digest,
    )
    assert holds_files(session, ["changed_files"])
    assert not holds_files(session, ["keys"]), "its Review isn't done"
    for known in (["applied@security"], ["apply@security"]):
        assert to_undo(session, known).is_empty
    undone = to_undo(session, ["plan@security"])
    assert undone.changes == (change.undone(),)
    journal_of(session).write(undone)
    assert change.path.exists() is (before is not None)
    assert (files_left(session), to_undo(session, ())) == (set(), ChangeSet(()))
    assert files_written(session) == {("layer", str(change.path))}
    assert not holds_files(session, ["changed_files"])


def test_what_was_written_twice_is_put_back_to_before_the_first_time(tmp_path: Path) -> None:
    session, change = session_with(tmp_path)
    journal_of(session).write(ChangeSet((replace(change, before=change.after, after=b"again\n"),)))
    (undone,) = to_undo(session, ()).changes
    assert (undone.before, undone.after) == (b"again\n", b"before\n")


def test_nothing_is_put_back_once_an_apply_has_begun(tmp_path: Path) -> None:
    session, _ = session_with(tmp_path)
    (session / RUNS / "security" / Kind.APPLY).mkdir(parents=True)
    assert to_undo(session, ()).is_empty


def test_a_damaged_record_of_what_was_written_is_told(tmp_path: Path) -> None:
    session, _ = session_with(tmp_path)
    record = session / "written.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "changes": [{"path": 5}]}))
    with pytest.raises(FileError):
        to_undo(session, ())
    assert offered_undo(session, ()) == ()
    assert holds_files(session, ["changed_files"])


def test_a_file_that_an_older_version_wrote_first_is_not_undone(tmp_path: Path) -> None:
    session, change = session_with(tmp_path)
    record = session / "written.json"
    record.write_text(json.dumps({"digest": "", "files": [["layer", str(change.path)]]}))
    journal_of(session).write(ChangeSet((replace(change, before=change.after, after=b"again\n"),)))
    assert to_undo(session, ()).is_empty
    record.unlink()
    assert holds_files(session, ["changed_files"]), "still older ones kept no record"


def half_written(record: Path, root: Path) -> Path:
    """Leave the record of a change that was cut off before its second file; return that file."""
    changes = [FileChange("layer", name, root / name, None, b"new\n") for name in ("a.tf", "b.tf")]
    changes[0].path.write_bytes(b"new\n")
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"request": [], "changes": [change.as_record() for change in changes]}))
    return changes[1].path


def test_what_a_command_left_half_written_is_finished_but_never_read(tmp_path: Path) -> None:
    refuse_half_written(tmp_path / "state", tmp_path)
    left = half_written(writes_of(tmp_path / "state", tmp_path)._record, tmp_path)
    with pytest.raises(HalfWritten):
        refuse_half_written(tmp_path / "state", tmp_path)
    assert finish_half_written(tmp_path / "state", tmp_path)
    assert left.read_bytes() == b"new\n"
    assert finish_half_written(tmp_path / "state", tmp_path) == ""


def test_what_a_session_left_half_written_is_left_to_it(tmp_path: Path) -> None:
    half_written(tmp_path / "state" / "sessions" / "1" / "writing.json", tmp_path)
    refuse_half_written(tmp_path / "state", tmp_path / "another")
    for act in (refuse_half_written, finish_half_written):
        with pytest.raises(HalfWritten):
            act(tmp_path / "state", tmp_path)


def killed_after(count: int, tmp_path: Path) -> tuple[Path, list[Path]]:
    """Write three files in a process that gets SIGKILL after `count` of them."""
    folder, files = tmp_path / "session-folder", tmp_path / "files"
    for made in (folder, files):
        made.mkdir()
    paths = [files / name for name in ("a.tf", "b.tf", "c.tf")]
    for path in paths:
        path.write_text("before\n")
    arguments = [sys.executable, "-c", KILLED, str(folder), str(files), str(count)]
    ended = subprocess.run(arguments, cwd=ROOT, env=dict(os.environ), check=False)
    assert ended.returncode == -signal.SIGKILL
    assert [path.read_text() for path in paths] == ["after\n"] * count + ["before\n"] * (3 - count)
    return folder, paths


@pytest.mark.parametrize("count", [1, 2])
def test_a_kill_between_two_files_is_finished_on_resume(tmp_path: Path, count: int) -> None:
    session, paths = killed_after(count, tmp_path)
    journal_of(session).finish()
    assert {path.read_text() for path in paths} == {"after\n"}
    assert journal_of(session).cut_off() is None
    assert files_written(session) == {("layer", str(path)) for path in paths}


def test_a_kill_before_the_first_file_leaves_the_decision_to_a_new_review(tmp_path: Path) -> None:
    session, paths = killed_after(0, tmp_path)
    journal_of(session).finish()
    assert {path.read_text() for path in paths} == {"before\n"}
    assert journal_of(session).cut_off() is None
    assert files_written(session) == set()


def test_a_kill_and_then_an_edit_by_hand_is_given_up(tmp_path: Path) -> None:
    session, paths = killed_after(1, tmp_path)
    paths[1].write_text("by hand\n")
    journal_of(session).finish()
    assert [path.read_text() for path in paths] == ["after\n", "by hand\n", "before\n"]
    assert journal_of(session).cut_off() is None


LEFT = """
import os, signal, sys
from pathlib import Path
from workflows.layer.write import ChangeSet, FileChange
from workflows.steps.admin.written import journal_of

folder, file = Path(sys.argv[1]), Path(sys.argv[2])
genuine = Path.replace


def replace(path, target):
    if path.name.startswith(".a.tf."):
        os.kill(os.getpid(), signal.SIGKILL)
    return genuine(path, target)


Path.replace = replace
journal_of(folder).write(ChangeSet((FileChange("layer", file.name, file, b"before\\n", b"after\\n"),)))
"""


@pytest.mark.parametrize("how", ["resumed", "written anew"])
def test_the_temporary_file_of_a_killed_write_does_not_stay(tmp_path: Path, how: str) -> None:
    folder, files = tmp_path / "session-folder", tmp_path / "files"
    for made in (folder, files):
        made.mkdir()
    path, others = files / "a.tf", files / ".a.tf.notes.tmp"
    path.write_text("before\n")
    others.write_text("the person's own\n")
    arguments = [sys.executable, "-c", LEFT, str(folder), str(path)]
    ended = subprocess.run(arguments, cwd=ROOT, env=dict(os.environ), check=False)
    assert ended.returncode == -signal.SIGKILL
    assert len(list(files.iterdir())) == 3
    if how == "resumed":
        journal_of(folder).finish()
    else:
        journal_of(folder).write(ChangeSet((FileChange("layer", "a.tf", path, b"before\n", b"after\n"),)))
    assert sorted(files.iterdir()) == [others, path]


def test_the_record_of_a_write_is_private(tmp_path: Path) -> None:
    killed_after(1, tmp_path)
    assert (tmp_path / "session-folder" / "writing.json").stat().st_mode & 0o777 == 0o600
