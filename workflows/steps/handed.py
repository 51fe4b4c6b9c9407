"""Who gets what in an account, and why: what Hand over sends is what was made in this session.

The state also holds passwords that people have changed long ago; handing those over again would only mislead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows.messages.handoff import ACCESS, NEW_CREDENTIALS, NEW_KEY, NEW_PASSWORD
from workflows.steps.intents import RESETTING, named
from workflows.steps.replaced_keys import reset_users

PASSWORD, ACCESS_KEY = "password", "access key"
BOTH = frozenset({PASSWORD, ACCESS_KEY})
_SWITCHES: Mapping[str, str] = {"login_profile": PASSWORD, "access_key": ACCESS_KEY}


def people_of(account: str, every: Mapping[str, Any]) -> tuple[str, ...]:
    """Who got something in an account: those who were added to it, and those with a new password or key.

    Args:
        account: the account.
        every: all facts by scoped name.
    """
    plan = every.get(f"plan@{account}") or {}
    made_anew = (*plan.get("passwords", ()), *plan.get("access_keys", ()), *reset_users(every, account))
    return tuple(dict.fromkeys((*_added(account, every), *made_anew, *_switched_on(account, every))))


def parts_of(name: str, account: str, every: Mapping[str, Any]) -> frozenset[str]:
    """What somebody got in an account: `PASSWORD`, `ACCESS_KEY` or both, as far as there are any."""
    plan = every.get(f"plan@{account}") or {}
    if name in _added(account, every) or name in reset_users(every, account):
        return BOTH
    parts = set(_switched_on(account, every).get(name, ()))
    parts |= {PASSWORD} if name in plan.get("passwords", ()) else set()
    parts |= {ACCESS_KEY} if name in plan.get("access_keys", ()) else set()
    return frozenset(parts) or BOTH


def occasion_of(name: str, every: Mapping[str, Any]) -> str:
    """Why somebody gets a text, one of the occasions of a handoff."""
    accounts = [str(one) for one in every.get("layers") or ()]
    if any(name in _added(account, every) for account in accounts):
        return ACCESS
    if any(name in reset_users(every, account) for account in accounts):
        return NEW_KEY
    if name in named(every, RESETTING):
        return NEW_PASSWORD
    return NEW_CREDENTIALS


def somebody_gets_something(facts: Mapping[str, Any]) -> bool:
    """Whether there is anything to hand over, by what was decided and, once there is one, by the plan."""
    plan = facts.get("plan") or {}
    access = (facts.get("user_changes") or {}).get("access", {})
    switched = any(
        wanted for people in access.values() for switches in people.values() for wanted in switches.values()
    )
    kinds = ("joining", "rekeying", RESETTING)
    return switched or any(facts.get(kind) for kind in kinds) or bool(plan.get("passwords"))


def _added(account: str, every: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple((every.get("user_changes") or {}).get("add", {}).get(account, ()))


def _switched_on(account: str, every: Mapping[str, Any]) -> dict[str, list[str]]:
    people = (every.get("user_changes") or {}).get("access", {}).get(account, {})
    found = {
        name: [_SWITCHES[fact] for fact, wanted in switches.items() if wanted]
        for name, switches in people.items()
    }
    return {name: parts for name, parts in found.items() if parts}
