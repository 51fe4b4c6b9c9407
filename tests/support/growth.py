"""The growth of work with its input, as a ratio of processor times, which does not depend on the machine."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time

from workflows.core.garbage import collection_paused

_ROUNDS = 20
"""The maximum number of rounds, as other processes may use the caches and so make a ratio too high."""
_LEAST_SECONDS = 0.01
"""The minimum time of a measurement, as the clock is not exact enough for less."""


def growth(few: Callable[[], object], many: Callable[[], object], below: float) -> float:
    """Return the ratio of the times of `many` and `few`: the smallest until one is below the bound.

    Each round measures both, so that a temporarily slow machine slows both down.

    Args:
        few: the work with a small input.
        many: the same work with a large input.
        below: the bound.
    """
    few()  # the first call is slower than later ones
    ratio = float("inf")
    with collection_paused():  # it would visit all objects of earlier tests
        for _ in range(_ROUNDS):
            ratio = min(ratio, _seconds(many) / _seconds(few))
            if ratio < below:
                break
    return ratio


def _seconds(work: Callable[[], object]) -> float:
    loops, seconds = 1, _seconds_of(work, 1)
    while seconds < _LEAST_SECONDS:
        loops *= 2
        seconds = _seconds_of(work, loops)
    return seconds / loops


def _seconds_of(work: Callable[[], object], loops: int) -> float:
    begun = process_time()
    for _ in range(loops):
        work()
    return process_time() - begun
