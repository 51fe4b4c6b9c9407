"""The admission record: each person's PGP key, how its fingerprint was confirmed, and where it was applied.

Keys that the session didn't accept are in it, too, if its applies encrypted something to them.

It is read from the journal, event by event, so it includes keys that the same session replaced later, and no
second record can contradict it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any

from workflows.core.sentences import Sentence
from workflows.machine.events import Event, Reopened, Succeeded
from workflows.machine.journal import read_journal
from workflows.machine.summaries import JOURNAL
from workflows.steps.admin.accepted_plan import nothing_changed
from workflows.steps.admin.other_sessions import answers_kept
from workflows.steps.decisions import Comparison, Decisions
from workflows.steps.ledger import left_out_of


class Outcome(Enum):
    """How the key came into an account."""

    APPLIED = "applied"
    ELSEWHERE = "applied elsewhere"
    THERE = "was there"


@dataclass(frozen=True)
class Applied:
    """When and how the key came into the account; `at` is ISO 8601 in UTC."""

    at: str
    outcome: Outcome


@dataclass(frozen=True)
class Admission:
    """A person with an accepted key.

    Attributes:
        person: the IAM name.
        fingerprint: the key's.
        source: where it came from.
        taken_at: when a step first recorded the key, ISO 8601 in UTC.
        compared: the last answer about the fingerprint; None if nobody was asked.
        compared_at: when a step first recorded that answer.
        accounts: each account that the key is for, and how it was applied there, or None.
    """

    person: str
    fingerprint: str
    source: Sentence
    taken_at: str
    compared: Comparison | None
    compared_at: str
    accounts: Mapping[str, Applied | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Admissions:
    """Everybody that a session admitted.

    Attributes:
        by: the admin, as user@host; "" in sessions of older programs.
        people: in the order in which their keys arrived.
    """

    by: str
    people: tuple[Admission, ...]


def admissions(folder: Path) -> Admissions:
    """Read the admissions of the session in a folder.

    Raises:
        OnboardError: its journal can't be read, or a fact in it has the wrong shape.
    """
    loaded = read_journal(folder / JOURNAL)
    people, kept = admitted(loaded.events), answers_kept(folder)
    return Admissions(
        str(loaded.header.details.get("by", "")),
        tuple(
            replace(entry, compared=answer[0], compared_at=answer[1])
            if entry.compared is None and (answer := kept.get((entry.person, entry.fingerprint)))
            else entry
            for entry in people
        ),
    )


def admitted(events: Iterable[Event]) -> tuple[Admission, ...]:
    """Return the admissions in these events.

    A key that PGP keys asks for again counts only if it reached an account.
    """
    known: dict[str, Any] = {}
    found: dict[tuple[str, str], Admission] = {}
    asked_again = False
    for event in events:
        if event.key.step == "pgp-keys":
            asked_again = isinstance(event, Reopened) or (asked_again and not isinstance(event, Succeeded))
        if not isinstance(event, Succeeded):
            continue
        match event.key.step:
            case "pgp-keys" | "users":
                known |= event.facts
                _take_in(found, Decisions.from_facts(known), event.at)
            case "apply":
                _apply(found, Decisions.from_facts(known), event)
    return tuple(entry for entry in found.values() if not asked_again or any(entry.accounts.values()))


def _take_in(found: dict[tuple[str, str], Admission], decisions: Decisions, at: str) -> None:
    """Record the keys of the current decisions; drop keys no longer decided that reached no account."""
    decided = {(name, key.fingerprint) for name, key in decisions.keys.items()}
    for whose in [whose for whose, before in found.items() if not any(before.accounts.values())]:
        if whose not in decided:
            del found[whose]
    for name, key in decisions.keys.items():
        said = decisions.comparison(name)
        before = found.get((name, key.fingerprint))
        admission = before or Admission(name, key.fingerprint, key.source, at, said, at)
        if admission.compared is not said:
            admission = replace(admission, compared=said, compared_at=at)
        adds = decisions.users.add.items()
        meant = [*(account for account, names in adds if name in names), *key.resets]
        accounts = {account: admission.accounts.get(account) for account in dict.fromkeys(meant)}
        kept = {account: applied for account, applied in admission.accounts.items() if applied}
        found[name, key.fingerprint] = replace(admission, accounts={**kept, **accounts})


def _apply(found: dict[tuple[str, str], Admission], decisions: Decisions, event: Succeeded) -> None:
    """Record that keys reached an account, each only the first time: those encrypted to, and decided ones."""
    fact, account = event.facts["applied"], event.key.item
    there = Outcome.THERE if nothing_changed(fact) else Outcome.APPLIED
    applied = Applied(event.at, Outcome.ELSEWHERE if fact.get("elsewhere") else there)
    for name, fingerprint in (fact.get("keys") or {}).items():
        if (name, fingerprint) not in found:
            there_already = Admission(
                name, fingerprint, f"{account}, already there", event.at, None, event.at
            )
            found[name, fingerprint] = replace(there_already, accounts={account: None})
        admission = found[name, fingerprint]
        if admission.compared is None and not admission.accounts.get(account):
            found[name, fingerprint] = replace(admission, accounts={**admission.accounts, account: applied})
    for name, key in decisions.keys.items():
        if name in left_out_of(fact):
            continue
        admission = found[name, key.fingerprint]
        before = admission.accounts.get(account)
        made_before = before is not None and before.outcome is Outcome.APPLIED
        if account in admission.accounts and not made_before:
            found[name, key.fingerprint] = replace(
                admission, accounts={**admission.accounts, account: applied}
            )
