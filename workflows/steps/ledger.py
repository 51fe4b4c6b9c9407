"""The ledger of a project's sessions: what each applied, and what later ones left the others to do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from workflows.core.grouping import by_key
from workflows.core.shapes import texts
from workflows.machine.summaries import Summary, kept_summary
from workflows.steps.kinds import KINDS, OVER_TERRAFORM, people_of, work_of


def siblings(folder: Path, sessions: Path) -> Iterator[Summary]:
    """Yield the sessions in the folder `sessions`, apart from that in `folder`, as last settled."""
    for sibling in sorted(sessions.iterdir()) if sessions.is_dir() else ():
        if sibling != folder and (summary := kept_summary(sibling, of_old=True)) is not None:
            yield summary


class AppliedChange(NamedTuple):
    """A user that a session added or removed, and applied.

    Attributes:
        at: when it was applied, ISO 8601 in UTC.
        kind: "add" or "remove".
        by: the session.
    """

    at: str
    kind: str
    by: Summary


Part = tuple[str, str]
"""What a session does for one user: the account and the user's name."""
Changes = Mapping[Part, Sequence[AppliedChange]]
"""Changes in the order in which they were applied."""


class Ledger:
    """What the sessions of one project did, in the order in which they applied it.

    Methods compare `own`, one of these sessions, with the others.

    Args:
        sessions: the sessions, as they are now.
        holds_files: returns whether files still hold what a session wrote.
    """

    def __init__(self, sessions: Iterable[Summary], holds_files: Callable[[Summary], bool]) -> None:
        self.sessions = tuple(sessions)
        self.holds_files = holds_files

    @cached_property
    def applied(self) -> Changes:
        """The additions and removals that the sessions applied."""
        return _in_order(self.sessions, lambda each, account: each.settled.get(f"apply@{account}"))

    @cached_property
    def written(self) -> Changes:
        """The changes that they wrote, as if applied then; {} if no removal awaits its apply."""
        written = [each for each in self.sessions if "review" in each.settled] if self.ahead else []
        held = filter(self.holds_files, written)
        return _in_order(held, lambda each, _account: each.settled["review"])

    @cached_property
    def ahead(self) -> set[Part]:
        """The removals that they plan and haven't applied."""
        return {
            (account, name)
            for each in self.sessions
            for kind, account, name in _changed(each.facts)
            if kind == "remove" and f"apply@{account}" not in each.settled
        }

    @cached_property
    def passwords(self) -> Mapping[Part, Summary]:
        """The last session that made and applied a password, for each user."""
        return _last((at, each) for each in self.sessions for at in _with_passwords(each).items())

    @cached_property
    def awaiting(self) -> Mapping[Part, Summary]:
        """The last session that made a password or removed a lost MFA device, for each user."""
        return _last(
            (at, each)
            for each in self.sessions
            for at in (
                *_with_passwords(each).items(),
                *((part, (each.settled[f"mfa-reset@{part[0]}"],)) for part in without_devices(each)),
            )
        )

    def reverted(self, own: Summary) -> dict[Part, AppliedChange]:
        """Return the additions and removals of a session that later ones undid and applied."""
        return {
            (account, name): last
            for kind, account, name in _changed(own.facts)
            if (last := self._later((account, name), own, self.applied)) and last.kind != kind
        }

    def removals(
        self, own: Summary, names: Iterable[str] | None = None, changes: Changes | None = None
    ) -> dict[Part, AppliedChange]:
        """Return the removals of users by later sessions that weren't undone.

        Args:
            own: the earlier session.
            names: only these people, and only accounts where it does something for them; None for all.
            changes: the changes to check; by default the applied ones.
        """
        changes = self.applied if changes is None else changes
        parts = changes if names is None else _parts(names, own)
        found = ((part, self._later(part, own, changes)) for part in parts)
        return {part: last for part, last in found if last and last.kind == "remove"}

    def _later(self, part: Part, own: Summary, changes: Changes) -> AppliedChange | None:
        """Return a user's last change if another session made it after what a session does for them.

        As long as that session adds or removes them itself and hasn't applied it, it knows of changes by
        sessions that began earlier.
        """
        made = changes.get(part, ())
        if not made or made[-1].by.id == own.id:
            return None
        unapplied = part[1] in {*texts(own.facts.get("joining")), *texts(own.facts.get("leaving"))}
        unapplied = unapplied and not any(change.by.id == own.id for change in made)
        return made[-1] if (made[-1].by.created if unapplied else made[-1].at) > own.created else None

    def removed_everywhere(self, names: Iterable[str], own: Summary) -> set[str]:
        """Return the people whom later sessions removed from every account that a session covers for them."""
        return _in_every_account(self.removals(own, names), own)

    def changed_later(self, account: str, own: Summary) -> set[str]:
        """Return whom others changed in an account, if they wrote or applied that after a session's own."""
        applied = f"apply@{account}"
        steps = [step for step in ("review", applied) if step in own.settled]
        return {
            name
            for each in self.sessions
            if applied in each.settled
            and any(each.settled.get(step, "") > own.settled[step] for step in steps)
            for kind in OVER_TERRAFORM
            for name in texts(each.facts.get(kind))
            if account in accounts_of([name], each.facts)[name]
        }

    def applied_for(self, own: Summary, account: str) -> Summary | None:
        """Return another session that applied what a session wrote into an account's layer, if one did.

        Plans are accepted and applied only for the files as they are then. What another session applied after
        this one's own apply isn't what this one wrote.
        """
        wrote, apply = own.settled.get("review"), f"apply@{account}"
        if wrote is None:
            return None
        ended = own.settled.get(apply, "")
        latest = ended if ended > wrote else ""  # an apply older than its Review limits nothing
        found = (
            each
            for each in self.sessions
            if each.id != own.id
            and apply in each.settled
            and each.settled.get(f"plan@{account}", "") > wrote
            and (not latest or each.settled[apply] <= latest)
            and not _applied(each, account).get("elsewhere")
        )
        return next(found, None)

    def renewed(self, own: Summary, last: Mapping[Part, Summary]) -> dict[Part, Summary]:
        """Return which of the `last` sessions for each user is another one, and later.

        Where a session made no password yet, those that began later count.

        Args:
            last: `passwords` or `awaiting`.
        """
        made = _with_passwords(own)
        return {
            part: other
            for part, other in last.items()
            if other.id != own.id and (part in made or other.created > own.created)
        }

    def finished_by(self, own: Summary) -> tuple[str, ...]:
        """Return the work of later sessions that left a session nothing to do; () if it still has work."""
        facts, people = own.facts, people_of(own)
        by_files = [name for name in people if name not in texts(facts.get("mfa_reset"))]
        waiting = self.removals(own, by_files, self.written)
        found = {part: last for part, last in waiting.items() if f"apply@{part[0]}" not in own.settled}
        found |= self.removals(own, people)
        changed = {(account, name) for _kind, account, name in _changed(facts)}
        if not only_for(_in_every_account(found, own), facts):
            if own.next_step or not only_for({name for _account, name in changed}, facts):
                return ()
            found = self.reverted(own)
            if changed != found.keys():
                return ()
        return tuple(dict.fromkeys(work_of(last.by) for last in found.values()))

    def still_awaited(self, own: Summary) -> tuple[str, ...]:
        """Return the people whom a session still waits for.

        People don't count if later sessions removed them from every account where they were added or removed,
        or wait for them instead in all of this session's accounts for them.
        """
        layers = _layers(own.facts)
        changed = {part for part in self.applied if part[0] in layers}
        gone = self.removals(own).keys() & changed
        out = {name for _account, name in gone} - {name for _account, name in changed - gone}
        made = by_key((part[1], part) for part in (*_with_passwords(own), *without_devices(own)))
        out |= {
            name
            for name, parts in made.items()
            if all(self.awaiting.get(part, own).id != own.id for part in parts)
        }
        return tuple(name for name in own.awaited if name not in out)


