"""Ends a command within two seconds of a signal, whatever it does."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import NoReturn

SECONDS_FOR_THREADS = 0.5
"""Seconds that a thread may continue once the program ends; most have been notified long before."""
SECONDS_TO_END = 1.6
"""Seconds after which anything still running is killed."""
ENDING = (signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def unwinding(last_words: Callable[[int], None]) -> Iterator[None]:
    """Let an interrupt, SIGTERM and SIGHUP unwind the block with a `KeyboardInterrupt` of their number.

    If it hasn't unwound in time, or on a second signal, the process ends anyway, with the exit code that
    shells use for the signal. A signal that is ignored (`nohup`) stays so.

    Args:
        last_words: reports, from a thread or a signal handler, that this signal ended the program.
    """
    forcing: list[threading.Timer] = []

    def force(number: int) -> NoReturn:
        last_words(number)
        os._exit(128 + number)

    def ended(number: int, _frame: FrameType | None) -> None:
        if forcing:
            force(number)
        forcing.append(threading.Timer(SECONDS_TO_END, force, (number,)))
        forcing[0].daemon = True
        forcing[0].start()
        # Exactly this class: on any other, `subprocess` waits for a child forever.
        raise KeyboardInterrupt(number)

    with handling(dict.fromkeys((signal.SIGINT, *ENDING), ended)):
        try:
            yield
        finally:
            for timer in forcing:
                timer.cancel()


@contextlib.contextmanager
def handling(handlers: Mapping[signal.Signals, Callable[[int, FrameType | None], None]]) -> Iterator[None]:
    """Handle signals in the block; one that is ignored (`nohup`) stays so."""
    heard = [number for number in handlers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handlers[number]) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def leave(code: int, flush: Callable[[], None]) -> NoReturn:
    """End here: freeing everything takes longer than a short command, and a thread may not end."""
    end = time.monotonic() + SECONDS_FOR_THREADS
    threads = [
        thread
        for thread in threading.enumerate()
        if not thread.daemon and thread is not threading.current_thread()
    ]
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    flush()
    os._exit(code)
