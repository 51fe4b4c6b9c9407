"""The one shape in which a failure reaches a person: what happened, why, and what to do next.

A service or a step raises `OnboardError`; the screens show it as a dialog, the command line prints it.
Everything in it may be shown, copied and kept in a journal, so no secret ever goes into one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

from workflows.core.sentences import Sentence, joined, text_of


@dataclass(frozen=True)
class Problem:
    """One thing that is not right with a person's input.

    Attributes:
        message: what is wrong and what would be accepted, as one sentence or two.
        field: the name of the request's field it is about, or "" for the whole request.
        fatal: True refuses the input; False is a warning that a person may accept.
    """

    message: Sentence
    field: str = ""
    fatal: bool = True


class OnboardError(Exception):
    """A failure that a person can understand and do something about.

    Args:
        title: a few words, as the headline of a dialog.
        what: what happened, in a sentence.
        why: the cause as far as it is known, or "".
        next: what the person can do now, or "".
        detail: the outside program's own words (a Terraform diagnostic, an AWS message), shown whole, or "".

    Attributes:
        field: the request's field with the rejected input, or "" where it is about something else.
        step: the id of another step, in which this is to be corrected, or "".
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
        """This error, as one of this field of the request."""
        self.field = field
        return self

    @property
    def sentences(self) -> Sentence:
        """What happened, why and what to do next, as one paragraph."""
        return joined((self.what, self.why, self.next))

    @property
    def body(self) -> Sentence:
        """All but the title, in paragraphs with their headings."""
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
    """The sentences of an error, as `OnboardError` takes them; what is in braces is filled in."""

    title: str
    what: str
    why: str = ""
    next: str = ""


class DeclaredError(OnboardError):
    """An error with sentences of its own, which its class declares.

    Args:
        detail: as for `OnboardError`.
        values: what the sentences name in braces.
    """

    texts: ClassVar[Texts]

    def __init__(self, *, detail: Sentence = "", **values: object) -> None:
        title, what, why, then = (text.format(**values) for text in self.texts)
        super().__init__(title, what, why=why, next=then, detail=detail)


class Cancelled(OnboardError):  # noqa: N818 - it is not an error
    """The person stopped what was running; nothing is wrong, and the step stays open."""
