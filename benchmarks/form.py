"""The short form of a benchmark (`--short`): one round on little data, to check that it still runs."""

from __future__ import annotations

import sys
from typing import TypeVar

Amount = TypeVar("Amount")
SHORT = "--short" in sys.argv


def amount(full: Amount, short: Amount) -> Amount:
    """Return how much to measure: the full amount, or just enough to check that it runs."""
    return short if SHORT else full


def status(good: bool) -> int:  # noqa: FBT001 - its only argument
    """Return the exit status: 1 for an exceeded budget; the short form's measurements don't count."""
    return 0 if good or SHORT else 1
