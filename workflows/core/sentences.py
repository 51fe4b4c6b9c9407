"""Texts for people: code makes, passes and shows them, but never reads them for their meaning.

Anything that code must tell apart is a field or an enum beside the sentence. The type checker enforces this:
a `Sentence` accepts any text, and nothing can compare it, search it or take it apart.

Sentences also make the one form in which people see a failure: what happened, why, and what to do next. A
service or a step raises `OnboardError`; the screens show it as a dialog, the command line prints it. All of
it may be shown, copied and kept in a journal, so never put a secret in one. Any other failure becomes one,
too: no traceback reaches a person, nor a secret that it might carry.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

from workflows.core.later import on_demand

with on_demand():
    import datetime as dt
if TYPE_CHECKING:
    from typing import Protocol

    from typing_extensions import deprecated

    class Sentence(Protocol):
        """A text for people; only `text_of` turns it back into a `str`."""

        def isidentifier(self) -> bool:
            """A method of `str`, and of nothing else that could be passed by mistake."""

        @deprecated("a sentence is for people: compare a field beside it")
        def __eq__(self, other: object, /) -> bool: ...

        @deprecated("a sentence is for people: compare a field beside it")
        def __ne__(self, other: object, /) -> bool: ...

        def __hash__(self) -> int: ...

else:
    Sentence = str


def text_of(sentence: Sentence) -> str:
    """The text of a sentence, only for code that shows, prints or records it."""
    return str(sentence)


def joined(sentences: Iterable[Sentence], by: str = " ") -> Sentence:
    """Join the sentences that are not empty."""
    return by.join(text_of(sentence) for sentence in sentences if sentence)


def capitalized(sentence: Sentence) -> Sentence:
    """Capitalize the first letter of a text that may also stand inside a sentence."""
    text = text_of(sentence)
    return f"{text[:1].upper()}{text[1:]}"


def day(moment: dt.datetime | None) -> str:
    """A date as people write it, "28 Nov 2028"; "never" for None."""
    return f"{moment.day} {moment:%b %Y}" if moment else "never"


def moment_text(moment: str, now: dt.datetime, zone: dt.tzinfo | None = None) -> str:
    """Return a time in short form, without seconds.

    Args:
        moment: ISO 8601 with its offset, as in the journal.
        now: the current time, aware.
        zone: the user's time zone; the machine's by default.

    Returns:
        As "today 14:03", "yesterday 09:30", "5 Jan 14:03", or "5 Jan 2025"; the text itself if it isn't a
            time.
    """
    try:
        at = dt.datetime.fromisoformat(moment).astimezone(zone)
    except (ValueError, OverflowError):
        return moment
    today = now.astimezone(zone).date()
    clock = f"{at:%H:%M}"
    if at.date() == today:
        return f"today {clock}"
    if at.date() == today - dt.timedelta(days=1):
        return f"yesterday {clock}"
    date = f"{at.day} {at:%b}"
    return f"{date} {clock}" if at.year == today.year else f"{date} {at.year}"


def since_text(moment: str, now: dt.datetime) -> str:
    """Return since when; times of today as the clock time only."""
    return f"since {moment_text(moment, now).removeprefix('today ')}"


def said_so(moment: str, now: dt.datetime) -> str:
    """Say that something is done on the user's word alone."""
    when = f" {moment_text(moment, now)}" if moment else ""
    return f"Done on your word{when}."


def count(number: int, noun: str, many: str = "") -> str:
    """A count with its noun: "1 profile", "2 profiles".

    Args:
        number: how many.
        many: the plural, if it isn't `noun` with an s.
    """
    return f"{number} {noun if number == 1 else many or noun + 's'}"


def enumerated(parts: Sequence[Sentence]) -> Sentence:
    """List all parts: "a", "a and b", "a, b and c"."""
    return joined((joined(parts[:-1], ", "), *parts[-1:]), " and ")


def listed(names: Sequence[str], most: int) -> str:
    """List the first names: "jane, juan and 3 more"."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


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
    def brief(self) -> Sentence:
        """What happened and what to do next, as a line in a page."""
        return joined((f"{self.title}.", self.what, self.next))

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
    errno.ENOSPC: ("the disk is full", "Make room, then try again."),
    errno.EDQUOT: ("your disk quota is used up", "Make room, then try again."),
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
