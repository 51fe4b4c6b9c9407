"""Who gets what in which account, by what was decided and planned, and what was sent to whom of it.

What is sent is what was made in this session.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workflows.core.sentences import Sentence
from workflows.core.shapes import left_out, read
from workflows.steps.decisions import Decisions, LayerUsers

if TYPE_CHECKING:
    from workflows.steps.shared.module import Context

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


@dataclass(frozen=True)
class Sent:
    """Whether a person's text was sent.

    Attributes:
        sent_at: when, ISO 8601 in UTC, or None.
        how: in words, or "".
        by_hand: whether the person set the mark without sending the text from here.
    """

    sent_at: str | None = None
    how: Sentence = ""
    by_hand: bool = left_out(bool)


@dataclass(frozen=True)
class HandedOver:
    """The fact `handed_over`: the mark of each person."""

    people: Mapping[str, Sent] = field(default_factory=dict)


def sent_to(fact: Any) -> Mapping[str, Sent]:
    """The marks by person that a fact `handed_over`, or a draft, has; none for None.

    Raises:
        WrongShape: it is not what it should be.
    """
    return read(HandedOver, fact or {}, "handed_over").people