def ledgers(sessions: Iterable[Summary], holds_files: Callable[[Summary], bool]) -> dict[Any, Ledger]:
    """Return the ledger of each project, by the project's folder; the arguments are as for `Ledger`."""
    projects = by_key((each.facts.get("project_root"), each) for each in sessions)
    return {root: Ledger(members, holds_files) for root, members in projects.items()}


def _in_order(sessions: Iterable[Summary], at: Callable[[Summary, str], str | None]) -> Changes:
    """Collect the additions and removals, each at its time by session and account; without one, not."""
    changes = (
        (AppliedChange(when, kind, each), (account, name))
        for each in sessions
        for kind, account, name in _changed(each.facts)
        if (when := at(each, account)) and name not in left_out_of(_applied(each, account))
    )
    return by_key((part, change) for change, part in sorted(changes, key=lambda made: made[0].at))


def _parts(names: Iterable[str], own: Summary) -> list[Part]:
    return [(account, name) for name, where in accounts_of(names, own.facts).items() for account in where]


def _in_every_account(found: Collection[Part], own: Summary) -> set[str]:
    """Return the people found in every account that a session covers for them."""
    names = {name for _account, name in found}
    return names - {part[1] for part in _parts(names, own) if part not in found}


def left_out_of(fact: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the people missing from a plan or apply, as later sessions removed them from the files first."""
    return texts(fact.get("left_out"))


def made_by(fact: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the people for whom applies made a password or access key, with the time of each."""
    return fact.get("made") or {}


def _applied(summary: Summary, account: str) -> Mapping[str, Any]:
    return summary.gave.get(f"apply@{account}", {}).get("applied") or {}


def accounts_of(names: Iterable[str], facts: Mapping[str, Any]) -> dict[str, Collection[str]]:
    """Return the accounts that a session covers for each person; until decided, all of its accounts."""
    decided, layers = decided_accounts(facts), _layers(facts)
    return {name: decided.get(name, layers) for name in names}


def only_for(names: Iterable[str], facts: Mapping[str, Any]) -> bool:
    """Return whether a session does nothing except for these people."""
    people = {name for kind in KINDS for name in texts(facts.get(kind))}
    people |= {name for moves in (facts.get("memberships") or {}).values() for name in moves}
    groups = (
        change for changes in (facts.get("group_changes") or {}).values() for change in changes.values()
    )
    more = any((facts.get("account_wanted"), facts.get("regions_wanted"), *groups))
    return bool(people) and not more and people <= {*names}


def _layers(facts: Mapping[str, Any]) -> Sequence[str]:
    return texts(facts.get("layers"))


def decided_accounts(facts: Mapping[str, Any]) -> dict[str, Collection[str]]:
    """Return the accounts in which a session has a decision for each person; empty until decided."""
    moves: Mapping[str, Any] = facts.get("memberships") or {}
    keys: Mapping[str, Any] = facts.get("keys") or {}
    pairs = (
        *((name, account) for _kind, account, name in _changed(facts)),
        *((name, account) for account, people in moves.items() for name in people),
        *((name, account) for name, key in keys.items() for account in key.get("resets") or ()),
    )
    return {name: dict.fromkeys(accounts).keys() for name, accounts in by_key(pairs).items()}


_When = tuple[str, ...]
"""When a part was done; where that is equal, then when the step was done."""


def _last(done: Iterable[tuple[tuple[Part, _When], Summary]]) -> Mapping[Part, Summary]:
    """Return the session that did each part last."""
    return {part: summary for (part, _at), summary in sorted(done, key=lambda each: each[0][1])}


def without_devices(summary: Summary) -> Iterator[Part]:
    """Yield (account, name) for each MFA device that was removed; people without one don't count."""
    for step, facts in summary.gave.items():
        if reset := facts.get("mfa_devices_reset"):
            yield from ((step.partition("@")[2], name) for name in reset["people"])


def _with_passwords(summary: Summary) -> dict[Part, _When]:
    """Return the passwords and access keys of a session's applies, each with the time when it was made.

    Somebody whom the session was for, but for whom its applies made nothing, got theirs before them. Applies
    of older programs, and those elsewhere, don't say for whom they made something.
    """
    changed, found = {*_changed(summary.facts)}, dict[Part, _When]()
    for step, applied_at in summary.settled.items():
        kind, _, account = step.partition("@")
        if kind != "apply":
            continue
        fact = _applied(summary, account)
        made, left_out = made_by(fact), left_out_of(fact)
        for work in ("joining", "rekeying", "resetting"):
            for name in texts(summary.facts.get(work)):
                if work != "joining" or (("add", account, name) in changed and name not in left_out):
                    found[account, name] = ("" if "made" in fact else applied_at), applied_at
        found |= {(account, name): (at, applied_at) for name, at in made.items()}
    return found


def to_hand_over(summary: Summary) -> set[Part]:
    """Return (account, name) for new passwords that a session has applied and not sent.

    A part may be sent with a later account's text; that counts as sent.
    """
    made = _with_passwords(summary) if summary.next_step else ()
    return {
        (account, name)
        for name, accounts in by_key((name, account) for account, name in made).items()
        for at, account in enumerate(accounts)
        if not any(f"hand-over@{later}" in summary.settled for later in accounts[at:])
    }


def _changed(facts: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return the kind, account and name of each addition and removal of a user."""
    changes = facts.get("user_changes") or {}
    return [
        (kind, account, name)
        for kind in ("add", "remove")
        for account, names in (changes.get(kind) or {}).items()
        for name in texts(names)
    ]
