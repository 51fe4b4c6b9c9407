"""The number of inputs for a property."""

from __future__ import annotations

from hypothesis import settings


def examples(repeated: int, explored: int) -> int:
    """Return `repeated` if the inputs are the same in each run, or `explored` in `make explore`."""
    return repeated if settings.default.derandomize else explored
