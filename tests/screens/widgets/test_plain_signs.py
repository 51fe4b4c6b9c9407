from __future__ import annotations

import ast
from pathlib import Path

import pytest
from rich.segment import Segment
from textual.color import Color

from screens.widgets.text import OnlyVisible, has_unicode

LINE = "▌ ✓ 3 done  ▸ Plan  · Apply › ● ─│ ~/.local/stat…andboxes José 日本"


def painted(*, unicode: bool) -> str:
    segments = OnlyVisible(unicode=unicode).apply([Segment(LINE)], Color(0, 0, 0))
    return "".join(segment.text for segment in segments)


def test_our_signs_make_way_for_ascii_and_names_stay_as_they_are() -> None:
    assert painted(unicode=True) == LINE
    assert painted(unicode=False) == "> v 3 done  > Plan  : Apply > * -| ~/.local/stat~andboxes José 日本"


def test_the_bar_of_the_focus_is_no_edge_of_a_field_without_unicode() -> None:
    (bar,), (edge,) = (OnlyVisible(unicode=False).apply([Segment(sign)], Color(0, 0, 0)) for sign in "▌│")
    assert bar.text != edge.text


def test_every_sign_in_the_texts_of_the_pages_has_a_replacement() -> None:
    root = Path(__file__).parents[3]
    texts = [
        node.value
        for room in ("screens", "tui")
        for path in (root / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    signs = {sign for text in texts for sign in text if not sign.isascii() and sign.isprintable()}
    assert "⠋" in signs
    (painted,) = OnlyVisible(unicode=False).apply([Segment("".join(sorted(signs)))], Color(0, 0, 0))
    assert painted.text.isascii(), painted.text


@pytest.mark.parametrize(
    ("environment", "unicode"),
    [
        ({}, True),
        ({"LANG": "en_US.UTF-8"}, True),
        ({"LANG": "en_US.utf8"}, True),
        ({"LANG": "C"}, False),
        ({"LC_ALL": "POSIX", "LANG": "en_US.UTF-8"}, False),
        ({"LC_ALL": "", "LC_CTYPE": "de_DE.ISO-8859-1"}, False),
    ],
)
def test_the_locale_says_whether_there_is_unicode(environment: dict[str, str], unicode: bool) -> None:
    assert has_unicode(environment) is unicode
