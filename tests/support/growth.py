"""How work grows with its input: a ratio of processor times, whatever the machine and its load."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time

from workflows.core.garbage import collection_paused

_ROUNDS = 20
"""Where the ratio is too high, since what else the machine does takes caches."""
_LEAST_SECONDS = 0.01
"""What is measured takes at least so long, since the clock has its own say in less."""


def growth(few: Callable[[], object], many: Callable[[], object], below: float) -> float:
    """How many times as long `many` takes as `few`: the least of the rounds until one is below the bound.

    Both are measured in each round, since a machine that is slower for a while is so for both.

    Args:
        few: the work on a small input.
        many: the same on a large one.
        below: what the ratio should be below.
    """
    few()  # what only the first time takes would make the small input look slow
    ratio = float("inf")
    with collection_paused():  # a large input has it go through all that the tests before have left
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
