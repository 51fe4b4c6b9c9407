"""The one form in which people see a failure: what happened, why, and what to do next.

A service or a step raises `OnboardError`; the screens show it as a dialog, the command line prints it.
All of it may be shown, copied and kept in a journal, so never put a secret in one. Any other failure becomes
one, too: no traceback reaches a person, nor a secret that it might carry.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from types import TracebackType
from typing import ClassVar, NamedTuple, Self

from workflows.core.sentences import Sentence, joined, text_of


class Problem(NamedTuple):
    """One thing wrong with a person's input.

    Attributes:
        message: what is wrong and what would be accepted, in one or two sentences.
        field: the request's field with the problem, or "" for the whole request.
        fatal: True rejects the input; False is a warning that the person may accept.
        place: where in a layer to solve it by hand (a `Place`), or None.
    """

    message: Sentence
    field: str = ""
    fatal: bool = True
    place: object = None


class OnboardError(Exception):
    """A failure that a person can understand and act on.

    Args:
        title: a few words, as the headline of a dialog.
        what: what happened, in a sentence.
        why: the cause if known, or "".
        next: what the person can do now, or "".
        detail: the outside program's own message (a Terraform diagnostic, an AWS error), shown whole, or "".

    Attributes:
        field: the request's field with the rejected input, or "" if no field is at fault.
        step: the id of another step where this can be corrected, or "".
    """

    field: str = ""
    step: str = ""

    def __init__(
        self,
        title: Sentence,
        what: Sentence,
        *,
        why: Sentence = "",
        next: Sentence = "",  # noqa: A002
        detail: Sentence = "",
    ) -> None:
        super().__init__(f"{title}: {what}")
        self.title = title
        self.what = what
        self.why = why
        self.next = next
        self.detail = detail

    def about(self, field: str) -> Self:
        """Name the request's field at fault, and return this error."""
        self.field = field
        return self

    @property
    def sentences(self) -> Sentence:
        """What happened, why and what to do next, as one paragraph."""
        return joined((self.what, self.why, self.next))

    @property
    def body(self) -> Sentence:
        """Everything but the title, in paragraphs with headings."""
        why = self.why and f"Why: {self.why}"
        then = self.next and f"What next: {self.next}"
        return joined((self.what, why, then, self.detail), "\n\n")

    def as_text(self) -> str:
        """The whole message as plain text, for a terminal, a clipboard or an issue report."""
        return f"{self.title}\n\n{self.body}"

    def as_record(self) -> dict[str, str]:
        """The message as a JSON object of strings, as the journal keeps it."""
        return {name: text_of(getattr(self, name)) for name in ("title", "what", "why", "next", "detail")}


class Texts(NamedTuple):
    """The sentences of an error, with placeholders in braces, as `OnboardError` takes them."""

    title: str
    what: str
    why: str = ""
    next: str = ""


class DeclaredError(OnboardError):
    """An error whose class declares its sentences.

    Args:
        detail: as for `OnboardError`.
        values: values for the placeholders in braces.
    """

    texts: ClassVar[Texts]

    def __init__(self, *, detail: Sentence = "", **values: object) -> None:
        title, what, why, then = (text.format(**values) for text in self.texts)
        super().__init__(title, what, why=why, next=then, detail=detail)


class Cancelled(OnboardError):  # noqa: N818 - it is not an error
    """The person stopped a running task; nothing is wrong, and the step stays open."""


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
        path = traceback.tb_frame.f_code.co_filename
        place = f"{'/'.join(path.rsplit(os.sep, 2)[-2:])}, line {traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place
