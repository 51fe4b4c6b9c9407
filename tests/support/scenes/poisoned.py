"""Scenes by somebody hostile: each foreign text in them holds what a terminal would act upon, or not show."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import wraps
from typing import Any

from support.poison import POISON
from support.scenes import Kind, Stage

from workflows.core.errors import OnboardError
from workflows.core.secret import Secret
from workflows.environment import Environment
from workflows.machine.session import Session
from workflows.steps.shared import own_identity

_SURROGATE = "\ud800"
"""What a journal can hold, and no file of a project."""
_NAMES = re.compile(
    r"jane\.doe|juan\.delacruz|alex\.kim|Jane Doe|[Dd]ev[Oo]ps|auditors|admins|finops"
    r"|[ab]\.(?:example|sample)|bb-(?:security|management|shared|apps-\w+)"
)
"""Names of people, groups, profiles and aliases. Those of accounts are items of steps, and stay."""
_JUDGED = {"handoff", "identities", "sts_regions"}
"""Facts that are read by rules of their own, which refuse what is poisoned."""


def poisoned(value: Any) -> Any:
    """A value whose sentences end in poison, and in which names do; the same name always becomes the same.

    Paths, numbers, secrets and what is one of a fixed set of texts stay as they are.
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
    """Sets scenes whose facts, drafts, results and failures are poisoned."""

    def __enter__(self) -> PoisonedStage:
        self.put(own_identity, "handoff_from", own_identity.handoff_from)  # as if its rules had missed it
        return self

    def foreign(self, value: Kind) -> Kind:
        """The value with poison in its texts."""
        poison: Kind = poisoned(value)
        return poison

    def put(self, owner: Any, name: str, value: Any) -> None:
        """Replace a function by one whose results and failures are poisoned."""
        super().put(owner, name, _hostile(value) if callable(value) else value)

    def session(self, workflow: str, facts: Mapping[str, Any], *done: str) -> Session:
        """A session whose journal and drafts somebody hostile has written."""
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
