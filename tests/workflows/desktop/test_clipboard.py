from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyperclip
import pytest

from tui.environments import clipboard_of
from tui.host import Machine
from workflows.core.secret import Secret
from workflows.core.sentences import text_of
from workflows.desktop import clipboard
from workflows.desktop.clipboard import (
    KEEP,
    MANAGERS_KEEP_COPIES,
    RETRY,
    ClipboardUnavailable,
    FirstWorkingClipboard,
    NothingToCopy,
    Osc52Clipboard,
    PyperclipClipboard,
    TmuxClipboard,
    load_pyperclip,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Board:
    def __init__(self, works: bool = True) -> None:
        self.text = "before"
        self.works = works
        self.answers = True

    def copy(self, text: str) -> None:
        if self.works:
            self.text = text

    def paste(self) -> str:
        if not self.answers:
            raise RuntimeError("xclip did not answer")
        return self.text


def desktop(board: Board) -> PyperclipClipboard:
    return PyperclipClipboard(lambda: NOW, mechanism=(board.copy, board.paste))


def test_a_secret_is_copied_with_a_deadline_and_cleared() -> None:
    board = Board()
    clipboard = desktop(board)
    said = text_of(clipboard.copy(Secret("canary")).said)
    assert board.text == "canary"
    assert "in 2 minutes" in said
    assert "canary" not in said
    assert clipboard.expires_at == NOW + timedelta(minutes=2)
    assert clipboard.clear_if_ours()
    assert board.text == ""
    assert clipboard.expires_at is None
    assert not clipboard.clear_if_ours()


def test_an_end_that_comes_while_a_secret_is_copied_clears_it_too() -> None:
    board = Board()

    def copy(text: str) -> None:
        board.copy(text)
        if text:
            assert clipboard.clear_if_ours()

    clipboard = PyperclipClipboard(lambda: NOW, mechanism=(copy, board.paste))
    with pytest.raises(ClipboardUnavailable):
        clipboard.copy(Secret("canary"))
    assert board.text == ""


def test_an_earlier_secret_is_still_due_after_one_that_could_not_be_copied() -> None:
    board = Board()

    def copy(text: str) -> None:
        if text == "second":
            raise RuntimeError("xclip failed")
        board.copy(text)

    clipboard = PyperclipClipboard(lambda: NOW, mechanism=(copy, board.paste))
    clipboard.copy(Secret("first"))
    with pytest.raises(ClipboardUnavailable):
        clipboard.copy(Secret("second"))
    assert clipboard.clear_if_ours()
    assert board.text == ""


def test_what_somebody_copied_meanwhile_stays() -> None:
    board = Board()
    clipboard = desktop(board)
    clipboard.copy(Secret("canary"))
    board.text = "something else"
    assert not clipboard.clear_if_ours()
    assert board.text == "something else"
    assert clipboard.expires_at is None


def test_a_plain_text_is_never_cleared_and_ends_an_earlier_deadline() -> None:
    board = Board()
    clipboard = desktop(board)
    clipboard.copy(Secret("canary"))
    assert MANAGERS_KEEP_COPIES not in text_of(clipboard.copy("a link").said)
    assert clipboard.expires_at is None
    assert not clipboard.clear_if_ours()
    assert board.text == "a link"


def test_one_that_does_not_answer_is_due_again_later_and_the_others_are_cleared() -> None:
    board = Board()
    written: list[str] = []
    terminal = Osc52Clipboard(written.append, lambda: NOW)
    both = FirstWorkingClipboard([desktop(board), terminal])
    assert both.copy(Secret("first")).certain
    terminal.copy(Secret("second"))
    board.answers = False
    with pytest.raises(ClipboardUnavailable, match="Can't copy"):
        both.clear_if_ours()
    assert written[-1] == ""
    assert both.expires_at == NOW + RETRY
    board.answers = True
    assert both.clear_if_ours()
    assert board.text == ""


def test_the_text_itself_is_not_kept_for_comparing() -> None:
    clipboard = desktop(Board())
    clipboard.copy(Secret("canary"))
    assert "canary" not in repr(vars(clipboard))


def test_a_copy_that_does_not_arrive_is_a_failure() -> None:
    with pytest.raises(ClipboardUnavailable, match="Can't copy"):
        desktop(Board(works=False)).copy(Secret("canary"))


def test_the_terminal_is_cleared_unconditionally() -> None:
    written: list[str] = []
    clipboard = Osc52Clipboard(written.append, lambda: NOW)
    assert clipboard.copy(Secret("canary")) != desktop(Board()).copy(Secret("canary")), "it is in doubt"
    assert clipboard.expires_at == NOW + KEEP
    assert clipboard.clear_if_ours()
    assert written == ["canary", " ", ""]
    assert not clipboard.clear_if_ours()
    clipboard.copy("a link")
    assert clipboard.expires_at is None
    assert not clipboard.clear_if_ours()


def test_the_first_that_works_takes_it() -> None:
    written: list[str] = []
    terminal = Osc52Clipboard(written.append, lambda: NOW)
    both = FirstWorkingClipboard([desktop(Board(works=False)), terminal])
    assert not both.copy(Secret("canary")).certain
    assert written == ["canary"]
    assert both.expires_at == NOW + timedelta(minutes=2)
    assert both.clear_if_ours()
    assert both.expires_at is None
    with pytest.raises(ClipboardUnavailable) as caught:
        FirstWorkingClipboard([desktop(Board(works=False))]).copy(Secret("canary"))
    assert "canary" not in caught.value.as_text()


def test_a_secret_that_was_dropped_before_its_turn_is_not_copied() -> None:
    secret = Secret("one-time")
    secret.drop()
    board = Board()
    desktop = PyperclipClipboard(lambda: NOW, mechanism=(board.copy, board.paste))
    with pytest.raises(NothingToCopy):
        FirstWorkingClipboard([desktop]).copy(secret)
    assert board.text == "before"
    assert desktop.expires_at is None


def test_only_a_secret_is_copied_with_what_acts_upon_a_terminal() -> None:
    board = Board()
    first = FirstWorkingClipboard([desktop(board)])
    first.copy("+\tjane\x1b[201~; rm -rf\r\n\u202e\U000e0041")
    assert board.text == "+\tjane␛[201~; rm -rf␍\n��"
    first.copy("x" * 200_000)
    assert board.text == "x" * 200_000
    first.copy(Secret("pass\x1bword"))
    assert board.text == "pass\x1bword"


def test_a_later_copy_elsewhere_does_not_keep_the_earlier_secret() -> None:
    board = Board()
    written: list[str] = []
    both = FirstWorkingClipboard([desktop(board), Osc52Clipboard(written.append, lambda: NOW)])
    both.copy(Secret("first"))
    board.works = False
    both.copy(Secret("second"))
    board.works = True
    assert both.clear_if_ours()
    assert board.text == ""
    assert written[-1] == ""


def test_a_text_that_is_no_secret_ends_no_memory_of_a_secret_elsewhere() -> None:
    def failing(_text: str) -> None:
        raise RuntimeError("xclip failed")

    remembered: list[Sequence[bytes]] = []
    clipboard = PyperclipClipboard(lambda: NOW, mechanism=(failing, str), remember=remembered.append)
    with pytest.raises(ClipboardUnavailable):
        clipboard.copy("a link")
    assert remembered == []


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Return a function that adds a program to PATH, which records its input, arguments and environment."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("DISPLAY", ":99")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(clipboard, "CHILD_SECONDS", 600)

    def make(name: str, body: str) -> Path:
        program = folder / name
        program.write_text(f"#!{sys.executable}\nimport os, sys\nbase = {str(tmp_path)!r}\n{body}\n")
        program.chmod(0o755)
        return tmp_path

    return make


XCLIP = """
open(base + '/argv', 'a').write(repr(sys.argv) + os.linesep)
open(base + '/environment', 'w').write(repr(dict(os.environ)))
print('noise for the terminal', file=sys.stderr)
if '-o' in sys.argv:
    sys.stdout.write(open(base + '/board').read())
else:
    open(base + '/board', 'w').write(sys.stdin.read())
"""

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="xclip is for X11")


