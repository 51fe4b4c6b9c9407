from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tui.cli.lookup import find_layer
from tui.host import Machine
from workflows.core.files import FileError, cause_of


def test_a_folder_that_may_not_be_entered_is_told_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed" / "base-identities"
    stat = Path.stat

    def refuse(path: Path, *, follow_symlinks: bool = True) -> object:
        if path == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, follow_symlinks=follow_symlinks)

    machine = Machine.this()._replace(working_folder=tmp_path)
    monkeypatch.setattr(Path, "stat", refuse)
    monkeypatch.setattr(Path, "is_dir", lambda path: bool(refuse(path)))  # later Pythons ask the system alone
    with pytest.raises(FileError) as caught:
        find_layer(machine, str(closed))
    assert caught.value.why == cause_of(PermissionError(errno.EACCES, ""))
