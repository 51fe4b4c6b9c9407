"""The facts of Plan and Hand over: the accepted plan, what each person gets from it, and what was sent.

Nothing in them is secret, and this module loads no step's code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workflows.core.files import FileError
from workflows.core.sentences import Sentence, joined
from workflows.core.shapes import WrongShape, left_out, moment, plain, read
from workflows.machine.drafts import Drafts
from workflows.machine.events import StepKey
from workflows.machine.summaries import DRAFTS
from workflows.steps.decisions import Decisions, LayerDecisions, LayerUsers
from workflows.terraform.plan import Action, Line
from workflows.terraform.record import PlanRecord

if TYPE_CHECKING:
    from workflows.steps.shared.module import Context


@dataclass(frozen=True)
class ChangeLine:
    """A change that is listed separately.

    Attributes:
        address: the resource.
        words: what happens and who is affected.
        people: the people it affects.
        named: whether the words name the resource.
    """

    address: str
    words: Sentence
    people: tuple[str, ...] = ()
    named: bool = False


@dataclass(frozen=True)
class PersonChange:
    """What a plan does to a person; the actions are `Action`s, or "" for none.

    Attributes:
        name: the IAM user.
        user: what happens to the user itself.
        password: to the console password.
        access_key: to the access key.
        joins: the groups that the person joins.
        leaves: the groups that the person leaves.
        others: how many other resources of this person change.
    """

    name: str
    user: str = ""
    password: str = ""
    access_key: str = ""
    joins: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()
    others: int = 0


@dataclass(frozen=True)
class RoleChange:
    """The accounts in which somebody can use roles since their groups changed, and no longer can; by role."""

    came: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    went: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def sentence(self, name: str, came: str = "gets", went: str = "loses") -> Sentence:
        """Return the change as a sentence; `came` and `went` are its verbs."""
        parts = (
            f"{verb} {role} in {joined(accounts, ', ')}"
            for verb, roles in ((came, self.came), (went, self.went))
            for role, accounts in roles.items()
        )
        return f"{name} {joined(parts, '; ')}."


@dataclass(frozen=True, kw_only=True)
class Made:
    """The part of a fact `plan` that says who gets a password, access key or other roles, or is removed.

    It exists wherever the plan was applied.

    Attributes:
        elsewhere: whether it was applied somewhere else.
        empty: whether it changes nothing: its people got theirs from an earlier apply elsewhere.
        passwords: users who get a new password.
        passwords_before: users who got theirs from earlier plans.
        access_keys: users who get a new access key.
        rekeyed: users whose replaced password or access key was encrypted to another PGP key.
        rekeyed_before: users of whom that is true by earlier plans.
        roles: users who stay and can use other roles by their new groups.
        roles_since: when the apply of an earlier plan had given users the same roles, ISO 8601 in UTC.
        gone: users who are removed for good.
        absent: people who were to be removed, but whom neither the state nor an earlier plan had.
        left_out: people who were to be added but whom a later session removed from the files before the plan.
    """

    elsewhere: bool = False
    empty: bool = False
    passwords: tuple[str, ...] = ()
    passwords_before: tuple[str, ...] = left_out(tuple)
    access_keys: tuple[str, ...] = ()
    rekeyed: tuple[str, ...] = left_out(tuple)
    rekeyed_before: tuple[str, ...] = left_out(tuple)
    roles: Mapping[str, RoleChange] = left_out(dict)
    roles_since: Mapping[str, str] = left_out(dict)
    gone: tuple[str, ...] = ()
    absent: tuple[str, ...] = left_out(tuple)
    left_out: tuple[str, ...] = left_out(tuple)


@dataclass(frozen=True)
class Planned(Made):
    """A plan as it is shown, accepted and kept; nothing in it is secret.

    Attributes:
        record: the plan file and what it was made from.
        summary: what it does: one line per person, then per group and other resource.
        counts: how many resources are added, changed and destroyed; a replaced one counts as both.
        destroys: every resource that is destroyed or replaced.
        foreign: every change that doesn't belong to the chosen people, groups and settings.
        drift: changes made outside Terraform.
        owners: the people that each changing resource belongs to, by address.
        people: what it does to each person; empty in sessions of older programs.
        besides: its other changes that aren't foreign; empty in sessions of older programs.
        notes: remarks on the plan.
    """

    record: PlanRecord
    summary: tuple[Sentence, ...]
    counts: Mapping[str, int]
    destroys: tuple[ChangeLine, ...] = ()
    foreign: tuple[ChangeLine, ...] = ()
    drift: tuple[Sentence, ...] = ()
    owners: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    people: tuple[PersonChange, ...] = ()
    besides: tuple[Line, ...] = ()
    notes: tuple[Sentence, ...] = ()

    @property
    def encrypted_for(self) -> tuple[str, ...]:
        """The people to whose PGP key it encrypts a password or access key."""
        return tuple(dict.fromkeys((*self.passwords, *self.access_keys)))

    @property
    def reset(self) -> tuple[str, ...]:
        """The people whose console password it replaces."""
        return tuple(person.name for person in self.people if person.password == Action.REPLACE)

    def as_facts(self) -> dict[str, Any]:
        """Return the plan as JSON values."""
        own = plain(self)
        return {**own.pop("record"), **own}

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Planned:
        """Read a plan from the result of `as_facts`.

        Raises:
            WrongShape: the facts aren't a plan.
        """
        return read(cls, {**facts, "record": facts}, "plan")


def read_plan(fact: Mapping[str, Any] | None) -> Planned | None:
    """Read the plan from a fact `plan`; None without a fact or if it was applied elsewhere.

    Raises:
        WrongShape: the fact has the wrong shape.
    """
    return Planned.from_facts(fact) if fact and not read(Made, fact, "plan").elsewhere else None


def decided(context: Context) -> Planned | None:
    """Return the plan accepted earlier, or None (also if it was applied elsewhere)."""
    return read_plan(context.facts.get("plan"))


def is_applied(planned: Planned | None, context: Context) -> bool:
    """Return whether a plan of the step's layer was applied; an apply from before it was made doesn't count.

    Raises:
        WrongShape: one of the two times is invalid.
    """
    applied = context.facts.get("applied")
    if not applied or planned is None:
        return bool(applied)
    return moment(planned.record.made_at, "plan.made_at") <= moment(applied["at"], "applied.at")


PASSWORD, ACCESS_KEY = "password", "access key"

BOTH = frozenset({PASSWORD, ACCESS_KEY})

_SWITCHES: Mapping[str, str] = {"login_profile": PASSWORD, "access_key": ACCESS_KEY}


def people_of(account: str, context: Context) -> tuple[str, ...]:
    """Return the people who get a handoff in an account: new users, and those with something new."""
    return _who_gets(context.decisions.of(account), made_in(account, context))


def _who_gets(here: LayerDecisions, made: Made) -> tuple[str, ...]:
    names = (*here.add, *made.passwords, *made.access_keys, *here.new_keys, *_switched_on(here), *made.roles)
    return tuple(name for name in dict.fromkeys(names) if name not in made.left_out)


def may_get_something(names: Iterable[str], account: str, context: Context) -> set[str]:
    """Return which people got something in an account, or may once its plan shows passwords and roles."""
    here, asked = context.decisions.of(account), {*names}
    if account in context.of_each_item("plan"):
        return asked.intersection(people_of(account, context))
    if here.groups.remove:  # only the plan shows its members
        return asked
    return asked & {*people_of(account, context), *context.decisions.resetting, *here.staying_moves}


def parts_of(name: str, account: str, context: Context) -> frozenset[str]:
    """Return what somebody got in an account: `PASSWORD`, `ACCESS_KEY` or both; none for roles alone."""
    here, made = context.decisions.of(account), made_in(account, context)
    if name in here.add or name in here.new_keys:
        return BOTH
    parts = {*_switched_on(here).get(name, ())}
    parts |= {PASSWORD} if name in made.passwords else set()
    parts |= {ACCESS_KEY} if name in made.access_keys else set()
    return frozenset(parts)


_SETTLED_BY = {
    "joining": "user_changes",
    "rekeying": "keys",
    "resetting": "plan",
    "regrouping": "memberships",
}
"""For each kind of work, the fact that decides in which accounts people get something."""


def somebody_gets_something(facts: Mapping[str, Any], account: str) -> bool:
    """Return whether an account has, or before decisions are complete may have, something to hand over."""
    if any(facts.get(kind) and facts.get(by) is None for kind, by in _SETTLED_BY.items()):
        return True
    here = decisions_in(facts, account)
    if (here.staying_moves or here.groups.remove) and facts.get("plan") is None:
        return True
    return bool(_who_gets(here, read(Made, facts.get("plan") or {}, "plan")))


def decisions_in(facts: Mapping[str, Any], account: str) -> LayerDecisions:
    """Return an account's decisions, reading only its part: this runs for each account after each event."""
    keys, changes = facts.get("keys") or {}, facts.get("user_changes") or {}
    by_account = ("memberships", "group_changes", "account_changes")
    parts = {name: {account: (facts.get(name) or {}).get(account)} for name in by_account}
    here = {
        "rekeying": facts.get("rekeying") or [],
        "keys": {name: key for name, key in keys.items() if account in (key.get("resets") or ())},
        "user_changes": {
            kind: {account: of[account]} for kind, of in changes.items() if account in (of or ())
        },
        **{name: part for name, part in parts.items() if part[account] is not None},
    }
    return Decisions.from_facts(here).of(account)


