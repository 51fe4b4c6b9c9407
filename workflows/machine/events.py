"""What is known about a step: the seven things that can happen to it, and how the world looks afterwards.

The journal stores events and nothing else. An event names its step by a `StepKey`, so that a step that
repeats over layers or identities has a history for each. Facts are plain JSON values; `checked_facts` ensures
that none is a secret.

An observation is the result of looking at the world after a step is done. A contradiction is derived from the
last look, never stored as an event; the journal stores the person's decision. The last looks are kept beside
the journal, so that the list of sessions knows them too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from workflows.core.files import read_text, write_atomically
from workflows.core.grouping import by_key
from workflows.core.parsing import parse_json
from workflows.core.sentences import OnboardError, Sentence, joined, listed
from workflows.core.shapes import moment, plain, read, with_texts
from workflows.machine.summaries import OBSERVED

JsonValue = Any
Facts = Mapping[str, JsonValue]
STOPPED, RESTED = "stopped", "rested"


@dataclass(frozen=True, order=True)
class StepKey:
    """A step and, for a repeated one, its item (a layer's account, an identity's account).

    Attributes:
        step: the id of the step's declaration.
        item: the item it repeats over, or "" for a step that happens once.
    """

    step: str
    item: str = ""

    def __str__(self) -> str:
        return f"{self.step}@{self.item}" if self.item else self.step

    @classmethod
    def parse(cls, text: str) -> StepKey:
        """Parse the `str()` of a key."""
        step, _, item = text.partition("@")
        return cls(step, item)


@dataclass(frozen=True)
class Happened:
    """The common fields of all events.

    Attributes:
        key: the step.
        run: the process in which it happened, by its own name; only that run can end what it starts.
        at: when, ISO 8601 in UTC.
    """

    key: StepKey
    run: str
    at: str


@dataclass(frozen=True)
class Started(Happened):
    """Work on the step began."""


@dataclass(frozen=True)
class Succeeded(Happened):
    """The step is done and gave `facts` (JSON values; never a secret)."""

    facts: Facts


@dataclass(frozen=True)
class Failed(Happened):
    """The step failed; `error` holds title, what, why, next and detail.

    Its kind is `STOPPED` if the person stopped it, and `RESTED` if it only waited for them from then on.
    """

    error: Mapping[str, str]


@dataclass(frozen=True)
class Skipped(Happened):
    """The person skipped an optional step, with a reason (may be "")."""

    reason: str


@dataclass(frozen=True)
class Reopened(Happened):
    """A settled step is to be done again, with a reason for its page ("" if the person asked for it)."""

    reason: str


@dataclass(frozen=True)
class Acknowledged(Happened):
    """The person continues although the world contradicts the step; `seen` is `Observation.identity`."""

    seen: str


@dataclass(frozen=True)
class Moved(Happened):
    """A folder that the step found has moved: paths in `before` are now in `now`."""

    before: str
    now: str


Event = Started | Succeeded | Failed | Skipped | Reopened | Acknowledged | Moved


class UnstorableFactError(TypeError):
    """A fact that isn't a plain JSON value, or is a secret: a bug in the step that gave it."""


def checked_facts(facts: Facts) -> dict[str, JsonValue]:
    """Return a deep copy of the facts as plain JSON values (tuples become lists, enums their plain values).

    Raises:
        UnstorableFactError: a value isn't JSON (NaN and infinity aren't, nor is a `Secret`).
    """
    return {_text(name, "facts"): plain_value(value, str(name)) for name, value in facts.items()}


def plain_value(value: object, path: str) -> JsonValue:
    """Return a deep copy of a value as plain JSON; `path` names it in the error.

    Raises:
        UnstorableFactError: as `checked_facts`.
    """
    match value:
        case None | bool():
            return value
        case str():
            return str.__str__(value)
        case int():
            return int(value)
        case float() if math.isfinite(value):
            return float(value)
        case list() | tuple():
            return [plain_value(item, f"{path}[{index}]") for index, item in enumerate(value)]
        case Mapping():
            return {_text(key, path): plain_value(item, f"{path}.{key}") for key, item in value.items()}
    what = repr(value) if isinstance(value, float) else f"a {type(value).__name__}"
    raise UnstorableFactError(f"the fact {path} is {what}, which a journal can't hold")


def in_folder(value: JsonValue, before: str, now: str) -> JsonValue:
    """Replace every path in the folder `before` by one in `now`, in a value and in the keys of objects."""

    def moved(text: str) -> str:
        inside = text == before or text.startswith(f"{before}/")
        return now + text[len(before) :] if inside else text

    return with_texts(value, moved)


def _text(name: object, path: str) -> str:
    if isinstance(name, str):
        return str.__str__(name)
    raise UnstorableFactError(f"the fact {path} has a key that is a {type(name).__name__}, not a text")


@dataclass(frozen=True)
class Header:
    """The first line of a journal, which describes the session.

    Attributes:
        schema: the version of the journal's format.
        session: the session's id.
        workflow: the id of the workflow ("admin" or "new-user").
        created: when, ISO 8601 in UTC.
        details: further facts for the list of sessions (project root, sandbox folder); JSON, never secret.
    """

    schema: int
    session: str
    workflow: str
    created: str
    details: Facts = field(default_factory=dict)


_COUNTS_FOR = timedelta(hours=1)
"""How long an answer counts as current if the world can't be asked again."""
_MOST_NAMED = 3
_MAX_BYTES = 1_000_000


