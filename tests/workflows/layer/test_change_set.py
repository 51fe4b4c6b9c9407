from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from support.growth import growth

from workflows.layer.write import FileChange

_LINES = st.lists(st.sampled_from(["}\n", "\n", "a\n", "b\n", "c\n", "d\n", "e\n"]), max_size=25)
_ODD_LINES = st.lists(st.sampled_from("abc\n-+@ "), max_size=30)


def change(before: Sequence[str], after: Sequence[str]) -> FileChange:
    return FileChange("l", "f", Path("f"), "".join(before).encode(), "".join(after).encode())


def rebuilt(changed: FileChange) -> bytes:
    """Rebuild the file after the change from the file before it and the lines of the diff."""
    old = (changed.before or b"").splitlines(keepends=True)
    new: list[bytes] = []
    at, mark = 0, ""
    for line in changed.lines:
        if line.mark == "@":
            new += old[at : line.old - 1]
            at = line.old - 1
        elif line.mark == "\\" and mark != "-":
            new[-1] = new[-1].removesuffix(b"\n")
        elif line.mark in "- ":
            assert (line.old, old[at].removesuffix(b"\n")) == (at + 1, line.text[1:].encode())
            at += 1
        if line.mark in "+ ":
            new.append(f"{line.text[1:]}\n".encode())
            assert line.new == len(new)
        mark = line.mark
    return b"".join([*new, *old[at:]])


@given(_LINES, _LINES)
def test_the_lines_lead_from_one_text_to_the_other(old: list[str], new: list[str]) -> None:
    for lines in (new, [*new[:-1], *(line.strip() for line in new[-1:])]):
        changed = change(old, lines)
        assert rebuilt(changed) == changed.after


@given(_ODD_LINES, _ODD_LINES)
def test_the_lines_are_the_diff(before: list[str], after: list[str]) -> None:
    changed = change(before, after)
    assert "".join(f"{line.text}\n" for line in changed.lines) == changed.diff()
    marks = [line.mark for line in changed.lines]
    assert changed.counts() == (marks.count("+"), marks.count("-"))


@given(_LINES)
def test_equal_texts_do_not_differ(lines: list[str]) -> None:
    assert [line.mark for line in change(lines, lines).lines] == ["=", "="]


def blocks(count: int) -> list[str]:
    """Return outputs as in a layer, which share most of their lines."""
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


@pytest.mark.parametrize("at", [[5_000], [2, 9_998], [7, 2_503, 5_001, 9_992]])
def test_a_few_changes_in_ten_thousand_lines_are_found_ten_times_as_fast_in_a_thousand(at: list[int]) -> None:
    def found(count: int, places: list[int]) -> None:
        old = blocks(count)
        new = [line.replace("\n", "?\n") if number in places else line for number, line in enumerate(old)]
        assert [line.old - 1 for line in change(old, new).lines if line.mark == "-"] == places

    assert growth(lambda: found(200, [place // 10 for place in at]), lambda: found(2_000, at), 30) < 30


def test_texts_without_a_line_of_their_own_are_shown_as_replaced() -> None:
    def shown(count: int) -> None:
        old, new = ["}\n"] * count + ["a\n"] * 2, ["b\n"] * 2 + ["\n"] * count
        assert change(old, new).counts() == (count + 2, count + 2)

    assert growth(lambda: shown(300), lambda: shown(3_000), 30) < 30


def test_removing_and_adding_at_both_ends_shows_nothing_else() -> None:
    old = blocks(50)
    changed = change(old, [*old[5:], *blocks(51)[250:]])
    assert changed.counts() == (5, 5)
    assert changed.diff().count("@@ -") == 2


def test_what_looks_like_a_header_is_a_line() -> None:
    changed = change(["a\n--- b\n@@ -1 +1 @@\n"], ["a\n+++ b\n@@ -9 +9 @@\n"])
    assert [line.mark for line in changed.lines[3:]] == [" ", "-", "-", "+", "+"]
    assert changed.lines[4].text == "---- b"


def test_a_missing_last_line_end_is_a_remark() -> None:
    assert [line.mark for line in change(["a\nb"], ["a\nc"]).lines] == [
        *("=", "=", "@", " ", "-", "\\", "+", "\\"),
    ]
