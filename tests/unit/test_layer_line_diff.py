from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.layer.change_set import FileChange
from workflows.layer.line_diff import differences

_LINES = st.lists(st.sampled_from(["}\n", "\n", "a\n", "b\n", "c\n", "d\n", "e\n"]), max_size=25)


def rebuilt(old: Sequence[str], new: Sequence[str]) -> list[str]:
    """The new lines, from the old ones and the differences alone."""
    lines: list[str] = []
    at = 0
    for one in differences(old, new):
        lines += [*old[at : one.old_start], *new[one.new_start : one.new_end]]
        at = one.old_end
    return [*lines, *old[at:]]


@given(_LINES, _LINES)
def test_the_differences_lead_from_one_text_to_the_other(old: list[str], new: list[str]) -> None:
    assert rebuilt(old, new) == new
    found = differences(old, new)
    assert all(one.old_start < one.old_end or one.new_start < one.new_end for one in found)
    assert all(before.old_end < after.old_start for before, after in pairwise(found))


@given(_LINES)
def test_equal_texts_do_not_differ(lines: list[str]) -> None:
    assert differences(lines, list(lines)) == []


def blocks(count: int) -> list[str]:
    """Outputs as a layer has them: few lines are their own."""
    return [
        line
        for number in range(count)
        for line in (
            f'output "user_{number}_name" {{\n',
            f'  value = module.user["{number}"].iam_user_name\n',
            "  sensitive = true\n",
            "}\n",
            "\n",
        )
    ]


def seconds(old: Sequence[str], new: Sequence[str]) -> float:
    """How long it takes to find the differences."""
    start = process_time()
    differences(old, new)
    return process_time() - start


@pytest.mark.parametrize("at", [[5_000], [2, 9_998], [7, 2_503, 5_001, 9_992]])
def test_a_few_changes_in_ten_thousand_lines_take_no_time(at: list[int]) -> None:
    old = blocks(2_000)
    new = [line.replace("\n", "?\n") if number in at else line for number, line in enumerate(old)]
    found = differences(old, new)
    assert min(seconds(old, new) for _ in range(5)) < 0.1  # the best: others work on this machine too
    assert [one.old_start for one in found] == at


def test_texts_without_a_line_of_their_own_are_told_as_replaced() -> None:
    old, new = ["}\n"] * 3_000 + ["a\n"] * 2, ["b\n"] * 2 + ["\n"] * 3_000
    assert rebuilt(old, new) == new
    assert min(seconds(old, new) for _ in range(3)) < 1


def test_removing_and_adding_at_both_ends_shows_nothing_else() -> None:
    old = blocks(50)
    new = [*old[5:], *blocks(51)[250:]]
    change = FileChange("l", "f", Path("f"), "".join(old).encode(), "".join(new).encode())
    assert change.counts() == (5, 5)
    assert change.diff().count("@@ -") == 2
