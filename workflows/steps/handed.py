"""Who gets what in an account, and why: what Hand over sends is what was made in this session.

The state also holds passwords that people have changed long ago; handing those over again would only mislead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workflows.core.shapes import read
from workflows.messages.handoff import ACCESS, NEW_CREDENTIALS, NEW_KEY, NEW_PASSWORD
from workflows.steps.base import Context
from workflows.steps.decisions import Decisions, LayerUsers

PASSWORD, ACCESS_KEY = "password", "access key"
BOTH = frozenset({PASSWORD, ACCESS_KEY})
_SWITCHES: Mapping[str, str] = {"login_profile": PASSWORD, "access_key": ACCESS_KEY}


@dataclass(frozen=True)
class _Made:
    """Who gets a new password and a new access key by a plan: two fields of the fact `plan`."""

    passwords: tuple[str, ...] = ()
    access_keys: tuple[str, ...] = ()


def people_of(account: str, context: Context) -> tuple[str, ...]:
    """Who got something in an account: those who were added to it, and those with a new password or key."""
    here, made = context.decisions.of(account), _made(account, context)
    some = (*here.add, *made.passwords, *made.access_keys, *here.new_keys, *_switched_on(here))
    return tuple(dict.fromkeys(some))


def parts_of(name: str, account: str, context: Context) -> frozenset[str]:
    """What somebody got in an account: `PASSWORD`, `ACCESS_KEY` or both, as far as there are any."""
    here, made = context.decisions.of(account), _made(account, context)
    if name in here.add or name in here.new_keys:
        return BOTH
    parts = {*_switched_on(here).get(name, ())}
    parts |= {PASSWORD} if name in made.passwords else set()
    parts |= {ACCESS_KEY} if name in made.access_keys else set()
    return frozenset(parts) or BOTH


def occasion_of(name: str, context: Context) -> str:
    """Why somebody gets a text, one of the occasions of a handoff."""
    layers = [context.decisions.of(account) for account in context.decisions.layers]
    if any(name in here.add for here in layers):
        return ACCESS
    if any(name in here.new_keys for here in layers):
        return NEW_KEY
    return NEW_PASSWORD if name in context.decisions.resetting else NEW_CREDENTIALS


def somebody_gets_something(facts: Mapping[str, Any]) -> bool:
    """Whether there is anything to hand over, by what was decided and, once there is one, by the plan."""
    if any(facts.get(kind) for kind in ("joining", "rekeying", "resetting")):
        return True
    users = Decisions.from_facts({"user_changes": facts.get("user_changes")}).users
    switched = any(_switched_on(users.of(account)) for account in users.access)
    return switched or bool(read(_Made, facts.get("plan") or {}, "plan").passwords)


def _made(account: str, context: Context) -> _Made:
    return read(_Made, context.every.get(f"plan@{account}") or {}, "plan")


def _switched_on(users: LayerUsers) -> dict[str, list[str]]:
    found = {
        name: [_SWITCHES[fact] for fact, wanted in switches.items() if wanted]
        for name, switches in users.access.items()
    }
    return {name: parts for name, parts in found.items() if parts}
