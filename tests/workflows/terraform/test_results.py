"""Whose lock a state has: it is ours only if an ended run of this computer certainly took it."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from workflows.core.shapes import WrongShape
from workflows.terraform.failures import LockInfo
from workflows.terraform.results import (
    ApplyResult,
    EndedRun,
    forget_lock,
    forget_replacements,
    note_lock,
    pending_replacements,
    replace_next,
    run_that_left,
)
from workflows.terraform.runner import Kind, LeftRunning, Run, Watch

_WORKS = {
    "type": "apply_start",
    "@message": "module.user: Creating...",
    "hook": {"resource": {"addr": "module.user"}, "action": "create"},
}
_VERSION = {"type": "version", "@message": "Terraform 1.15.5"}


def program(*events: dict[str, Any], end: str) -> str:
    """Return a program that prints these events with the current time, and then ends with this code."""
    said = "".join(f"say({event!r})\n" for event in events)
    return (
        "import datetime, json, os, signal, sys, time\n"
        "def say(event):\n"
        "    event['@timestamp'] = datetime.datetime.now().astimezone().isoformat()\n"
        f"    print(json.dumps(event), flush=True)\n{said}{end}\n"
    )


def started(folder: Path, text: str, kind: Kind = Kind.APPLY) -> Run:
    return Run.start(
        [sys.executable, "-I", "-S", "-c", text],
        kind=kind,
        folder=folder / kind,
        cwd=folder,
        environment={"PATH": os.defpath},
    )


def ended(folder: Path, *events: dict[str, Any], end: str, kind: Kind = Kind.APPLY) -> Run:
    run = started(folder, program(*events, end=end), kind)
    run.follow()
    return run


KILLED = "os.kill(os.getpid(), signal.SIGKILL)"


def lock_of(run: Run, *, made: datetime | None = None, operation: str = "OperationTypeApply") -> LockInfo:
    """Return the lock that a run took right after its start, as Terraform records it."""
    assert run.description.begun_at is not None
    moment = made or datetime.fromtimestamp(run.description.begun_at, UTC)
    created = f"{moment:%Y-%m-%d %H:%M:%S.%f} +0000 UTC"
    return LockInfo("0eabc5d8", run.description.holder, operation, created)


@pytest.mark.parametrize("put_away", [False, True])
def test_the_lock_of_a_killed_apply_is_known_before_and_after_its_end_is_taken_in(
    tmp_path: Path, put_away: bool
) -> None:
    run = ended(tmp_path, _VERSION, _WORKS, end=KILLED)
    lock = lock_of(run)
    if put_away:
        note_lock(run, tmp_path)
        run.discard()
    found = run_that_left(lock, tmp_path)
    assert found is not None
    assert (found.kind, found.killed, found.holder) == ("apply", True, lock.who)
    assert found.begun_at <= found.locked_at
    forget_lock(tmp_path)
    assert (run_that_left(lock, tmp_path) is None) is put_away


def test_an_apply_that_could_not_release_its_lock_is_ours_too(tmp_path: Path) -> None:
    run = ended(tmp_path, _VERSION, _WORKS, end="sys.exit(1)")
    found = run_that_left(lock_of(run), tmp_path)
    assert found is not None
    assert not found.killed


def test_a_killed_plan_leaves_the_lock_of_a_plan(tmp_path: Path) -> None:
    run = ended(tmp_path, _VERSION, _WORKS, end=KILLED, kind=Kind.PLAN)
    assert run_that_left(lock_of(run), tmp_path) is None
    assert run_that_left(lock_of(run, operation="OperationTypePlan"), tmp_path) is not None


def test_what_differs_in_anything_is_somebody_elses(tmp_path: Path) -> None:
    run = ended(tmp_path, _VERSION, _WORKS, end=KILLED)
    own = lock_of(run)
    assert run.description.begun_at is not None
    begun = datetime.fromtimestamp(run.description.begun_at, UTC)
    for other in (
        replace(own, who="sam@laptop"),
        replace(own, who=""),
        replace(own, operation="OperationTypePlan"),
        lock_of(run, made=begun - timedelta(seconds=1)),
        lock_of(run, made=datetime.now(UTC) + timedelta(seconds=1)),
        replace(own, created="yesterday"),
        replace(own, created="2026-02-03 10:20:30"),
        replace(own, created=""),
    ):
        assert run_that_left(other, tmp_path) is None
    assert run_that_left(own, tmp_path) is not None


def test_a_kept_moment_without_a_time_zone_is_damage(tmp_path: Path) -> None:
    killed = ended(tmp_path, _VERSION, _WORKS, end=KILLED)
    lock = lock_of(killed)
    note_lock(killed, tmp_path)
    killed.discard()
    kept = tmp_path / "left-lock.json"
    kept.write_text(kept.read_text().replace("+00:00", ""))
    with pytest.raises(WrongShape, match="time zone"):
        run_that_left(lock, tmp_path)


@pytest.mark.parametrize("events", [(), (_VERSION,)])
def test_an_apply_that_never_got_so_far_is_not_said_to_hold_a_lock(
    tmp_path: Path, events: tuple[dict[str, Any], ...]
) -> None:
    run = ended(tmp_path, *events, end=KILLED)
    assert run_that_left(lock_of(run), tmp_path) is None


def test_a_run_that_goes_on_is_never_offered(tmp_path: Path) -> None:
    run = started(tmp_path, program(_VERSION, _WORKS, end="time.sleep(600)"))
    leave = threading.Event()
    with pytest.raises(LeftRunning):
        run.follow(Watch(lambda update: leave.set() if update.events else None, leave=leave))
    assert run_that_left(lock_of(run), tmp_path) is None
    os.kill(json.loads((run.folder / "process.json").read_text())["pid"], signal.SIGKILL)
    run.follow()
    assert run_that_left(lock_of(run), tmp_path) is not None


def test_a_run_that_only_met_the_lock_does_not_hide_whose_it_is_and_one_that_went_through_does(
    tmp_path: Path,
) -> None:
    killed = ended(tmp_path, _VERSION, _WORKS, end=KILLED)
    lock = lock_of(killed)
    note_lock(killed, tmp_path)
    killed.discard()
    refused = ended(tmp_path, _VERSION, end="sys.exit(1)", kind=Kind.PLAN)
    note_lock(refused, tmp_path)
    refused.discard()
    assert run_that_left(lock, tmp_path) is not None
    note_lock(ended(tmp_path, _VERSION, _WORKS, end="sys.exit(0)"), tmp_path)
    assert run_that_left(lock, tmp_path) is None


def test_how_it_ended_is_said() -> None:
    killed = EndedRun("apply", "jane@laptop", "", "", "", killed=True)
    assert killed.ending != replace(killed, killed=False).ending


@pytest.mark.parametrize(
    ("exit_code", "done", "left"),
    [
        (0, ("a",), ()),
        (1, ("a", "c"), ("b",)),
        (None, ("b",), ("a",)),
        (1, (), ("a", "b")),
        (1, ("a", "b"), ()),
    ],
)
def test_what_an_apply_replaced_is_not_replaced_once_more(
    tmp_path: Path, exit_code: int | None, done: tuple[str, ...], left: tuple[str, ...]
) -> None:
    for address in ("a", "b"):
        replace_next(tmp_path, address)
    forget_replacements(tmp_path, ApplyResult(exit_code, done, failed=(), remaining=()))
    assert pending_replacements(tmp_path) == left
