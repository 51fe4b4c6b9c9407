"""The usual names of files with messages; it imports nothing, since the list of sessions looks for them."""

from __future__ import annotations


def request_file(user: str) -> str:
    """Return the name of the file with a user's request."""
    return f"request-{user}.txt"


def reply_file(user: str) -> str:
    """Return the name of the file with an admin's reply about a user's key."""
    return f"about-your-key-{user}.txt"


def handoff_file(user: str) -> str:
    """Return the name of the file with a user's handoff."""
    return f"handoff-{user}.txt"
