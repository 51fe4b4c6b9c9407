"""A session, the world and the step modules together: what the wizard and the command line both drive.

It knows no screen. It says what a step may read, looks at the world when somebody comes back, and proposes
where to go on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from workflows.core.errors import OnboardError
from workflows.core.sentences import Sentence, joined
from workflows.environment import Environment
from workflows.git import Commit, Git
from workflows.machine.declaration import Step
from workflows.machine.events import StepKey
from workflows.machine.observations import NOT_ASKED, Observation, Verdict, unknown
from workflows.machine.session import Session
from workflows.machine.state import SETTLED, Record, State, Status
from workflows.steps.later_sessions import only_for
from workflows.steps.shared.module import Context, GuardedLook, StepModule, guarded_look, inquiry

PROJECT = StepKey("project")


@dataclass(frozen=True)
class Change:
    """A done step that the world no longer agrees with, or cannot be asked about.

    Attributes:
        key: the step.
        title: its title, with the item of a repeated one.
        observation: what was seen.
    """

    key: StepKey
    title: Sentence
    observation: Observation


@dataclass(frozen=True)
class Return:
    """What somebody who comes back to a session should know.

    Attributes:
        changes: what the world no longer agrees with, or could not be asked about.
        commits: what the project's checkout gained since the last event.
        last: the title of the step to which something happened last; "" if nothing did yet.
        at: when that was, ISO 8601 in UTC.
    """

    changes: tuple[Change, ...]
    commits: tuple[Commit, ...] = ()
    last: Sentence = ""
    at: str = ""


@dataclass(frozen=True)
class Question:
    """A done step that the network is to be asked about.

    Attributes:
        key: the step.
        context: what it may read.
        record: what was known of it then: an answer is about that, and nothing later.
    """

    key: StepKey
    context: Context
    record: Record | None


class SessionRun:
    """One session being walked.

    Args:
        session: the session, open.
        environment: the outside.
        modules: the step modules of its workflow by the step's id; each is loaded when it is first needed.
    """

    def __init__(self, session: Session, environment: Environment, modules: Mapping[str, StepModule]) -> None:
        self.session = session
        self.environment = environment
        self._modules = modules
        self._over: tuple[State, Sentence] | None = None

    def step(self, key: StepKey) -> Step:
        """The declaration of a step.

        Raises:
            KeyError: the workflow has no such step.
        """
        return self.session.state.workflow.step(key.step)

    def module(self, key: StepKey) -> StepModule:
        """The module of a step.

        Raises:
            KeyError: the workflow has no such step.
        """
        return self._modules[key.step]

    def title(self, key: StepKey) -> Sentence:
        """A step's title, with the item of a repeated one: "Plan (security)"."""
        return self.session.state.workflow.title_of(key)

    def context(self, key: StepKey) -> Context:
        """What a step may read now."""
        state = self.session.state
        every = {name: known.value for name, known in state.known.items()}
        return Context(
            environment=self.environment,
            facts=state.facts(key.item),
            every=every,
            item=key.item,
            folder=self.session.folder,
            cancelled=threading.Event(),
            observed=state.observed,
        )

    def whole(self) -> Context:
        """What a look over all items may read: all facts, those of the items by their scoped names."""
        state = self.session.state
        every = {name: known.value for name, known in state.known.items()}
        layout = self.session.layout()
        contradicted = frozenset(key for key in layout if state.contradicted(key))
        skipped = frozenset(key for key in layout if self.session.status(key) is Status.SKIPPED)
        return Context(
            self.environment,
            state.facts(),
            every,
            "",
            self.session.folder,
            contradicted=contradicted,
            observed=state.observed,
            skipped=skipped,
        )

    def removed(self) -> Observation:
        """Whom of its people later sessions removed, as the last look at the project said."""
        look = self.session.state.observed.get(PROJECT, NOT_ASKED)
        return look if look.verdict is Verdict.TAKEN_BACK else NOT_ASKED

    def over(self) -> Sentence:
        """That later sessions removed all whom this one is for, or took back all that it applied, and how.

        "" where something is left to be done: the end of an apply that was begun has to be known first.
        """
        state = self.session.state
        if self._over is None or self._over[0] is not state:  # a page asks several times
            self._over = (state, self._over_in(state))
        return self._over[1]

    def _over_in(self, state: State) -> Sentence:
        ahead = self.session.proposal()
        if ahead is not None and self.step(ahead).outlives and self.session.record(ahead) is not None:
            return ""
        removed = self.removed()
        if only_for(removed.about, state.facts()):
            return removed.words
        taken_back = {key: state.observed[key] for key in state.seen_as(Verdict.TAKEN_BACK)}
        applies = {key for key in self.session.layout() if key.step == "apply"}
        done = ahead is None and applies and applies <= taken_back.keys()
        return joined(dict.fromkeys(taken_back[key].words for key in sorted(applies))) if done else ""

    def proposal(self) -> StepKey | None:
        """Where to continue; None when nothing is left to be done."""
        return None if self.over() else self.session.proposal()

    def next_of(self, item: str) -> StepKey | None:
        """The first step of an item (an account) that is open, else its last one; None if it has none.

        Of a session that is over, the last one that was done.
        """
        own = [key for key in self.session.layout() if key.item == item]
        open_ones = [key for key in own if self.session.status(key) not in SETTLED]
        if self.over():
            own, open_ones = [key for key in own if key not in open_ones], []
        return next(iter(open_ones or own[-1:]), None)

    def observe(self) -> tuple[Change, ...]:
        """Ask every done step whether the world still agrees, and let the session know.

        A look that fails, for whatever reason, counts as one that could not be made: the session can be
        resumed anyway.

        Returns:
            what contradicts a step without a decision about it, and what could not be looked at, with why.

        Raises:
            OnboardError: the answers could not be kept.
        """
        return self.take(self.seen(self.done()))

    def come_back(self) -> Return:
        """Look at the world as `observe` does, and at what was done since the last event.

        Raises:
            OnboardError: the answers could not be kept.
        """
        records = self.session.state.records
        last = max((record.last for record in records.values()), key=lambda event: event.at, default=None)
        if last is None:
            return Return(self.observe())
        return Return(self.observe(), self._gained(last.at), self.title(last.key), last.at)

    def _gained(self, moment: str) -> tuple[Commit, ...]:
        context = self.whole()
        if "project_root" not in context.facts:
            return ()
        try:
            git = Git(context.root, self.environment.variables)
            return git.gained_since(moment) if git.is_repository() else ()
        except OnboardError:
            return ()  # the step Project says what is wrong with the checkout

    def done(self) -> tuple[Question, ...]:
        """The done steps, each with what it may read: what a look is at."""
        return tuple(self.question(key) for key in self.session.layout() if self._done(key))

    def seen(self, done: Iterable[Question]) -> tuple[tuple[Question, Observation], ...]:
        """Look at done steps; it changes nothing here, so that any thread may do it."""
        return tuple(
            (question, _seen(partial(self.module(question.key).observe, question.context)))
            for question in done
        )

    def take(self, looks: Iterable[tuple[Question, Observation]]) -> tuple[Change, ...]:
        """Let the session know what was seen of the steps that were not done again meanwhile.

        Returns:
            as `observe`.

        Raises:
            OnboardError: the answers could not be kept.
        """
        now = {
            question.key: self._unforgotten(question, look)
            for question, look in looks
            if self.session.record(question.key) is question.record
        }
        self.session.observe(now)
        return tuple(
            Change(key, self.title(key), look)
            for key, look in now.items()
            if self.session.status(key) is Status.CONTRADICTED
            or (look.verdict is Verdict.UNKNOWN and look.words)
        )

    def _unforgotten(self, question: Question, look: Observation) -> Observation:
        """A look; what the network said against a step, or whom it awaits, stays until it says otherwise."""
        before = self.session.state.observed.get(question.key)
        refutes_nothing = look.verdict is Verdict.AS_DECIDED or _says_nothing(look)
        return before if refutes_nothing and before and before.asked and before.stands else look

    def question(self, key: StepKey) -> Question:
        """What is known of a step now, to be asked about."""
        return Question(key, self.context(key), self.session.record(key))

    def _done(self, key: StepKey) -> bool:
        return self.session.status(key) in {Status.DONE, Status.CONTRADICTED, Status.UNCONFIRMED}

    def questions(self, *, opens: bool = False) -> tuple[Question, ...]:
        """What can be asked in the background: what no look at this machine has answered with a no.

        Args:
            opens: whether what the person's PGP key guards may be opened for it.
        """
        seen = self.session.state.observed
        asked = {key for key in seen if seen[key].asked or not seen[key].contradicts}
        return tuple(
            replace(question, context=replace(question.context, opens=opens))
            for question in self.inquiries()
            if question.key in asked
        )

    def inquiries(self) -> tuple[Question, ...]:
        """What can be asked in the background about done steps, whatever the last look said."""
        steps = (key for key in self.session.layout() if self._done(key))
        return tuple(self.question(key) for key in steps if inquiry(self.module(key)) is not None)

    def can_ask(self, key: StepKey) -> bool:
        """Whether the network, which said something of a step, can be asked again."""
        look = self.session.state.observed.get(key, NOT_ASKED)
        return look.asked and inquiry(self.module(key)) is not None

    def answer(self, question: Question) -> Observation:
        """Ask the network; it may take seconds, and changes nothing here. A failure is no knowledge."""
        inquire = inquiry(self.module(question.key))
        return _seen(partial(inquire, question.context)) if inquire else NOT_ASKED

    def guarded(self) -> dict[str, tuple[StepKey, GuardedLook]]:
        """The MFA devices and PGP keys without whose secrets AWS can't be asked, each with a step it is for.

        Raises:
            OnboardError: a key can't be opened.
        """
        due: dict[str, tuple[StepKey, GuardedLook]] = {}
        for question in self.inquiries():
            look = guarded_look(self.module(question.key))
            if look is not None and (guard := look.due(question.context)):
                due.setdefault(guard, (question.key, look))
        return due

    def learn(self, question: Question, answer: Observation) -> bool:
        """Let the session know an answer, unless the step was done again since, or nothing is known by it.

        That the network confirms a step ends nothing that a look at this machine said against it.

        Returns:
            whether the answer contradicts the step, which nobody knew before, or ends what contradicted it.

        Raises:
            OnboardError: it could not be kept.
        """
        key, before = question.key, self.session.status(question.key)
        look = self.session.state.observed.get(key)
        known = before is Status.DONE or (look is not None and look.stands)
        nothing = answer.verdict is Verdict.UNKNOWN and (known or _says_nothing(answer))
        now = self.environment.now().isoformat(timespec="seconds")
        if look is not None and look.contradicts and not (look.asked or look.here or answer.contradicts):
            nothing = answer.verdict is not Verdict.AS_DECIDED
            answer = replace(look, at=now, confirmed=True)
        if self.session.record(key) is not question.record or nothing:
            return False
        asked_at = "" if answer.here or answer.confirmed else now
        self.session.observe({key: replace(answer, asked_at=asked_at)})
        return (self.session.status(key) is Status.CONTRADICTED) is not (before is Status.CONTRADICTED)

    def after(self, key: StepKey) -> StepKey | None:
        """Where to go from a settled step: never past a contradiction; else the next that can be done.

        None for the end, also of a session that is over.
        """
        if self.over():
            return None
        layout, expected = self.session.layout(), self.session.state.expected()
        rest = layout[layout.index(key) + 1 :] if key in layout else layout
        for candidate in layout:
            status = self.session.status(candidate)
            due = candidate in rest and candidate in expected and status not in SETTLED | {Status.LOCKED}
            if due or status is Status.CONTRADICTED:
                return candidate
        return self.session.proposal()


def _says_nothing(look: Observation) -> bool:
    return look.verdict is Verdict.UNKNOWN and not look.words


def _seen(ask: Callable[[], Observation]) -> Observation:
    """A look's or an inquiry's answer; one that failed is no knowledge."""
    try:
        return ask()
    except OnboardError as error:
        return unknown(error.what)
    except Exception as error:  # noqa: BLE001 - one look must not keep a person out of the session
        return unknown(f"iam-onboard couldn't look at it ({type(error).__name__}).")
