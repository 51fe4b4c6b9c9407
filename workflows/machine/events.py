"""The seven things that can happen to a step; the journal stores nothing else.

An event names its step by a `StepKey`, so that a step that repeats over layers or identities has a history
for each. Facts are plain JSON values; `checked_facts` ensures that none is a secret.
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
    """A step and, for a repeated one, its item (a layer's account, an identity's account).

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
        """Parse the `str()` of a key."""
        step, _, item = text.partition("@")
        return cls(step, item)


@dataclass(frozen=True)
class Happened:
    """The common fields of all events.

    Attributes:
        key: the step.
        run: the process in which it happened, by its own name; only that run can end what it starts.
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
    """The step failed; `error` holds title, what, why, next and detail.

    Its kind is `STOPPED` if the person stopped it, and `RESTED` if it only waited for them from then on.
    """

    error: Mapping[str, str]


@dataclass(frozen=True)
class Skipped(Happened):
    """The person skipped an optional step, with a reason (may be "")."""

    reason: str


@dataclass(frozen=True)
class Reopened(Happened):
    """A settled step is to be done again, with a reason for its page ("" if the person asked for it)."""

    reason: str


@dataclass(frozen=True)
class Acknowledged(Happened):
    """The person continues although the world contradicts the step; `seen` is `Observation.identity`."""

    seen: str


@dataclass(frozen=True)
class Moved(Happened):
    """A folder that the step found has moved: paths in `before` are now in `now`."""

    before: str
    now: str


Event = Started | Succeeded | Failed | Skipped | Reopened | Acknowledged | Moved


class UnstorableFactError(TypeError):
    """A fact that isn't a plain JSON value, or is a secret: a bug in the step that gave it."""


def checked_facts(facts: Facts) -> dict[str, JsonValue]:
    """Return a deep copy of the facts as plain JSON values (tuples become lists, enums their plain values).

    Raises:
        UnstorableFactError: a value isn't JSON (NaN and infinity aren't, nor is a `Secret`).
    """
    return {_text(name, "facts"): plain_value(value, str(name)) for name, value in facts.items()}


def plain_value(value: object, path: str) -> JsonValue:
    """Return a deep copy of a value as plain JSON; `path` names it in the error.

    Raises:
        UnstorableFactError: as `checked_facts`.
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
    raise UnstorableFactError(f"the fact {path} is {what}, which a journal can't hold")


def in_folder(value: JsonValue, before: str, now: str) -> JsonValue:
    """Replace every path in the folder `before` by one in `now`, in a value and in the keys of objects."""
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
    """The first line of a journal, which describes the session.

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
