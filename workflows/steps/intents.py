"""What a session can be for: each kind of work is a fact of the Project step with the names of people.

Later steps ask here whether they are part of the work. A session of an older program lacks the facts of
kinds that it did not know; a missing one counts as nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows.machine.declaration import Condition

EDITING = ("joining", "leaving", "regrouping", "rekeying")
"""Kinds of work that edit the layers' files."""

RESETTING = "resetting"
"""Who gets a new console password: nothing is edited, Terraform replaces the login profile."""

MFA_RESET = "mfa_reset"
"""Whose MFA device is taken away, over IAM: Terraform has no part in it."""

KINDS = (*EDITING, RESETTING, MFA_RESET)
"""All kinds, as the Project step asks for them."""


def named(facts: Mapping[str, Any], kind: str) -> tuple[str, ...]:
    """The people that one kind of work is for."""
    return tuple(facts.get(kind) or ())


def _other_than(facts: Mapping[str, Any], kinds: tuple[str, ...]) -> bool:
    """Whether something is to be done that is not of these kinds; also where nothing is known at all."""
    others = [kind for kind in KINDS if kind not in kinds]
    wanted = any(facts.get(kind) for kind in others) or bool(facts.get("account_wanted"))
    return wanted or not any(facts.get(kind) for kind in kinds)


FILES_CHANGE = Condition(
    "more is to be done than new passwords and MFA devices",
    lambda facts: _other_than(facts, (RESETTING, MFA_RESET)),
)
"""When there is something to review."""

TERRAFORM_RUNS = Condition(
    "more is to be done than resetting MFA devices", lambda facts: _other_than(facts, (MFA_RESET,))
)
"""When a layer is planned and applied."""
