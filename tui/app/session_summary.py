"""A session in words, so that a person recognises it: whom it is about, what comes next, since when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from screens.step.times import told_moment
from workflows.core.sentences import listed, text_of

if TYPE_CHECKING:
    from tui.session_catalogue import Entry
    from workflows.core.sentences import Sentence
    from workflows.machine.summaries import Summary
    from workflows.run import Change

_VERBS = {
    "joining": "Add",
    "leaving": "Remove",
    "regrouping": "Change groups of",
    "resetting": "Reset password of",
    "rekeying": "Replace key of",
    "mfa_reset": "Replace MFA of",
}
_OWN = {"new-user": "Set up my access", "rotation": "Rotate my access key"}
_NAMED = 2


def work_of(summary: Summary) -> str:
    """What a session does, for whom: "Add jane.doe"; of several kinds of work the first that has people."""
    if summary.workflow != "admin":
        return _OWN.get(summary.workflow, summary.workflow or "Session")
    for kind, verb in _VERBS.items():
        if names := [str(name) for name in summary.facts.get(kind) or ()]:
            return f"{verb} {listed(tuple(names), _NAMED)}"
    if summary.facts.get("regions_wanted"):
        return "Check STS regions"
    return "Account settings" if summary.facts.get("account_wanted") else "Admin, nobody named yet"


def standing_of(entry: Entry) -> str:
    """Where it stands, in which project: "next: Plan (security) · bb · sandbox"."""
    summary = entry.summary
    step = summary.next_title
    done = "all done" if summary.confirmed else "all done, not confirmed"
    if summary.awaited:
        done = f"waiting for {listed(summary.awaited, _NAMED)}"
    trouble = summary.damage if summary.newer else f"damaged: {summary.damage}" if summary.damage else ""
    project = summary.facts.get("project") or summary.details.get("project") or ""
    parts: list[Sentence] = [trouble or (f"next: {step}" if step else done), str(project)]
    if entry.sandbox is not None:
        parts.append("sandbox")
    return " · ".join(filter(None, map(text_of, parts)))


@dataclass(frozen=True)
class Arrival:
    """What a session that waits for somebody has to say.

    Attributes:
        line: what arrived, or who is waited for.
        here: whether it has arrived, so that the session can go on.
    """

    line: Sentence
    here: bool


def arrival_of(entry: Entry) -> Arrival | None:
    """What arrived for a session, or whom it waits for; None if it waits for nobody."""
    here = entry.arrived
    if here is None:
        return None
    if entry.summary.workflow == "admin":
        return Arrival("a request has arrived" if here else "waiting for a PGP key", here)
    return Arrival("your handoff has arrived" if here else "waiting for your admin", here)


def since_you_left(changes: Iterable[Change], resumes_with: Sentence) -> str:
    """What changed in the world while the session rested, and the title of the step that it resumes with."""
    lines = [
        f"{'~' if one.observation.contradicts else '?'} {one.title}: {one.observation.words}"
        for one in changes
    ]
    lines += ["", f"Next: {resumes_with}"] if resumes_with else []
    return "Since you left:\n\n" + "\n".join(lines)


def session_line(entry: Entry, now: datetime) -> str:
    """The whole in a line, with the id that `iam-onboard resume` takes."""
    changed = told_moment(entry.summary.changed, now) if entry.summary.changed else ""
    words = [work_of(entry.summary), standing_of(entry), changed]
    return f"{entry.summary.id}  " + " · ".join(part for part in words if part)
