"""Ends the wizard within two seconds, whatever its threads do, and clears what a killed one has copied.

A worker without an answer (an unanswered request) is waited for briefly, then abandoned. A thread that holds
the interpreter's lock in C code (a runaway regular expression) lets no Python run at all, not even for the
keyboard. So a separate process watches: signals reach it through the descriptor that the interpreter's C code
wakes, and it reads the keyboard once nobody else does. It also ends a wizard whose terminal was
closed: the kernel signals that to the terminal's first process only, which may be `make`, waiting in silence.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Sequence
from concurrent import futures
from typing import Any, ParamSpec, TypeVar

from tui.ending import ENDING, SECONDS_FOR_THREADS, SECONDS_TO_END
from workflows.core.sentences import Sentence, joined, text_of
from workflows.core.text import safe

P = ParamSpec("P")
T = TypeVar("T")

QUIT_KEY = re.compile(rb"\x11|\x1b\[113(?::\d*)*;(\d+)")
"""^q as terminals send it: as a byte, or in the kitty protocol with its modifiers."""

SHOWN, LENT, BEGUN, _HEARD = 200, 201, 202, 203
"""The wizard's messages, which aren't signal numbers: it has the terminal in full-screen modes; the terminal
is in shell modes and may belong to another program; its end has begun, and everything important is on disk;
it reads the keyboard again."""
_LISTEN = b"\0"
_ASK_AFTER, _TAKE_AFTER = 0.2, 0.6
_LOOK_EVERY = 0.05
_CONTROL = 4
WORDS_SIZE = 16384
_DIGEST_SIZE = 32
COPIED_SIZE = 128 * _DIGEST_SIZE
_AS_A_SHELL_WANTS_IT = (
    b"\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l\x1b[?2048l\x1b[?2004l\x1b[?7h"
    b"\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"
)


class Workers(futures.ThreadPoolExecutor):
    """Threads that the program's end waits for only briefly."""

    def __init__(self) -> None:
        super().__init__(thread_name_prefix="worker")
        self._at_work: set[futures.Future[Any]] = set()

    def submit(self, work: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> futures.Future[T]:
        """Submit work as every executor does."""
        future = super().submit(work, *arguments, **named)
        self._at_work.add(future)
        future.add_done_callback(self._at_work.discard)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = True) -> None:  # noqa: FBT001 - its base's
        """Start nothing more, and wait briefly for running work; abandon the rest."""
        super().shutdown(wait=False, cancel_futures=cancel_futures)
        if wait:
            futures.wait(self._at_work.copy(), timeout=SECONDS_FOR_THREADS)


class Guard:
    """The process beside the wizard, as the wizard sees it; `start` makes it.

    Attributes:
        keys: a descriptor that is readable when there is something for `given_back`.
    """

    def __init__(self, process: int, say: int, keys: int, words: mmap.mmap, copied: mmap.mmap) -> None:
        self._process, self._say, self.keys, self._words, self._copied = process, say, keys, words, copied

    @classmethod
    def start(cls, clear: Callable[[Sequence[bytes]], None]) -> Guard | None:
        """Start it before there are threads; None without a terminal, or if no process can be started.

        Args:
            clear: clears the secrets of these digests from the clipboard; called if the wizard is killed.
        """
        if sys.__stdin__ is None or not sys.__stdin__.isatty():
            return None
        heard, say = os.pipe()
        keys, give_back = os.pipe()
        words, copied = mmap.mmap(-1, WORDS_SIZE), mmap.mmap(-1, COPIED_SIZE)
        watch = _Watch(os.getpid(), heard, give_back, words)
        try:
            process = os.fork()
        except OSError:
            for descriptor in (heard, say, keys, give_back):
                os.close(descriptor)
            return None
        if process == 0:
            os.close(say)
            os.close(keys)
            try:
                watch.go_on()
                _clear_left(copied[:], clear)
            finally:
                os._exit(0)
        os.close(heard)
        os.close(give_back)
        for descriptor in (say, keys):
            os.set_blocking(descriptor, False)
        return cls(process, say, keys, words, copied)

    def last_words(self, words: Sentence) -> None:
        """Set what it writes to standard error if it has to end the wizard."""
        self._words[:] = safe(text_of(words)).encode()[:WORDS_SIZE].ljust(WORDS_SIZE, b"\0")

    def remember(self, digests: Sequence[bytes]) -> None:
        """Set the digests of the secrets in the clipboard, in memory that no file backs."""
        self._copied[:] = b"".join(digests)[-COPIED_SIZE:].ljust(COPIED_SIZE, b"\0")

    def hear_signals(self) -> None:
        """Let signals reach it from now on, also while no Python can run."""
        signal.set_wakeup_fd(self._say, warn_on_full_buffer=False)

    def given_back(self) -> str:
        """Return the keys taken while nobody read, and report that somebody reads again."""
        with contextlib.suppress(BlockingIOError):
            keys = os.read(self.keys, 65536)
            self.say(_HEARD)
            return keys.replace(_LISTEN, b"").decode(errors="replace")
        return ""

    def close(self) -> None:
        """End the process, since the wizard has ended."""
        if signal.set_wakeup_fd(-1) not in {-1, self._say}:
            raise RuntimeError("somebody else has taken the signals")
        self.remember(())  # the wizard has cleared the clipboard, or reported that it couldn't
        os.close(self._say)
        os.close(self.keys)
        os.waitpid(self._process, 0)

    def say(self, what: int) -> None:
        """Send it one of these messages."""
        with contextlib.suppress(BrokenPipeError, BlockingIOError):  # somebody has ended it
            os.write(self._say, bytes([what]))


