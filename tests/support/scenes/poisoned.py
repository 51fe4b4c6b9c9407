"""Hostile scenes: each foreign text contains what a terminal would obey or not show."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import wraps
from typing import Any

from support.poison import POISON
from support.scenes import Kind, Stage

from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError
from workflows.environment import Environment
from workflows.machine.session import Session
from workflows.steps.shared import own_identity

_SURROGATE = "\ud800"
"""A character that a journal can contain, but no file of a project."""
_NAMES = re.compile(
    r"jane\.doe|juan\.delacruz|alex\.kim|Jane Doe|[Dd]ev[Oo]ps|auditors|admins|finops"
    r"|[ab]\.(?:example|sample)|bb-(?:security|management|shared|apps-\w+)"
)
"""Matches names of people, groups, profiles and aliases. Names of accounts are items, and stay."""
_JUDGED = {"handoff", "identities", "sts_regions"}
"""Facts with their own checks, which reject poisoned texts."""


def poisoned(value: Any) -> Any:
    """Return a value with poison after its sentences and names, the same for the same name.

    Paths, numbers, secrets and texts from a fixed set stay unchanged.
    """
    if isinstance(value, str) and type(value) is str:
        named = _NAMES.sub(lambda found: found[0] + POISON, value)
        return named + POISON + _SURROGATE if " " in value else named
    if isinstance(value, Mapping):
        return {
            poisoned(name): entry if name in _JUDGED else poisoned(entry) for name, entry in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset) and not hasattr(value, "_fields"):
        return type(value)(poisoned(entry) for entry in value)
    if is_dataclass(value) and not isinstance(value, Secret | type | Environment):
        changed = {field.name: poisoned(getattr(value, field.name)) for field in fields(value) if field.init}
        return replace(value, **changed)
    return value


class PoisonedStage(Stage):
    """A stage for scenes whose facts, drafts, results and failures are poisoned."""

    def __enter__(self) -> PoisonedStage:
        self.put(own_identity, "handoff_from", own_identity.handoff_from)  # as if the checks had missed it
        return self

    def foreign(self, value: Kind) -> Kind:
        """Return the value with poison in its texts."""
        poison: Kind = poisoned(value)
        return poison

    def put(self, owner: Any, name: str, value: Any) -> None:
        """Replace a function by one whose results and failures are poisoned."""
        super().put(owner, name, _hostile(value) if callable(value) else value)

    def session(self, workflow: str, facts: Mapping[str, Any], *done: str) -> Session:
        """Return a session with a hostile journal and hostile drafts."""
        session = super().session(workflow, facts, *done)
        save = session.drafts.save
        super().put(session.drafts, "save", lambda key, draft: save(key, poisoned(draft)))
        return session


def _hostile(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def hostile(*arguments: Any, **more: Any) -> Any:
        try:
            return poisoned(function(*arguments, **more))
        except OnboardError as error:
            raise OnboardError(
                *(f"{part}{POISON}" for part in (error.title, error.what)), detail=POISON
            ) from None

    return hostile
