"""What later sessions took back of a session's changes of users: none of that is left to be done in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from workflows.core.shapes import texts
from workflows.machine.summaries import Summary, kept_summary
from workflows.steps.kinds import KINDS, work_of

_OPPOSITE = {"add": "remove", "remove": "add"}


def siblings(folder: Path) -> Iterator[Summary]:
    """The other sessions in the folder of a session's, as of when each was last listed or closed."""
    for sibling in sorted(folder.parent.iterdir()):
        if sibling != folder and (summary := kept_summary(sibling, of_old=True)) is not None:
            yield summary


def taken_back(
    facts: Mapping[str, Any], begun: str, sessions: Iterable[Summary]
) -> dict[str, dict[str, str]]:
    """By account, whose addition or removal a later session undid and applied, each with what that one does.

    Args:
        facts: of the session whose changes they are.
        begun: when it was begun.
        sessions: other sessions.
    """
    found: dict[str, dict[str, str]] = {}
    for summary in sorted(sessions, key=lambda summary: summary.created):
        if summary.created <= begun or summary.facts.get("project_root") != facts.get("project_root"):
            continue
        for kind, account, name in _changed(facts):
            here = found.setdefault(account, {})
            if f"apply@{account}" not in summary.settled:
                continue
            if name in _people(summary.facts, _OPPOSITE[kind], account):
                here[name] = work_of(summary)
            elif name in _people(summary.facts, kind, account):
                here.pop(name, None)
    return {account: names for account, names in found.items() if names}


def over_by(own: Summary, sessions: Iterable[Summary]) -> tuple[str, ...]:
    """What the later sessions do that took back all that a session did; () where something of it is left."""
    facts = own.facts
    changed = {(account, name) for _kind, account, name in _changed(facts)}
    if own.next_step or not changed or any(facts.get(kind) for kind in KINDS if kind not in _OF_USERS):
        return ()
    found = taken_back(facts, own.created, sessions)
    by = {(account, name): work for account, names in found.items() for name, work in names.items()}
    return tuple(dict.fromkeys(by.values())) if changed == by.keys() else ()


_OF_USERS = ("joining", "leaving")


def _changed(facts: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Each addition and removal of a user: the kind, the account and the name."""
    changes = facts.get("user_changes") or {}
    kinds = ((kind, changes.get(kind) or {}) for kind in _OPPOSITE)
    return [
        (kind, account, name)
        for kind, chosen in kinds
        for account in chosen
        for name in texts(chosen[account])
    ]


def _people(facts: Mapping[str, Any], kind: str, account: str) -> tuple[str, ...]:
    return texts(((facts.get("user_changes") or {}).get(kind) or {}).get(account))
