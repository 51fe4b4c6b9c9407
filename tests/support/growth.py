"""The growth of work with its input, as a ratio of processor times, which does not depend on the machine."""

from __future__ import annotations

from collections.abc import Callable
from time import thread_time

from workflows.core.garbage import collection_paused

_ROUNDS = 200
"""The maximum number of rounds: other processes may slow down many of them, one after the other."""
_LEAST_SECONDS = 0.005
"""The minimum time of a measurement, as the clock is not exact enough for less."""
_CACHES = bytes(16 << 20)
"""More than a processor's own caches hold."""


def growth(few: Callable[[], object], many: Callable[[], object], below: float) -> float:
    """Return the ratio of the times of `many` and `few`: the smallest until one is below the bound.

    Each round measures both, so that a temporarily slow machine slows both down.

    Args:
        few: the work with a small input, in this thread.
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
    """Return the time of a call that finds the caches empty, as a large input does beside other processes."""
    calls, seconds = 0, 0.0
    while seconds < _LEAST_SECONDS:
        bytearray(_CACHES)
        begun = thread_time()
        work()
        seconds += thread_time() - begun
        calls += 1
    return seconds / calls