class Verdict(StrEnum):
    """How the world compares with the decisions."""

    AS_DECIDED = "as decided"
    ELSEWHERE = "done elsewhere"
    UNDONE = "undone"
    CHANGED = "changed"
    GONE = "gone"
    AWAITED = "awaited"
    REVERTED = "taken back"
    UNKNOWN = "unknown"


_AGREEING = frozenset({Verdict.AS_DECIDED, Verdict.UNKNOWN, Verdict.AWAITED, Verdict.REVERTED})
"""Not knowing, waiting for somebody, and a later session's intended change aren't contradictions."""


class Choice(StrEnum):
    """The person's possible decisions about a contradiction."""

    CONTINUE = "continue"
    ACCEPT = "accept"
    REDO = "redo"


@dataclass(frozen=True)
class Observation:
    """The result of a look.

    Attributes:
        verdict: how the world compares.
        words: what is different, or why the world couldn't be asked; "" if it is as decided.
        about: names, files and hashes involved; a decision about one contradiction doesn't cover others.
        continuing: the effect of continuing anyway; "" if that would do harm, and isn't offered.
        accepting: what accepting it as done would record; "" if it can't be accepted.
        redoing: the effect of doing the step again; "" if its title says enough.
        effects: labels for redoing, continuing and accepting; () for the usual ones.
        at: when the world last confirmed the step, or gave this answer if it doesn't contradict; ISO 8601, ""
            for never or just now. If the person said so, when they did.
        said_so: whether there is only the person's word.
        likely: the person's most likely choice.
        asked_at: when the network gave the answer, ISO 8601: a look at this machine alone can't refute it. ""
            if this machine gave it, or if it is unknown and nobody asked for it.
        confirmed: whether the network confirmed the step in the last hour, despite this contradiction.
        here: whether a look at this machine can see that the network's contradiction is over.
        remedy: what to do if the world couldn't be asked; "" if unknown.
        by_item: the people concerned, by item, if the look covered several items; {} if only its own. An item
            without names is concerned as a whole.
        waits: what is awaited, from whom and in which item; () if the words say more than that.
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
        """Whether the network gave the answer."""
        return bool(self.asked_at)

    @property
    def contradicts(self) -> bool:
        """Whether the world disagrees and somebody has to decide."""
        return self.verdict not in _AGREEING

    @property
    def stands(self) -> bool:
        """Whether this is news that a look without an answer doesn't cancel."""
        return self.contradicts or self.verdict is Verdict.AWAITED

    @property
    def doubted(self) -> bool:
        """Whether somebody asked, and the network confirmed nothing."""
        return self.asked and self.verdict is Verdict.UNKNOWN

    @property
    def identity(self) -> str:
        """An id that is equal for the same contradiction, whenever it is seen; the journal stores it."""
        return "\n".join((self.verdict, *self.about))

    @property
    def choices(self) -> Mapping[Choice, Sentence]:
        """The person's choices, with the effect of each."""
        offered = {Choice.ACCEPT: self.accepting, Choice.CONTINUE: self.continuing}
        return {**{choice: words for choice, words in offered.items() if words}, Choice.REDO: self.redoing}

    @property
    def asks(self) -> bool:
        """Whether there is a choice; otherwise the step can only be done again."""
        return len(self.choices) > 1


def waits_in_words(waits: Iterable[tuple[Sentence, str, str]]) -> Sentence:
    """Say what is awaited, from whom and where, in as few sentences as possible."""
    where = by_key(((what, name), item) for what, name, item in waits)
    who = by_key(((what, listed(items, _MOST_NAMED)), name) for (what, name), items in where.items())
    return joined(f"{what}: {listed(names, _MOST_NAMED)} in {items}." for (what, items), names in who.items())


AGREES = Observation(Verdict.AS_DECIDED)


NOT_ASKED = Observation(Verdict.UNKNOWN)
SAID_SO = Observation(Verdict.UNKNOWN, said_so=True)


def seen_at(at: str, now: datetime) -> Observation:
    """Return the observation if the world can't be asked now: its last answer counts for an hour.

    Args:
        at: when it answered, ISO 8601.
        now: the time, aware.

    Raises:
        WrongShape: `at` isn't a time.
    """
    fresh = now - moment(at, "at") <= _COUNTS_FOR
    return Observation(Verdict.AS_DECIDED if fresh else Verdict.UNKNOWN, at=at)


def unknown(words: Sentence = "") -> Observation:
    """Return the observation if the world wasn't asked, or didn't answer."""
    return Observation(Verdict.UNKNOWN, words)


def kept_observations(folder: Path) -> dict[StepKey, Observation]:
    """Return the last looks of a session from its folder; empty if there are none, or they can't be read.

    They record looks that can be repeated, so damaged ones count as none.
    """
    try:
        entries = parse_json(read_text(folder / OBSERVED, _MAX_BYTES))
        return {StepKey.parse(key): read(Observation, entry) for key, entry in entries.items()}
    except (OnboardError, OSError, ValueError, AttributeError):
        return {}


def keep_observations(folder: Path, observed: Mapping[StepKey, Observation]) -> None:
    """Save the last looks of a session.

    Raises:
        FileError: they couldn't be written.
    """
    entries = {str(key): plain(observation) for key, observation in observed.items()}
    write_atomically(folder / OBSERVED, json.dumps(entries).encode("utf-8", "surrogatepass"))


def dated(now: Observation, before: Observation | None, done_at: str, at: str) -> Observation:
    """Add to an observation the time of the last look that confirmed the step.

    Args:
        before: the previous one, if any.
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
