"""A plan as it is shown, accepted and kept: sorted by the people it is about, with nothing secret in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workflows.core.sentences import Sentence
from workflows.services.terraform.plan import ACCESS_KEY, LOGIN_PROFILE, USER, Action, Plan, ResourceChange
from workflows.services.terraform.record import PlanRecord, changed_since
from workflows.services.terraform.words import describe, meaning, summary
from workflows.steps import new_passwords
from workflows.steps.access import people_in
from workflows.steps.base import Context
from workflows.steps.beyond_chosen import beyond
from workflows.steps.replaced_keys import reset_users


@dataclass(frozen=True)
class Told:
    """A change that is told one by one.

    Attributes:
        address: the resource.
        words: what happens, with whom it is about.
        people: whom it is about.
        named: whether the words name the resource.
    """

    address: str
    words: Sentence
    people: tuple[str, ...] = ()
    named: bool = False


@dataclass(frozen=True)
class Planned:
    """A plan as it is shown, accepted and kept; nothing in it is secret.

    Attributes:
        record: the plan file and what it was made from.
        summary: what it does, a line for each person, group and other resource.
        counts: how many resources are added, changed and destroyed; a replaced one counts as both.
        destroys: every resource that is destroyed or replaced.
        foreign: every change that is not about the people, groups and settings that were chosen.
        drift: what was changed outside of Terraform.
        owners: address to the people that the resource is about, for all changes.
        passwords: users who get a new password.
        access_keys: users who get a new access key.
        gone: users who are removed for good.
    """

    record: PlanRecord
    summary: tuple[Sentence, ...]
    counts: Mapping[str, int]
    destroys: tuple[Told, ...] = ()
    foreign: tuple[Told, ...] = ()
    drift: tuple[Sentence, ...] = ()
    owners: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    passwords: tuple[str, ...] = ()
    access_keys: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    empty: bool = False

    def as_facts(self) -> dict[str, Any]:
        """The plan as JSON values."""
        return {
            **self.record.as_facts(),
            "summary": list(self.summary),
            "counts": dict(self.counts),
            "destroys": [_told_facts(one) for one in self.destroys],
            "foreign": [_told_facts(one) for one in self.foreign],
            "drift": list(self.drift),
            "owners": {address: list(names) for address, names in self.owners.items()},
            "passwords": list(self.passwords),
            "access_keys": list(self.access_keys),
            "gone": list(self.gone),
            "empty": self.empty,
            "elsewhere": False,
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Planned:
        """The plan that `as_facts` gave."""
        return cls(
            record=PlanRecord.from_facts(facts),
            summary=tuple(facts["summary"]),
            counts=dict(facts["counts"]),
            destroys=tuple(_told(one) for one in facts["destroys"]),
            foreign=tuple(_told(one) for one in facts["foreign"]),
            drift=tuple(facts["drift"]),
            owners={address: tuple(names) for address, names in facts["owners"].items()},
            passwords=tuple(facts["passwords"]),
            access_keys=tuple(facts["access_keys"]),
            gone=tuple(facts["gone"]),
            empty=bool(facts["empty"]),
        )


def judged(record: PlanRecord, plan: Plan, context: Context) -> Planned:
    """Sort a plan's changes by what was chosen in the steps before."""
    split = plan.about(*_chosen(context), account=_account_edited(context))
    foreign = (*split.foreign, *beyond(split.belonging, context))
    changed = (Action.CREATE, Action.REPLACE)
    return Planned(
        record=record,
        summary=summary(plan),
        counts=_counts(plan),
        destroys=tuple(_telling(one) for one in (*plan.destroyed, *plan.replaced)),
        foreign=tuple(_telling(one) for one in foreign),
        drift=tuple(describe(one) for one in plan.drift),
        owners={one.address: _people(one) for one in plan.changes},
        passwords=_users(plan, LOGIN_PROFILE, changed),
        access_keys=_users(plan, ACCESS_KEY, changed),
        gone=_users(plan, USER, (Action.DELETE,)),
        empty=plan.is_empty,
    )


def _chosen(context: Context) -> tuple[set[str], set[str]]:
    """The people and the groups that this layer's changes are meant to be about."""
    facts, account = context.facts, context.item
    users = facts.get("user_changes") or {}
    people = {name for kind in ("add", "remove") for name in users.get(kind, {}).get(account, [])}
    people |= set((facts.get("memberships") or {}).get(account, {}))
    people |= set(reset_users(facts, account)) | people_in(users, account)
    people |= set(new_passwords.wanted(context))
    groups = (facts.get("group_changes") or {}).get(account, {})
    names = {one["name"] for one in groups.get("add", [])}
    names |= {*groups.get("remove", []), *groups.get("policies", {})}
    for old, new in groups.get("rename", {}).items():
        names |= {old, new}
    return people, names


def _account_edited(context: Context) -> bool:
    changes = (context.facts.get("account_changes") or {}).get(context.item) or {}
    return bool(changes.get("alias") or changes.get("policy"))


def _counts(plan: Plan) -> dict[str, int]:
    counts = plan.counts()
    replaced = counts.get(Action.REPLACE, 0)
    return {
        "add": counts.get(Action.CREATE, 0) + replaced,
        "change": counts.get(Action.UPDATE, 0),
        "destroy": counts.get(Action.DELETE, 0) + replaced,
    }


def _people(change: ResourceChange) -> tuple[str, ...]:
    own = (change.user,) if change.user else ()
    return tuple(dict.fromkeys((*own, *change.joining, *change.leaving)))


def _telling(change: ResourceChange) -> Told:
    return Told(change.address, describe(change), _people(change), named=meaning(change) is None)


def _users(plan: Plan, kind: str, actions: Sequence[Action]) -> tuple[str, ...]:
    found = {one.user for one in plan.changes if one.type == kind and one.action in actions and one.user}
    return tuple(sorted(found))


def _told_facts(told: Told) -> dict[str, Any]:
    return {"address": told.address, "words": told.words, "people": list(told.people), "named": told.named}


def _told(facts: Mapping[str, Any]) -> Told:
    return Told(facts["address"], facts["words"], tuple(facts["people"]), named=bool(facts.get("named")))


def decided(context: Context) -> Planned | None:
    """The plan that was accepted before, or None (also where it was applied elsewhere)."""
    facts: Any = context.facts.get("plan")
    return Planned.from_facts(facts) if facts and not facts["elsewhere"] else None


def staleness(planned: Planned, context: Context) -> Sentence:
    """Why a plan cannot be accepted or applied any more, as a sentence; "" if it can."""
    if not planned.empty and not planned.record.plan.is_file():
        return "The plan file is gone: it was applied, given up, or cut off. Plan again."
    changed = changed_since(planned.record)
    if not changed:
        return new_passwords.outdated(context)
    root = str(context.facts["project_root"])
    names = [path.removeprefix(root).lstrip("/") for path in changed]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"Changed since the plan was made: {', '.join(names[:3])}{more}. Plan again."
