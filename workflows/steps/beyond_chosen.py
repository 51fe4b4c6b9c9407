"""What a plan does to the people who were chosen, and nobody decided.

A change is not meant because it is about somebody who was chosen: whoever gets a new password is not meant to
become an administrator by what a colleague left in the files. So each kind of decision names what it allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

from workflows.services.terraform.plan import (
    ACCESS_KEY,
    GROUP_MEMBERS,
    LOGIN_PROFILE,
    USER,
    Action,
    ResourceChange,
)
from workflows.steps import new_passwords
from workflows.steps.base import Context
from workflows.steps.replaced_keys import reset_users

_OWN = frozenset({USER, LOGIN_PROFILE, ACCESS_KEY})
"""What a person consists of, whatever the module is called that makes it."""
_MADE = frozenset({Action.CREATE, Action.REPLACE, Action.UPDATE})
_KINDS = {"login_profile": LOGIN_PROFILE, "access_key": ACCESS_KEY}


@dataclass(frozen=True)
class Decided:
    """What was decided about people in one layer.

    Attributes:
        joins: IAM name -> groups that the person is to join, case-folded.
        leaves: likewise for those that the person is to leave.
        added: people who are new in the layer.
        removed: people who leave it.
        remade: groups that are added, removed or renamed as a whole.
        allowed: IAM name -> what is to happen to somebody who stays, as pairs of type and action.
        whole: people about whom everything is meant, where no step before asked for more than their names.
    """

    joins: Mapping[str, Set[str]]
    leaves: Mapping[str, Set[str]]
    added: Set[str]
    removed: Set[str]
    remade: Set[str]
    allowed: Mapping[str, Set[tuple[str, Action]]] = field(default_factory=dict)
    whole: Set[str] = frozenset()

    @classmethod
    def of(cls, context: Context) -> Decided:
        """What the steps before decided for the step's layer."""
        facts, account = context.facts, context.item
        users = facts.get("user_changes") or {}
        added, removed = (frozenset(users.get(kind, {}).get(account, ())) for kind in ("add", "remove"))
        moves: Mapping[str, Mapping[str, list[str]]] = (facts.get("memberships") or {}).get(account, {})
        groups = (facts.get("group_changes") or {}).get(account, {})
        remade = {one["name"] for one in groups.get("add", ())} | {*groups.get("remove", ())}
        for names in groups.get("rename", {}).items():
            remade |= {*names}
        return cls(
            joins={name: _folded(one.get("add", ())) for name, one in moves.items()},
            leaves={name: _folded(one.get("remove", ())) for name, one in moves.items()},
            added=added,
            removed=removed,
            remade=remade,
            allowed=_allowed(context),
            whole=frozenset(name for name, one in moves.items() if not one) - added - removed,
        )

    def nobody_meant(self, change: ResourceChange, modules: Mapping[str, Set[str]]) -> bool:
        """Whether a change about people who were chosen is none of what was decided about them.

        Args:
            change: one that is about them.
            modules: IAM name -> modules that the plan has the person's own resources in.
        """
        if change.type == GROUP_MEMBERS:
            return change.group not in self.remade and not self._moves_meant(change)
        name = change.user
        if name is None or name in self.whole or change.action is Action.NOTHING:
            return False
        if name in self.added:
            return change.type not in _OWN and _module(change) not in modules.get(name, ())
        if name in self.removed:
            return change.action not in {Action.DELETE, Action.FORGET}
        return (change.type, change.action) not in self.allowed.get(name, ())

    def _moves_meant(self, change: ResourceChange) -> bool:
        group = (change.group or "").casefold()
        joining = [name for name in change.joining if name not in self.whole]
        leaving = [name for name in change.leaving if name not in self.whole | self.removed]
        return (
            not change.members_unknown
            and all(group in self.joins.get(name, ()) for name in joining)
            and all(group in self.leaves.get(name, ()) for name in leaving)
        )


def beyond(changes: Iterable[ResourceChange], context: Context) -> tuple[ResourceChange, ...]:
    """Those of a plan's changes about the chosen people and groups that nobody decided, in their order.

    A person who joins may bring what else the person's own module makes; what is attached to them from
    elsewhere is told apart.
    """
    found, decided = tuple(changes), Decided.of(context)
    modules: dict[str, set[str]] = {}
    for change in found:
        if change.user and change.type in _OWN and _module(change):
            modules.setdefault(change.user, set()).add(_module(change))
    return tuple(change for change in found if decided.nobody_meant(change, modules))


def _allowed(context: Context) -> Mapping[str, Set[tuple[str, Action]]]:
    facts, account = context.facts, context.item
    allowed: dict[str, set[tuple[str, Action]]] = {}
    for name in new_passwords.wanted(context):
        allowed.setdefault(name, set()).update((LOGIN_PROFILE, action) for action in _MADE)
    for name in reset_users(facts, account):
        pairs = ((kind, action) for kind in (LOGIN_PROFILE, ACCESS_KEY) for action in _MADE)
        allowed.setdefault(name, set()).update(pairs)
    access = (facts.get("user_changes") or {}).get("access", {}).get(account, {})
    for name, switches in access.items():
        for switch, wanted in switches.items():
            actions = _MADE if wanted else {Action.DELETE}
            allowed.setdefault(name, set()).update((_KINDS[switch], action) for action in actions)
    return allowed


def _module(change: ResourceChange) -> str:
    """The module instance that a resource is in, with a dot behind it; "" for one in none."""
    return change.address.partition(f"{change.type}.")[0]


def _folded(groups: Iterable[str]) -> frozenset[str]:
    return frozenset(group.casefold() for group in groups)