def passwords_of(account: str, context: Context) -> tuple[str, ...]:
    """Return the people for whom the account's plans made a console password."""
    made = made_in(account, context)
    return tuple(dict.fromkeys((*made.passwords, *made.passwords_before)))


def made_before(context: Context, *, partly: bool) -> dict[str, list[str]]:
    """Return what applied plans of the step's layer did to passwords and keys, for the next to remember.

    Args:
        partly: whether an apply of the last one stopped part-way.
    """
    made, people = made_in(context.item, context), people_of(context.item, context)
    begun = partly or is_applied(decided(context), context)
    passwords, rekeyed = (made.passwords, made.rekeyed) if begun else ((), ())
    return {
        "passwords_before": sorted({*made.passwords_before, *passwords}.intersection(people)),
        "rekeyed_before": sorted({*made.rekeyed_before, *rekeyed}.intersection(people)),
    }


def roles_since(planned: Planned, context: Context) -> dict[str, str]:
    """Return when an earlier plan's apply in the step's layer had given users the same roles, by name."""
    before = made_in(context.item, context)
    applied = context.facts["applied"] if is_applied(decided(context), context) else {}
    since = {
        name: before.roles_since.get(name) or applied.get("at")
        for name, change in planned.roles.items()
        if before.roles.get(name) == change
    }
    return {name: at for name, at in since.items() if at}


