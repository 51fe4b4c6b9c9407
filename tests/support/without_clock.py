"""Textual without a clock: a pilot waits for messages instead of moments, and nothing blinks or expires.

Textual's pilot takes a process that gets no processor for an idle one, so beside other work it continues too
early; and what Textual's own timers change depends on how far the test came by then.
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

_QUIET_CYCLES = 3
"""Of the event loop; what no widget knows of, such as the task that removes some, needs a cycle or two."""
_CYCLES_AT_ONCE = 1_000
"""Whatever takes more waits for something from outside, which takes its time."""
_PATIENCE_SECONDS = 300.0
"""For a handler that waits for something from outside; Textual's own 30 go by on a busy machine."""
_TO_LAY_OUT = ("_layout_required", "_scroll_required", "_recompose_required")
_TO_PAINT = ("_repaint_required", "_dirty_widgets")
"""Of the top screen alone: one below a dialog asks for it again each time."""


def install() -> None:
    """Take the clock out of Textual, for this process."""
    textual.pilot.wait_for_idle = textual.app.wait_for_idle = _settled
    Pilot._wait_for_screen = _settled
    constants.TEXTUAL_ANIMATIONS = "none"
    Compositor.render_update = _painted_when_asked
    Stylesheet._parse_rules, Stylesheet.parse = _parsed_once, _put_together_once
    textual.css.match._check_selectors = textual.css.stylesheet._check_selectors = _last_selector_first
    RuleSet.__hash__ = object.__hash__  # Textual's own is the same one in Python, asked for millions of times
    for owner, by_timer in (
        (Input, "_toggle_cursor"),
        (TextArea, "_toggle_cursor_blink_visible"),
        (Toast, "_expire"),
        (Button, "_start_active_affect"),  # while it shows a press, a button takes no other
    ):
        assert hasattr(owner, by_timer), f"{owner.__name__} has no {by_timer} any more"
        setattr(owner, by_timer, lambda _self: None)
    Notification.has_expired = property(lambda _self: False)


_render_update = Compositor.render_update


def _painted_when_asked(compositor: Compositor, full: bool = False, **more: Any) -> Any:
    """Paint for a picture only: without a terminal nobody sees what half of the processor's time went into.

    A test that reads the screen has all of it painted then.
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
    """Keep the rules of a style sheet for the next application whose variables are the same."""
    key = (frozenset(stylesheet._variables.items()), sheet, frozenset(more.items()))
    if key not in _parsed:
        _parsed[key] = _parse_rules(stylesheet, *sheet, **more)
    return _parsed[key]


def _put_together_once(stylesheet: Stylesheet) -> None:
    """Keep all rules of an application as well: Textual puts them together for each new kind of widget."""
    key = (frozenset(stylesheet._variables.items()), tuple(stylesheet.source.items()))
    if key not in _put_together:
        _parse(stylesheet)
        _put_together[key] = stylesheet._rules, stylesheet.rules_map
    stylesheet._rules, stylesheet._rules_map = _put_together[key]
    stylesheet._require_parse = False


_check_selectors = textual.css.match._check_selectors


def _last_selector_first(selectors: list[Selector], path: list[DOMNode]) -> bool:
    """Ask the last selector first, which is about the widget itself: most rules end there.

    Textual goes down from the application, a widget at a time, to come to the same answer.
    """
    return selectors[-1].check(path[-1]) and _check_selectors(selectors, path)


async def _settled(*_: Any, **__: Any) -> bool:
    """Wait until every message has been handled, those that it leads to as well, and painted."""
    app = active_app.get()
    deadline = monotonic() + _PATIENCE_SECONDS
    quiet = cycles = 0
    while quiet < _QUIET_CYCLES and monotonic() < deadline:
        cycles += 1
        await asyncio.sleep(0 if cycles < _CYCLES_AT_ONCE else 0.005)
        if not app.is_running or app._exit or app._exception is not None:
            return False
        quiet = quiet + 1 if _all_wait(app) and not _ticked(app) else 0
    return quiet == _QUIET_CYCLES


def _all_wait(app: App[object]) -> bool:
    widgets = chain.from_iterable(screen.walk_children(with_self=True) for screen in app.screen_stack)
    return _waits(app) and all(map(_waits, widgets))


def _ticked(app: App[object]) -> bool:
    """Do at once what Textual leaves to its next tick; tell whether there was anything."""
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
