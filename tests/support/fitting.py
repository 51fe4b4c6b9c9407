"""Checks that a page fits a terminal of 80×24, which a picture of the page does not show."""

from __future__ import annotations

from collections.abc import Iterator

from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Button, Checkbox, Input, Static

from screens.step.page import ActionBar
from screens.widgets.text import SplitLine


def misfits(screen: Screen[object]) -> list[str]:
    """Return what is cut off, and what must be pressed but is outside the visible part of the page."""
    return [
        *_bar(screen),
        *scrollbars(screen),
        *_scrolled(screen),
        *_cut_off(screen),
        *_below_the_fold(screen),
    ]


def _shown(screen: Screen[object]) -> Iterator[Widget]:
    for widget in screen.query("*"):
        if widget.visible and all(
            ancestor.display for ancestor in widget.ancestors_with_self if isinstance(ancestor, Widget)
        ):
            yield widget


def _bar(screen: Screen[object]) -> Iterator[str]:
    for bar in screen.query(ActionBar):
        if bar.region.bottom != screen.size.height - 1:
            yield f"the action bar ends in row {bar.region.bottom}"


def scrollbars(screen: Screen[object]) -> Iterator[str]:
    """Yield a complaint if more than one widget has scrollbars that take room."""
    scrolled = [
        widget
        for widget in _shown(screen)
        if (widget.scrollbars_enabled[0] and widget.styles.scrollbar_size_vertical)
        or (widget.scrollbars_enabled[1] and widget.styles.scrollbar_size_horizontal)
    ]
    if len(scrolled) > 1:
        yield f"scrollbars: {scrolled}"


def _scrolled(screen: Screen[object]) -> Iterator[str]:
    for widget in _shown(screen):
        if widget.scroll_y > 0:
            yield f"{widget} is scrolled by {widget.scroll_y}, so that its beginning is above the fold"


def _cut_off(screen: Screen[object]) -> Iterator[str]:
    for widget in _shown(screen):
        if not isinstance(widget, Static | Button | SplitLine) or not widget.size:
            continue
        room = widget.content_size
        if isinstance(widget, Button) or widget.styles.text_wrap == "nowrap":
            wide = widget.get_content_width(room, screen.size)
            if wide > room.width:
                yield f"{widget} is {wide} wide in {room.width}: {widget.render()}"
        elif (high := widget.get_content_height(room, screen.size, room.width)) > room.height:
            yield f"{widget} is {high} high in {room.height}"
        clip = screen.find_widget(widget).clip
        if clip.width and not clip.x <= widget.region.x <= widget.region.right <= clip.right:
            yield f"{widget} leaves its place at the side"


def _below_the_fold(screen: Screen[object]) -> Iterator[str]:
    for widget in _shown(screen):
        if isinstance(widget, Button | Input | Checkbox) and not widget.disabled:
            clip = screen.find_widget(widget).clip
            if not clip.contains_region(widget.region):
                yield f"{widget} is not wholly in view"
