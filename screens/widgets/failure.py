"""Turns every failure into a message: no traceback reaches a person, nor a secret that it might carry."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from workflows.core.errors import OnboardError

_SHORT: Mapping[int, tuple[str, str]] = {
    errno.EMFILE: ("this program has too many files open", "Allow more: `ulimit -n 1024`. Then start again."),
    errno.ENFILE: ("all programs together have too many files open", "Close other programs, then try again."),
    errno.EAGAIN: ("it allows no more processes", "Allow more (`ulimit -u`), or end some. Then try again."),
    errno.ENOMEM: ("there is no memory left", "Close other programs, or allow more: `ulimit -v unlimited`."),
}
"""What a computer can run out of anywhere, and what to do (errno(3))."""


def as_error(failure: BaseException) -> OnboardError:
    """Return the failure itself if it has a message, else an error with its place in the program.

    Only the kind of the failure and its place are shown: the text of an unforeseen exception may quote what a
    person typed.
    """
    if isinstance(failure, OnboardError):
        return failure
    number = failure.errno if isinstance(failure, OSError) else None
    if short := _SHORT.get(errno.ENOMEM if isinstance(failure, MemoryError) else number or 0):
        return OnboardError(
            "The computer has reached a limit", f"The work stopped because {short[0]}.", next=short[1]
        )
    return OnboardError(
        "Something unexpected happened",
        f"iam-onboard hit an error that it can't explain: {type(failure).__name__}.",
        why=f"It happened in {_place(failure.__traceback__)}. This is a bug in iam-onboard.",
        next="Nothing you entered is lost. Try the step again; if it happens again, report these lines.",
    )


def _place(traceback: TracebackType | None) -> str:
    place = "an unknown place"
    while traceback is not None:
        path = Path(traceback.tb_frame.f_code.co_filename)
        place = f"{path.parent.name}/{path.name}, line {traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place
