"""The end of the wizard within two seconds, whatever its threads do.

A worker that gets no answer (a request without an answer) is waited for a moment, then left behind. And a
thread that holds the interpreter's lock in C code (a regular expression that goes astray) lets no Python run
at all, the keyboard included; so a process beside the wizard watches, without needing it: signals
reach it by the descriptor that the interpreter's C code wakes, and it looks at what is typed once nobody
else does.
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
from collections.abc import Callable
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
"""What the wizard says, no signal's number: it has the terminal, in the modes of a full screen; the terminal
is as a shell wants it, and may be somebody else's; its end has begun, and all is on the disk that must not be
lost; somebody listens again to what is typed."""
_LISTEN = b"\0"
_ASK_AFTER, _TAKE_AFTER = 0.2, 0.6
_LOOK_EVERY = 0.05
_CONTROL = 4
WORDS_SIZE = 16384
_AS_A_SHELL_WANTS_IT = (
    b"\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l\x1b[?2048l\x1b[?2004l\x1b[?7h"
    b"\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"
)


class Workers(futures.ThreadPoolExecutor):
    """Threads that the end of the program does not wait for longer than a moment."""

    def __init__(self) -> None:
        super().__init__(thread_name_prefix="worker")
        self._at_work: set[futures.Future[Any]] = set()

    def submit(self, work: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> futures.Future[T]:
        """As every executor does."""
        future = super().submit(work, *arguments, **named)
        self._at_work.add(future)
        future.add_done_callback(self._at_work.discard)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = True) -> None:  # noqa: FBT001 - its base's
        """Begin nothing more, and wait a moment for what runs; what does not end then is left behind."""
        super().shutdown(wait=False, cancel_futures=cancel_futures)
        if wait:
            futures.wait(self._at_work.copy(), timeout=SECONDS_FOR_THREADS)


class Guard:
    """The process beside the wizard, as the wizard sees it. `start` makes it.

    Attributes:
        keys: a descriptor that can be read when there is something for `given_back`.
    """

    def __init__(self, process: int, say: int, keys: int, words: mmap.mmap) -> None:
        self._process, self._say, self.keys, self._words = process, say, keys, words

    @classmethod
    def start(cls) -> Guard | None:
        """Start it, before there are threads; None without a terminal, or where no process is left."""
        if sys.__stdin__ is None or not sys.__stdin__.isatty():
            return None
        heard, say = os.pipe()
        keys, give_back = os.pipe()
        words = mmap.mmap(-1, WORDS_SIZE)
        wizard = os.getpid()
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
                _Watch(wizard, heard, give_back, words).go_on()
            finally:
                os._exit(0)
        os.close(heard)
        os.close(give_back)
        for descriptor in (say, keys):
            os.set_blocking(descriptor, False)
        return cls(process, say, keys, words)

    def last_words(self, words: Sentence) -> None:
        """What it adds to standard error if it has to end the wizard, in place of what that was before."""
        self._words[:] = safe(text_of(words)).encode()[:WORDS_SIZE].ljust(WORDS_SIZE, b"\0")

    def hear_signals(self) -> None:
        """From now on signals reach it, also while no Python can run."""
        signal.set_wakeup_fd(self._say, warn_on_full_buffer=False)

    def given_back(self) -> str:
        """What was typed and taken while nobody read; says that somebody listens again."""
        with contextlib.suppress(BlockingIOError):
            keys = os.read(self.keys, 65536)
            self.say(_HEARD)
            return keys.replace(_LISTEN, b"").decode(errors="replace")
        return ""

    def close(self) -> None:
        """The wizard has ended: so does the process."""
        if signal.set_wakeup_fd(-1) not in {-1, self._say}:
            raise RuntimeError("somebody else has taken the signals")
        os.close(self._say)
        os.close(self.keys)
        os.waitpid(self._process, 0)

    def say(self, what: int) -> None:
        """Say one of these to it."""
        with contextlib.suppress(BrokenPipeError, BlockingIOError):  # it was ended by somebody
            os.write(self._say, bytes([what]))


class _Watch:
    """What that process does.

    Args:
        wizard: the process to watch.
        heard: where signals and the wizard's own words come in, a byte each.
        give_back: where keys go that were taken.
        words: memory shared with the wizard: what it says of its end for the case that it has to be ended.
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
        """Watch until the wizard has ended, or must."""
        for number in range(1, signal.NSIG):
            with contextlib.suppress(OSError, ValueError):
                signal.signal(number, signal.SIG_IGN)
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
        """Take in what the wizard or its signals say; False once it has ended."""
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
                    self._give(_LISTEN)  # a signal that comes right before a wait does not wake it
        return bool(said)

    def _look_at_keys(self, now: float) -> None:
        """Whether what was typed stays unread, since nobody can; then look for ^q in it, and give it back."""
        if not self._waiting():
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

    def _waiting(self) -> int:
        """How many bytes were typed and not read."""
        try:
            answer = fcntl.ioctl(self._terminal, termios.FIONREAD, b"\0" * 4)
        except OSError:  # the terminal is gone
            return 0
        return int(struct.unpack("i", answer)[0])

    def _give(self, keys: bytes) -> None:
        with contextlib.suppress(OSError):  # it has just ended
            os.write(self._give_back, keys)

    def _end_wizard(self) -> None:
        """Give the terminal back as a shell wants it, say so, and end the wizard."""
        _, free, _ = select.select([], [2], [], 0.1)
        with contextlib.suppress(OSError, termios.error):  # the terminal is gone
            if free and self._shown:
                os.write(2, _AS_A_SHELL_WANTS_IT)
            if self._shown:
                termios.tcsetattr(self._terminal, termios.TCSANOW, self._modes)
            if free:
                said = self._words[:].rstrip(b"\0").decode(errors="ignore")
                os.write(2, f"{joined(('It took too long to end.', said))}\n".encode())
        if os.getppid() == self._wizard:
            os.kill(self._wizard, signal.SIGKILL)
