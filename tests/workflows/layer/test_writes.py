"""A command that is killed at any of its writes: the next one completes them, unless none was started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from support.repository import TESTS

from tui.host import Places
from workflows.core.files import private_folder
from workflows.layer import write as layer_write
from workflows.layer.write import ChangeSet, FileChange, WriteFailed, WriteJournal
from workflows.sandbox.project import lay_out

LAYER = "security/global/base-identities"
REMOVE = ("layer", "remove", LAYER, "alex.kim")
KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    left = [int(sys.argv[1])]
    for name in ("replace", "unlink"):
        def counted(self, *words, of=getattr(Path, name), **options):
            watched = self.parent.name in ("base-identities", "keys") and not words == ()
            if watched or (of.__name__ == "unlink" and self.parent.name == "keys"):
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left[0] -= 1
            return of(self, *words, **options)
        setattr(Path, name, counted)
    from tui.cli.main import main
    sys.exit(main(sys.argv[2:]))
    """
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    lay_out(tmp_path / "project")
    return tmp_path / "project"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def run(project: Path, *words: str, kill_at: int = -1) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", KILLED, str(kill_at), *words],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )


def state_files() -> list[Path]:
    state = Path(os.environ["XDG_STATE_HOME"])
    return [path for path in state.rglob("*") if path.is_file()]


def test_a_command_killed_at_any_write_is_finished_by_the_same_command(project: Path, tmp_path: Path) -> None:
    twin = tmp_path / "twin"
    lay_out(twin)
    done = run(twin, *REMOVE)
    assert done.returncode == 0, done.stderr
    wanted, before = contents(twin / LAYER), contents(project / LAYER)
    files = sum(1 for name in before if before[name] != wanted.get(name))
    assert files > 2
    for kill_at in range(files):
        for name, data in before.items():
            (project / LAYER / name).write_bytes(data)
        killed = run(project, *REMOVE, kill_at=kill_at)
        assert killed.returncode == -signal.SIGKILL
        half = contents(project / LAYER)
        assert half != wanted
        shown = run(project, "layer", "show", LAYER)
        assert shown.returncode == (1 if kill_at > 0 else 0), shown.stderr
        assert contents(project / LAYER) == half
        again = run(project, *REMOVE)
        assert again.returncode == 0, again.stderr
        assert "Removed alex.kim" in again.stdout
        assert contents(project / LAYER) == wanted
        assert state_files() == []


def test_another_command_finishes_the_one_that_was_killed_and_then_does_its_own(project: Path) -> None:
    assert run(project, *REMOVE, kill_at=1).returncode == -signal.SIGKILL
    done = run(project, "layer", "account", LAYER, "--policy", "max_password_age=77")
    assert done.returncode == 0, done.stderr
    assert "locals.tf" in done.stderr
    assert "= 77" in (project / LAYER / "account.tf").read_text()
    assert "alex.kim" not in run(project, "layer", "show", LAYER, "--json").stdout


COMMANDS = (
    ("plan", LAYER),
    ("handoff", "create", LAYER, "jane.doe"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_terraform_and_a_hand_over_begin_with_a_whole_layer(project: Path, command: tuple[str, ...]) -> None:
    """As there is no Terraform, they fail after that."""
    assert run(project, *REMOVE, kill_at=1).returncode == -signal.SIGKILL
    ended = run(project, *command, "--binary", "/nonexistent/terraform")
    assert ended.returncode == 1, ended.stderr
    assert "locals.tf" in ended.stderr
    assert "alex.kim" not in run(project, "layer", "show", LAYER, "--json").stdout


def test_nothing_works_on_what_a_session_left_half_written(project: Path) -> None:
    record = Places.of_this_machine().sessions / "20260101-000000-abcd" / "writing.json"
    private_folder(record.parent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layer_write, "_write_one", killed_after(1))
        with pytest.raises(KeyboardInterrupt):
            WriteJournal(record).write(a_set(project / LAYER))
    cut_off = WriteJournal(record).cut_off()
    assert cut_off is not None
    assert cut_off.is_half_written
    before = contents(project / LAYER)
    for command in (
        ("layer", "show", LAYER),
        ("layer", "accounts", "."),
        (*REMOVE, "--dry-run"),
        REMOVE,
        ("plan", LAYER, "--binary", "/nonexistent/terraform"),
    ):
        refused = run(project, *command)
        assert refused.returncode == 1
        assert record.parent.name in refused.stderr
    assert contents(project / LAYER) == before


def test_what_is_half_written_in_another_project_is_no_reason(project: Path, tmp_path: Path) -> None:
    lay_out(tmp_path / "other")
    assert run(tmp_path / "other", *REMOVE, kill_at=1).returncode == -signal.SIGKILL
    assert run(project, "layer", "show", LAYER).returncode == 0


def killed_after(files: int) -> Callable[[FileChange], None]:
    """Return a replacement of `_write_one` that raises KeyboardInterrupt after a number of files."""
    left, write_one = [files], layer_write._write_one

    def write(change: FileChange) -> None:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        write_one(change)

    return write


def test_what_was_changed_since_is_left_alone(project: Path) -> None:
    assert run(project, *REMOVE, kill_at=1).returncode == -signal.SIGKILL
    groups = project / LAYER / "groups.tf"
    groups.write_bytes(groups.read_bytes() + b"\n# mine\n")
    done = run(project, "layer", "account", LAYER, "--policy", "max_password_age=77")
    assert done.returncode == 0, done.stderr
    assert "changed since" in done.stderr
    assert groups.read_bytes().endswith(b"# mine\n")
    assert state_files() == []


def a_set(folder: Path) -> ChangeSet:
    (folder / "a.tf").write_bytes(b"old a")
    (folder / "b").mkdir()
    return ChangeSet(
        (
            FileChange("l", "a.tf", folder / "a.tf", b"old a", b"new a"),
            FileChange("l", "new/c", folder / "new" / "c", None, b"c"),
            FileChange("l", "b/x/y", folder / "b" / "x" / "y" / "z", None, b"no folder for it"),
        )
    )


def test_what_the_disk_refuses_is_taken_back_whole(tmp_path: Path) -> None:
    changes = a_set(tmp_path)
    writes = WriteJournal(tmp_path / "state" / "writing.json")
    with writes.alone(), pytest.raises(WriteFailed) as failure:
        writes.write(changes, [])
    assert str(tmp_path / "b" / "x") in failure.value.what
    assert (tmp_path / "a.tf").read_bytes() == b"old a"
    assert not (tmp_path / "new" / "c").exists()
    assert writes.cut_off() is None


def test_a_key_folder_that_is_a_file_leaves_the_layer_as_it_was(project: Path) -> None:
    keys = project / LAYER / "keys"
    for path in keys.iterdir():
        path.unlink()
    keys.rmdir()
    keys.write_text("not a folder")
    before = contents(project / LAYER)
    key = TESTS / "support" / "keys" / "jane.doe.asc"
    done = run(project, "layer", "add", LAYER, "jane.doe", "--key", str(key))
    assert done.returncode == 1
    assert str(keys) in done.stderr
    assert contents(project / LAYER) == before
    assert state_files() == []


def test_two_commands_at_once_both_do_their_work(project: Path) -> None:
    key = TESTS / "support" / "keys" / "jane.doe.asc"
    names = ("jane.doe", "juan.delacruz", "maria.sosa")
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "iam_onboard", "layer", "add", LAYER, name, "--key", str(key)],
            cwd=project,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    for process in running:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
    shown = run(project, "layer", "show", LAYER).stdout
    assert all(name in shown for name in names)
