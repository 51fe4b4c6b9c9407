"""Whatever goes wrong, in words: no traceback reaches a person, and no secret that one might carry."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from workflows.core.errors import OnboardError


def as_error(failure: BaseException) -> OnboardError:
    """The failure itself if it speaks for itself, else an error that says where the program is wrong.

    Only the kind of the failure and the place in the program are told: the message of an unforeseen exception
    may quote what a person typed.
    """
    if isinstance(failure, OnboardError):
        return failure
    return OnboardError(
        "Something unforeseen happened",
        f"The program met a failure that it does not know how to explain: {type(failure).__name__}.",
        why=f"It arose in {_place(failure.__traceback__)}. This is a defect of iam-onboard.",
        next="Nothing you entered is lost. Try the step again; if it comes back, report these lines.",
    )


def _place(traceback: TracebackType | None) -> str:
    place = "an unknown place"
    while traceback is not None:
        path = Path(traceback.tb_frame.f_code.co_filename)
        place = f"{path.parent.name}/{path.name}, line {traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place