def _clear_left(copied: bytes, clear: Callable[[Sequence[bytes]], None]) -> None:
    parts = (copied[at : at + _DIGEST_SIZE] for at in range(0, len(copied), _DIGEST_SIZE))
    if digests := list(filter(any, parts)):
        _set_signals(signal.SIG_DFL)  # a clipboard's program is to hear them
        clear(digests)


def _set_signals(handler: signal.Handlers) -> None:
    for number in range(1, signal.NSIG):
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, handler)


class _Watch:
    """The work of that process.

    Args:
        wizard: the process to watch.
        heard: receives signals and the wizard's messages, a byte each.
        give_back: takes the keys that were read.
        words: memory shared with the wizard, for its last words if it has to be ended.
    """

    def __init__(self, wizard: int, heard: int, give_back: int, words: mmap.mmap) -> None:
        self._wizard, self._heard, self._give_back, self._words = wizard, heard, give_back, words
        self._terminal = 0
        self._modes = termios.tcgetattr(self._terminal)
        self._shown = False
        self._end: float | None = None
        self._by_key = False
        self._unread_since: float | None = None
        self._asked = False

    def go_on(self) -> None:
        """Watch until the wizard has ended, or has to be ended."""
        _set_signals(signal.SIG_IGN)
        while True:
            unread = self._unread_since is not None
            wanted = [self._heard, *([self._terminal] if self._shown and not unread else [])]
            ready, _, _ = select.select(wanted, [], [], self._patience())
            if self._heard in ready and not self._hear(os.read(self._heard, 4096)):
                return
            now = time.monotonic()
            if self._end is not None and now >= self._end:
                self._end_wizard()
                return
            if self._shown:
                self._look_at_keys(now)

    def _patience(self) -> float | None:
        if self._unread_since is not None:
            return _LOOK_EVERY
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    def _hear(self, said: bytes) -> bool:
        """Handle messages from the wizard or its signals; return False once it has ended."""
        for byte in said:
            if byte in {SHOWN, LENT}:
                self._shown, self._unread_since = byte == SHOWN, None
            elif byte == _HEARD:
                self._unread_since, self._asked = None, False
                if self._by_key:  # it gets the key itself now
                    self._end, self._by_key = None, False
            elif byte == signal.SIGTERM and self._end is not None:
                self._end = time.monotonic()
            elif byte == BEGUN or byte in ENDING:
                self._end, self._by_key = self._end or time.monotonic() + SECONDS_TO_END, False
                if byte in ENDING:
                    self._give(_LISTEN)  # a signal that comes right before a wait doesn't wake it
        return bool(said)

    def _look_at_keys(self, now: float) -> None:
        """If typed keys stay unread, read them, look for ^q, and give them back."""
        waiting = self._waiting()
        if waiting is None:
            self._shown = False
            self._send(signal.SIGHUP)
        if not waiting:
            self._unread_since, self._asked = None, False
        elif self._unread_since is None:
            self._unread_since = now
        elif not self._asked and now - self._unread_since > _ASK_AFTER:
            self._asked = True
            self._give(_LISTEN)
        elif self._asked and now - self._unread_since > _TAKE_AFTER:
            self._take(self._unread_since)

    def _take(self, since: float) -> None:
        try:
            keys = os.read(self._terminal, 4096)
        except OSError:  # the wizard is in the background, or the terminal is gone
            self._unread_since = None
            return
        self._give(keys.replace(_LISTEN, b""))
        if any(not match[1] or (int(match[1]) - 1) & _CONTROL for match in QUIT_KEY.finditer(keys)):
            self._by_key = self._end is None
            self._end = self._end or since + SECONDS_TO_END

    def _waiting(self) -> int | None:
        """Return the number of typed bytes that nobody has read; None if the terminal is gone."""
        try:
            answer = fcntl.ioctl(self._terminal, termios.FIONREAD, b"\0" * 4)
        except OSError:
            return None
        return int(struct.unpack("i", answer)[0])

    def _give(self, keys: bytes) -> None:
        with contextlib.suppress(OSError):  # it has just ended
            os.write(self._give_back, keys)

    def _end_wizard(self) -> None:
        """Restore the terminal for the shell, say so, and end the wizard."""
        _, free, _ = select.select([], [2], [], 0.1)
        with contextlib.suppress(OSError, termios.error):  # the terminal is gone
            if free and self._shown:
                os.write(2, _AS_A_SHELL_WANTS_IT)
            if self._shown:
                termios.tcsetattr(self._terminal, termios.TCSANOW, self._modes)
            if free:
                said = self._words[:].rstrip(b"\0").decode(errors="ignore")
                os.write(2, f"{joined(('It took too long to end.', said))}\n".encode())
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if os.getppid() == self._wizard:
            os.kill(self._wizard, number)
