"""SIGCONT only resumes what SIGTSTP had suspended.

When a terminal window is closed, the kernel sends SIGHUP and then SIGCONT to the program in it. Textual (8.2)
takes every SIGCONT for the end of a suspension and starts its threads for the terminal once more; of the two
that then read the dead terminal one may never end, and the process lives on with a processor to itself.
"""

from __future__ import annotations

import signal
from typing import Any

from textual.driver import Driver


def resume_only_what_was_suspended(driver: Driver | None) -> None:
    """Let a driver hear of SIGCONT only after SIGTSTP; nothing for one that does not listen to it.

    Args:
        driver: of an application that has been mounted.
    """
    resume: Any = signal.getsignal(signal.SIGCONT)
    if getattr(resume, "__self__", None) is not driver or not hasattr(driver, "_must_signal_resume"):
        return

    def continued(number: int, frame: Any) -> None:
        if getattr(driver, "_must_signal_resume", True):  # set by SIGTSTP until the driver has resumed
            resume(number, frame)

    signal.signal(signal.SIGCONT, continued)
