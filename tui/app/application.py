"""The application: which screen is shown when, from start to end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from textual import on
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.events import Key, MouseDown, Paste
from textual.screen import Screen

from tui.app.frame import Frame
from tui.app.guard import Guard
from tui.app.home import HomeScreen
from tui.app.session_control import Drafts, Parts, SessionControl, Start, first_with
from tui.app.session_summary import since_you_left
from tui.environments import EnvironmentSource
from tui.host import Machine
from workflows.core.later import on_demand
from workflows.core.sentences import OnboardError, Sentence, joined, text_of

with on_demand():
    from textual import command, system_commands

    from screens.new_user import replacement
    from screens.step import finished
    from screens.widgets import dialogs
    from tui import session_catalogue
    from tui.app import starting, wizard as wizards
    from workflows import run as runs
    from workflows.machine import events, journal, state
    from workflows.steps.shared import leftovers, module, moved_project

_SECONDS_AT_REST = 0.5
_BY_ITS_HELP = 0.01
"""The score of a command whose description matches, below all whose names do."""


class _Left(NamedTuple):
    """The session that was left to play the other person, its page, and the step that came next in it."""

    session: str
    page: events.StepKey
    proposal: events.StepKey | None


def _drafts_of(kinds: tuple[str, ...]) -> Drafts:
    """Return the initial drafts of a session for the chosen kinds of work."""
    if "replacing" in kinds:
        return {"pgp-key": replacement.DRAFT}
    return {"project": {"kinds": list(kinds)}} if kinds else {}


def _commands() -> type[command.Provider]:
    """Return the palette's provider, which lists the commands in the order given before anything is typed."""

    class Commands(system_commands.SystemCommandsProvider):  # Textual's own sorts them by name
        async def discover(self) -> command.Hits:
            for name, help_text, callback, _discover in self.app.get_system_commands(self.screen):
                yield command.DiscoveryHit(name, callback, help=help_text)

        async def search(self, query: str) -> command.Hits:
            async for hit in super().search(query):
                yield hit
            wanted = query.casefold()
            for name, help_text, callback, _discover in self.app.get_system_commands(self.screen):
                if wanted in help_text.casefold() and not self.matcher(query).match(name):
                    yield command.Hit(_BY_ITS_HELP, name, callback, help=help_text)

    return Commands


