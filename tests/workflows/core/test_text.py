"""Line breaks in texts for people."""

from __future__ import annotations

import pytest

from workflows.core.text import folded

HALF = "AB12 CD34 EF56 0789 9ABC"
COMMAND = "gpg --armor --export NAME"


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        (f"Its key is {HALF} {HALF}", ["Its key is", HALF, HALF]),
        (f"Ask for the output of:  {COMMAND}", ["Ask for the output of:", COMMAND]),
        (f"Ask for:  {COMMAND}  and read it on", ["Ask for:", f"{COMMAND}  and", "read it on"]),
        ("Choose “Next”, “Assign MFA device”", ["Choose “Next”,", "“Assign MFA device”"]),
        ("! Ask:  gpg --export-options minimal A", ["! Ask:  gpg --export-options", "  minimal A"]),
    ],
)
def test_what_belongs_together_stays_in_a_row_that_has_room(line: str, rows: list[str]) -> None:
    assert folded(line, 30).split("\n") == rows


def test_what_may_be_pasted_is_not_broken_even_without_room() -> None:
    path = "/a/rather/long/path/to/a/place"
    line = f"Kept in {path} and there:  {COMMAND}"
    assert folded(line, 20, breaks=False).split("\n") == ["Kept in", path, "and there:", COMMAND]
    assert folded(f"  {COMMAND}", 20, breaks=False) == f"  {COMMAND}"


@pytest.mark.parametrize("width", range(-2, 12))
@pytest.mark.parametrize("breaks", [True, False])
def test_nothing_is_lost_in_rows_that_have_next_to_no_room(width: int, *, breaks: bool) -> None:
    line = f"      ! Kept in /a/rather/long/path and {HALF}:  {COMMAND}"
    assert "".join(folded(line, width, breaks=breaks).split()) == "".join(line.split())
