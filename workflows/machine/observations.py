"""What a look at the world says about a step that was done, and what the person may decide about it.

A contradiction is derived from the last look, never stored as an event; the journal stores what the person
decides. The last looks are kept beside the journal, so that the list of sessions knows of them too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from workflows.core.errors import OnboardError
from workflows.core.files import read_text, write_atomically
from workflows.core.grouping import by_key
from workflows.core.parsing import parse_json
from workflows.core.sentences import Sentence, joined, listed
from workflows.core.shapes import moment, plain, read
from workflows.machine.events import StepKey
from workflows.machine.summaries import OBSERVED

_COUNTS_FOR = timedelta(hours=1)
"""How long an answer of the world stands for one of now, where it can't be asked again."""
_MOST_NAMED = 3
_MAX_BYTES = 1_000_000


class Verdict(StrEnum):
    """What the world says about what was decided."""

    AS_DECIDED = "as decided"
    ELSEWHERE = "done elsewhere"
    UNDONE = "undone"
    CHANGED = "changed"
    GONE = "gone"
    AWAITED = "awaited"
    TAKEN_BACK = "taken back"
    UNKNOWN = "unknown"


_AGREEING = frozenset({Verdict.AS_DECIDED, Verdict.UNKNOWN, Verdict.AWAITED, Verdict.TAKEN_BACK})
"""Not knowing, waiting for somebody, and what a later session did on purpose are no disagreement."""


class Choice(StrEnum):
    """What a person may decide about a contradiction."""

    CONTINUE = "continue"
    ACCEPT = "accept"
    REDO = "redo"


@dataclass(frozen=True)
class Observation:
    """A look's answer.

    Attributes:
        verdict: what the world says.
        words: what is different, or why the world could not be asked; "" when it is as decided.
        about: names, files and hashes that it concerns: a decision about one contradiction covers no other.
        continuing: what continuing as it is would mean; "" where that would do harm, and is not offered.
        accepting: what accepting it as done would record; "" where it cannot be.
        redoing: what doing the step again means; "" where its title says enough.
        effects: how the choices of doing it again, of continuing and of accepting are named; () for the usual
            names.
        at: when the world last confirmed the step, or gave this answer, if it is none against it; ISO 8601,
            "" when it never did, or only just now. Where the person said so, when they did.
        said_so: whether the person's word is all that there is.
        likely: what the person most likely wants to do about it.
        asked_at: when the network said it, ISO 8601: a look at this machine alone can't refute it. "" where
            such a look said it.
        confirmed: whether the network confirmed the step in the last hour, although this is against it.
        here: whether a look at this machine sees when it is over, although the network said it.
        remedy: what to do where the world couldn't be asked; "" where that is unknown.
        by_item: whom it concerns by item, where the look was at several items; {} where it was at its own.
        waits: what is awaited of whom in which item; () where the words say more than that.
    """

    verdict: Verdict
    words: Sentence = ""
    about: tuple[str, ...] = ()
    continuing: Sentence = ""
    accepting: Sentence = ""
    redoing: Sentence = ""
    effects: tuple[str, ...] = ()
    at: str = ""
    said_so: bool = False
    likely: Choice = Choice.REDO
    asked_at: str = ""
    confirmed: bool = False
    here: bool = False
    remedy: Sentence = ""
    by_item: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    waits: tuple[tuple[Sentence, str, str], ...] = ()

    @property
    def asked(self) -> bool:
        """Whether the network said it."""
        return bool(self.asked_at)

    @property
    def contradicts(self) -> bool:
        """Whether the world disagrees and somebody has to decide about it."""
        return self.verdict not in _AGREEING

    @property
    def stands(self) -> bool:
        """Whether it is news of the world, which no look that couldn't ask takes back."""
        return self.contradicts or self.verdict is Verdict.AWAITED

    @property
    def identity(self) -> str:
        """The same for the same contradiction, whenever it is seen; the journal stores it."""
        return "\n".join((self.verdict, *self.about))

    @property
    def choices(self) -> Mapping[Choice, Sentence]:
        """What the person may decide, each with what it means."""
        offered = {Choice.ACCEPT: self.accepting, Choice.CONTINUE: self.continuing}
        return {**{choice: words for choice, words in offered.items() if words}, Choice.REDO: self.redoing}

    @property
    def asks(self) -> bool:
        """Whether there is a choice: else all that can be done is the step again."""
        return len(self.choices) > 1


def waits_in_words(waits: Iterable[tuple[Sentence, str, str]]) -> Sentence:
    """What is awaited of whom where, in as few sentences as that takes."""
    where = by_key(((what, name), item) for what, name, item in waits)
    who = by_key(((what, listed(items, _MOST_NAMED)), name) for (what, name), items in where.items())
    return joined(f"{what}: {listed(names, _MOST_NAMED)} in {items}." for (what, items), names in who.items())


AGREES = Observation(Verdict.AS_DECIDED)


NOT_ASKED = Observation(Verdict.UNKNOWN)
SAID_SO = Observation(Verdict.UNKNOWN, said_so=True)


def seen_at(at: str, now: datetime) -> Observation:
    """The answer where the world can't be asked now, but gave one before: it counts for an hour.

    Args:
        at: when it gave it, ISO 8601.
        now: the time, aware.

    Raises:
        WrongShape: that is no moment.
    """
    fresh = now - moment(at, "at") <= _COUNTS_FOR
    return Observation(Verdict.AS_DECIDED if fresh else Verdict.UNKNOWN, at=at)


def unknown(words: Sentence = "") -> Observation:
    """The answer where the world was not asked, or gave none."""
    return Observation(Verdict.UNKNOWN, words)


def kept_observations(folder: Path) -> dict[StepKey, Observation]:
    """The last looks of a session by its folder; empty where there are none, or they cannot be read.

    They are a memory of looks that can be made again, so a damaged one is as good as none.
    """
    try:
        entries = parse_json(read_text(folder / OBSERVED, _MAX_BYTES))
        return {StepKey.parse(key): read(Observation, entry) for key, entry in entries.items()}
    except (OnboardError, OSError, ValueError, AttributeError):
        return {}


def keep_observations(folder: Path, observed: Mapping[StepKey, Observation]) -> None:
    """Keep the last looks of a session.

    Raises:
        FileError: they could not be written.
    """
    entries = {str(key): plain(observation) for key, observation in observed.items()}
    write_atomically(folder / OBSERVED, json.dumps(entries).encode("utf-8", "surrogatepass"))


def dated(now: Observation, before: Observation | None, done_at: str, at: str) -> Observation:
    """A look's answer with the time of the last one that confirmed the step.

    Args:
        now: the answer.
        before: the answer of the look before, if there was one.
        done_at: when the step was done: the world was as decided then, or the person said so.
        at: the time of this look.
    """
    if not now.contradicts and now.verdict is not Verdict.UNKNOWN:
        return replace(now, at=now.at or at)
    last = before.at if before is not None and before.at > done_at else done_at
    said_so = not now.at and before is not None and before.said_so
    same = before is not None and before.confirmed and before.identity == now.identity
    confirmed = now.confirmed or (same and seen_at(last, moment(at, "at")).verdict is Verdict.AS_DECIDED)
    return replace(now, at=now.at or last, said_so=now.said_so or said_so, confirmed=confirmed)
