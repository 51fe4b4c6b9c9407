"""A plan as it is shown, accepted and kept, with nothing secret in it: the fact `plan`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workflows.core.sentences import Sentence
from workflows.core.shapes import plain, read
from workflows.terraform.record import PlanRecord

if TYPE_CHECKING:
    from workflows.steps.shared.module import Context


@dataclass(frozen=True)
class Told:
    """A change that is listed by itself.

    Attributes:
        address: the resource.
        words: what happens, with whom it is about.
        people: whom it is about.
        named: whether the words name the resource.
    """

    address: str
    words: Sentence
    people: tuple[str, ...] = ()
    named: bool = False


@dataclass(frozen=True)
class Planned:
    """A plan as it is shown, accepted and kept; nothing in it is secret.

    Attributes:
        record: the plan file and what it was made from.
        summary: what it does, a line for each person, group and other resource.
        counts: how many resources are added, changed and destroyed; a replaced one counts as both.
        destroys: every resource that is destroyed or replaced.
        foreign: every change that is not about the people, groups and settings that were chosen.
        drift: what was changed outside of Terraform.
        owners: address to the people that the resource is about, for all changes.
        passwords: users who get a new password.
        access_keys: users who get a new access key.
        gone: users who are removed for good.
    """

    record: PlanRecord
    summary: tuple[Sentence, ...]
    counts: Mapping[str, int]
    destroys: tuple[Told, ...] = ()
    foreign: tuple[Told, ...] = ()
    drift: tuple[Sentence, ...] = ()
    owners: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    passwords: tuple[str, ...] = ()
    access_keys: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    empty: bool = False

    def as_facts(self) -> dict[str, Any]:
        """The plan as JSON values."""
        own = plain(self)
        return {**own.pop("record"), **own, "elsewhere": False}

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Planned:
        """The plan that `as_facts` gave.

        Raises:
            WrongShape: it is none.
        """
        return read(cls, {**facts, "record": facts}, "plan")


@dataclass(frozen=True)
class _Elsewhere:
    """The one field of a plan that shows whether the others are there."""

    elsewhere: bool = False


def read_plan(fact: Mapping[str, Any] | None) -> Planned | None:
    """The plan that a fact `plan` has; None for no fact, and where it was applied elsewhere.

    Raises:
        WrongShape: it is not what it should be.
    """
    return Planned.from_facts(fact) if fact and not read(_Elsewhere, fact, "plan").elsewhere else None


def decided(context: Context) -> Planned | None:
    """The plan that was accepted before, or None (also where it was applied elsewhere)."""
    return read_plan(context.facts.get("plan"))
