"""Moments as people tell them: in their own time zone, by the day where that is near."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from workflows.core.sentences import joined

if TYPE_CHECKING:
    from workflows.core.sentences import Sentence
    from workflows.machine.observations import Observation


def moment_text(moment: str, now: datetime, zone: tzinfo | None = None) -> str:
    """A moment in a few words, without seconds.

    Args:
        moment: ISO 8601 with its offset, as the journal has it.
        now: the time now, aware.
        zone: the person's time zone; the machine's by default.

    Returns:
        As "today 14:03", "yesterday 09:30", "5 Jan 14:03", or "5 Jan 2025"; the text itself if it is none.
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
    """Since when: today's moments by the clock alone."""
    return f"since {moment_text(moment, now).removeprefix('today ')}"


def answer_text(look: Observation, now: datetime) -> Sentence:
    """What a look says; what the network said against a step has its time, since it may be over by now."""
    dated = look.asked and look.contradicts
    when = f"Last checked {moment_text(look.asked_at, now)}." if dated else ""
    return joined((look.words, when))


def said_so(moment: str, now: datetime) -> str:
    """That something is done by the person's word alone."""
    when = f" {moment_text(moment, now)}" if moment else ""
    return f"You said so{when}; iam-onboard can't see it from here."
