"""The seven things that can happen to a step; the journal stores these and nothing else.

An event names the step it is about by a `StepKey`, so that a step which repeats over layers or identities
has one history for each. Facts are plain JSON values: a secret cannot be one, and `checked_facts` sees to it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JsonValue = Any
Facts = Mapping[str, JsonValue]
STOPPED, RESTED = "stopped", "rested"


@dataclass(frozen=True, order=True)
class StepKey:
    """Which step, and for a repeated one which item (a layer's account, an identity's account).

    Attributes:
        step: the id of the step's declaration.
        item: the item it repeats over, or "" for a step that happens once.
    """

    step: str
    item: str = ""

    def __str__(self) -> str:
        return f"{self.step}@{self.item}" if self.item else self.step

    @classmethod
    def parse(cls, text: str) -> StepKey:
        """The key that `str()` of one gave."""
        step, _, item = text.partition("@")
        return cls(step, item)


@dataclass(frozen=True)
class Happened:
    """What all events have in common.

    Attributes:
        key: the step that it is about.
        run: the process that it happened in, as that process calls itself; what one run starts, only that run
            can end.
        at: when, ISO 8601 in UTC.
    """

    key: StepKey
    run: str
    at: str


@dataclass(frozen=True)
class Started(Happened):
    """Work on the step began."""


@dataclass(frozen=True)
class Succeeded(Happened):
    """The step is done and gave `facts` (JSON values; never a secret)."""

    facts: Facts


@dataclass(frozen=True)
class Failed(Happened):
    """The step could not be done; `error` holds title, what, why, next and detail.

    Its kind is `STOPPED` where the person stopped it, `RESTED` where it only waited for them when they left.
    """

    error: Mapping[str, str]


@dataclass(frozen=True)
class Skipped(Happened):
    """The person chose to leave out an optional step, for the reason given (may be "")."""

    reason: str


@dataclass(frozen=True)
class Reopened(Happened):
    """A step that was settled is to be done again, for the reason given (may be "")."""

    reason: str


@dataclass(frozen=True)
class Acknowledged(Happened):
    """The person continues although the world contradicts the step; `seen` is `Observation.identity`."""

    seen: str


@dataclass(frozen=True)
class Moved(Happened):
    """A folder that the step found is elsewhere now: paths in `before` are paths in `now`."""

    before: str
    now: str


Event = Started | Succeeded | Failed | Skipped | Reopened | Acknowledged | Moved


class UnstorableFactError(TypeError):
    """A fact that is no plain JSON value, or that is a secret: a defect of the step that gave it."""


def checked_facts(facts: Facts) -> dict[str, JsonValue]:
    """A deep copy of the facts as plain JSON values (tuples become lists, enums their plain values).

    Raises:
        UnstorableFactError: a value is no JSON value (NaN and infinity are none). A `Secret` is none either,
            so it can never be a fact.
    """
    return {_text(name, "facts"): plain_value(value, str(name)) for name, value in facts.items()}


def plain_value(value: object, path: str) -> JsonValue:
    """A deep copy of one value as plain JSON; `path` names it in the refusal.

    Raises:
        UnstorableFactError: as `checked_facts` says.
    """
    match value:
        case None | bool():
            return value
        case str():
            return str.__str__(value)
        case int():
            return int(value)
        case float() if math.isfinite(value):
            return float(value)
        case list() | tuple():
            return [plain_value(item, f"{path}[{index}]") for index, item in enumerate(value)]
        case Mapping():
            return {_text(key, path): plain_value(item, f"{path}.{key}") for key, item in value.items()}
    what = repr(value) if isinstance(value, float) else f"a {type(value).__name__}"
    raise UnstorableFactError(f"the fact {path} is {what}, which a journal cannot hold")


def in_folder(value: JsonValue, before: str, now: str) -> JsonValue:
    """A value in which every path in the folder `before` is one in `now`; an object's keys count too."""
    match value:
        case str():
            inside = value == before or value.startswith(f"{before}/")
            return now + value[len(before) :] if inside else value
        case list() | tuple():
            return [in_folder(item, before, now) for item in value]
        case Mapping():
            return {in_folder(key, before, now): in_folder(item, before, now) for key, item in value.items()}
    return value


def _text(name: object, path: str) -> str:
    if isinstance(name, str):
        return str.__str__(name)
    raise UnstorableFactError(f"the fact {path} has a key that is a {type(name).__name__}, not a text")


@dataclass(frozen=True)
class Header:
    """The first line of a journal: what the session is.

    Attributes:
        schema: the version of the journal's format.
        session: the session's id.
        workflow: the id of the workflow ("admin" or "new-user").
        created: when, ISO 8601 in UTC.
        details: further facts for the list of sessions (project root, sandbox folder); JSON, never secret.
    """

    schema: int
    session: str
    workflow: str
    created: str
    details: Facts = field(default_factory=dict)
