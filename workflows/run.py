"""Runs a session with its environment and its step modules, for the wizard and the command line.

A `SessionRun` gives each step its context, looks at the world when somebody comes back, and proposes the next
step. It does not depend on a screen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from workflows.core.sentences import OnboardError, Sentence, capitalized, joined
from workflows.environment import Environment
from workflows.git import Commit, Git
from workflows.machine.declaration import Step
from workflows.machine.events import NOT_ASKED, Observation, Reopened, StepKey, Verdict, unknown
from workflows.machine.session import Session
from workflows.machine.state import SETTLED, Record, State, Status
from workflows.steps.ledger import only_for
from workflows.steps.shared.module import Context, GuardedLook, StepModule, guarded_look, inquiry

PROJECT, REVIEW = StepKey("project"), StepKey("review")


@dataclass(frozen=True)
class Change:
    """A done step that the world contradicts, or that a look could not check.

    Attributes:
        key: the step.
        title: the step's title, with the item of a repeated step.
        observation: the result of the look.
    """

    key: StepKey
    title: Sentence
    observation: Observation


@dataclass(frozen=True)
class Return:
    """The news for somebody who comes back to a session.

    Attributes:
        changes: the done steps that the world contradicts or those not checked, and those opened since.
        commits: the commits that were added to the project's checkout since the person's last event.
        last: the title of that event's step; "" if there are no events.
        at: when it was, ISO 8601 in UTC.
        instead: the title of the step that came next before these changes; "" if it still does.
    """

    changes: tuple[Change, ...]
    commits: tuple[Commit, ...] = ()
    last: Sentence = ""
    at: str = ""
    instead: Sentence = ""


@dataclass(frozen=True)
class Question:
    """A done step that is to be checked.

    Attributes:
        key: the step.
        context: the step's context.
        record: the step's record when the question was made; the answer holds only for this record.
    """

    key: StepKey
    context: Context
    record: Record | None


class SessionRun:
    """A session together with its environment and its step modules.

    Args:
        session: the open session.
        environment: the environment.
        modules: step id -> step module, for the session's workflow; each is loaded when first used.
    """

    def __init__(self, session: Session, environment: Environment, modules: Mapping[str, StepModule]) -> None:
        self.session = session
        self.environment = environment
        self._modules = modules
        self._over: tuple[State, Sentence] | None = None

    def step(self, key: StepKey) -> Step:
        """Return the declaration of a step.

        Raises:
            KeyError: the workflow has no such step.
        """
        return self.session.state.workflow.step(key.step)

    def module(self, key: StepKey) -> StepModule:
        """Return the module of a step.

        Raises:
            KeyError: the workflow has no such step.
        """
        return self._modules[key.step]

    def title(self, key: StepKey) -> Sentence:
        """Return a step's title, with the item of a repeated step: "Plan (security)"."""
        return self.session.state.workflow.title_of(key)

    def context(self, key: StepKey) -> Context:
        """Return the context of a step, with the facts as they are now."""
        state = self.session.state
        return Context(
            environment=self.environment,
            facts=state.facts(key.item),
            every={name: known.value for name, known in state.knowledge.in_force.items()},
            item=key.item,
            folder=self.session.folder,
            observed=state.observed,
            contradicted=frozenset(filter(state.contradicted, state.givers(key) if key.step else ())),
        )

    def session_context(self) -> Context:
        """Return the context of a look at all items, with all facts; those of items have scoped names."""
        layout, state = self.session.layout(), self.session.state
        return replace(
            self.context(StepKey("")),
            contradicted=frozenset(filter(state.refuted, layout)),
            skipped=frozenset(key for key in layout if self.session.status(key) is Status.SKIPPED),
        )

    def removed(self) -> Observation:
        """Return the project's last look if it found people removed by later sessions; else NOT_ASKED."""
        look = self.session.state.observed.get(PROJECT, NOT_ASKED)
        return look if look.verdict is Verdict.REVERTED else NOT_ASKED

    def why_over(self) -> Sentence:
        """Return why a session is over: later sessions removed all its people or undid all that it applied.

        Return "" if it is not over, or if an apply was started and its end is unknown.
        """
        state = self.session.state
        if self._over is None or self._over[0] is not state:  # a page calls this several times
            self._over = (state, self._over_in(state))
        return self._over[1]

    def overtaken(self, key: StepKey) -> bool:
        """Return whether the apply has removed the people whose keys the step would deactivate."""
        after = StepKey("apply", key.item)
        if key.step != "deactivate" or self.session.record(after) is None:
            return False
        return self.session.status(after) in {Status.DONE, Status.UNCONFIRMED}

    def _over_in(self, state: State) -> Sentence:
        ahead = self.session.proposal()
        if ahead is not None and self.step(ahead).outlives and self.session.record(ahead) is not None:
            return ""
        removed = self.removed()
        if only_for(removed.about, state.facts()):
            return removed.words
        reverted = {key: state.observed[key] for key in state.seen_as(Verdict.REVERTED)}
        applies = {key for key in self.session.layout() if key.step == "apply"}
        done = ahead is None and applies and applies <= reverted.keys()
        return joined(dict.fromkeys(reverted[key].words for key in sorted(applies))) if done else ""

    def proposal(self) -> StepKey | None:
        """Return the step to continue with, or None if nothing is left to do."""
        return None if self.why_over() else self.session.proposal()

    def first_words(self, key: StepKey) -> Sentence:
        """Name a step to continue with, and what has to be done again after it has said how it ended."""
        spent = StepKey(self.step(key).spends, key.item)
        again = spent.step and self.session.status(spent) is Status.CONTRADICTED
        then = f", to see how it ended; then {self.step(spent).title} again" if again else ""
        return f"{self.title(key)}{then}"

    def next_of(self, item: str) -> StepKey | None:
        """Return an item's first open step, else its last step, or None if it has no steps.

        If the session is over, return the item's last step that is not open.
        """
        own = [key for key in self.session.layout() if key.item == item]
        open_ones = [key for key in own if self.session.status(key) not in SETTLED]
        if self.why_over():
            own, open_ones = [key for key in own if key not in open_ones], []
        return next(iter(open_ones or own[-1:]), None)

    def observe(self) -> tuple[Change, ...]:
        """Check every done step with a look at the world, and save the results in the session.

        A look that fails counts as unknown, so that the session can be resumed anyway.

        Returns:
            The steps with a contradiction that nobody has decided about, and those that could not be checked,
            with the reason.

        Raises:
            OnboardError: the results could not be saved.
        """
        return self.save_checks(self.check(self.done()))

    def come_back(self) -> Return:
        """Do the same as `observe`, and find the commits since the last event.

        Raises:
            OnboardError: the results could not be saved.
        """
        events = [record.last for record in self.session.state.records.values()]
        opened = [event for event in events if isinstance(event, Reopened) and event.reason]
        own = (event for event in events if event not in opened)
        last = max(own, key=lambda event: event.at, default=None)
        if last is None:
            return Return(self.observe())
        before, changes = self.proposal(), self.observe()
        for event in opened:
            if event.at >= last.at:
                look = Observation(Verdict.UNDONE, f"{capitalized(event.reason)}.")
                changes = (*changes, Change(event.key, self.title(event.key), look))
        instead = self.title(before) if before is not None and before != self.proposal() else ""
        return Return(changes, self._gained(last.at), self.title(last.key), last.at, instead)

    def _gained(self, moment: str) -> tuple[Commit, ...]:
        context = self.session_context()
        if "project_root" not in context.facts:
            return ()
        try:
            git = Git(context.root, self.environment.variables)
            return git.gained_since(moment) if git.is_repository() else ()
        except OnboardError:
            return ()  # the step Project reports what is wrong with the checkout

    def done(self) -> tuple[Question, ...]:
        """Return a question for each done step."""
        done = {Status.DONE, Status.CONTRADICTED, Status.UNCONFIRMED}
        return tuple(self.question(key) for key in self.session.layout() if self.session.status(key) in done)

    def given(self, step: str) -> tuple[Question, ...]:
        """Return a question for each item of a step whose facts count, even if it is open again."""
        status, known = self.session.status, self.session.state.facts
        return tuple(
            self.question(key)
            for key in self.session.layout()
            if key.step == step and status(key) is not Status.RUNNING
            if not known(key.item).keys().isdisjoint(self.step(key).gives)
        )

    def check(self, done: Iterable[Question]) -> tuple[tuple[Question, Observation], ...]:
        """Look at the world for these questions, without changing the session; any thread may call this."""
        return tuple(
            (question, _seen(partial(self.module(question.key).observe, question.context)))
            for question in done
        )

    def save_checks(self, looks: Iterable[tuple[Question, Observation]]) -> tuple[Change, ...]:
        """Save the results of looks, without those of steps that have been done again since.

        Returns:
            The same as `observe`.

        Raises:
            OnboardError: the results could not be saved.
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
        """Return the look's result, or the network's earlier one if the look cannot refute that.

        What the network said against a step, or whom it awaits, remains until there is other news. So does
        that it confirmed nothing when somebody asked, until something confirms the step later than that.
        """
        before = self.session.state.observed.get(question.key)
        refutes_nothing = look.verdict is Verdict.AS_DECIDED or _says_nothing(look)
        if before is None or not before.asked or not refutes_nothing:
            return look
        return before if before.stands or (before.doubted and look.at <= before.asked_at) else look

    def question(self, key: StepKey) -> Question:
        """Return a question about a step, with its context and record as they are now."""
        return Question(key, self.context(key), self.session.record(key))

    def questions(self, *, opens: bool = False) -> tuple[Question, ...]:
        """Return the questions for the network, without the steps that a look at this machine contradicts.

        Args:
            opens: whether answering may decrypt what the person's PGP key protects.
        """
        seen = self.session.state.observed
        asked = {key for key in seen if seen[key].asked or not seen[key].contradicts}
        return tuple(
            replace(question, context=replace(question.context, opens=opens))
            for question in self.inquiries()
            if question.key in asked
        )

    def inquiries(self) -> tuple[Question, ...]:
        """Return all questions for the network about done steps, whatever the last look found."""
        return tuple(asked for asked in self.done() if inquiry(self.module(asked.key)) is not None)

    def can_ask(self, key: StepKey) -> bool:
        """Return whether the last result for a step came from the network, which can be asked again."""
        return self.session.state.observed.get(key, NOT_ASKED).asked and inquiry(self.module(key)) is not None

    def answer(self, question: Question) -> Observation:
        """Ask the network, without changing the session; it may take seconds. A failure counts as unknown."""
        inquire = inquiry(self.module(question.key))
        return _seen(partial(inquire, question.context)) if inquire else NOT_ASKED

    def guarded(self) -> dict[str, tuple[StepKey, GuardedLook]]:
        """Return the MFA devices and PGP keys whose secrets are needed to ask AWS, each with a step.

        Raises:
            OnboardError: a key cannot be used.
        """
        due: dict[str, tuple[StepKey, GuardedLook]] = {}
        for question in self.inquiries():
            look = guarded_look(self.module(question.key))
            if look is not None and (guard := look.due(question.context)):
                due.setdefault(guard, (question.key, look))
        return due

    def save_answer(self, question: Question, answer: Observation, *, unsure: bool = False) -> bool:
        """Save the network's answer, unless the step was done again since, or the answer has no news.

        If a look at this machine contradicts the step, the network's confirmation does not end that.

        Args:
            unsure: whether somebody asked for it and is shown that it confirms nothing; then an earlier
                confirmation no longer counts, even after the session is opened again.

        Returns:
            Whether there is a new contradiction, or one less, in this step or in one that uses what it gave.

        Raises:
            OnboardError: the answer could not be saved.
        """
        key, before = question.key, self._contradicted()
        look = self.session.state.observed.get(key)
        stands, done = look is not None and look.stands, self.session.status(key) is Status.DONE
        fades = done and unsure and not stands
        nothing = (
            answer.verdict is Verdict.UNKNOWN and not fades and (done or stands or _says_nothing(answer))
        )
        now = self.environment.now().isoformat(timespec="seconds")
        if look is not None and look.contradicts and not (look.asked or look.here or answer.contradicts):
            nothing = answer.verdict is not Verdict.AS_DECIDED
            answer = replace(look, at=now, confirmed=True)
        if self.session.record(key) is not question.record or nothing:
            return False
        doubted = unsure or (look is not None and look.doubted)
        here = answer.here or answer.confirmed or (answer.verdict is Verdict.UNKNOWN and not doubted)
        self.session.observe({key: replace(answer, asked_at="" if here else now)})
        if answer.verdict is Verdict.AS_DECIDED and answer.about != (look or NOT_ASKED).about:
            using = (done for done in self.done() if key in self.session.state.givers(done.key))
            self.save_checks(self.check(using))
        return self._contradicted() != before

    def _contradicted(self) -> set[StepKey]:
        return {key for key in self.session.layout() if self.session.status(key) is Status.CONTRADICTED}

    def after(self, key: StepKey) -> StepKey | None:
        """Return the step after a settled one: the next possible step, or an earlier contradiction.

        Return None if nothing is left to do, or the session is over.
        """
        if self.why_over():
            return None
        layout, expected, ahead = (
            self.session.layout(),
            self.session.state.expected(),
            self.session.proposal(),
        )
        rest = layout[layout.index(key) + 1 :] if key in layout else layout
        for candidate in layout:
            status = self.session.status(candidate)
            due = candidate in rest and candidate in expected and status not in SETTLED | {Status.LOCKED}
            if due or status is Status.CONTRADICTED:
                # a failed apply, which used up the plan, says first how it ended
                spent = ahead is not None and candidate == StepKey(self.step(ahead).spends, ahead.item)
                return ahead if spent else candidate
        return ahead


def _says_nothing(look: Observation) -> bool:
    return look.verdict is Verdict.UNKNOWN and not look.words


def _seen(ask: Callable[[], Observation]) -> Observation:
    """Return the result of a look or an inquiry; a failure counts as unknown."""
    try:
        return ask()
    except OnboardError as error:
        return unknown(error.what)
    except Exception as error:  # noqa: BLE001 - one look must not keep a person out of the session
        return unknown(f"iam-onboard couldn't check it ({type(error).__name__}).")
