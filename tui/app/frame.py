"""The application as its terminal sees it: messages, the clipboard, and an end without a traceback.

It knows no session and no step; the application built on it does.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import signal
from collections import deque
from collections.abc import Sequence
from functools import partial
from threading import get_ident
from typing import Any, ClassVar, TypeGuard

from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.driver import Driver
from textual.drivers import linux_driver
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Event, Key, MouseDown, Paste
from textual.filter import LineFilter
from textual.notifications import Notification, SeverityLevel
from textual.theme import Theme
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input
from textual.worker import WorkerFailed

from screens.widgets.one_focus import OneFocus
from screens.widgets.text import OnlyVisible, has_unicode, shown
from tui.app.guard import BEGUN, LENT, SHOWN, Guard, Workers
from tui.app.pasting import WholePastes
from tui.app.themes import ROLES, TERMINAL, chosen, of_terminal, themes
from tui.ending import ENDING
from tui.environments import clipboard_of
from tui.host import Machine
from workflows.core.files import FileError, private_folder, write_atomically
from workflows.core.later import on_demand
from workflows.core.sentences import OnboardError, as_error, joined, text_of

with on_demand():
    from screens.widgets import dialogs

_MARKS: dict[SeverityLevel, str] = {"information": "", "warning": "! ", "error": "✗ "}
_SECONDS_AT_LEAST = 5.0
_LETTERS_A_SECOND = 12
_SECONDS_FOR_A_KEY = 0.5
_MOST_STYLED_CLASSES = 1_000


class Frame(App[None]):
    """The application's frame, with the styles that all pages share.

    Args:
        machine: the machine it runs on.
        guard: the process that ensures the wizard ends, or None in a test.

    Attributes:
        failure: why the application ended early, or None.
    """

    CSS: ClassVar[str] = """
    Button, Button:focus, Button:hover, Button.-active, Button:disabled {
        min-width: 0; width: auto; height: 1; margin: 0 2 0 0; background: transparent !important;
        color: $text-muted !important; text-style: none; text-opacity: 1; tint: transparent !important;
        border: none !important;
    }
    Button#primary { background: $block-hover-background !important; margin: 0 1 0 2; }
    Input, TextArea, Input:focus, TextArea:focus {
        background: $block-hover-background; background-tint: transparent; padding: 0 1;
        border: none !important; border-left: solid $border-blurred !important;
    }
    Input:focus, TextArea:focus { border-left: outer $accent !important; }
    ToggleButton, SelectionList, OptionList, ToggleButton:focus, SelectionList:focus, OptionList:focus {
        background: transparent; background-tint: transparent; border: none; padding: 0;
    }
    ToggleButton:focus { border: none !important; }
    SearchIcon { display: none; }
    CommandInput, CommandInput:focus { height: 1; margin-left: 1; }
    CommandList > .option-list--option-highlighted {
        color: $block-cursor-foreground; background: $block-cursor-background; text-style: bold;
    }
    ToastRack {
        layer: default; dock: bottom; margin: 0; max-height: 40%; align: left bottom; overflow-y: auto;
    }
    Toast { width: 1fr; max-width: 100%; margin: 0; padding: 0 1; }
    """

    def __init__(self, machine: Machine, guard: Guard | None = None) -> None:
        theme = chosen(machine.places.theme) or of_terminal(machine.environment)
        ansi = (
            True if theme == TERMINAL else None
        )  # Textual decides how to drop colours before the theme is set
        super().__init__(driver_class=WatchedDriver if guard else None, ansi_color=ansi)
        # Textual (8.2) caches the parsed styles of 64 classes; beyond that, each new one reparses all of
        # them.
        if (
            parsed := getattr(self.stylesheet, "_parse_cache", None)
        ) is not None:  # newer versions may not have it
            parsed.grow(_MOST_STYLED_CLASSES)
        for known in themes():
            self.register_theme(known)
        self.theme = theme
        for theme in set(self.available_themes) - set(ROLES):
            self.unregister_theme(theme)
        self.guard = guard
        self._only_visible = OnlyVisible(unicode=has_unicode(machine.environment))
        self._machine = machine
        self._board = clipboard_of(machine, self._write_clipboard, guard.remember if guard else None)
        self.failure: OnboardError | None = None
        self._signals: dict[signal.Signals, Any] = {}
        self._quitting = False
        self._typed: deque[Key | Paste] = deque()
        self._passed = set[str]()

    def on_mount(self) -> None:
        """Let a signal end it like the key; check regularly whether to clear the clipboard."""
        loop = asyncio.get_running_loop()
        loop.set_default_executor(Workers())
        resume_only_what_was_suspended(self._driver)
        # Textual (8.2) would draw only what happens to change on the new screen.
        self.app_resume_signal.subscribe(self, lambda _app: self.refresh(layout=True))
        # Not through the loop: while gpg asks, SIGINT is replaced, but the loop would still receive it; and
        # the signals' wakeup descriptor belongs to the guard.
        for ending in (signal.SIGINT, *ENDING):
            self._signals[ending] = signal.signal(ending, lambda *_: self._end_by_signal(loop))
        if self.guard is not None:
            self.guard.hear_signals()
            loop.add_reader(self.guard.keys, self._take_keys_back)
        self.set_interval(1.0, self._poll_clipboard)
        self.theme_changed_signal.subscribe(self, self._keep_theme)

    def on_unmount(self) -> None:
        """Restore the signal handlers."""
        if self.guard is not None:
            asyncio.get_running_loop().remove_reader(self.guard.keys)
        for ending, handler in self._signals.items():
            signal.signal(ending, handler)

    def refresh_css(self, animate: bool = True) -> None:  # noqa: FBT001 - Textual's
        """Set only the colours before there is a screen: its styles are read with them."""
        if self.screen_stack:
            super().refresh_css(animate)
        else:
            self.stylesheet.set_variables(self.get_css_variables())

    def _end_by_signal(self, loop: asyncio.AbstractEventLoop) -> None:
        self.stop()
        loop.call_soon_threadsafe(self.quit)

    def _take_keys_back(self) -> None:
        """Handle what was typed while nothing could be read; an Escape at its end starts no sequence."""
        if self.guard is not None and self._driver is not None and (typed := self.guard.given_back()):
            parser = WholePastes()
            for message in (*parser.feed(typed), *parser.feed("")):
                self._driver.process_message(message)

    def _keep_theme(self, theme: Theme) -> None:
        """Save the chosen theme for the next start."""
        path = self._machine.places.theme

        def keep() -> None:
            try:
                private_folder(path.parent)
                write_atomically(path, theme.name.encode())
            except FileError as error:
                self.call_from_thread(self.show_error, error)

        self.run_worker(keep, thread=True, group="theme", exclusive=True)

    # -- typing ------------------------------------------------------------------------------------

    async def on_event(self, event: Event) -> None:
        """Let each key wait until earlier ones are handled, however fast they come.

        A widget's key waits in its queue, but one of the wizard's own acts at once: Next would overtake a
        name typed before it. The effect of a key, such as a new focus, would wait behind keys typed since:
        Enter would press the button that Left has just left.
        """
        if not isinstance(event, Key | Paste) or event.is_forwarded:
            if isinstance(event, MouseDown) and not event.is_forwarded:
                self.acted(event)
            await super().on_event(event)
            return
        if isinstance(self.screen, OneFocus):
            self.screen.drop_result(passing=True)
        line_feed = isinstance(event, Key) and event.key == "ctrl+j"  # how some terminals end a pasted line
        self._typed.append(Key("enter", "\r") if line_feed else event)
        if len(self._typed) == 1:
            await self._handle_typed()

    async def _handle_typed(self, until: float | None = None) -> None:
        """Handle what was typed first, once everything before it and its effects are handled."""
        clock = asyncio.get_running_loop().time
        until = until or clock() + _SECONDS_FOR_A_KEY
        await self._widgets_are_done(until)
        waiting = self.message_queue_size or self._pending_message  # taken from the queue, not handled yet
        if waiting and clock() < until:
            self.call_later(self._handle_typed, until)
            return
        event = self._next_typed()
        self.acted(event)
        await super().on_event(event)
        if self._typed:
            self.call_later(self._handle_typed)

    def acted(self, event: Key | Paste | MouseDown) -> None:
        """Note that a key, paste or click is about to be handled."""

    def _next_typed(self) -> Key | Paste:
        """Return what was typed first; in a field, all characters up to the next other key at once.

        A terminal without paste support types them: a page per character would take minutes.
        """
        first = self._typed.popleft()
        if not (_is_character(first) and _takes_runs(self.focused)):
            return first
        run = str(first.character)
        while self._typed and _is_character(key := self._typed[0]):
            run += str(key.character)
            self._typed.popleft()
        return Key(first.key, run)

    async def _widgets_are_done(self, until: float) -> None:
        """Wait until the focused widget has handled its keys, and its ancestors their effects.

        Without one, the screen may be about to focus another: a page is being rebuilt.
        """
        with contextlib.suppress(TimeoutError):  # one of them has just been taken away
            async with asyncio.timeout_at(until):
                for node in self.focused.ancestors_with_self if self.focused else (self.screen,):
                    handled = asyncio.Event()
                    if isinstance(node, Widget) and node.call_later(handled.set):
                        await handled.wait()

    # -- painting ----------------------------------------------------------------------------------

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Add, as the last filter, the one that lets nothing invisible through."""
        return [*super().get_line_filters(), self._only_visible]

    def update_styles(self, node: DOMNode, animate: bool = True) -> None:  # noqa: FBT001 - Textual's
        """Style a widget only on the screen: Textual (8.2) also does so for each class added before."""
        if node.is_attached:
            super().update_styles(node, animate)

    def get_key_display(self, binding: Binding) -> str:
        """Return a key as printed on the keyboard: F2, not f2."""
        key = super().get_key_display(binding)
        return key.upper() if key[:1] == "f" and key[1:].isdigit() else key

    # -- messages ----------------------------------------------------------------------------------

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Show a message: on a page in its own line (also below a dialog), else briefly.

        The text is shown literally (no markup), with a mark for problems. With a timeout (seconds) it is
        brief: on a step's page or a dialog it stays until the next key.
        """
        text = _MARKS[severity] + shown(message)
        for page in reversed(self.screen_stack) if timeout is None else (self.screen,):
            if isinstance(page, OneFocus) and page.show_result(text, severity, passing=timeout is not None):
                return
        reading = max(_SECONDS_AT_LEAST, len(message) / _LETTERS_A_SECOND)
        super().notify(
            text,
            title=shown(title),
            severity=severity,
            timeout=max(timeout or 0.0, reading),
            markup=markup,
        )

    def _unnotify(self, notification: Notification, refresh: bool = True) -> None:  # noqa: FBT001, ARG002 - Textual's
        # Textual (8.2) doesn't refresh when a message's time is over, and leaves the last one's row blank.
        super()._unnotify(notification, refresh=True)

    def show_error(self, error: OnboardError) -> None:
        self.push_screen(dialogs.ErrorDialog(error, lambda text: self._board.copy(text).said))

    # -- the clipboard -----------------------------------------------------------------------------

    def _clear_clipboard(self) -> None:
        """Clear our text from the clipboard; report a clipboard that no longer answers."""
        try:
            self._board.clear_if_ours()
        except OnboardError as error:
            self.notify(f"{error.what} {error.why}", severity="warning")

    def _poll_clipboard(self) -> None:
        expires_at = self._board.expires_at
        if expires_at is not None and expires_at <= self._machine.now():
            self.run_worker(self._clear_clipboard, thread=True, group="clipboard", exclusive=True)

    def _write_clipboard(self, text: str) -> None:
        """Copy through the terminal, from any thread, and drop Textual's copy of the text.

        Once the application is ending, only blanks are accepted: a delayed copy would come too late.
        """

        def write() -> None:
            if not (self._quitting and text.strip()):
                self.copy_to_clipboard(text)
            self._clipboard = ""

        if self._thread_id == get_ident():
            write()
        else:
            self.call_from_thread(write)

    # -- the end -----------------------------------------------------------------------------------

    def leave(self) -> None:
        """Close what is open before the application ends; may be called more than once."""
        self._clear_clipboard()

    def stop(self) -> None:
        """Ask running work to stop; called by a signal, also while another program has the terminal."""

    def quit(self) -> None:
        """Leave, and end within two seconds, however often this is called meanwhile."""
        if self._quitting:
            return
        if self.guard is not None:
            self.guard.say(BEGUN)
        self._quitting = True
        self.leave()
        self.exit()

    def _handle_exception(self, error: Exception) -> None:
        """End without a traceback: Textual's own shows local variables, which may be secrets.

        A failure in a worker or at a timer doesn't end the application: it is shown, a timer's only once.
        """
        worker = isinstance(error, WorkerFailed)
        cause = error.error if isinstance(error, WorkerFailed) else error
        if self._running and not self._quitting and (worker or _at_timer(error)):
            failure = as_error(cause)
            message = text_of(joined((failure.what, failure.why)))
            if worker or message not in self._passed:
                self._passed.add(message)
                self.notify(message, severity="error")
            return
        first = self._exception is None
        self._return_code = 1
        if first:
            self._exception = error
            self._exception_event.set()
            self.failure = as_error(cause)
            if self.guard is not None:
                self.guard.say(BEGUN)
            self.leave()
        self._close_messages_no_wait()


def _at_timer(error: Exception) -> bool:
    """Return whether a timer's callback raised it."""
    caught, tick = error.__traceback__, getattr(Timer, "_tick", None)  # where Textual (8.2) catches it
    return caught is not None and tick is not None and caught.tb_frame.f_code is tick.__code__


