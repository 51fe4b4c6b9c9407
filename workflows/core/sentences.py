"""Texts for people: they are made, passed on and shown, and never looked into for their meaning.

What somebody has to tell apart is a field or an enum beside the sentence. The type checker holds that: where
a `Sentence` is declared any text can be given, and nothing can compare it, search in it or take it apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Protocol

    from typing_extensions import deprecated

    class Sentence(Protocol):
        """A text for people: a `str` that only `text_of` gives back as one."""

        def isidentifier(self) -> bool:
            """What a `str` has, and nothing else that could be given by mistake."""

        @deprecated("a sentence is for people: compare a field beside it")
        def __eq__(self, other: object, /) -> bool: ...

        @deprecated("a sentence is for people: compare a field beside it")
        def __ne__(self, other: object, /) -> bool: ...

        def __hash__(self) -> int: ...

else:
    Sentence = str


def text_of(sentence: Sentence) -> str:
    """The text of a sentence, for what shows, prints or records it, and for nothing else."""
    return str(sentence)


def joined(sentences: Iterable[Sentence], by: str = " ") -> Sentence:
    """One text of several, without those that are empty."""
    return by.join(text_of(sentence) for sentence in sentences if sentence)


def capitalized(sentence: Sentence) -> Sentence:
    """The sentence with a capital letter first, for words that may stand in the middle of one."""
    text = text_of(sentence)
    return f"{text[:1].upper()}{text[1:]}"


def day(moment: datetime | None) -> str:
    """A day as people write it, "28 Nov 2028"; None is never."""
    return f"{moment.day} {moment:%b %Y}" if moment else "never"


def count(number: int, noun: str, many: str = "") -> str:
    """A count with its noun: "1 profile", "2 profiles".

    Args:
        number: how many.
        noun: the noun for one.
        many: the noun for any other number; by default `noun` with an s.
    """
    return f"{number} {noun if number == 1 else many or noun + 's'}"


def enumerated(parts: Sequence[Sentence]) -> Sentence:
    """All of a list: "a", "a and b", "a, b and c"."""
    return joined((joined(parts[:-1], ", "), *parts[-1:]), " and ")


def listed(names: Sequence[str], most: int) -> str:
    """The first names of a list: "jane, juan and 3 more"."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
