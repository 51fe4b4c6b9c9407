"""Where everybody stands in every account: what was decided, planned, applied and handed over, at a glance.

It is read from the session alone, so it costs nothing to ask; what has happened in AWS since is told by the
steps themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from workflows.core.sentences import Sentence
from workflows.services.terraform.kept_results import result_of
from workflows.services.terraform.outcome import Kind
from workflows.steps.access import people_in
from workflows.steps.base import Context
from workflows.steps.handed import people_of
from workflows.steps.intents import EDITING, RESETTING, named
from workflows.steps.left_behind import RUNS, running_in
from workflows.steps.planned import Planned
from workflows.steps.replaced_keys import reset_users
from workflows.steps.standing import unfinished


class Stand(Enum):
    """Where somebody stands in an account: a mark and the words for it."""

    NOT_HERE = ("", "")
    KEY_AWAITED = ("·", "key awaited")
    DECIDED = ("·", "decided")
    WRITTEN = ("○", "written")
    PLANNED = ("○", "planned")
    APPLYING = ("…", "applying")
    HALF_DONE = ("✗", "half done")
    TO_HAND_OVER = ("○", "to hand over")
    APPLIED = ("✓", "applied")
    REMOVED = ("✓", "removed")
    HANDED_OVER = ("✓", "handed over")

    def __init__(self, mark: str, words: str) -> None:
        self.mark = mark
        self.told: Sentence = f"{mark} {words}".strip()

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do."""
        return self in {Stand.NOT_HERE, Stand.APPLIED, Stand.REMOVED, Stand.HANDED_OVER}


@dataclass(frozen=True)
class Everybody:
    """The grid.

    Attributes:
        accounts: the accounts, in the order they are worked on.
        rows: each person with where they stand, account by account.
    """

    accounts: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Stand, ...]], ...]

    @property
    def told(self) -> Sentence:
        """How many are done with everything, in a sentence."""
        done = sum(all(one.settled for one in stands) for _, stands in self.rows)
        return f"{done} of {len(self.rows)} done in every account."


def everybody(context: Context) -> Everybody:
    """Where everybody stands whom the session is about; without rows before anybody was named."""
    every = context.every
    accounts = tuple(str(name) for name in every.get("layers") or ())
    found = {account: _people(account, every) for account in accounts}
    names = [name for kind in (*EDITING, RESETTING) for name in named(every, kind)]
    names += sorted(name for people in found.values() for name in people)
    boards = [_Board(account, context, found[account]) for account in accounts]
    rows = tuple((name, tuple(board.stand(name) for board in boards)) for name in dict.fromkeys(names))
    return Everybody(accounts, rows)


def _people(account: str, every: Mapping[str, Any]) -> set[str]:
    """Those for whom something is done in an account, as far as it is decided."""
    users = every.get("user_changes")
    found = set(people_of(account, every)) | set(reset_users(every, account))
    found |= set((every.get("memberships") or {}).get(account, {}))
    if users is None:
        found |= {name for kind in ("joining", "leaving") for name in named(every, kind)}
    else:
        found |= {name for kind in ("add", "remove") for name in users.get(kind, {}).get(account, ())}
        found |= people_in(users, account)
    if f"plan@{account}" not in every:
        found |= set(named(every, RESETTING))  # the state alone tells who has a password here
    return found


class _Board:
    """One account's column."""

    def __init__(self, account: str, context: Context, people: set[str]) -> None:
        self._every = context.every
        self._folder = context.folder
        self._account = account
        self._people = people
        self._plan: Any = self._every.get(f"plan@{account}")
        self._applied = f"applied@{account}" in self._every
        self._left = self._half_done()
        run = running_in(self._folder, account)
        self._applying = run is not None and run.kind is Kind.APPLY

    def stand(self, name: str) -> Stand:
        """Where somebody stands here."""
        if name not in self._people:
            return Stand.NOT_HERE
        if self._applied:
            return self._after(name)
        if self._plan is not None:
            if self._applying or self._left is None:
                return Stand.APPLYING if self._applying else Stand.PLANNED
            return Stand.HALF_DONE if name in self._left else self._after(name)
        if name in named(self._every, "joining") and name not in (self._every.get("keys") or {}):
            return Stand.KEY_AWAITED
        return Stand.WRITTEN if "changed_files" in self._every else Stand.DECIDED

    def _after(self, name: str) -> Stand:
        """Where somebody stands after the apply."""
        if name in people_of(self._account, self._every):
            return Stand.HANDED_OVER if self._sent(name) else Stand.TO_HAND_OVER
        removed = (self._every.get("user_changes") or {}).get("remove", {}).get(self._account, ())
        return Stand.REMOVED if name in removed else Stand.APPLIED

    def _sent(self, name: str) -> bool:
        """Whether somebody was sent a text here, or later: a later one holds this account's part too."""
        accounts = [str(one) for one in self._every.get("layers") or ()]
        for account in accounts[accounts.index(self._account) :]:
            handed: Any = self._every.get(f"handed_over@{account}") or {}
            if handed.get("people", {}).get(name, {}).get("sent_at"):
                return True
        return False

    def _half_done(self) -> frozenset[str] | None:
        """Those whom an apply of the accepted plan that stopped on the way did not finish; None without one.

        After a killed one that is everybody: what AWS has may be missing from the state.
        """
        if not self._plan or self._plan["elsewhere"] or self._applied:
            return None
        planned = Planned.from_facts(self._plan)
        result = result_of(self._folder / RUNS / self._account, planned.record)
        if result is None:
            return None
        return frozenset(self._people if result.killed or result.unwritten else unfinished(planned, result))
