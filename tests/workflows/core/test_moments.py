from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from workflows.core.sentences import moment_text, since_text

NOW = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
MADRID = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ("2026-03-02T12:03:59+00:00", "today 13:03"),
        ("2026-03-01T22:30:00+00:00", "yesterday 23:30"),
        ("2026-03-01T23:30:00+00:00", "today 00:30"),
        ("2026-02-28T08:00:00+00:00", "28 Feb 09:00"),
        ("2025-12-31T23:30:00+00:00", "1 Jan 00:30"),
        ("2025-03-02T12:30:00+00:00", "2 Mar 2025"),
        ("soon", "soon"),
    ],
)
def test_a_moment_is_told_in_the_persons_own_time_without_seconds(moment: str, words: str) -> None:
    assert moment_text(moment, NOW, MADRID) == words


def test_since_when_names_no_day_but_another() -> None:
    assert "today" not in since_text("2026-03-02T12:03:59+00:00", NOW)
    assert "yesterday" in since_text("2026-03-01T12:03:59+00:00", NOW)
