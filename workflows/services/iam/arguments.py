"""What every IAM request and answer has in common: whose it is about, and when."""

from __future__ import annotations

from datetime import UTC, datetime


def named(user: str | None) -> dict[str, str]:
    """The argument that names a user; none for the one who signs, whom IAM finds by the access key."""
    return {} if user is None else {"UserName": user}


def utc(value: datetime) -> datetime:
    """A moment of an answer, in UTC."""
    return value.astimezone(UTC)
