"""A small workflow that resembles the real ones, and its sessions, for tests of the machine."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

from workflows.machine.declaration import Condition, Step, Workflow
from workflows.machine.events import Facts, Started, StepKey, Succeeded
from workflows.machine.rules import reduce
from workflows.machine.session import Session
from workflows.machine.sessions import Sessions
from workflows.machine.state import State

ACCOUNT_WANTED = Condition("the account is to be changed", lambda facts: facts.get("account_wanted", False))
SOMETHING_PLANNED = Condition("the plan changes anything", lambda facts: facts.get("planned") != "nothing")

SAMPLE = Workflow(
    "admin",
    "Admin",
    (
        Step("project", "Project", "Find it.", gives=("project", "layers", "account_wanted")),
        Step("users", "Users", "Who joins.", needs=("project",), gives=("people",)),
        Step(
            "account",
            "Account",
            "Alias.",
            needs=("project",),
            gives=("alias",),
            skippable=True,
            applies=ACCOUNT_WANTED,
        ),
        Step("review", "Review", "One diff.", needs=("people", "alias"), gives=("diff",)),
        Step("plan", "Plan", "Plan it.", needs=("diff",), gives=("planned",), repeats_over="layers"),
        Step(
            "apply",
            "Apply",
            "Apply it.",
            needs=("planned",),
            gives=("applied",),
            spends="plan",
            outlives=True,
            repeats_over="layers",
            applies=SOMETHING_PLANNED,
            blocked_words="Apply needs a plan you accepted",
        ),
        Step("report", "Report", "Tell.", needs=("applied",), gives=("told",), skippable=True),
    ),
)

PROJECT = {"project": "bb", "layers": ["management", "security"], "account_wanted": True}
GIVEN: dict[str, Facts] = {
    "project": PROJECT,
    "users": {"people": ["a.example", "b.sample"]},
    "account": {"alias": "bb-management"},
    "review": {"diff": "+ a.example"},
    "plan": {"planned": "2 to add"},
    "apply": {"applied": 2},
    "report": {"told": True},
}


class Clock:
    """A clock in UTC that advances by a second with each call."""

    def __init__(self) -> None:
        self._seconds = itertools.count()

    def __call__(self) -> datetime:
        return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC) + timedelta(seconds=next(self._seconds))


def sessions_in(folder: Path, *workflows: Workflow) -> Sessions:
    """Return the sessions of the sample workflow, or of the given ones, in a folder."""
    return Sessions(folder, workflows or (SAMPLE,), Clock())


def do(session: Session, key: StepKey | str, facts: Facts | None = None) -> None:
    """Do a step successfully, with the sample's facts unless others are given; reopen it if it is settled."""
    key = StepKey.parse(key) if isinstance(key, str) else key
    if session.state.settled(key):
        session.reopen(key)
    session.start(key)
    session.succeed(key, GIVEN[key.step] if facts is None else facts)


def do_all(session: Session) -> None:
    """Do the proposed steps until none is proposed."""
    while (key := session.proposal()) is not None:
        do(session, key)


def after(state: State, key: StepKey | str, facts: Facts | None = None) -> State:
    """Return the state after a step has started and succeeded in run "r"."""
    key = StepKey.parse(key) if isinstance(key, str) else key
    state = reduce(state, Started(key, "r", "now"))
    return reduce(state, Succeeded(key, "r", "now", GIVEN[key.step] if facts is None else facts))
