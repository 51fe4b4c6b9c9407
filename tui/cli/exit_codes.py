"""The exit codes of the command line, as its help lists them."""

from __future__ import annotations

DONE = 0
REFUSED = 1
USAGE = 2


class UsageError(Exception):
    """The words of the command line do not fit together; the text says why. It ends with `USAGE`."""
