"""Times as people write them: in their own time zone, by the day if it is near."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from workflows.core.later import on_demand
from workflows.core.sentences import Sentence, joined

with on_demand():
    from workflows.machine import observations


def moment_text(moment: str, now: datetime, zone: tzinfo | None = None) -> str:
    """Return a time in short form, without seconds.

    Args:
        moment: ISO 8601 with its offset, as in the journal.
        now: the current time, aware.
        zone: the user's time zone; the machine's by default.

    Returns:
        As "today 14:03", "yesterday 09:30", "5 Jan 14:03", or "5 Jan 2025"; the text itself if it isn't a
            time.
    """
    try:
        at = datetime.fromisoformat(moment).astimezone(zone)
    except (ValueError, OverflowError):
        return moment
    today = now.astimezone(zone).date()
    clock = f"{at:%H:%M}"
    if at.date() == today:
        return f"today {clock}"
    if at.date() == today - timedelta(days=1):
        return f"yesterday {clock}"
    day = f"{at.day} {at:%b}"
    return f"{day} {clock}" if at.year == today.year else f"{day} {at.year}"


def since_text(moment: str, now: datetime) -> str:
    """Return since when; times of today as the clock time only."""
    return f"since {moment_text(moment, now).removeprefix('today ')}"


def answer_text(look: observations.Observation, now: datetime) -> Sentence:
    """Return a look's message; a contradiction from the network has its time, since it may be over."""
    when = f"Last checked {moment_text(look.asked_at, now)}." if look.asked and look.contradicts else ""
    return joined((look.words, when))


def said_so(moment: str, now: datetime) -> str:
    """Say that something is done on the user's word alone."""
    when = f" {moment_text(moment, now)}" if moment else ""
    return f"Done on your word{when}; iam-onboard can't check it from here."
