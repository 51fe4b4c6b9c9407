"""What every step module has in common: what it may read, how it reports, what it says of the world.

A step module (`step_modules` lists them by the ids of their declarations) holds a frozen `Request` (what a
person decides on its screen), `validate(request, context)`, `perform(request, context, report)` and
`observe(context)`; where a step goes in several moves (decrypt, copy, confirm) it offers further functions,
and `perform` records the outcome.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from workflows.core.errors import Cancelled, OnboardError, Problem
from workflows.core.secret import Secret
from workflows.core.sentences import Sentence
from workflows.environment import Environment
from workflows.machine.events import Facts, JsonValue, StepKey
from workflows.machine.observations import AGREES, NOT_ASKED, Observation, Verdict
from workflows.steps.decisions import Decisions


@dataclass(frozen=True)
class Context:
    """What a step may read.

    Attributes:
        environment: the outside.
        facts: the facts given once, and those of the same item, by plain name.
        every: all facts by scoped name ("plan@management"), for steps that look across items.
        item: the item of a repeated step (an account's name), "" otherwise.
        folder: the session's private folder (0700).
        cancelled: set when the person wants to stop.
        leaving: set when the wizard closes or another step is shown: what goes on by itself (a running
            Terraform, by its `leave`) is no longer watched.
        contradicted: the steps that the world contradicts, for a look over all items.
        observed: what the last look said of each step.
        skipped: the steps that the person skipped, likewise.
        opens: whether a look may open what the person's PGP key guards, since they asked for it.
    """

    environment: Environment
    facts: Mapping[str, JsonValue]
    every: Mapping[str, JsonValue]
    item: str
    folder: Path
    cancelled: threading.Event = field(default_factory=threading.Event)
    leaving: threading.Event = field(default_factory=threading.Event)
    contradicted: frozenset[StepKey] = frozenset()
    observed: Mapping[StepKey, Observation] = field(default_factory=dict)
    skipped: frozenset[StepKey] = frozenset()
    opens: bool = False

    @cached_property
    def decisions(self) -> Decisions:
        """What the facts say is decided.

        Raises:
            WrongShape: one is not what it should be.
        """
        return Decisions.from_facts(self.facts)

    def of_each_item(self, fact: str) -> Mapping[str, JsonValue]:
        """What a repeated step gave, by item, for those items that have it."""
        return self._of_each_item.get(fact, {})

    @cached_property
    def _of_each_item(self) -> Mapping[str, Mapping[str, JsonValue]]:
        found: dict[str, dict[str, JsonValue]] = {}
        for name, value in self.every.items():
            fact, _, item = name.partition("@")
            if item:
                found.setdefault(fact, {})[item] = value
        return found

    @property
    def root(self) -> Path:
        """The project's folder, as the Project step found it."""
        return Path(str(self.facts["project_root"]))

    def confirmed(self, step: str) -> str:
        """When the last look confirmed a step (of the same item) that only the person spoke for, or ""."""
        look = self.observed.get(StepKey(step, self.item), NOT_ASKED)
        return "" if look.said_so or look.contradicts else look.at

    def raise_if_cancelled(self) -> None:
        """Stop here if the person asked to.

        Raises:
            Cancelled: they did.
        """
        if self.cancelled.is_set():
            raise stopped()


def stopped() -> Cancelled:
    """What a step that was stopped ends with."""
    return Cancelled("Stopped", "You stopped this step.", next="Start it again whenever you like.")


@dataclass(frozen=True)
class Progress:
    """How far a step is; each one replaces the one before.

    Attributes:
        words: what is being done now.
        done: how many parts are done, of `total`; 0 of 0 where that is not known.
        total: how many parts there are.
        payload: something typed that the step's own screen understands (a Terraform event), or None.
    """

    words: Sentence
    done: int = 0
    total: int = 0
    payload: Any = None


Report = Callable[[Progress], None]


@dataclass(frozen=True)
class Looks:
    """What the work of a step showed of other steps; the payload of a progress."""

    by_step: Mapping[StepKey, Observation]


class StepModule(Protocol):
    """A step module, as a session's run sees it; modules satisfy it by their functions.

    A module with an `inquire(context)` besides can be asked what takes the network; that is done in the
    background after a resume, and never asks a person for anything. Where that may take an MFA code or a
    passphrase, the module has a `guarded_look`, for when a person asks to look again.

    A module whose `observe` offers to accept it has an `accept(shown, context, report)`, which gives
    the facts as `perform` does; `shown` is what the person was asked about.
    """

    def validate(self, request: Any, context: Context, /) -> list[Problem]:
        """What is not right with the input; quick, and nothing is changed."""

    def perform(self, request: Any, context: Context, report: Report, /) -> Facts:
        """Do the step and give its facts.

        Raises:
            OnboardError: it could not be done; what was there before is still there.
        """

    def observe(self, context: Context, /) -> Observation:
        """Compare the world with what the journal says of a done step; cheap, no network."""


def unless_refused(check: Callable[[], object]) -> Observation:
    """The answer of a look that is a check: the world agrees, or has changed as the refusal says."""
    try:
        check()
    except OnboardError as error:
        return Observation(Verdict.CHANGED, error.what)
    return AGREES


Inquire = Callable[[Context], Observation]


def inquiry(module: StepModule) -> Inquire | None:
    """What asks the network about a done step, or None."""
    found: Inquire | None = getattr(module, "inquire", None)
    return found


@dataclass(frozen=True)
class GuardedLook:
    """How an `inquire` that takes an MFA code or a passphrase gets it.

    Attributes:
        due: gives the serial of the device, or the fingerprint of the PGP key, whose secret is due, "" for
            none; asks no network; raises OnboardError.
        begin: uses the secret, which serves every later look; raises OnboardError.
        passphrase: whether it is a passphrase.
    """

    due: Callable[[Context], str]
    begin: Callable[[Context, Secret], None]
    passphrase: bool = False


def guarded_look(module: StepModule) -> GuardedLook | None:
    """How the module's looks get what they take, or None if they never take anything."""
    found: GuardedLook | None = getattr(module, "guarded_look", None)
    return found


Accept = Callable[[Observation, Context, Report], Facts]


def acceptance(module: StepModule) -> Accept | None:
    """What takes in as done what the world shows, or None."""
    found: Accept | None = getattr(module, "accept", None)
    return found
