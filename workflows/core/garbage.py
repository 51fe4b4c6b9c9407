"""Pause the garbage collector where it would keep scanning objects that stay.

A layer of thousands of people makes hundreds of thousands of small objects in a moment and drops few of them:
the collector takes half the time of a large edit and finds nothing. Imported modules stay as well. A full
collection of either while a page is shown freezes the screen for as long as several key presses take.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_OFTEN, _SELDOM = 10, 50
"""Young collections per full one: Python's default, and the maximum between two pages."""


@contextmanager
def collection_paused() -> Iterator[None]:
    """Pause the collector, if enabled, for a block of code."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def collect_between_pages() -> None:
    """From now on, run full collections after a page is painted (`page_painted`), and rarely otherwise."""
    gc.set_threshold(*gc.get_threshold()[:2], _SELDOM)


def page_painted() -> None:
    """Run a full collection if one is due: the person is reading the page and waits for nothing."""
    if gc.get_threshold()[2] == _SELDOM and gc.get_count()[2] > _OFTEN:
        gc.collect()


def freeze() -> None:
    """Exempt all current objects from collection until the next call.

    Objects frozen earlier that are now unreachable cycles are freed first.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