@needs_linux
def test_pyperclip_gets_the_text_by_a_pipe_alone(
    programs: Callable[[str, str], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    base = programs("xclip", XCLIP)
    environment = {"DISPLAY": ":99", "PATH": f"{base}/bin:/usr/bin:/bin"}
    clipboard = PyperclipClipboard(lambda: NOW, environment=environment)
    clipboard.copy(Secret("canary ✓"))
    assert (base / "board").read_text() == "canary ✓"
    assert "canary" not in (base / "argv").read_text()
    assert "canary" not in (base / "environment").read_text()
    assert clipboard.clear_if_ours()
    assert (base / "board").read_text() == ""
    assert capfd.readouterr().err == ""


@needs_linux
def test_a_program_that_fails_is_told(programs: Callable[[str, str], Path]) -> None:
    base = programs("xclip", "sys.exit(3)")
    clipboard = PyperclipClipboard(lambda: NOW, environment={"PATH": f"{base}/bin:/usr/bin"})
    with pytest.raises(ClipboardUnavailable) as caught:
        clipboard.copy(Secret("canary"))
    assert "exit status 3" in caught.value.why
    assert "canary" not in caught.value.as_text()


@needs_linux
def test_klipper_which_shows_the_text_in_argv_is_refused(
    programs: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    programs("klipper", "")
    base = programs("qdbus", "open(base + '/argv', 'w').write(repr(sys.argv))")
    monkeypatch.setenv("PATH", f"{base}/bin")
    clipboard = PyperclipClipboard(lambda: NOW, environment={"PATH": f"{base}/bin"})
    with pytest.raises(ClipboardUnavailable) as caught:
        clipboard.copy(Secret("canary"))
    assert "klipper" in caught.value.why
    assert not (base / "argv").exists()


@needs_linux
def test_without_any_mechanism_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(ClipboardUnavailable) as caught:
        PyperclipClipboard(lambda: NOW).copy(Secret("canary"))
    assert "mechanism" in caught.value.why


def test_the_real_pyperclip_module_is_left_alone() -> None:
    private = load_pyperclip(None)
    assert private is not pyperclip
    assert pyperclip.subprocess is subprocess


def test_over_ssh_the_desktop_of_this_machine_is_left_out_unless_windows_are_forwarded() -> None:
    def kinds(**variables: str) -> list[type]:
        machine = Machine.this()._replace(environment=variables)
        board = clipboard_of(machine, lambda _text: None)
        assert isinstance(board, FirstWorkingClipboard)
        return [type(way) for way in board._clipboards]

    assert kinds() == [PyperclipClipboard, Osc52Clipboard]
    ssh = "10.0.0.1 5 10.0.0.2 22"
    assert kinds(SSH_CONNECTION=ssh) == [Osc52Clipboard]
    assert kinds(SSH_CONNECTION=ssh, TMUX="/tmp/t,1,0") == [TmuxClipboard, Osc52Clipboard]
    assert kinds(SSH_CONNECTION=ssh, DISPLAY="localhost:10") == [PyperclipClipboard, Osc52Clipboard]


def test_a_tmux_that_does_not_answer_is_refused_without_the_text() -> None:
    for path in (os.environ["PATH"], "/nonexistent"):
        clipboard = TmuxClipboard(lambda: NOW, {"PATH": path, "TMUX": "/nonexistent/socket,1,0"})
        with pytest.raises(ClipboardUnavailable) as refused:
            clipboard.copy(Secret("canary"))
        assert "tmux" in refused.value.why
        assert "canary" not in refused.value.as_text()
        assert clipboard.expires_at is None
