"""What later sessions took back of a session's changes of users: none of that is left to be done in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from workflows.core.grouping import by_key
from workflows.core.shapes import texts
from workflows.machine.summaries import Summary, kept_summary
from workflows.steps.kinds import KINDS, work_of


def siblings(folder: Path) -> Iterator[Summary]:
    """The other sessions in the folder of a session's, as of when each was last listed or closed."""
    for sibling in sorted(folder.parent.iterdir()):
        if sibling != folder and (summary := kept_summary(sibling, of_old=True)) is not None:
            yield summary


class AppliedChange(NamedTuple):
    """The addition or removal of a user that a session applied.

    Attributes:
        begun: when the session was begun.
        kind: "add" or "remove".
        work: what the session does.
    """

    begun: str
    kind: str
    work: str


AppliedChanges = Mapping[tuple[Any, str, str], Sequence[AppliedChange]]
"""Of each project's root, account and user, the oldest first."""


def applied_changes(sessions: Iterable[Summary]) -> AppliedChanges:
    """What the sessions applied of their changes of users."""
    return by_key(
        (
            (summary.facts.get("project_root"), account, name),
            AppliedChange(summary.created, kind, work_of(summary)),
        )
        for summary in sorted(sessions, key=lambda summary: summary.created)
        for kind, account, name in _changed(summary.facts)
        if f"apply@{account}" in summary.settled
    )


def taken_back(facts: Mapping[str, Any], begun: str, applied: AppliedChanges) -> dict[str, dict[str, str]]:
    """By account, whose addition or removal a later session undid and applied, each with what that one does.

    Args:
        facts: of the session whose changes they are.
        begun: when it was begun.
        applied: by the sessions of its folder.
    """
    found = defaultdict[str, dict[str, str]](dict)
    for kind, account, name in _changed(facts):
        changes = applied.get((facts.get("project_root"), account, name), ())
        if changes and changes[-1].begun > begun and changes[-1].kind != kind:
            found[account][name] = changes[-1].work
    return found


def removed(account: str, facts: Mapping[str, Any], begun: str, applied: AppliedChanges) -> dict[str, str]:
    """Whom later sessions removed from an account and didn't add again, each with what that one does.

    Args:
        account: the account.
        facts: of the session that is asked about.
        begun: when it was begun.
        applied: by the sessions of its folder.
    """
    return {
        name: changes[-1].work
        for (root, where, name), changes in applied.items()
        if (root, where) == (facts.get("project_root"), account)
        and (changes[-1].kind, changes[-1].begun > begun) == ("remove", True)
    }


PasswordsMade = Mapping[tuple[Any, str, str], Summary]
"""The last session that did, of each project's root, account and user."""


def passwords_made(sessions: Iterable[Summary]) -> PasswordsMade:
    """Whose passwords the sessions made and applied."""
    return {
        (summary.facts.get("project_root"), account, name): summary
        for summary in sorted(sessions, key=lambda summary: summary.created)
        for account, name in _with_passwords(summary)
    }


def _with_passwords(summary: Summary) -> Iterator[tuple[str, str]]:
    changed = [*_changed(summary.facts)]
    for account in (step.removeprefix("apply@") for step in summary.settled if step.startswith("apply@")):
        for kind in _WITH_PASSWORDS:
            for name in texts(summary.facts.get(kind)):
                if kind != "joining" or ("add", account, name) in changed:
                    yield account, name


def renewed(account: str, facts: Mapping[str, Any], begun: str, made: PasswordsMade) -> dict[str, str]:
    """Whose password in an account later sessions made again and applied, each with what that one does.

    Args:
        account: the account.
        facts: of the session that made the passwords before.
        begun: when it was begun.
        made: by the sessions of its folder.
    """
    return {
        name: work_of(last)
        for (root, where, name), last in made.items()
        if (root, where) == (facts.get("project_root"), account) and last.created > begun
    }


def over_by(own: Summary, applied: AppliedChanges) -> tuple[str, ...]:
    """What the later sessions do that took back all that a session did; () where something of it is left."""
    facts = own.facts
    changed = {(account, name) for _kind, account, name in _changed(facts)}
    if own.next_step or not changed or any(facts.get(kind) for kind in KINDS if kind not in _OF_USERS):
        return ()
    found = taken_back(facts, own.created, applied)
    by = {(account, name): work for account, names in found.items() for name, work in names.items()}
    return tuple(dict.fromkeys(by.values())) if changed == by.keys() else ()


def still_awaited(own: Summary, applied: AppliedChanges, made: PasswordsMade) -> tuple[str, ...]:
    """Whom a session awaits, or does again since a later one made them a password and is not over for them.

    Those are left out whom later ones removed wherever they are known to have been.

    Args:
        own: the session.
        applied: by the sessions of its folder.
        made: likewise.
    """
    root, accounts = own.facts.get("project_root"), texts(own.facts.get("layers"))

    def is_gone(name: str) -> bool:
        found = [changes[-1] for account in accounts if (changes := applied.get((root, account, name)))]
        return bool(found) and all(last.kind == "remove" and last.begun > own.created for last in found)

    again = [
        name
        for account in accounts
        if f"apply@{account}" in own.settled
        for kind in _WITH_PASSWORDS
        for name in texts(own.facts.get(kind))
        if (last := made.get((root, account, name))) is not None
        if last.created > own.created and (last.next_step or name in last.awaited)
    ]
    return tuple(name for name in dict.fromkeys((*own.awaited, *again)) if not is_gone(name))


_KINDS_OF_CHANGE = ("add", "remove")
_OF_USERS = ("joining", "leaving")
_WITH_PASSWORDS = ("joining", "rekeying", "resetting")


def _changed(facts: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Each addition and removal of a user: the kind, the account and the name."""
    changes = facts.get("user_changes") or {}
    kinds = ((kind, changes.get(kind) or {}) for kind in _KINDS_OF_CHANGE)
    return [
        (kind, account, name)
        for kind, chosen in kinds
        for account in chosen
        for name in texts(chosen[account])
    ]