def _is_character(event: Event) -> TypeGuard[Key]:
    return isinstance(event, Key) and event.is_printable


def _takes_runs(field: Widget | None) -> bool:
    """Return whether a field treats a run of characters like single ones, unlike fields that reject some."""
    if isinstance(field, Input):
        return field.restrict is None and not field.max_length
    return getattr(field, "read_only", None) is False  # of a TextArea, whose class Home doesn't load


class WatchedDriver(LinuxDriver):
    """Reports to the guard who has the terminal."""

    def run_input_thread(self) -> None:
        """Read invalid UTF-8 as U+FFFD, and pastes as one text: Textual (8.2) would end or press keys."""
        vars(linux_driver)["XTermParser"] = WholePastes
        vars(linux_driver)["getincrementaldecoder"] = lambda encoding: partial(
            codecs.getincrementaldecoder(encoding), errors="replace"
        )
        super().run_input_thread()

    def start_application_mode(self) -> None:
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self._say(SHOWN)

    def stop_application_mode(self) -> None:
        super().stop_application_mode()
        self._say(LENT)

    def _sigtstp_application(self, *_: object) -> None:
        """Stop with the programs that wait for this one (make, a script), as the terminal's own ^z does."""
        if self._auto_restart:
            self.suspend_application_mode()
            self._must_signal_resume = True
        os.killpg(0, signal.SIGSTOP)

    def _say(self, what: int) -> None:
        if isinstance(self._app, Frame) and self._app.guard is not None:
            self._app.guard.say(what)


def resume_only_what_was_suspended(driver: Driver | None) -> None:
    """Let a driver hear SIGCONT only after SIGTSTP; do nothing for one that ignores it.

    Args:
        driver: of a mounted application.
    """
    resume: Any = signal.getsignal(signal.SIGCONT)
    if getattr(resume, "__self__", None) is not driver or not hasattr(driver, "_must_signal_resume"):
        return

    def continued(number: int, frame: Any) -> None:
        if getattr(driver, "_must_signal_resume", True):  # set by SIGTSTP until the driver has resumed
            resume(number, frame)

    signal.signal(signal.SIGCONT, continued)
