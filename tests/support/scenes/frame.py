"""Scenes of the screens around the steps: list of sessions, start, and dialogs over a step."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from support.panes import rest, settle
from support.scenes import NOW, Scene, Stage, now, then
from textual.pilot import Pilot

from screens.registry import PANES
from screens.step.asking import Contradiction
from screens.widgets.dialogs import Notice
from tui.app.application import OnboardApp
from tui.app.session_control import Parts, Start
from tui.app.session_summary import since_you_left
from tui.host import Machine, Places
from tui.session_catalogue import SessionCatalogue
from workflows.catalogue import WORKFLOWS
from workflows.desktop.clipboard import Clipboard
from workflows.environment import Environment
from workflows.git import Commit
from workflows.machine.events import Observation, StepKey, Verdict, unknown
from workflows.machine.sessions import Sessions
from workflows.run import Change, Return
from workflows.step_modules import MODULES
from workflows.steps.shared.module import Progress, Report


class StageSource:
    """A source of a fake environment; with `holds`, opening it does not end."""

    def __init__(self, stage: Stage, *, sandbox: bool, holds: bool) -> None:
        self.sandbox = sandbox
        self.folder = stage.folder / "sandboxes" / "scene" if sandbox else None
        self.words = "Preparing the sandbox: a disposable project and a local AWS"
        self._stage = stage
        self._holds = holds

    def open(self, report: Report) -> None:
        if self._holds:
            report(self._stage.foreign(Progress("Initialising management", 2, 5)))
            self._stage.hold()

    def environment(self, workflow: str, clipboard: Clipboard) -> Environment:  # noqa: ARG002
        return self._stage.environment(clipboard=clipboard, sandbox=self.sandbox)

    @property
    def key_records(self) -> Path:
        return self._stage.folder / "access-keys"

    def drafts(self, workflow: str) -> Mapping[str, Mapping[str, Any]]:  # noqa: ARG002
        return {}

    def close(self) -> None:
        """Do nothing."""


def _application(stage: Stage, *, sandbox: bool = False, holds: bool = False) -> OnboardApp:
    folder = stage.folder
    places = Places(folder / "sessions", folder / "sandboxes", folder / "vault", folder / "cache")
    machine = Machine(
        places, folder / "home", folder / "home" / "Downloads", folder, {"COLORTERM": "truecolor"}, now
    )
    source = StageSource(stage, sandbox=sandbox, holds=holds)
    parts = Parts(SessionCatalogue(machine), MODULES, PANES, lambda _folder: source)
    return OnboardApp(machine, lambda: parts, source, Start())


def home_empty(stage: Stage) -> Scene:
    return Scene(_application(stage), rest)


def home_sandbox(stage: Stage) -> Scene:
    return Scene(_application(stage, sandbox=True), rest)


def home_sessions(stage: Stage) -> Scene:
    """One session per role; the admin's waits for a key."""
    folder = stage.folder / "sessions"
    admin = Sessions(folder, WORKFLOWS, now).create("admin", {})
    user = Sessions(folder, WORKFLOWS, lambda: now() - timedelta(days=3)).create("new-user", {})
    project = {"project": "bb", "project_root": "/home/sam/bb-infra", "layers": ["management", "security"]}
    people = {"joining": ["jane.doe"], "leaving": [], "regrouping": [], "account_wanted": False}
    settle(admin, StepKey("project"), stage.foreign({**project, **people}))
    joined = {"project": "bb", "user": "jane.doe", "tools": {}}
    settle(user, StepKey("before-you-start"), stage.foreign(joined))
    admin.close()
    user.close()
    return Scene(_application(stage), rest)


def home_without_matches(stage: Stage) -> Scene:
    """The filter finds nothing."""
    return then(home_sessions(stage), "slash", *"zzz")


def starting(stage: Stage) -> Scene:
    return Scene(_application(stage, sandbox=True, holds=True), stage.held())


def contradiction(stage: Stage) -> Scene:
    look = Observation(
        Verdict.UNDONE,
        "What Review wrote is gone from security/users.tf; git still has it in stash@{0}.",
        ("security", "stash@{0}"),
        continuing="Plans from the files as they are now, without the missing changes.",
        accepting="Reads the state, and continues if it has exactly what you decided.",
    )

    async def show(pilot: Pilot[Any]) -> None:
        await rest(pilot)
        pilot.app.push_screen(Contradiction("Review", stage.foreign(look)))
        await rest(pilot)

    return Scene(_application(stage), show)


def welcome_back(stage: Stage) -> Scene:
    changes = (
        Change(
            StepKey("review"), "Review", Observation(Verdict.CHANGED, "users.tf of security has changed.")
        ),
        Change(
            StepKey("apply", "management"),
            "Apply (management)",
            unknown(
                "iam-onboard hasn't read the state of management since then: that takes a code or Terraform."
            ),
        ),
    )

    commits = (
        Commit("4c1fa2b", "Mary Major", mine=False, subject="Add juan.delacruz to devops"),
        Commit("90be11d", "Jane Doe", mine=True, subject="Onboard jane.doe"),
    )
    seen = stage.foreign(Return(changes, commits, "Review", NOW.isoformat(), "Apply (security)"))

    async def show(pilot: Pilot[Any]) -> None:
        await rest(pilot)
        pilot.app.push_screen(Notice("Welcome back", since_you_left(seen, "Review", NOW), close="Continue"))
        await rest(pilot)

    return Scene(_application(stage), show)
