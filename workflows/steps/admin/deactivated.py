"""The fact of Deactivate: what AWS had of people who leave when the step was done.

Nothing in it is secret, and this module loads no step's code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workflows.core.shapes import left_out


@dataclass(frozen=True)
class Thing:
    """Something that blocked a removal, as a `Holding` names it."""

    kind: str
    id: str


@dataclass(frozen=True)
class Record:
    """What somebody had.

    Attributes:
        inactive: the ids of access keys that didn't work.
        active: the ids of access keys that worked.
        blocking: what blocked the removal; only displayed texts in journals of earlier versions, which
            nothing compares.
        denied: kinds of items that nobody was allowed to list.
    """

    inactive: tuple[str, ...] = ()
    active: tuple[str, ...] = ()
    blocking: tuple[Thing | str, ...] = ()
    denied: tuple[str, ...] = left_out(tuple)


@dataclass(frozen=True)
class Deactivated:
    """What each of them had, by name, and when that was recorded."""

    at: str
    people: Mapping[str, Record]
