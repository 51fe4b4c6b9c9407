"""The short form of a benchmark (`--short`): one round on little data, to show that it still runs."""

from __future__ import annotations

import sys
from typing import TypeVar

Amount = TypeVar("Amount")
SHORT = "--short" in sys.argv


def amount(full: Amount, short: Amount) -> Amount:
    """How much is measured: all of it, or as little as shows that it runs."""
    return short if SHORT else full


def status(good: bool) -> int:  # noqa: FBT001 - the one thing it is about
    """The exit status: 1 for a budget that is exceeded; the short form measures nothing that counts."""
    return 0 if good or SHORT else 1
