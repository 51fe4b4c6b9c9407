"""How many inputs a property is tried on."""

from __future__ import annotations

from hypothesis import settings


def examples(repeated: int, explored: int) -> int:
    """So many where they are the same each time, and so many where `make explore` takes new ones."""
    return repeated if settings.default.derandomize else explored
