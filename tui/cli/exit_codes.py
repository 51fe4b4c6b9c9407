"""The exit codes of the command line, as its help tells them."""

from __future__ import annotations

DONE = 0
REFUSED = 1
USAGE = 2
