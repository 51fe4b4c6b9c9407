"""Walks through the admin's session without a screen, with real steps and a real journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from support.admin_project import quiet, taken_key

from workflows.admin import ADMIN
from workflows.core.sentences import OnboardError, text_of
from workflows.environment import Environment
from workflows.machine.events import StepKey
from workflows.machine.sessions import Sessions
from workflows.machine.state import SETTLED, Status
from workflows.run import SessionRun
from workflows.step_modules import MODULES
from workflows.steps.admin import groups, pgp_keys, project, review, users
from workflows.steps.shared.module import Context, acceptance

Requests = Mapping[str, Callable[[Context], Any]]
"""Step id -> function that returns the step's request."""


class SessionWalk:
    """A new session and its run.

    Args:
        folder: the folder of sessions.
        environment: the environment.
        requests: the requests of the steps.

    Attributes:
        session: the open session.
        run: the session's run.
        refused: the reasons why steps were not done.
    """

    def __init__(self, folder: Path, environment: Environment, requests: Requests) -> None:
        self._environment = environment
        self._requests = requests
        self._sessions = Sessions(folder, (ADMIN,), environment.now)
        self.session = self._sessions.create("admin", {}, "s")
        self.run = SessionRun(self.session, environment, MODULES["admin"])
        self.refused: list[str] = []

    def close(self) -> None:
        self.session.close()

    def go_on(self, steps: int) -> None:
        """Do the proposed steps for which there are requests, up to a number of steps."""
        for _ in range(steps):
            key = self.session.proposal()
            if key is not None and key.step in self._requests:
                self.do(key)

    def do(self, key: StepKey) -> None:
        """Do a step, or let it fail."""
        module = self.run.module(key)

        def perform() -> Mapping[str, Any]:
            context = self.run.context(key)
            request = self._requests[key.step](context)
            if refused := [problem for problem in module.validate(request, context) if problem.fatal]:
                raise OnboardError("Refused", text_of(refused[0].message))
            given: Mapping[str, Any] = module.perform(request, context, quiet)
            return given

        self._begin(key, perform)

    def accept(self, key: StepKey) -> None:
        """Accept what the world shows of a step, if its last look offers that."""
        seen, take_in = self.session.state.observed.get(key), acceptance(self.run.module(key))
        if take_in is not None and seen is not None and seen.contradicts and seen.accepting:
            self._begin(key, lambda: take_in(seen, self.run.context(key), quiet))

    def _begin(self, key: StepKey, work: Callable[[], Mapping[str, Any]]) -> None:
        if self.session.status(key) in SETTLED | {Status.CONTRADICTED} and self.session.do_again(key) != key:
            return
        self.session.start(key)
        try:
            given = work()
        except OnboardError as error:
            self.refused.append(f"{key}: {error.as_text()}")
            self.session.fail(key, {"title": error.title, "what": "It is in the way."})
        else:
            self.session.succeed(key, given)

    def leave_and_come_back(self) -> None:
        """Close the session and open it again from its journal."""
        self.session.close()
        self.session = self._sessions.open("s")
        self.run = SessionRun(self.session, self._environment, MODULES["admin"])

    def done(self) -> set[StepKey]:
        """Return the done steps."""
        return {key for key in self.session.layout() if self.session.status(key) is Status.DONE}

    def settled(self) -> set[StepKey]:
        """Return the settled steps."""
        return {key for key in self.session.layout() if self.session.status(key) in SETTLED}

    def observe(self, *, at_network: bool = False) -> None:
        """Look at the world, and check that no step after a contradicted one is proposed."""
        self.run.observe()
        for question in self.run.questions() if at_network else ():
            self.run.save_answer(question, self.run.answer(question))
        layout = self.session.layout()
        contradicted = [key for key in layout if self.session.status(key) is Status.CONTRADICTED]
        proposed = self.session.proposal()
        if contradicted and proposed is not None:
            assert layout.index(proposed) <= layout.index(contradicted[0]), "past a contradiction"


def entered(root: Path, layers: tuple[str, ...], keys: Mapping[str, bytes]) -> Requests:
    """Return the proposed requests up to Review, if the people with these keys join."""
    return {
        "project": lambda _: project.Request(path=str(root), layers=layers, joining=tuple(keys)),
        "pgp-keys": lambda context: pgp_keys.Request(
            {name: taken_key(key, name, context) for name, key in keys.items()}
        ),
        "users": lambda context: users.proposal(context, users.survey(context, quiet)),
        "groups": lambda context: groups.Request(
            {view.account: groups.decided(context, view) for view in groups.survey(context, quiet)}
        ),
        "review": lambda context: review.Request(review.prepare(context, quiet).change_set),
    }
