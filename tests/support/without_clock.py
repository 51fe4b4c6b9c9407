"""Textual without a clock: a pilot waits for messages, not for a time, and nothing blinks or expires.

Textual's pilot mistakes a process that waits for the processor for an idle one, so it continues too early on
a busy machine; and the effects of Textual's timers depend on the speed of the test.
"""

from __future__ import annotations

import asyncio
from itertools import chain
from time import monotonic
from typing import Any

import textual.app
import textual.css.match
import textual.css.stylesheet
import textual.pilot
from textual import constants
from textual._compositor import Compositor
from textual._context import active_app, visible_screen_stack
from textual.app import App
from textual.css.model import RuleSet, Selector
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode
from textual.message_pump import MessagePump
from textual.notifications import Notification
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Button, Input, TextArea
from textual.widgets._toast import Toast

_CYCLES_AT_ONCE = 1_000
"""The number of cycles after which the application must be waiting for something outside."""
_PATIENCE_SECONDS = 300.0
"""The time limit for a handler that waits for something outside; Textual's 30 are too few on a busy
machine."""
_TO_LAY_OUT = ("_layout_required", "_scroll_required", "_recompose_required")
_TO_PAINT = ("_repaint_required", "_dirty_widgets")
"""Checked for the top screen only, as a screen below a dialog asks for painting each time."""


def install() -> None:
    """Remove the clock from Textual in this process."""
    textual.pilot.wait_for_idle = textual.app.wait_for_idle = _settled
    Pilot._wait_for_screen = _settled
    Screen._update_timer = _NoTimer()
    constants.TEXTUAL_ANIMATIONS = "none"
    Compositor.render_update = _painted_when_asked
    Stylesheet._parse_rules, Stylesheet.parse = _parsed_once, _put_together_once
    textual.css.match._check_selectors = textual.css.stylesheet._check_selectors = _last_selector_first
    # Textual's own does the same in Python, and is called millions of times.
    RuleSet.__hash__ = object.__hash__
    for owner, by_timer in (
        (Input, "_toggle_cursor"),
        (TextArea, "_toggle_cursor_blink_visible"),
        (Toast, "_expire"),
        (Button, "_start_active_affect"),  # while it shows a press, a button ignores others
    ):
        assert hasattr(owner, by_timer), f"{owner.__name__} has no {by_timer} any more"
        setattr(owner, by_timer, lambda _self: None)
    Notification.has_expired = property(lambda _self: False)


class _NoTimer:
    """A timer that lays nothing out: `_ticked` does that, once nothing else is to be done."""

    def pause(self) -> None:
        pass

    def resume(self) -> None:
        pass


_render_update = Compositor.render_update


def _painted_when_asked(compositor: Compositor, full: bool = False, **more: Any) -> Any:
    """Paint only for pictures: without a terminal, painting would waste half of the processor's time.

    When a test reads the screen, all of it is painted.
    """
    if full:
        return _render_update(compositor, full, **more)
    visible_screen_stack.set(more.get("screen_stack") or [])
    compositor._dirty_regions.clear()
    return None


_parse_rules, _parse = Stylesheet._parse_rules, Stylesheet.parse
_parsed: dict[tuple[Any, ...], Any] = {}
_put_together: dict[tuple[Any, ...], Any] = {}


def _parsed_once(stylesheet: Stylesheet, *sheet: Any, **more: Any) -> Any:
    """Cache the rules of a style sheet for applications with the same variables."""
    key = (frozenset(stylesheet._variables.items()), sheet, frozenset(more.items()))
    if key not in _parsed:
        _parsed[key] = _parse_rules(stylesheet, *sheet, **more)
    return _parsed[key]


def _put_together_once(stylesheet: Stylesheet) -> None:
    """Cache all rules of an application too: Textual combines them for each new kind of widget."""
    key = (frozenset(stylesheet._variables.items()), tuple(stylesheet.source.items()))
    if key not in _put_together:
        _parse(stylesheet)
        _put_together[key] = stylesheet._rules, stylesheet.rules_map
    stylesheet._rules, stylesheet._rules_map = _put_together[key]
    stylesheet._require_parse = False


_check_selectors = textual.css.match._check_selectors


def _last_selector_first(selectors: list[Selector], path: list[DOMNode]) -> bool:
    """Check the last selector first, which is about the widget itself: most rules fail there.

    Textual starts from the application and goes down to the widget, with the same result.
    """
    return selectors[-1].check(path[-1]) and _check_selectors(selectors, path)


async def _settled(*_: Any, **__: Any) -> bool:
    """Wait until every message and those that follow from it have been handled and painted."""
    app = active_app.get()
    ready: Any = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
    deadline = monotonic() + _PATIENCE_SECONDS
    cycles = 0
    while monotonic() < deadline:
        cycles += 1
        await asyncio.sleep(0 if cycles < _CYCLES_AT_ONCE else 0.005)
        if not app.is_running or app._exit or app._exception is not None:
            return False
        if not ready and not _ticked(app) and _all_wait(app):
            return True
    return False


def _all_wait(app: App[object]) -> bool:
    widgets = chain.from_iterable(screen.walk_children(with_self=True) for screen in app.screen_stack)
    return _waits(app) and all(map(_waits, widgets))


def _ticked(app: App[object]) -> bool:
    """Do immediately what Textual does at its next tick; return whether there was anything to do."""
    if app._resize_event is not None:
        app._check_resize()
        return True
    if app._batch_count:
        return False
    below, top = app._background_screens, app.screen
    due = [screen for screen in (*below, top) if _asks_for(screen, "_callbacks", *_TO_LAY_OUT)]
    if not due and _asks_for(top, *_TO_PAINT):
        due = [top]
    for screen in due:
        screen._on_timer_update()
    return bool(due)


def _asks_for(screen: Screen[object], *names: str) -> bool:
    return any(getattr(screen, name) for name in names)


def _waits(pump: MessagePump) -> bool:
    if pump._closed:
        return True
    queue = pump._message_queue
    return pump._running and queue.empty() and bool(queue.ready_event._waiters) and not pump._next_callbacks
