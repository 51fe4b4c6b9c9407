"""Numbers in sentences: a count with its noun, and how many more there are of a long list."""

from __future__ import annotations

from collections.abc import Sequence


def count(number: int, one: str, many: str = "") -> str:
    """A count with its noun: "1 profile", "2 profiles".

    Args:
        number: how many.
        one: the noun for one.
        many: the noun for any other number; by default `one` with an s.
    """
    return f"{number} {one if number == 1 else many or one + 's'}"


def listed(names: Sequence[str], most: int) -> str:
    """The first names of a list: "jane, juan and 3 more"."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
