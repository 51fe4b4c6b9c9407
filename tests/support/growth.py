"""How work grows with its input: a ratio of processor times, whatever the machine and its load."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time

_ROUNDS = 3
_ENOUGH_SECONDS = 0.5
"""After so many no third round begins."""
_LEAST_SECONDS = 0.01
"""What is measured takes at least so long, since the clock and the collector have their own say in less."""


def growth(few: Callable[[], object], many: Callable[[], object]) -> float:
    """How many times as long `many` takes as `few`; the best of some rounds each, in turns."""
    loops = [_loops(few), _loops(many)]
    rounds: list[list[float]] = []
    begun = process_time()
    while len(rounds) < 2 or (len(rounds) < _ROUNDS and process_time() - begun < _ENOUGH_SECONDS):
        rounds.append([_seconds(work, count) / count for work, count in zip((few, many), loops, strict=True)])
    short, long = (min(tries) for tries in zip(*rounds, strict=True))
    return long / short


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
