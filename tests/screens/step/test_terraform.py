from __future__ import annotations

import pytest
from support.panes import rest
from textual.app import App, ComposeResult
from textual.containers import Container

from screens.step.terraform import RunLog, cut
from workflows.core.sentences import text_of
from workflows.terraform.plan import Line, Sort

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


LONG = (
    "Error: creating IAM user jane.doe: operation error IAM: CreateUser, https response error StatusCode: 403"
)


class Host(App[None]):
    """A log in a box as narrow as a pane at 80 columns."""

    CSS = "Container { width: 50; }"

    def compose(self) -> ComposeResult:
        with Container():
            yield RunLog()


async def test_long_lines_are_wrapped_also_those_that_came_while_the_log_was_hidden() -> None:
    app = Host()
    async with app.run_test(size=(80, 24)) as pilot:
        log = app.query_one(RunLog)
        log.show_text(LONG)
        await rest(pilot)
        log.display = True
        await rest(pilot)
        words = " ".join(strip.text.strip() for strip in log.lines)
        assert " ".join(words.split()) == LONG
        assert len(log.lines) == 3
        assert not log.show_horizontal_scrollbar


async def test_a_log_that_was_cleared_or_took_only_blank_lines_is_not_filled() -> None:
    app = Host()
    async with app.run_test(size=(80, 24)) as pilot:
        log = app.query_one(RunLog)
        log.show_text(LONG)
        assert log.filled
        log.clear()
        assert not log.filled
        log.show_text("\n \n")
        await rest(pilot)
        assert not log.filled
