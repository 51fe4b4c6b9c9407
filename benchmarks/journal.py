"""The cost of an event and of a resume: milliseconds per event with fsync, seconds to resume 1,000 events.

python benchmarks/journal.py [FOLDER]

The folder (by default the current one) decides which disk is measured. The workflow has the shape of the
admin's, with five layers. Exits with 1 when a budget is exceeded.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks.form import amount, status
from workflows.machine.declaration import Step, Workflow
from workflows.machine.session import Session
from workflows.machine.sessions import Sessions

EVENTS = amount(1_000, 20)
RESUMES = amount(15, 1)
MILLISECONDS_AN_EVENT = 5.0
SECONDS_TO_RESUME = 0.1
LAYERS = ["management", "security", "shared", "apps-devstg", "apps-prd"]
PEOPLE = [f"user.number{number}" for number in range(40)]

WORKFLOW = Workflow(
    "admin",
    "Admin",
    (
        Step("project", "Project", "", gives=("project", "layers")),
        Step("pgp-keys", "PGP keys", "", needs=("project",), gives=("keys",)),
        Step("users", "Users", "", needs=("project", "keys"), gives=("people",)),
        Step("groups", "Groups", "", needs=("project", "people"), gives=("memberships",)),
        Step("account", "Account", "", needs=("project",), gives=("alias",), skippable=True),
        Step("review", "Review", "", needs=("people", "memberships", "alias"), gives=("diff",)),
        Step("plan", "Plan", "", needs=("diff",), gives=("planned",), repeats_over="layers"),
        Step("apply", "Apply", "", needs=("planned",), gives=("applied",), repeats_over="layers"),
        Step("hand-over", "Hand over", "", needs=("applied",), gives=("sent",), repeats_over="layers"),
    ),
)


def main(folder: Path) -> int:
    """Measure and print; return the exit status."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".journal-") as temporary:
        sessions = Sessions(Path(temporary), (WORKFLOW,), lambda: datetime.now(UTC))
        session = sessions.create("admin", {}, "s")
        events = walked(session)
        session.close()
        size = (session.folder / "journal.jsonl").stat().st_size
        plain = fsyncs(Path(temporary), size // EVENTS)
        resumes = [resumed(sessions) for _ in range(RESUMES)]
    event, resume = statistics.median(events) * 1_000, statistics.median(resumes)
    slow = statistics.quantiles(events, n=20)[-1] * 1_000
    print(f"an event, fsynced        {event:8.3f} ms (budget {MILLISECONDS_AN_EVENT}; p95 {slow:.3f})")
    print(f"  a bare write and fsync {plain * 1_000:8.3f} ms")
    print(
        f"resume of {EVENTS:,} events   {resume:8.4f} s  (budget {SECONDS_TO_RESUME}; {size / 1024:.0f} KiB)"
    )
    return status(event <= MILLISECONDS_AN_EVENT and resume <= SECONDS_TO_RESUME)


def walked(session: Session) -> list[float]:
    """Walk the workflow repeatedly until it has its number of events; return the seconds for each."""
    seconds: list[float] = []
    turn = 0
    while len(seconds) < EVENTS:
        key = session.proposal() or session.layout()[turn % len(session.layout())]
        turn += 1
        given = facts(session, key.step, turn)
        moves = [partial(session.start, key), partial(session.succeed, key, given)]
        if session.state.settled(key):
            moves.insert(0, partial(session.reopen, key, "again"))
        for move in moves[: EVENTS - len(seconds)]:
            begun = time.perf_counter()
            move()
            seconds.append(time.perf_counter() - begun)
    return seconds


def facts(session: Session, step: str, turn: int) -> dict[str, object]:
    """Return a step's facts for this turn; the lists are as long as real ones."""
    given: dict[str, object] = {name: f"{name} {turn}" for name in session.state.workflow.step(step).gives}
    if step == "project":
        given["layers"] = LAYERS
    if step == "users":
        given["people"] = [*PEOPLE, str(turn)]
    return given


def resumed(sessions: Sessions) -> float:
    """Return the seconds for resuming, up to the proposal of where to continue."""
    begun = time.perf_counter()
    session = sessions.open("s")
    session.proposal()
    taken = time.perf_counter() - begun
    session.close()
    return taken


def fsyncs(folder: Path, size: int) -> float:
    """Return the seconds of a bare write and fsync of that many bytes, as a yardstick."""
    seconds = []
    descriptor = os.open(folder / "yardstick", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for _ in range(200):
        begun = time.perf_counter()
        os.write(descriptor, bytes(size))
        os.fsync(descriptor)
        seconds.append(time.perf_counter() - begun)
    os.close(descriptor)
    return statistics.median(seconds)


if __name__ == "__main__":
    named = [Path(word) for word in sys.argv[1:] if not word.startswith("-")]
    sys.exit(main(named[0] if named else Path.cwd()))
