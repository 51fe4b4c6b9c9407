"""A real terminal for a test: a separate tmux server of 80×24, driven by keys and read as text."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

_SECONDS = 300.0


class Terminal:
    """A shell in a terminal.

    Args:
        socket: the socket of the tmux server.
        environment: the shell's environment.
        folder: the folder in which the shell starts.
    """

    def __init__(self, socket: Path, environment: Mapping[str, str], folder: Path) -> None:
        self._socket = socket
        self._environment = {**environment, "TERM": "xterm-256color", "LANG": "C.UTF-8", "PS1": "$ "}
        size = ("-x", "80", "-y", "24")
        self._tmux(
            "-f", "/dev/null", "new-session", "-d", *size, "-c", str(folder), "bash --norc --noprofile"
        )
        self.shell = psutil.Process(int(self._tmux("list-panes", "-F", "#{pane_pid}")))

    def run(self, line: str) -> None:
        """Type a line into the shell and press Enter."""
        self._tmux("send-keys", "-l", line)
        self.press("Enter")

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names for them."""
        self._tmux("send-keys", *keys)

    def text(self) -> str:
        """Return the text on the screen."""
        return self._tmux("capture-pane", "-p")

    def coloured(self) -> str:
        """Return the text on the screen with its colour sequences."""
        return self._tmux("capture-pane", "-p", "-e")

    def wait_for(self, *words: str) -> str:
        """Wait until all of these words are on the screen, and return its text.

        Raises:
            AssertionError: they do not appear in time.
        """
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            text = self.text()
            if all(word in text for word in words):
                return text
            time.sleep(0.05)
        raise AssertionError(f"{words} did not appear:\n{self.text()}")

    def wait_for_any(self, *words: str) -> str:
        """Wait until one of these words is on the screen, and return its text.

        Raises:
            AssertionError: none appears in time.
        """
        end = time.monotonic() + _SECONDS
        while not any(word in (text := self.text()) for word in words):
            assert time.monotonic() < end, f"none of {words} appeared:\n{text}"
            time.sleep(0.05)
        return text

    def wait_until_gone(self, word: str) -> None:
        """Wait until a word is not on the screen any more.

        Raises:
            AssertionError: it stays.
        """
        end = time.monotonic() + _SECONDS
        while word in self.text():
            assert time.monotonic() < end, f"{word!r} is still shown:\n{self.text()}"
            time.sleep(0.05)

    def press_until(self, keys: Sequence[str], word: str) -> str:
        """Press one key after the other, each once the screen is at rest, until a word is shown."""
        for key in keys:
            if word in self._at_rest():
                break
            self.press(key)
        return self.wait_for(word)

    def wait_for_shell(self) -> None:
        """Wait until the shell runs no program any more, which would get what is typed."""
        _, alive = psutil.wait_procs(self.shell.children(), _SECONDS)
        assert not alive, f"{alive} still runs:\n{self.text()}"

    def program(self) -> psutil.Process:
        """Return the process that runs in the shell."""
        (child,) = self.shell.children()
        return child

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End the process in the shell with a signal."""
        child = self.program()
        child.send_signal(how)
        child.wait(_SECONDS)

    def title(self) -> str:
        """Return the window's title."""
        return self._tmux("display-message", "-p", "#{pane_title}")

    def modes(self) -> str:
        """Return the flags of alternate screen, mouse, cursor and wrapping; a shell needs "0 0 1 1"."""
        flags = ("alternate_on", "mouse_any_flag", "cursor_flag", "wrap_flag")
        return self._tmux("display-message", "-p", " ".join(f"#{{{flag}}}" for flag in flags))

    def wait_for_modes(self, wanted: str) -> None:
        """Wait until the terminal is in these modes.

        Raises:
            AssertionError: that does not happen in time.
        """
        end = time.monotonic() + _SECONDS
        while self.modes() != wanted:
            assert time.monotonic() < end, f"{self.modes()!r} is not {wanted!r}:\n{self.text()}"
            time.sleep(0.05)

    def scrollback(self) -> str:
        """Return the screen and the scrollback, without the alternate screen."""
        return self._tmux("capture-pane", "-p", "-S", "-", "-J")

    def takes_copies(self) -> None:
        """Make the terminal accept what programs copy with OSC 52, as most terminals do."""
        self._tmux("set-option", "-s", "set-clipboard", "on")

    def copied(self) -> list[str]:
        """Return the copied texts in tmux's buffers, the latest first."""
        names = self._tmux("list-buffers", "-F", "#{buffer_name}").split()
        return [self._tmux("show-buffer", "-b", name) for name in names]

    def paste(self, text: str) -> None:
        """Paste a text as a terminal does, bracketed if the program supports that."""
        file = self._socket.with_name("paste")
        file.write_text(text)
        self._tmux("load-buffer", "-b", "pasted", str(file))
        self._tmux("paste-buffer", "-p", "-d", "-b", "pasted")

    def end(self) -> None:
        """Stop the server, as if the window was closed, and wait for the shell; may be called again."""
        if self.shell.is_running():
            self._tmux("kill-server")
            self.shell.wait(_SECONDS)

    def _at_rest(self) -> str:
        text = ""
        while (now := self.text()) != text:
            text = now
            time.sleep(0.3)
        return text

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(self._socket), *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"tmux {arguments}: {done.stderr}"
        return done.stdout.rstrip("\n")


@contextmanager
def terminal(folder: Path) -> Iterator[Terminal]:
    """Yield a terminal whose shell starts in a folder; end everything in it afterwards."""
    place = Path(tempfile.mkdtemp(prefix="io-", dir="/tmp"))
    opened = Terminal(place / "tmux", {**os.environ}, folder)
    try:
        yield opened
    finally:
        opened.end()
        shutil.rmtree(place)
