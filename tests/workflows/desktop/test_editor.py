"""The person's editor: its choice, its arguments and its environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from workflows.core.sentences import OnboardError
from workflows.desktop.editor import EditorMissing, arguments, editor_of, run_editor

FILE = Path("/p/locals.tf")


def programs(folder: Path, *names: str) -> str:
    """Return a folder for PATH that contains these programs."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return str(folder)


@pytest.mark.parametrize(
    ("value", "command"),
    [
        ("vi", ["vi", "+7", "/p/locals.tf"]),
        ("/usr/bin/vim.basic -u NONE", ["/usr/bin/vim.basic", "-u", "NONE", "+7", "/p/locals.tf"]),
        ("emacsclient -t", ["emacsclient", "-t", "+7", "/p/locals.tf"]),
        ("hx", ["hx", "+7", "/p/locals.tf"]),
        ("code", ["code", "--wait", "--goto", "/p/locals.tf:7"]),
        ("codium -w", ["codium", "-w", "--goto", "/p/locals.tf:7"]),
        ("cursor --wait", ["cursor", "--wait", "--goto", "/p/locals.tf:7"]),
        ("subl", ["subl", "--wait", "/p/locals.tf:7"]),
        ("zed --wait", ["zed", "--wait", "/p/locals.tf:7"]),
        ("myedit -x", ["myedit", "-x", "/p/locals.tf"]),
    ],
)
def test_each_editor_is_told_the_line_in_its_own_way(value: str, command: list[str]) -> None:
    assert arguments(value.split(), FILE, 7) == command


def test_visual_comes_before_editor_and_vi_before_nano(tmp_path: Path) -> None:
    path = programs(tmp_path / "bin", "vi", "nano", "mine", "own editor")
    known = {"PATH": path, "HOME": str(tmp_path)}
    assert editor_of({**known, "VISUAL": "mine -f", "EDITOR": "nano"}) == ("mine", "-f")
    assert editor_of({**known, "VISUAL": " ", "EDITOR": "nano"}) == ("nano",)
    assert editor_of({**known, "EDITOR": "'own editor' -a 'b c'"}) == ("own editor", "-a", "b c")
    assert editor_of({**known, "EDITOR": "~/bin/mine"}) == (f"{tmp_path}/bin/mine",)
    assert editor_of(known) == ("vi",)
    (tmp_path / "bin/vi").unlink()
    assert editor_of(known) == ("nano",)


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, "Neither VISUAL nor EDITOR is set"),
        ({"EDITOR": "emax"}, "EDITOR is set to emax, but there is no program emax here."),
        ({"VISUAL": "vi 'x"}, "can't be split into words"),
    ],
)
def test_a_missing_editor_says_what_to_set(tmp_path: Path, variables: dict[str, str], told: str) -> None:
    with pytest.raises(EditorMissing) as caught:
        editor_of({"PATH": programs(tmp_path / "bin"), **variables})
    assert told in caught.value.what
    assert "export EDITOR=" in caught.value.next


def test_an_editor_gets_no_secret_and_its_own_settings(tmp_path: Path) -> None:
    script = tmp_path / "mine"
    script.write_text(f"#!/bin/sh\nenv > {tmp_path}/seen\nexit 3\n")
    script.chmod(0o755)
    environment = {
        "PATH": os.environ["PATH"],
        "TERM": "xterm",
        "VIMINIT": "set nu",
        "AWS_SECRET_ACCESS_KEY": "canary",
    }
    assert run_editor([str(script)], environment, tmp_path) == 3
    seen = (tmp_path / "seen").read_text()
    assert "TERM=xterm" in seen
    assert "VIMINIT=set nu" in seen
    assert "canary" not in seen


def test_an_editor_that_does_not_start_is_told(tmp_path: Path) -> None:
    script = tmp_path / "broken"
    script.write_bytes(b"\x00\x01")
    script.chmod(0o755)
    with pytest.raises(OnboardError) as refused:
        run_editor([str(script)], {}, tmp_path)
    assert str(script) in refused.value.what
