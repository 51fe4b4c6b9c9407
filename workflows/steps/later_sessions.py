"""How later sessions undo or repeat a session's work, so that it has less left to do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from workflows.core.grouping import by_key
from workflows.core.shapes import texts
from workflows.machine.summaries import Summary, kept_summary
from workflows.steps.kinds import KINDS, OVER_TERRAFORM, people_of, work_of


def siblings(folder: Path) -> Iterator[Summary]:
    """Yield the other sessions beside a session's folder, as last settled."""
    for sibling in sorted(folder.parent.iterdir()):
        if sibling != folder and (summary := kept_summary(sibling, of_old=True)) is not None:
            yield summary


class AppliedChange(NamedTuple):
    """A user that a session added or removed, and applied.

    Attributes:
        at: when it was applied, ISO 8601 in UTC.
        begun: when the session began.
        kind: "add" or "remove".
        work: what the session does.
    """

    at: str
    begun: str
    kind: str
    work: str

    def removes_after(self, begun: str) -> bool:
        """Return whether this removes the user in a session that began later."""
        return self.kind == "remove" and self.begun > begun


AppliedChanges = Mapping[tuple[Any, str, str], Sequence[AppliedChange]]
"""Changes by project root, account and user, in the order they were applied."""


def applied_changes(sessions: Iterable[Summary]) -> AppliedChanges:
    """Collect the additions and removals that the sessions applied."""
    changes = (
        (
            AppliedChange(summary.settled[f"apply@{account}"], summary.created, kind, work),
            (summary.facts.get("project_root"), account, name),
        )
        for summary, work in ((summary, work_of(summary)) for summary in sessions)
        for kind, account, name in _changed(summary.facts)
        if f"apply@{account}" in summary.settled and name not in left_out_of(_applied(summary, account))
    )
    return by_key((whose, change) for change, whose in sorted(changes, key=itemgetter(0)))


