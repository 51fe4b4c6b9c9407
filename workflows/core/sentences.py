"""Texts for people: code makes, passes and shows them, but never reads them for their meaning.

Anything that code must tell apart is a field or an enum beside the sentence. The type checker enforces this:
a `Sentence` accepts any text, and nothing can compare it, search it or take it apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

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
    return f"Done on your word{when}; iam-onboard can't check it from here."


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
