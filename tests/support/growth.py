"""How work grows with its input: a ratio of processor times, whatever the machine and its load."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time

_ROUNDS = 20
"""Where the ratio is too high, since what else the machine does takes caches and the collector's time."""
_LEAST_SECONDS = 0.01
"""What is measured takes at least so long, since the clock and the collector have their own say in less."""


def growth(few: Callable[[], object], many: Callable[[], object], below: float) -> float:
    """How many times as long `many` takes as `few`: the least of two rounds, or of more if need be.

    Both are measured in each round, since a machine that is slower for a while is so for both.

    Args:
        few: the work on a small input.
        many: the same on a large one.
        below: what the ratio should be below.
    """
    loops = {work: _loops(work) for work in (few, many)}
    ratio = float("inf")
    for number in range(_ROUNDS):
        short, long = (_seconds(work, count) / count for work, count in loops.items())
        ratio = min(ratio, long / short)
        if number and ratio < below:
            break
    return ratio


def _loops(work: Callable[[], object]) -> int:
    loops = 1
    while _seconds(work, loops) < _LEAST_SECONDS:
        loops *= 2
    return loops


def _seconds(work: Callable[[], object], loops: int) -> float:
    begun = process_time()
    for _ in range(loops):
        work()
    return process_time() - begun
