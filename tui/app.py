"""The application: a shell around the home screen and the wizard, with the session that is open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from threading import get_ident
from typing import Any, ClassVar

from textual import on
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from screens.failure import as_error
from screens.registry import PANES
from screens.starting import Starting
from screens.welcome_back import WelcomeBack
from screens.widgets.dialogs import Confirm, ErrorDialog
from tui.home import HomeScreen
from tui.places import Machine
from tui.wizard import WizardScreen
from tui.worlds import WorldSource, clipboard_of
from workflows.catalogue import MODULES
from workflows.errors import OnboardError
from workflows.machine.events import StepKey
from workflows.machine.journal import DamagedJournal
from workflows.machine.session import Session, Sessions
from workflows.walk import Change, Walk


@dataclass(frozen=True)
class Start:
    """What to show first: the home screen, a new session of a workflow, or an existing one.

    Attributes:
        workflow: begin a session of this workflow, "" for none.
        session: resume this session, "" for none.
        drafts: input to begin with, or to go on with, by step id.
    """

    workflow: str = ""
    session: str = ""
    drafts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class OnboardApp(App[None]):
    """iam-onboard in a terminal.

    Args:
        machine: the machine it runs on.
        sessions: where sessions are kept.
        source: what opens the world (the person's own, or a sandbox's).
        start: what to show first.

    Attributes:
        failure: why the application ended early, or None.
    """

    TITLE = "iam-onboard"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "save_and_quit", "Save and quit", id="app.quit", priority=True),
        Binding(
            "f3", "sessions", "Sessions", id="app.sessions", show=False, tooltip="Save, and list the sessions"
        ),
    ]

    def __init__(self, machine: Machine, sessions: Sessions, source: WorldSource, start: Start) -> None:
        super().__init__()
        self._machine = machine
        self._sessions = sessions
        self._source = source
        self._start = start
        self._session: Session | None = None
        self._clipboard_board = clipboard_of(machine, self._write_clipboard)
        self.failure: OnboardError | None = None

    # -- beginning and end -------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Open the world, then show what was asked for."""
        self.set_interval(1.0, self._poll_clipboard)
        self.push_screen(Starting(self._source.open, self._opened, self._source.words))

    async def _opened(self, _nothing: None) -> None:
        start = self._start
        if start.session:
            await self._resume(start.session, start.drafts)
        elif start.workflow:
            await self._begin(start.workflow, start.drafts)
        else:
            self._show_home()

    def _show_home(self) -> None:
        self.switch_screen(HomeScreen(self._sessions.summaries(), sandbox=self._source.sandbox))

    async def action_save_and_quit(self) -> None:
        """Leave; everything is kept. What runs in the background is asked about first."""
        wizard = self._wizard()
        if wizard is not None and wizard.pane is not None and wizard.pane.running_move:
            body = (
                "A running apply goes on by itself and is picked up when you come back.\n"
                "Anything else that runs is stopped, and its step stays open."
            )
            self.push_screen(
                Confirm("Something is still running. Quit all the same?", body, "Quit"), self._quit_if
            )
            return
        self._leave_session()
        self.exit()

    def _quit_if(self, yes: bool | None) -> None:  # noqa: FBT001 - Textual's callback
        if yes:
            self._leave_session()
            self.exit()

    async def action_sessions(self) -> None:
        """Save the open session and show the list."""
        wizard = self._wizard()
        if wizard is None or (wizard.pane is not None and wizard.pane.running_move):
            self.notify("Not now: something is running, or the list is already open.", severity="warning")
            return
        self._leave_session()
        self._show_home()

    def _leave_session(self) -> None:
        wizard = self._wizard()
        if wizard is not None and wizard.pane is not None:
            wizard.keep_draft_now()
            wizard.pane.leave()
        if self._session is not None:
            self._session.close()
            self._session = None
        self._clear_clipboard()

    def _clear_clipboard(self) -> None:
        """Nothing of ours stays in the clipboard; one that no longer answers is told, not hidden."""
        try:
            self._clipboard_board.clear_if_ours()
        except OnboardError as error:
            self.notify(error.what, severity="warning")

    def _poll_clipboard(self) -> None:
        expires_at = self._clipboard_board.expires_at
        if expires_at is not None and expires_at <= self._machine.now():
            self._clear_clipboard()

    def _write_clipboard(self, text: str) -> None:
        """The terminal's way to copy, from whichever thread; Textual's memory of it is dropped."""
        if self._thread_id == get_ident():
            self.copy_to_clipboard(text)
        else:
            self.call_from_thread(self.copy_to_clipboard, text)
        self._clipboard = ""

    def _wizard(self) -> WizardScreen | None:
        for screen in reversed(self.screen_stack):
            if isinstance(screen, WizardScreen):
                return screen
        return None

    # -- sessions ----------------------------------------------------------------------------------

    async def _begin(self, workflow: str, drafts: Mapping[str, Mapping[str, Any]]) -> None:
        details = {"sandbox": True} if self._source.sandbox else {}
        session = self._sessions.create(workflow, details)
        for step, draft in {**self._source.drafts(workflow), **drafts}.items():
            session.drafts.save(StepKey(step), draft)
        self._walk(session, fresh=True)

    async def _resume(self, session_id: str, drafts: Mapping[str, Mapping[str, Any]]) -> None:
        try:
            session = self._sessions.open(session_id)
        except DamagedJournal as damage:
            self._show_home()
            self._offer_repair(session_id, damage)
            return
        except OnboardError as error:
            self._show_home()
            self.show_error(error)
            return
        for step, draft in drafts.items():
            session.drafts.save(StepKey(step), draft)
        self._walk(session, fresh=False)

    def _offer_repair(self, session_id: str, damage: DamagedJournal) -> None:
        if damage.good == 0:
            self.show_error(damage)
            return

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - Textual's callback
            if yes:
                self._walk(self._sessions.repair(session_id), fresh=False)

        body = f"{damage.what}\n{damage.why}\n\nWhat comes after that line is kept in a copy beside it."
        self.push_screen(Confirm("This session is damaged", body, "Resume from its sound part"), answered)

    def _walk(self, session: Session, *, fresh: bool) -> None:
        self._session = session
        workflow = session.header.workflow
        walk = Walk(session, self._source.world(workflow, self._clipboard_board), MODULES[workflow])
        if fresh:
            self.switch_screen(WizardScreen(walk, PANES))
            return
        self.run_worker(lambda: self._look(walk), thread=True, group="look", exclusive=True)

    def _look(self, walk: Walk) -> None:
        changes = walk.look()
        self.call_from_thread(self._welcome, walk, changes)

    def _welcome(self, walk: Walk, changes: tuple[Change, ...]) -> None:
        key = walk.proposal(changes)
        self.switch_screen(WizardScreen(walk, PANES, at=key))
        if changes:
            self.push_screen(WelcomeBack(changes, walk.title(key) if key else ""))

    @on(HomeScreen.Begin)
    async def _begin_wanted(self, message: HomeScreen.Begin) -> None:
        await self._begin(message.workflow, {})

    @on(HomeScreen.Resume)
    async def _resume_wanted(self, message: HomeScreen.Resume) -> None:
        await self._resume(message.session, {})

    @on(HomeScreen.Delete)
    def _delete_wanted(self, message: HomeScreen.Delete) -> None:
        try:
            self._sessions.delete(message.session)
        except OnboardError as error:
            self.show_error(error)
        if isinstance(self.screen, HomeScreen):
            self.screen.show(self._sessions.summaries())

    # -- failures and commands ---------------------------------------------------------------------

    def show_error(self, error: OnboardError) -> None:
        """Show a failure as a dialog."""
        self.push_screen(ErrorDialog(error, self._clipboard_board.copy))

    def _handle_exception(self, error: Exception) -> None:
        """End without a traceback: Textual's own shows local variables, which may be secrets."""
        self.failure = as_error(error)
        self._return_code = 1
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self._close_messages_no_wait()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette's commands; the screenshot command is left out, since a picture may hold a secret."""
        yield SystemCommand("app: theme", "Change the colours", self.action_change_theme)
        yield SystemCommand("app: save and quit", "Leave; everything is kept", self.action_save_and_quit)
        yield SystemCommand("app: sessions", "Save, and list the sessions", self.action_sessions)
        if isinstance(screen, WizardScreen):
            yield SystemCommand("step: help", "What this step is for, and its keys", screen.action_help)
            for key in screen.walk.session.layout():
                title = screen.walk.title(key)
                yield SystemCommand(
                    f"step: go to {title}", f"Show {title}", lambda key=key: screen.visit(key)
                )
