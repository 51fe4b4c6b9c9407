"""Work without the garbage collector, where it would run again and again over what stays.

A layer of thousands of people makes hundreds of thousands of small objects in a moment and drops few of them:
the collector takes half of the time of a large edit, and finds nothing. Modules stay once they are imported.
Each full look at either, while something is shown, stops the screen for as long as several key presses take.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_OFTEN, _SELDOM = 10, 50
"""So many looks at what is young for each full one: as Python does it, and between two pages at most."""


@contextmanager
def collection_paused() -> Iterator[None]:
    """Pause the collector for a block of code, if it runs."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def collect_between_pages() -> None:
    """From now on, have full looks when a page was just painted (`page_painted`), and seldom else."""
    gc.set_threshold(*gc.get_threshold()[:2], _SELDOM)


def page_painted() -> None:
    """Have a full look if one is due and left to this moment: a person reads, and waits for nothing."""
    if gc.get_threshold()[2] == _SELDOM and gc.get_count()[2] > _OFTEN:
        gc.collect()


def freeze() -> None:
    """Let the collector leave alone what is there now; until the next call, it looks at younger objects only.

    What was set apart before and is in a circle that nobody refers to any more is freed first.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
