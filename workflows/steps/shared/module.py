"""The common interface of step modules: what a step may read, how it reports, what it observes.

A step module (`step_modules` lists them by the ids of their declarations) holds a frozen `Request` (the
person's choices on its screen), `validate(request, context)`, `perform(request, context, report)` and
`observe(context)`. A step with several actions (decrypt, copy, confirm) offers further functions, and
`perform` records the outcome.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from workflows.core.secret import Secret
from workflows.core.sentences import Cancelled, OnboardError, Problem, Sentence
from workflows.environment import Environment
from workflows.layer.model import Project
from workflows.machine.events import (
    AGREES,
    NOT_ASKED,
    RESTED,
    Facts,
    JsonValue,
    Observation,
    StepKey,
    Verdict,
)
from workflows.steps.decisions import Decisions
from workflows.terraform.binary import Binary


@dataclass(frozen=True)
class Found:
    """What a command has found before its step begins.

    Attributes:
        project: the project.
        binary: the program of the item's layer, which is being asked for its version.
        upstream: fails if the checkout is behind its upstream, which is being asked; None if it isn't asked.
    """

    project: Project
    binary: Future[Binary]
    upstream: Future[None] | None = None


@dataclass(frozen=True)
class Context:
    """What a step may read.

    Attributes:
        environment: the outside.
        facts: one-time facts, and facts of the same item, by plain name.
        every: all facts by scoped name ("plan@management"), for steps that look across items.
        item: the item of a repeated step (an account's name), "" otherwise.
        folder: the session's private folder (0700).
        cancelled: set when the person wants to stop.
        leaving: set when the wizard closes or shows another step. A process that continues on its own (a
            running Terraform, by its `leave`) is no longer watched.
        contradicted: the steps that the world contradicts, among those that the step needs; all of them, even
            those that are open again, for a look over all items.
        observed: the last look's result for each step.
        skipped: the steps that the person skipped.
        opens: whether a look may open what the person's PGP key protects, because they asked for it.
        found: what a command found before, so that its step doesn't search again; None in a session.
        sessions: the folder of the sessions, for a command; None in a session, which is in it.
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
    found: Found | None = None
    sessions: Path | None = None

    @cached_property
    def decisions(self) -> Decisions:
        """The decisions in the facts.

        Raises:
            WrongShape: a fact has the wrong shape.
        """
        return Decisions.from_facts(self.facts)

    def of_each_item(self, fact: str) -> Mapping[str, JsonValue]:
        """Return a repeated step's facts, by item, for items that have it."""
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
        """The project's folder, as found by the Project step."""
        return Path(str(self.facts["project_root"]))

    def confirmed(self, step: str) -> str:
        """Return when the last look confirmed a step of the same item; "" on the person's word alone."""
        look = self.observed.get(StepKey(step, self.item), NOT_ASKED)
        return "" if look.said_so or look.contradicts else look.at

    def raise_if_cancelled(self) -> None:
        """Stop if the person asked for it.

        Raises:
            Cancelled: they did.
        """
        if self.cancelled.is_set():
            raise stopped()


def stopped() -> Cancelled:
    """Return the error that ends a stopped step."""
    return Cancelled("Stopped", "You stopped this step.", next="Start it again whenever you like.")


class Refused(OnboardError):  # noqa: N818 - nothing failed
    """The step rejects its request before it begins anything; its page shows why while that holds."""

    def as_record(self) -> dict[str, str]:
        """Record that the step only waits for a decision."""
        return {**super().as_record(), "kind": RESTED}


@dataclass(frozen=True)
class Progress:
    """A step's progress; each report replaces the previous one.

    Attributes:
        words: what is being done now.
        done: how many of `total` parts are done; 0 of 0 if unknown.
        total: how many parts there are.
        payload: a typed value that the step's own screen understands (such as a Terraform event), or None.
    """

    words: Sentence
    done: int = 0
    total: int = 0
    payload: Any = None


Report = Callable[[Progress], None]


@dataclass(frozen=True)
class Looks:
    """Observations of other steps made during a step's work; the payload of a progress."""

    by_step: Mapping[StepKey, Observation]


class StepModule(Protocol):
    """A step module, as a session's run sees it; modules satisfy it by their functions.

    A module that also has `inquire(context)` can answer questions that take the network. It is called in the
    background after a resume, and never asks a person for anything. If it may need an MFA code or a
    passphrase, the module has a `guarded_look`, for when a person asks to look again.

    A module whose `observe` offers to accept a change has `accept(shown, context, report)`, which returns
    facts like `perform`; `shown` is what the person was asked about.
    """

    def validate(self, request: Any, context: Context, /) -> list[Problem]:
        """Return the problems of the input, quickly and without changes."""

    def perform(self, request: Any, context: Context, report: Report, /) -> Facts:
        """Do the step and return its facts.

        Raises:
            OnboardError: it failed, and the previous state is unchanged.
        """

    def observe(self, context: Context, /) -> Observation:
        """Compare the world with the journal of a done step; cheap, without network."""


def unless_refused(check: Callable[[], object]) -> Observation:
    """Turn a check into an observation: the world agrees, or has changed as the error says."""
    try:
        check()
    except OnboardError as error:
        return Observation(Verdict.CHANGED, error.what)
    return AGREES


Inquire = Callable[[Context], Observation]


def inquiry(module: StepModule) -> Inquire | None:
    """Return the function that asks the network about a done step, or None."""
    found: Inquire | None = getattr(module, "inquire", None)
    return found


@dataclass(frozen=True)
class GuardedLook:
    """How an `inquire` gets the MFA code or passphrase that it needs.

    Attributes:
        due: returns the serial of the device, or the fingerprint of the PGP key, whose secret is needed, or
            ""; uses no network; raises OnboardError.
        begin: uses the secret, which serves every later look; raises OnboardError.
        passphrase: whether it is a passphrase.
    """

    due: Callable[[Context], str]
    begin: Callable[[Context, Secret], None]
    passphrase: bool = False


def guarded_look(module: StepModule) -> GuardedLook | None:
    """Return how the module's looks get a secret, or None if they never need one."""
    found: GuardedLook | None = getattr(module, "guarded_look", None)
    return found


Mail = Callable[[Context], Mapping[str, int]]


def mail_of(module: StepModule) -> Mail | None:
    """Return the function that says whose awaited texts are in the mailbox, with file times, or None."""
    found: Mail | None = getattr(module, "mail_for", None)
    return found


Accept = Callable[[Observation, Context, Report], Facts]


def acceptance(module: StepModule) -> Accept | None:
    """Return the function that accepts what the world shows as done, or None."""
    found: Accept | None = getattr(module, "accept", None)
    return found
