"""A session in a few words, to recognise it by: its people, what comes next, since when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workflows.core.later import on_demand
from workflows.core.sentences import OnboardError, Sentence, count, joined, listed, moment_text, text_of
from workflows.core.shapes import texts
from workflows.steps.kinds import OVER_TERRAFORM, work_of

with on_demand():
    from tui import session_catalogue
    from workflows import run
    from workflows.aws.sts_regions import answers
    from workflows.machine import events
    from workflows.steps.admin import written

_NAMED, _COMMITS = 2, 5
_APPLIES = {"": "next", "running": "runs", "finished": "succeeded", "failed": "failed"}


def left_in_regions(facts: Mapping[str, Any]) -> str:
    """Say that STS regions are left to switch, or weren't all asked about; "" for neither."""
    if not facts.get("sts_regions"):
        return ""

    audit = answers.Audit.from_facts("", facts["sts_regions"])
    if answers.left_over(audit):
        return "regions left to switch"
    return "some accounts not asked" if answers.not_asked(audit) else ""


def _not_compared(entry: session_catalogue.Entry, *but: str) -> set[str]:
    """Return `Decisions.not_compared` and `rejected` without removed people, but load no decisions.

    Args:
        but: other answers that leave people out.
    """
    facts, gone, sure = entry.summary.facts, {*entry.removed}, {"same", *but}
    later = {name for name, said in (facts.get("comparisons") or {}).items() if said not in sure} - gone
    changes = facts.get("user_changes")
    if changes is None:
        return later
    added = set[str]().union(*(changes.get("add") or {}).values())
    return later - ({*(facts.get("joining") or ())} - added)


def steps_done(entry: session_catalogue.Entry) -> int:
    """Return the number of done steps as the session counts: not PGP keys while some are uncompared."""
    return entry.summary.done - ("pgp-keys" in entry.summary.settled and bool(_not_compared(entry)))


def accounts_of(entry: session_catalogue.Entry | None) -> str:
    """Return the accounts of an admin's session, or ""."""
    return listed(texts(entry.summary.facts.get("layers")), _NAMED) if entry else ""


def standing_of(entry: session_catalogue.Entry) -> tuple[str, ...]:
    """Describe a session's status and project, the most important first: "next: Plan (security)", "bb"."""
    summary = entry.summary
    step = summary.next_title
    unasked = any(step.startswith("hand-over@") for step in summary.unseen)  # who is awaited is unknown
    sure = summary.confirmed and not (unasked or _not_compared(entry))
    others = any(summary.facts.get(kind) for kind in OVER_TERRAFORM)
    skipped = summary.skipped if summary.workflow == "admin" and not others else ()
    left_out = f"skipped: {text_of(skipped[0])}" if len(skipped) == 1 else f"skipped {len(skipped)} steps"
    all_done = left_out if skipped else "all done"
    done = all_done if sure else "done, not confirmed"
    several = f"{len(summary.awaited)} people"
    whom = summary.awaited[0] if len(summary.awaited) == 1 else several
    awaited = f"waiting for {whom}" if summary.awaited else ""
    compare = "next: compare fingerprint" if _not_compared(entry, "differs") else ""
    done = compare or awaited or left_in_regions(summary.facts) or done
    if entry.undone_by:
        how = "replaced by" if entry.unapplied else "ended by"
        step, done = "", f"{how} {listed(entry.undone_by, _NAMED)}"
    trouble = summary.damage if summary.newer else f"damaged: {summary.damage}" if summary.damage else ""
    project = summary.facts.get("project") or summary.details.get("project") or ""
    accounts = accounts_of(entry)
    stands = trouble or (f"{_APPLIES[entry.apply]}: {step}" if step else done)
    gone = f"{listed(entry.removed, _NAMED)} removed since" if entry.removed and not entry.over else ""
    where = "" if entry.sandbox is None else "sandbox"
    parts: tuple[Sentence, ...] = (
        "archived" if entry.archived else "",
        stands,
        awaited if compare and not (trouble or step or entry.undone_by) else "",
        gone,
        str(project),
        accounts,
        where,
    )
    return tuple(filter(None, map(text_of, parts)))


@dataclass(frozen=True)
class Arrival:
    """The news of a session that waits for somebody.

    Attributes:
        line: what arrived and when, or who is awaited.
        here: whether it has arrived, so that the session can continue.
    """

    line: Sentence
    here: bool


def arrival_of(entry: session_catalogue.Entry, now: datetime) -> Arrival | None:
    """Return what arrived for a session, or whom it waits for; None if nobody."""
    if entry.arrived is None:
        return None
    admin = entry.summary.workflow == "admin"
    if not entry.arrived:
        return Arrival(f"waiting for {'a PGP key' if admin else 'your admin'}", here=False)
    when = moment_text(entry.arrived, now)
    own = "your admin's reply" if entry.replied else "your handoff"
    return Arrival(f"{'a request' if admin else own} arrived {when}", here=True)


def left_behind(entry: session_catalogue.Entry) -> Sentence:
    """Say which files stay in the project when a session is deleted: those it wrote and didn't apply."""
    facts, settled = entry.summary.facts, entry.summary.settled
    accounts = {file["layer"]: file.get("account") for file in facts.get("changed_files") or ()}
    # older versions only recorded the layer, whose folder starts with the account's name
    applied = {
        layer
        for layer, account in accounts.items()
        if f"apply@{account or layer.partition('/')[0]}" in settled
    }
    try:
        left = written.files_left(entry.sessions.folder / entry.summary.id)
    except OnboardError as error:
        return error.what
    layers = [layer for layer, _path in left if layer not in applied]
    if not layers:
        return ""
    where = listed(sorted(set(layers)), _NAMED)
    return f"It wrote {count(len(layers), 'file')} in {where} and didn't apply them: they stay as they are."


def answer_text(look: events.Observation, now: datetime) -> Sentence:
    """Return a look's message; a contradiction from the network has its time, since it may be over."""
    when = f"Last checked {moment_text(look.asked_at, now)}." if look.asked and look.contradicts else ""
    return joined((look.words, when))


def since_you_left(seen: run.Return, resumes_with: Sentence, now: datetime) -> str:
    """Describe what changed in the world since the session was left, and the step it continues with."""
    changes = [
        f"{'≠' if look.contradicts else '?'} {change.title}\n  {answer_text(look, now)}"
        for change in seen.changes
        for look in (change.observation,)
    ]
    commits = [
        f"  {commit.name} {'you' if commit.mine else commit.author}: {commit.subject}"
        for commit in seen.commits[:_COMMITS]
    ]
    if commits:
        commits.insert(0, "New commits in this checkout:")
    if len(seen.commits) > _COMMITS:
        commits.append("  and more")
    last = f"Last step: {seen.last} ({moment_text(seen.at, now)})" if seen.last else ""
    instead = f", instead of {seen.instead}" if seen.instead else ""
    following = f"Next: {resumes_with}{instead}" if resumes_with else ""
    return "\n\n".join(filter(None, (last, "\n".join(changes), "\n".join(commits), following)))


def session_row(entry: session_catalogue.Entry, now: datetime) -> tuple[str, str]:
    """Return the id that `iam-onboard resume` takes, and what the session is about."""
    changed = moment_text(entry.summary.changed, now) if entry.summary.changed else ""
    arrival = arrival_of(entry, now)
    words = [work_of(entry.summary), *standing_of(entry), text_of(arrival.line) if arrival else "", changed]
    return entry.summary.id, " · ".join(part for part in words if part)
