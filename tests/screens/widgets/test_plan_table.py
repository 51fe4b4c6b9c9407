from __future__ import annotations

import pytest

from screens.widgets.plan_table import cut
from workflows.core.sentences import text_of
from workflows.terraform.lines import Line, Sort

GROUP, RESOURCE = Line(Sort.GROUP, "group admins: is made"), Line(Sort.RESOURCE, "aws_iam_role.this is made")
OUTPUTS = Line(Sort.OUTPUT, "7 outputs change", 7)


@pytest.mark.parametrize(
    ("lines", "most", "whole", "counted"),
    [
        ((), 1, 0, ()),
        ((OUTPUTS,), 1, 1, ()),
        ((GROUP, OUTPUTS), 1, 0, ("1 group", "7 outputs")),
        ((GROUP, RESOURCE, OUTPUTS), 3, 3, ()),
        ((GROUP, RESOURCE, RESOURCE, OUTPUTS), 3, 2, ("1 resource", "7 outputs")),
    ],
)
def test_what_has_no_room_is_counted_by_what_it_is(
    lines: tuple[Line, ...], most: int, whole: int, counted: tuple[str, ...]
) -> None:
    shown = cut(lines, most)
    assert shown[:whole] == [line.words for line in lines[:whole]]
    assert len(shown) == whole + bool(counted)
    assert all(part in text_of(shown[-1]) for part in counted)
