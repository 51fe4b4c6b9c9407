"""A session in words, so that a person recognises it: whom it is about, what comes next, since when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from screens.step.times import told_moment
from workflows.core.counts import listed
from workflows.core.sentences import text_of
from workflows.steps.kinds import KINDS

if TYPE_CHECKING:
    from tui.session_catalogue import Entry
    from workflows.core.sentences import Sentence
    from workflows.machine.summaries import Summary
    from workflows.run import Change

_TITLES = {"admin": "Admin", "new-user": "New user", "rotation": "Rotate access keys"}
_NAMED = 3


def title_of(summary: Summary) -> str:
    """Whose work it is, and in which project: "Admin · bb"."""
    project = summary.facts.get("project") or summary.details.get("project") or ""
    parts = (_TITLES.get(summary.workflow, summary.workflow or "Session"), str(project))
    return " · ".join(part for part in parts if part)


def people_of(summary: Summary) -> str:
    """Whom it is about: "jane.doe, juan.delacruz"; "" while nobody was named."""
    if summary.workflow != "admin":
        return str(summary.facts.get("user") or "")
    names = dict.fromkeys(str(name) for kind in KINDS for name in summary.facts.get(kind) or ())
    return listed(tuple(names), _NAMED)


def standing_of(entry: Entry, now: datetime) -> str:
    """Where it stands: "next: Plan (security) · today 14:03 · sandbox"."""
    summary = entry.summary
    step = summary.next_title
    done = "all done" if summary.confirmed else "all done, not confirmed"
    trouble = summary.damage if summary.newer else f"damaged: {summary.damage}" if summary.damage else ""
    parts: list[Sentence] = [trouble or (f"next: {step}" if step else done)]
    if summary.changed:
        parts.append(told_moment(summary.changed, now))
    if entry.sandbox is not None:
        parts.append("sandbox")
    return " · ".join(map(text_of, parts))


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
    words = [title_of(entry.summary), people_of(entry.summary), standing_of(entry, now)]
    return f"{entry.summary.id}  " + " · ".join(part for part in words if part)
