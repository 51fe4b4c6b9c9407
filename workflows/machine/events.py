"""The five things that can happen to a step; the journal stores these and nothing else.

An event names the step it is about by a `StepKey`, so that a step which repeats over layers or identities
has one history for each. Facts are plain JSON values: a secret cannot be one, and `checked_facts` sees to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JsonValue = Any
Facts = Mapping[str, JsonValue]


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
class Started:
    """Work on the step began in the process that calls itself `run`."""

    key: StepKey
    run: str
    at: str


@dataclass(frozen=True)
class Succeeded:
    """The step is done and gave `facts` (JSON values; never a secret)."""

    key: StepKey
    facts: Facts
    at: str


@dataclass(frozen=True)
class Failed:
    """The step could not be done; `error` holds title, what, why, next and detail."""

    key: StepKey
    error: Mapping[str, str]
    at: str


@dataclass(frozen=True)
class Skipped:
    """The person chose to leave out an optional step, for the reason given (may be "")."""

    key: StepKey
    reason: str
    at: str


@dataclass(frozen=True)
class Reopened:
    """A step that was settled is to be done again, for the reason given (may be "")."""

    key: StepKey
    reason: str
    at: str


Event = Started | Succeeded | Failed | Skipped | Reopened
EVENT_TYPES: tuple[type[Event], ...] = (Started, Succeeded, Failed, Skipped, Reopened)


class UnstorableFactError(TypeError):
    """A fact that is no plain JSON value, or that is a secret: a defect of the step that gave it."""


def checked_facts(facts: Facts) -> dict[str, JsonValue]:
    """A deep copy of the facts as plain JSON values (tuples become lists).

    Raises:
        UnstorableFactError: a value is no JSON value. A `Secret` is none either, so it can never be a fact.
    """
    return {name: _plain(value, name) for name, value in facts.items()}


def _plain(value: object, path: str) -> JsonValue:
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item, f"{path}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, Mapping):
        bad = [key for key in value if not isinstance(key, str)]
        if bad:
            raise UnstorableFactError(f"the fact {path} has a key that is no text: {bad[0]!r}")
        return {key: _plain(item, f"{path}.{key}") for key, item in value.items()}
    raise UnstorableFactError(f"the fact {path} is a {type(value).__name__}, which a journal cannot hold")


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
