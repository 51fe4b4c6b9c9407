"""The lines of a plan's summary, as stored with it; `words` makes them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from workflows.core.sentences import Sentence


class Sort(StrEnum):
    """The subject of a line that concerns no person."""

    GROUP = "group"
    RESOURCE = "resource"
    OUTPUT = "output"


@dataclass(frozen=True)
class Line:
    """One line of a plan's summary that concerns no person.

    Attributes:
        sort: its subject.
        words: what happens.
        number: how many such subjects it covers.
    """

    sort: Sort
    words: Sentence
    number: int = 1