def left_out_of(fact: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the people missing from a plan or apply, as later sessions removed them from the files first."""
    return texts(fact.get("left_out"))


def _applied(summary: Summary, account: str) -> Mapping[str, Any]:
    return summary.gave.get(f"apply@{account}", {}).get("applied") or {}


def written_changes(sessions: Collection[Summary], holds_files: Callable[[Summary], bool]) -> AppliedChanges:
    """Collect the changes that the sessions wrote, as if applied then; {} if no removal awaits its apply.

    Args:
        sessions: the sessions of a folder.
        holds_files: returns whether files still hold what a session wrote.
    """
    if not removals_ahead(sessions):
        return {}
    return applied_changes(
        replace(
            summary,
            settled={f"apply@{account}": summary.settled["review"] for account in _layers(summary.facts)},
        )
        for summary in sessions
        if "review" in summary.settled and holds_files(summary)
    )


def reverted(facts: Mapping[str, Any], begun: str, applied: AppliedChanges) -> dict[str, dict[str, str]]:
    """Return whose addition or removal a later session undid and applied.

    The result maps account and name to that session's work.

    Args:
        facts: facts of the earlier session.
        begun: when the earlier session began.
        applied: changes applied by the sessions of its folder.
    """
    found = defaultdict[str, dict[str, str]](dict)
    for kind, account, name in _changed(facts):
        changes = applied.get((facts.get("project_root"), account, name), ())
        if changes and changes[-1].begun > begun and changes[-1].kind != kind:
            found[account][name] = changes[-1].work
    return found


def removed(facts: Mapping[str, Any], begun: str, applied: AppliedChanges) -> dict[str, dict[str, str]]:
    """Return the people whom later sessions removed and didn't add again.

    The result maps account and name to that session's work.

    Args:
        facts: facts of the earlier session.
        begun: when the earlier session began.
        applied: changes applied by the sessions of its folder.
    """
    found = defaultdict[str, dict[str, str]](dict)
    for (root, account, name), changes in applied.items():
        if root == facts.get("project_root") and changes[-1].removes_after(begun):
            found[account][name] = changes[-1].work
    return found


def removals(
    names: Iterable[str], facts: Mapping[str, Any], begun: str, applied: AppliedChanges
) -> dict[str, dict[str, AppliedChange]]:
    """Return the removals by later sessions that weren't undone, by name and account.

    Only accounts where the session does something for the person count.

    Args:
        names: the people to check.
        facts: facts of the earlier session.
        begun: when the earlier session began.
        applied: changes applied by the sessions of its folder.
    """
    found = defaultdict[str, dict[str, AppliedChange]](dict)
    for name, accounts in accounts_of(names, facts).items():
        for account in accounts:
            changes = applied.get((facts.get("project_root"), account, name), ())
            if changes and changes[-1].removes_after(begun):
                found[name][account] = changes[-1]
    return found


def removed_everywhere(
    names: Iterable[str], facts: Mapping[str, Any], begun: str, applied: AppliedChanges
) -> set[str]:
    """Return the people whom later sessions removed from every account that the session covers for them."""
    return _in_every_account(removals(names, facts, begun, applied), facts)


def _in_every_account(found: Mapping[str, Mapping[str, AppliedChange]], facts: Mapping[str, Any]) -> set[str]:
    """Return the people found in every account that the session covers for them."""
    places = accounts_of(found, facts)
    return {name for name, where in found.items() if {*places[name]} == where.keys()}


def removals_ahead(sessions: Iterable[Summary]) -> set[tuple[Any, str, str]]:
    """Return removals that sessions plan and haven't applied, as (project root, account, name)."""
    return {
        (summary.facts.get("project_root"), account, name)
        for summary in sessions
        for kind, account, name in _changed(summary.facts)
        if kind == "remove" and f"apply@{account}" not in summary.settled
    }


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


LastSessions = Mapping[tuple[Any, str, str], Summary]
"""The last session with a match, by project root, account and user."""


def passwords_made(sessions: Iterable[Summary]) -> LastSessions:
    """Return the last session that made and applied a password, for each user."""
    return _last(
        completion for each in sessions for completion in _completions("apply", each, _with_passwords(each))
    )


def awaiting(sessions: Iterable[Summary]) -> LastSessions:
    """Return the last session that made a password or removed a lost MFA device, for each user."""
    return _last(
        completion
        for each in sessions
        for completion in (
            *_completions("apply", each, _with_passwords(each)),
            *_completions("mfa-reset", each, without_devices(each)),
        )
    )


_Completion = tuple[str, tuple[Any, str, str], Summary]


def _completions(step: str, summary: Summary, parts: Iterable[tuple[str, str]]) -> Iterator[_Completion]:
    """Return what a step of a session did: its time, with root, account and user."""
    root = summary.facts.get("project_root")
    return ((summary.settled[f"{step}@{account}"], (root, account, name), summary) for account, name in parts)


def _last(completions: Iterable[_Completion]) -> LastSessions:
    return {whose: summary for _at, whose, summary in sorted(completions, key=itemgetter(0))}


def changed_later(facts: Mapping[str, Any], begun: str, sessions: Iterable[Summary]) -> set[tuple[str, str]]:
    """Return the (name, account) pairs in which later sessions applied a change.

    Args:
        facts: facts of the earlier session.
        begun: when the earlier session began.
        sessions: the sessions of its folder.
    """
    root = facts.get("project_root")
    later = (each for each in sessions if each.created > begun and each.facts.get("project_root") == root)
    people = (
        (each, [name for kind in OVER_TERRAFORM for name in texts(each.facts.get(kind))]) for each in later
    )
    return {
        (name, account)
        for each, names in people
        for name, accounts in accounts_of(names, each.facts).items()
        for account in accounts
        if f"apply@{account}" in each.settled
    }


def without_devices(summary: Summary) -> Iterator[tuple[str, str]]:
    """Yield (account, name) for each MFA device that was removed; people without one don't count."""
    for step, facts in summary.gave.items():
        if reset := facts.get("mfa_devices_reset"):
            yield from ((step.partition("@")[2], name) for name in reset["people"])


def _with_passwords(summary: Summary) -> Iterator[tuple[str, str]]:
    changed = {*_changed(summary.facts)}
    for account in (step.removeprefix("apply@") for step in summary.settled if step.startswith("apply@")):
        left_out = left_out_of(_applied(summary, account))
        for kind in ("joining", "rekeying", "resetting"):
            for name in texts(summary.facts.get(kind)):
                if kind != "joining" or (("add", account, name) in changed and name not in left_out):
                    yield account, name


def to_hand_over(summary: Summary) -> set[tuple[str, str]]:
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


def renewed(account: str, own: Summary, made: LastSessions) -> dict[str, Summary]:
    """Return the last other session that reset and applied each password in an account since, by name.

    Where this session made no password yet, those that began later count.

    Args:
        account: the account.
        own: this session, as it is now.
        made: passwords made by the sessions of its folder.
    """
    root, here = own.facts.get("project_root"), {name for at, name in _with_passwords(own) if at == account}
    return {
        name: last
        for (of, where, name), last in made.items()
        if (of, where) == (root, account)
        and last.id != own.id
        and (name in here or last.created > own.created)
    }


def finished_by(own: Summary, applied: AppliedChanges, written: AppliedChanges) -> tuple[str, ...]:
    """Return the work of the later sessions that left a session nothing to do; () if it still has work.

    Args:
        own: the session.
        applied: changes applied by the sessions of its folder.
        written: changes that they wrote, applied or not; {} if no removal is waiting to be applied.
    """
    facts, people = own.facts, people_of(own)
    found = removals(people, facts, own.created, applied)
    by_files = [name for name in people if name not in texts(facts.get("mfa_reset"))]
    for name, where in removals(by_files, facts, own.created, written).items():
        for account, last in where.items():
            if f"apply@{account}" not in own.settled:
                found.setdefault(name, {}).setdefault(account, last)
    if only_for(_in_every_account(found, facts), facts):
        return tuple(dict.fromkeys(last.work for where in found.values() for last in where.values()))
    changed = {(account, name) for _kind, account, name in _changed(facts)}
    if own.next_step or not only_for({name for _account, name in changed}, facts):
        return ()
    back = reverted(facts, own.created, applied)
    by = {(account, name): work for account, names in back.items() for name, work in names.items()}
    return tuple(dict.fromkeys(by.values())) if changed == by.keys() else ()


def still_awaited(own: Summary, applied: AppliedChanges, waiting: LastSessions) -> tuple[str, ...]:
    """Return the people whom a session still waits for.

    People don't count if later sessions removed them from every account where they were added or removed, or
    wait for them instead in all of this session's accounts for them.

    Args:
        own: the session.
        applied: changes applied by the sessions of its folder.
        waiting: the result of `awaiting` for these sessions.
    """
    root, accounts = own.facts.get("project_root"), _layers(own.facts)

    def is_gone(name: str) -> bool:
        found = [changes[-1] for account in accounts if (changes := applied.get((root, account, name)))]
        return bool(found) and all(last.removes_after(own.created) for last in found)

    places = by_key((name, account) for account, name in (*_with_passwords(own), *without_devices(own)))

    def is_awaited_later(name: str) -> bool:
        last = [waiting.get((root, account, name), own) for account in places.get(name, ())]
        return bool(last) and all(later.id != own.id for later in last)

    return tuple(name for name in own.awaited if not (is_gone(name) or is_awaited_later(name)))


def _changed(facts: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return the kind, account and name of each addition and removal of a user."""
    changes = facts.get("user_changes") or {}
    return [
        (kind, account, name)
        for kind in ("add", "remove")
        for account, names in (changes.get(kind) or {}).items()
        for name in texts(names)
    ]
