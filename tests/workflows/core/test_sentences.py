from __future__ import annotations

from datetime import UTC, datetime

import pytest

from workflows.core.sentences import count, day


@pytest.mark.parametrize(
    ("number", "nouns", "words"),
    [
        (1, ("profile",), "1 profile"),
        (0, ("profile",), "0 profiles"),
        (2, ("profile",), "2 profiles"),
        (1, ("person", "people"), "1 person"),
        (3, ("person", "people"), "3 people"),
    ],
)
def test_a_count_goes_with_its_noun(number: int, nouns: tuple[str, ...], words: str) -> None:
    assert count(number, *nouns) == words


def test_a_day_is_written_as_people_do() -> None:
    assert day(datetime(2028, 11, 5, tzinfo=UTC)) == "5 Nov 2028"
    assert day(None) == "never"
