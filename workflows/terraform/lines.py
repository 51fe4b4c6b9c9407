"""Lines of what a plan does, as they are kept with it; making them is `words`' work."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from workflows.core.sentences import Sentence


class Sort(StrEnum):
    """What a line about no person is about."""

    GROUP = "group"
    RESOURCE = "resource"
    OUTPUT = "output"


@dataclass(frozen=True)
class Line:
    """One line of what a plan does that is about no person.

    Attributes:
        sort: what it is about.
        words: what happens.
        number: how many of these it is about.
    """

    sort: Sort
    words: Sentence
    number: int = 1
