from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from support.edits import propose
from support.layers import USERS, location, pair
from support.repository import ROOT

from workflows.core.files import cause_of
from workflows.core.sentences import OnboardError
from workflows.layer.edit.people import AddPerson, RemovePerson
from workflows.layer.read.layer import read_layer
from workflows.layer.write import ChangeSet, Protected, WriteFailed, write

LOCALS = 'locals {\n  users = [\n    "a.a",\n  ]\n\n  machine_users = {}\n}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "security/global/base-identities"
    (folder / "keys").mkdir(parents=True)
    (folder / "locals.tf").write_text(LOCALS)
    (folder / "users.tf").write_text(USERS)
    (folder / "outputs.tf").write_text(pair("a.a"))
    (folder / "keys/a.a").write_text("KEY\n")
    (folder / "locals.tf").chmod(0o640)
    return folder


def proposed(folder: Path) -> ChangeSet:
    return propose([(read_layer(location(folder)), [AddPerson("b.b", "NEW\n"), RemovePerson("a.a")])])


def test_writing_makes_the_layer_what_the_review_showed(folder: Path) -> None:
    changes = proposed(folder)
    written = write(changes)
    assert {path.name for path in written} == {"locals.tf", "outputs.tf", "a.a", "b.b"}
    assert written[-1].name == "a.a"  # removals come last
    assert not (folder / "keys/a.a").exists()
    assert (folder / "keys/b.b").read_text() == "NEW\n"
    assert (folder / "outputs.tf").read_text() == pair("b.b")
    assert (folder / "locals.tf").stat().st_mode & 0o777 == 0o640
    assert {path.name for path in folder.iterdir()} == {"locals.tf", "users.tf", "outputs.tf", "keys"}
    assert changes.standing() == {"after": 4}
    assert write(changes) == ()


def test_the_diff_is_what_git_applies(folder: Path, tmp_path: Path) -> None:
    changes = proposed(folder)
    subprocess.run(
        ["git", "apply", "-"], cwd=tmp_path, input=changes.diff().encode(), check=True, capture_output=True
    )
    assert changes.standing() == {"after": 4}


def test_the_summary_is_plain_json(folder: Path) -> None:
    summary = proposed(folder).summary()
    assert json.loads(json.dumps(summary)) == summary
    assert {
        "layer": "security/global/base-identities",
        "file": "locals.tf",
        "added": 1,
        "removed": 1,
    } in summary


def test_a_file_changed_meanwhile_is_refused_and_nothing_is_written(folder: Path) -> None:
    changes = proposed(folder)
    (folder / "outputs.tf").write_text("# other\n")
    with pytest.raises(OnboardError) as failure:
        write(changes)
    assert str(folder / "outputs.tf") in failure.value.what
    assert (folder / "locals.tf").read_text() == LOCALS
    assert not (folder / "keys/b.b").exists()
    assert (folder / "outputs.tf").read_text() == "# other\n"


def test_a_half_written_set_is_finished_by_writing_again(folder: Path) -> None:
    changes = proposed(folder)
    write(ChangeSet(changes.changes[:1]))
    assert changes.standing() == {"after": 1, "before": 3}
    write(changes)
    assert changes.standing() == {"after": 4}


def test_a_link_put_in_a_files_place_is_refused(folder: Path, tmp_path: Path) -> None:
    changes = proposed(folder)
    elsewhere = tmp_path / "elsewhere"
    (folder / "locals.tf").rename(elsewhere)
    (folder / "locals.tf").symlink_to(elsewhere)
    with pytest.raises(OnboardError, match=r"locals\.tf"):
        write(changes)
    assert elsewhere.read_text() == LOCALS


def test_a_failing_write_names_what_was_written_and_leaves_no_rubbish(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = proposed(folder)
    replace = Path.replace

    def failing(self: Path, target: Path) -> Path:
        if target.name == "outputs.tf":
            raise OSError(28, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(OnboardError) as failure:
        write(changes)
    assert failure.value.why == cause_of(OSError(errno.ENOSPC, ""))
    assert f"written: {folder / 'locals.tf'}" in failure.value.detail
    assert not [path for path in folder.rglob("*") if path.name.startswith(".")]
    assert (folder / "outputs.tf").read_text() == pair("a.a")


def test_a_folder_that_may_not_be_written_in_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = proposed(folder)

    opened = os.open

    def forbidden(path: Path, flags: int, *mode: int) -> int:
        if flags & os.O_CREAT:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, flags, *mode)

    monkeypatch.setattr("workflows.core.files.os.open", forbidden)
    with pytest.raises(WriteFailed) as failure:
        write(changes)
    assert f" {folder}." in failure.value.why


def test_nothing_to_change_is_an_empty_set(folder: Path) -> None:
    changes = propose([(read_layer(location(folder)), [])])
    assert changes.is_empty
    assert changes.diff() == ""
    assert write(changes) == ()


@pytest.mark.parametrize("name", ["locals.tf", "keys/a.a"])
def test_a_read_only_file_is_left_alone_and_its_mode_told(folder: Path, name: str) -> None:
    (folder / name).chmod(0o444)
    with pytest.raises(Protected) as refusal:
        proposed(folder)
    assert f"{name}." in refusal.value.what
    assert " 0444" in refusal.value.why
    assert f"chmod u+w {Path(name).name}" in refusal.value.why
    (folder / name).chmod(0o644)
    assert not proposed(folder).is_empty


def test_a_file_made_read_only_after_the_review_stops_the_whole_set(folder: Path) -> None:
    changes = proposed(folder)
    (folder / "outputs.tf").chmod(0o440)
    with pytest.raises(Protected) as refusal:
        write(changes)
    assert changes.changes[0].layer in refusal.value.what
    assert "outputs.tf" in refusal.value.what
    assert changes.standing() == {"before": 4}
    (folder / "outputs.tf").chmod(0o640)
    write(changes)
    assert changes.standing() == {"after": 4}


def test_a_file_that_is_written_already_may_be_read_only(folder: Path) -> None:
    changes = proposed(folder)
    write(changes)
    (folder / "outputs.tf").chmod(0o444)
    assert write(changes) == ()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_somebody_elses_file_is_not_replaced_by_ones_own() -> None:
    code = (
        "import os, sys; from pathlib import Path; from workflows.layer.write import protection\n"
        "print(bool(protection(Path(sys.argv[1]))))\nos.setuid(65534)\nprint(protection(Path(sys.argv[1])))"
    )
    with tempfile.TemporaryDirectory() as name:  # others may enter this folder, unlike pytest's
        path = Path(name) / "users.tf"
        path.write_text(USERS)
        path.chmod(0o644)
        path.parent.chmod(0o777)
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    own, other = done.stdout.splitlines()
    assert own == "False"
    assert "lsattr" in other
    assert "chmod" not in other
