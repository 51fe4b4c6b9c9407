from __future__ import annotations

from unittest.mock import patch

from hypothesis import given, strategies as st

from workflows.steps import kinds

WORKS = st.dictionaries(
    st.sampled_from(["Add", "Remove", "Change groups"]),
    st.lists(st.text("ab.", min_size=1, max_size=9), max_size=30),
    min_size=1,
)


@given(WORKS, st.integers(-3, 200))
def test_a_line_of_work_is_never_longer_than_its_room(works: dict[str, list[str]], width: int) -> None:
    line = kinds.within(works, width)
    assert len(line) <= max(0, width)
    whole = kinds.phrased(works, len(works), max(1, *map(len, works.values())))
    assert (line == whole) is (len(whole) <= width)


def test_what_is_not_named_is_counted_by_kind_or_by_change() -> None:
    works = {"Add": ["jane.doe"], "Remove": ["sam.okafor", "alex.kim"], "Change settings": []}
    assert [" 2 " in kinds.phrased(works, 1), " 3 " in kinds.phrased(works, 1, changes=True)] == [True, True]


def test_thousands_of_people_take_no_more_tries_than_few() -> None:
    with patch.object(kinds, "phrased", wraps=kinds.phrased) as phrased:
        kinds.within({"Add": [f"person.{number}" for number in range(5_000)]}, 40)
    assert phrased.call_count < 20