def rekeyed_in_plan(account: str, context: Context) -> tuple[str, ...]:
    """Return users of an account whose replaced password or access key was encrypted to another PGP key."""
    made = made_in(account, context)
    return (*made.rekeyed, *made.rekeyed_before)


def made_in(account: str, context: Context) -> Made:
    """Return what an account's plan makes for people; nothing without a plan."""
    return read(Made, context.of_each_item("plan").get(account) or {}, "plan")


def _switched_on(users: LayerUsers) -> dict[str, list[str]]:
    found = {
        name: [_SWITCHES[fact] for fact, wanted in switches.items() if wanted]
        for name, switches in users.access.items()
    }
    return {name: parts for name, parts in found.items() if parts}


def nothing_changed(applied: Mapping[str, Any] | None) -> bool:
    """Return whether a fact `applied` says that the account already matched the files."""
    if applied is None or applied.get("elsewhere"):
        return False
    return all(applied.get(kind) == 0 for kind in ("added", "changed", "destroyed"))


@dataclass(frozen=True)
class Sent:
    """Whether a person's text was sent.

    Attributes:
        sent_at: the time, ISO 8601 in UTC, or None.
        how: how it was sent, as a phrase, or "".
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
    """Read each person's mark from a fact `handed_over` or a draft; {} for None.

    Raises:
        WrongShape: the fact has the wrong shape.
    """
    return read(HandedOver, fact or {}, "handed_over").people


def marks_in(account: str, context: Context, draft: Mapping[str, Any] | None = None) -> Mapping[str, Sent]:
    """Return the marks of the texts sent in an account, by person.

    A mark doesn't count if an apply changed what is in the text after it was sent.

    Args:
        account: the account; its texts include parts that earlier accounts left to it.
        draft: marks that aren't recorded yet.
    """
    covered = accounts_of_text(account, context)
    marks = {**sent_to(context.of_each_item("handed_over").get(account)), **sent_to(draft)}
    return {
        name: mark
        for name, mark in marks.items()
        if not any(made_since(mark, name, earlier, context) for earlier in covered)
    }


def marks_so_far(account: str, context: Context) -> Mapping[str, Sent]:
    """Return the marks of an account's texts, including those that Hand over hasn't recorded yet."""
    try:
        draft = Drafts(context.folder / DRAFTS).load(StepKey("hand-over", account))
        return marks_in(account, context, draft)
    except (FileError, WrongShape):
        return marks_in(account, context)  # its own page reports what is wrong with it


def accounts_of_text(account: str, context: Context) -> list[str]:
    """Return the accounts that an account's texts cover: itself, and earlier ones that left theirs to it."""
    layers = context.decisions.layers
    applied, handed_over = context.of_each_item("applied"), context.of_each_item("handed_over")
    before = layers[: layers.index(account)] if account in layers else ()
    return [*(name for name in before if name in applied and name not in handed_over), account]


def made_since(mark: Sent, name: str, account: str, context: Context) -> bool:
    """Return whether an account's apply changed what is in somebody's text after it was sent.

    Raises:
        WrongShape: one of the two times is invalid.
    """
    applied, made = context.of_each_item("applied").get(account) or {}, made_in(account, context)
    at = applied.get("at")
    if name not in {*made.passwords, *made.access_keys}:
        at = made.roles_since.get(name, at) if name in made.roles else None
    if made.empty or not (mark.sent_at and at):
        return False
    return moment(mark.sent_at, "sent_at") < moment(at, "applied.at")
