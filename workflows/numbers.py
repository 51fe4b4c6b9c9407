"""Numbers in sentences: a count with its noun in the form that goes with it."""

from __future__ import annotations


def count(number: int, one: str, many: str = "") -> str:
    """A count with its noun: "1 profile", "2 profiles".

    Args:
        number: how many.
        one: the noun for one.
        many: the noun for any other number; by default `one` with an s.
    """
    return f"{number} {one if number == 1 else many or one + 's'}"