class OnboardApp(Frame):
    """iam-onboard in a terminal.

    Args:
        machine: the machine it runs on.
        load: returns the sessions, the steps and their panes.
        source: opens the world (the user's own, or a sandbox's).
        start: what to show first.
        again: returns how to resume a session of a world, by its id; "" for none.
        guard: the process that ensures the wizard ends, or None in a test.
        ahead: loads what is opened later; called once, in a thread, once the first screen is shown.

    Attributes:
        source: opens the world (the user's own, or a sandbox's).
    """

    TITLE = "iam-onboard"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar[set[type[command.Provider] | Callable[[], type[command.Provider]]]] = {_commands}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "save_and_quit", "Save and quit", id="app.quit", priority=True),
        # First of all, so that text typed right after Tab goes into the next field, however fast it comes.
        Binding("tab", "focus_next", "Next field", id="app.forward", show=False, priority=True),
        Binding(
            "shift+tab", "focus_previous", "Previous field", id="app.backward", show=False, priority=True
        ),
        Binding("ctrl+p", "command_palette", "Commands", id="app.commands", priority=True),
        Binding("ctrl+z", "suspend_process", "To the shell", id="app.suspend", show=False),
        Binding("f3", "home", "Home", id="app.home", tooltip="Save, and go to Home"),
        Binding(
            "f6",
            "swap",
            "Other person",
            id="app.swap",
            priority=True,
            tooltip="Save, and play the other person",
        ),
        Binding("f6", "swap_with_nobody", id="app.swap_with_nobody", show=False, priority=True),
    ]

    def __init__(
        self,
        machine: Machine,
        load: Callable[[], Parts],
        source: EnvironmentSource,
        start: Start,
        again: Callable[[EnvironmentSource, str], Sentence] = lambda _source, _session: "",
        guard: Guard | None = None,
        ahead: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(machine, guard)
        self._ahead = ahead
        self._load = load
        self.source = source
        self._start = start
        self._again = again
        self._control: SessionControl | None = None
        self._home: HomeScreen | None = None
        self._wizard_screen: wizards.WizardScreen | None = None
        self._left_at: events.StepKey | None = None
        self._swapped_from: _Left | None = None

    # -- start -------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Open the world, then show the requested screen."""
        self.app_resume_signal.subscribe(self, self._back_from_the_shell)
        if self.source.words:
            self.push_screen(starting.Starting(self._open, self._opened, self.source.words))
        else:
            self.call_later(self._open_at_once)

    async def _open_at_once(self) -> None:
        await self._opened(self._open(lambda _progress: None))

    def _back_from_the_shell(self, _app: App[Any]) -> None:
        """Look at whatever was done in the shell meanwhile."""
        if (wizard := self._wizard()) is not None:
            wizard.look_again()

    def _open(self, report: module.Report) -> SessionControl:
        parts = self._load()
        self.source.open(report)
        return SessionControl(parts, self.source, self._board)

    async def _opened(self, control: SessionControl) -> None:
        self._control, start = control, self._start
        if (ahead := self._ahead) is not None:
            self._ahead = None
            self._at_rest(ahead, "ahead")
        if start.session:
            await self._resume(start)
        elif start.workflow:
            await self._begin(start.workflow, start.drafts)
        else:
            await self._show_home()

    @property
    def session(self) -> str:
        """The id of the last opened session; "" if it is finished, or there is nothing to resume."""
        run = self._wizard_screen.run if self._wizard_screen is not None else None
        folder = run.session.folder if run is not None and run.proposal() is not None else None
        return folder.name if folder is not None and folder.is_dir() else ""

    @property
    def apply_left(self) -> bool:
        """Whether the last opened session has an apply whose result isn't recorded yet."""
        wizard = self._wizard_screen
        return wizard is not None and leftovers.untaken_apply(wizard.run.session.folder) is not None

    @property
    def control(self) -> SessionControl:
        """The session control; the screens that need it are shown only once it exists."""
        if self._control is None:
            raise RuntimeError("nothing is open yet")
        return self._control

    async def _show(self, screen: Screen[Any]) -> None:
        """Show a screen in place of all others, updating the last words to its session."""
        if self.guard is not None:
            self.guard.last_words(self._again(self.source, self.session))
        if len(self.screen_stack) == 1:
            await self.push_screen(screen)
            return
        while len(self.screen_stack) > 2:
            await self.pop_screen()
        self.switch_screen(screen)

    async def _show_home(
        self, failure: OnboardError | None = None, at: str = "", *, every: bool = False
    ) -> None:
        """Show Home with the session just left selected; with every session if wanted."""
        self._swapped_from = None
        entries: tuple[session_catalogue.Entry, ...] = ()
        remarks: tuple[Sentence, ...] = ()
        try:
            entries = await asyncio.to_thread(self.control.entries)
            remarks = await asyncio.to_thread(self.control.key_remarks, self._machine.now())
        except OnboardError as error:
            failure = failure or error
        home = HomeScreen(
            entries,
            sandbox=self.source.sandbox,
            now=self._machine.now,
            remarks=remarks,
            at=at,
            every=every,
            order=self._home.order if self._home else (),
            read=self.control.entries,
        )
        self._home = home
        await self._show(home)
        if failure is not None:
            self.show_error(failure)
        else:
            self._at_rest(self._tidy, "tidy")

    def _at_rest(self, work: Callable[[], None], group: str) -> None:
        """Do something in a thread while the user reads."""
        begin = partial(self.run_worker, work, thread=True, group=group, exclusive=True)
        self.set_timer(_SECONDS_AT_REST, begin)

    def _tidy(self) -> None:
        try:
            self.control.remove_leftovers()
        except OnboardError as error:
            self.call_from_thread(self.show_error, error)

    # -- leaving -----------------------------------------------------------------------------------

    async def action_save_and_quit(self) -> None:
        """Leave, keeping everything. Ask first, once, about running work and input that can't be kept."""
        wizard = self._wizard()
        asked = any(isinstance(screen, dialogs.QuitQuestion) for screen in self.screen_stack)
        if asked or wizard is None or not self._left_behind():
            untouched = wizard is not None and wizard.untouched
            self.quit()
            if wizard is not None and untouched:
                await self._forget(wizard)
        else:
            self._left_at = wizard.current if wizard.working else None
            self.push_screen(dialogs.QuitQuestion(self._left_behind), self._quit_or_stay)

    def _quit_or_stay(self, yes: bool | None) -> None:  # noqa: FBT001 - a dialog's answer
        if yes:
            self.quit()
        else:
            self._left_at = None

    def _left_behind(self) -> Sentence:
        """Return what quitting does to running work and to the input; "" for nothing."""
        wizard = self._wizard()
        pane = wizard.pane if wizard is not None else None
        if wizard is None or pane is None:
            return ""
        if not wizard.working:
            whole = pane.opened and not pane.context.leaving.is_set()  # otherwise its fields aren't there
            lost = (pane.unkept or wizard.why_unsaved()) if whole else ""
            return f"{lost} ^q again quits." if lost else ""
        if self.apply_left:
            return "The apply continues by itself. Come back to see how it ended. ^q again quits."
        if pane.opening.step.outlives:
            return "Once begun, the apply continues by itself. Come back to see how it ended. ^q again quits."
        return "The step stays open: start it again when you come back. ^q again quits."

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide the ways out of a session if none is open, and the swap if the sandbox plays nobody else."""
        if action in {"home", "swap", "swap_with_nobody"}:
            wizard = self._wizard()
            if wizard is None or self.screen is not wizard:
                return False
            played = action == "home" or self.control.plays_another(wizard.run.session)
            return wizard.run.environment.sandbox and not played if action == "swap_with_nobody" else played
        return super().check_action(action, parameters)

    def _resting_wizard(self) -> wizards.WizardScreen | None:
        """Return the wizard, or None while its step is working."""
        wizard = self._wizard()
        if wizard is not None and wizard.working:
            self.notify("Not now: this step is still running. esc stops it.", severity="warning")
            return None
        return wizard

    async def action_home(self) -> None:
        if (wizard := self._resting_wizard()) is not None:
            await wizard.leave_page(partial(self._go_home, wizard))

    async def _go_home(self, wizard: wizards.WizardScreen) -> None:
        await self._leave_for_good(wizard)
        failure, self.failure = self.failure, None
        await self._show_home(failure, wizard.run.session.folder.name)

    async def _leave_for_good(self, wizard: wizards.WizardScreen) -> None:
        """Save and close the open session, or delete it if it was only looked at."""
        untouched = wizard.untouched
        self.leave()
        if untouched:
            await self._forget(wizard)

    async def _forget(self, wizard: wizards.WizardScreen) -> None:
        """Delete the session just left, if it was begun here and only looked at."""
        try:
            await asyncio.to_thread(self.control.forget_untouched, wizard.run.session.folder.name)
        except OnboardError as error:
            self.failure = self.failure or error

    async def action_archive_session(self) -> None:
        """Archive the open session, and go to Home."""
        if (wizard := self._resting_wizard()) is not None:
            name = wizard.run.session.folder.name
            self.leave()
            if self.failure is None:
                await self._archive(self.control.parts.catalogue.find(name))
            else:
                failure, self.failure = self.failure, None
                await self._show_home(failure, name)

    async def action_swap(self) -> None:
        """Play the other person of this onboarding, in their session or a new one."""
        if (wizard := self._resting_wizard()) is None:
            return
        about = wizard.pane.person() if wizard.pane is not None and wizard.pane.opened else ""
        left = self._swapped_from.session if self._swapped_from else ""
        if (start := self.control.other_person(wizard.run.session.folder.name, about, left)) is None:
            self.action_swap_with_nobody()
        else:
            await wizard.leave_page(partial(self._swap, wizard, start))

    async def _swap(self, wizard: wizards.WizardScreen, start: Start) -> None:
        run, back = wizard.run, self._swapped_from
        self._swapped_from = _Left(run.session.folder.name, wizard.current or wizards.END, run.proposal())
        if run.session.header.workflow == "new-user":
            await self._leave_for_good(wizard)
        else:
            self.leave()  # the task chosen for it would be lost
        if start.session:
            await self._resume(start, back)
        else:
            await self._begin(start.workflow, start.drafts, proposed=True)

    def action_swap_with_nobody(self) -> None:
        """Say why there is no other person to play."""
        wizard = self._wizard()
        named = self.control.people_of(wizard.run.session.folder.name) if wizard else []
        why = finished.nobody_plays(named) if named else "This task has no other person to play."
        self.notify(text_of(joined((why, "F3 goes to Home."))), severity="warning", timeout=8)

    def acted(self, event: Key | Paste | MouseDown) -> None:
        """Note activity: a session begun by mistake is deleted only if nothing was done in it."""
        if (wizard := self._wizard()) is not None:
            wizard.acted(event)

    def stop(self) -> None:
        """Ask the current step to stop its work, including gpg if it has the terminal."""
        wizard = self._wizard()
        if wizard is not None and wizard.pane is not None:
            wizard.pane.context.leaving.set()  # first, so that a running apply is left and not stopped
            wizard.pane.context.cancelled.set()

    def leave(self) -> None:
        """Save and close the open session."""
        wizard = self._wizard()
        try:
            if wizard is not None:
                wizard.leave()
            if self._left_at is not None:
                self.control.left_unwatched(self._left_at)
        except OnboardError as error:
            self.failure = self.failure or error
        finally:
            if self._control is not None:
                self._control.leave()
            super().leave()

    def _wizard(self) -> wizards.WizardScreen | None:
        return self._wizard_screen if self._wizard_screen in self._screen_stack else None

    # -- sessions ----------------------------------------------------------------------------------

    async def _begin(self, workflow: str, drafts: Drafts, *, proposed: bool = False) -> None:
        try:
            run = self.control.begin(workflow, drafts, proposed=proposed)
        except OnboardError as error:
            await self._show_home(error)
        else:
            await self._show_wizard(run, None)

    async def _resume(self, start: Start, left: _Left | None = None) -> None:
        try:
            run = self.control.resume(start)
        except journal.DamagedJournal as damage:
            await self._show_home(None if damage.sound else damage)
            if damage.sound:
                self._offer_repair(start.session, damage)
        except OnboardError as error:
            await self._show_home(error)
        else:
            wanted = first_with(run, start.drafts)
            if left is not None and left.session == start.session and left.proposal == run.proposal():
                wanted = wanted or left.page
            await self._enter(run, wanted)

    def _offer_repair(self, session_id: str, damage: journal.DamagedJournal) -> None:
        async def repair(_yes: bool) -> None:  # noqa: FBT001 - a dialog's answer
            try:
                run = self.control.resume(Start(session=session_id), repair=True)
            except OnboardError as error:
                self.show_error(error)
            else:
                await self._enter(run, None)

        body = f"{damage.what}\n{damage.why}\n\niam-onboard keeps the rest in a copy beside it."
        dialogs.ask(
            self, dialogs.Confirm("This session is damaged", body, "Resume from its intact part"), repair
        )

    async def _enter(self, run: runs.SessionRun, wanted: events.StepKey | None) -> None:
        """Look at what changed since the session was left, then continue; ask about a moved project."""
        context = run.session_context()
        gone = moved_project.missing(context)
        if gone is None or run.session.status(events.StepKey("project")) not in state.SETTLED | {
            state.Status.CONTRADICTED
        }:
            await self._look_now(run, wanted)
            return
        near = await asyncio.to_thread(moved_project.proposal, context, self._machine.working_folder)

        def wrong(path: str) -> Sentence:
            try:
                moved_project.found_at(path, context)
            except OnboardError as error:
                return joined((error.what, error.next))
            return ""

        async def answered(path: str | None) -> None:
            if path is not None:
                self._move(run, gone, moved_project.found_at(path, context))
            await self._look_now(run, wanted)

        body = (
            f"{gone} no longer exists. If you moved the project, enter its folder. If it is gone, "
            "cancel, and choose another in Project."
        )
        dialog = dialogs.NameDialog(
            "Where is the project now?", body, str(near or ""), wrong, "~/projects/bb-infra", "Continue there"
        )
        self.push_screen(dialog, answered)

    def _move(self, run: runs.SessionRun, before: Path, now: Path) -> None:
        try:
            run.session.move(events.StepKey("project"), before, now)
        except OnboardError as error:
            self.show_error(error)

    async def _look_now(self, run: runs.SessionRun, wanted: events.StepKey | None) -> None:
        words = "Checking what has changed since you left"
        await self._show(
            starting.Starting(lambda _report: run.come_back(), partial(self._welcome, run, wanted), words)
        )

    async def _welcome(self, run: runs.SessionRun, wanted: events.StepKey | None, seen: runs.Return) -> None:
        """Report what changed before showing the page, whose failure may open a dialog at once."""
        key = wanted or run.proposal()
        if seen.changes or seen.commits:
            following = run.first_words(key) if key not in {None, wizards.END} else ""
            text = since_you_left(seen, following, self._machine.now())
            await self.push_screen(
                dialogs.Notice("Welcome back", text, close="Continue"), lambda _: self._show_wizard(run, key)
            )
        else:
            await self._show_wizard(run, key)

    async def _show_wizard(self, run: runs.SessionRun, at: events.StepKey | None) -> None:
        self._wizard_screen = wizards.WizardScreen(run, self.control.parts.panes, at)
        await self._show(self._wizard_screen)

    @on(HomeScreen.Begin)
    async def _begin_wanted(self, message: HomeScreen.Begin) -> None:
        await self._begin(message.workflow, _drafts_of(message.kinds))

    async def on_finished_removal_wanted(self, message: finished.Finished.RemovalWanted) -> None:
        """Begin a session that removes the people added in this one."""
        self.leave()
        await self._begin("admin", {"project": message.draft}, proposed=True)

    @on(HomeScreen.Resume)
    async def _resume_wanted(self, message: HomeScreen.Resume) -> None:
        folder, session = message.entry.sandbox, message.entry.summary.id
        if folder is None or folder == self.source.folder:
            another_device = "device" in message.kinds
            drafts = {} if another_device else _drafts_of(message.kinds)
            await self._resume(Start("", session, drafts, {"mfa": ""} if another_device else {}))
            return
        environment = self.control.parts.sandbox(folder)
        self._start = Start(session=session)
        await self._show(
            starting.Starting(partial(self._change_world, environment), self._opened, environment.words)
        )

    def _change_world(self, environment: EnvironmentSource, report: module.Report) -> SessionControl:
        """Close the current world, and open another."""
        before, self.source = self.source, environment
        before.close()
        return self._open(report)

    @on(HomeScreen.Delete)
    async def _delete_wanted(self, message: HomeScreen.Delete) -> None:
        failure = None
        try:
            self.control.delete(message.entry)
        except OnboardError as error:
            failure = error
        await self._show_home(failure, every=message.every)

    @on(HomeScreen.Archive)
    async def _archive_wanted(self, message: HomeScreen.Archive) -> None:
        await self._archive(message.entry, every=message.every)

    async def _archive(self, entry: session_catalogue.Entry, *, every: bool = False) -> None:
        try:
            said = self.control.archive(entry)
        except OnboardError as error:
            await self._show_home(error, entry.summary.id, every=every)
        else:
            await self._show_home(at=entry.summary.id, every=every)
            self.notify(text_of(said))

    @on(HomeScreen.Report)
    async def _report_wanted(self, message: HomeScreen.Report) -> None:
        entry, home = message.entry, self._machine.home
        try:
            said = await asyncio.to_thread(self.control.report, entry, message.target, home)
        except OnboardError as error:
            self.show_error(error)
        else:
            self.notify(text_of(said))

    # -- commands ----------------------------------------------------------------------------------

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Return the palette's commands, without a screenshot, which may hold a secret."""
        wizard = self._wizard()
        if wizard is not None and screen is wizard:
            yield from wizard.commands()
            yield SystemCommand("Go to Home", "Save, and see all sessions · F3", self.action_home)
            if self.control.plays_another(wizard.run.session):
                yield SystemCommand("Other person", "Save, and play the other person · F6", self.action_swap)
        if isinstance(screen, HomeScreen):
            yield from screen.commands()
        colours = "Dark, light, high contrast, or the terminal's own"
        yield SystemCommand("Change the colours", colours, self.action_change_theme)
        yield SystemCommand("Save and quit", "Everything is kept · ^q", self.action_save_and_quit)
