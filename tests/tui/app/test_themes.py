from __future__ import annotations

from dataclasses import astuple, replace
from pathlib import Path

import pytest
from textual.color import Color

from tui.app.themes import ROLES, TERMINAL, chosen, of_terminal

_LEAST_CONTRAST = 4.5


@pytest.mark.parametrize("name", sorted(set(ROLES) - {TERMINAL}))
def test_whatever_is_read_can_be_read(name: str) -> None:
    roles = ROLES[name]
    read = astuple(replace(roles, background=roles.text, tint=roles.text, line=roles.text))
    for below in (roles.background, roles.tint):
        low = [colour for colour in read if _contrast(colour, below) < _LEAST_CONTRAST]
        assert low == [], f"on {below}"


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "dark"),
        ({"TERM": "xterm-256color"}, "dark"),
        ({"TERM": "xterm-kitty"}, "dark"),
        ({"TERM": "xterm-256color", "COLORFGBG": "0;15"}, "light"),
        ({"TERM": "xterm-256color", "COLORFGBG": "15;default;0"}, "dark"),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": "1"}, TERMINAL),
        ({"TERM": "xterm"}, TERMINAL),
        ({"TERM": "linux"}, TERMINAL),
        ({}, TERMINAL),
    ],
)
def test_the_terminal_says_which_theme_suits_it(environment: dict[str, str], name: str) -> None:
    assert of_terminal(environment) == name


def test_what_was_chosen_comes_back_and_anything_else_counts_for_nothing(tmp_path: Path) -> None:
    file = tmp_path / "theme"
    assert chosen(file) == ""
    for text, name in (("light", "light"), ("nord", ""), ("x" * 100, ""), ("\xff", "")):
        file.write_bytes(text.encode("latin-1"))
        assert chosen(file) == name


def _contrast(colour: str, other: str) -> float:
    """The contrast ratio of WCAG 2."""
    light, dark = sorted((_luminance(Color.parse(colour)), _luminance(Color.parse(other))), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: Color) -> float:
    parts = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color.normalized
    ]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))
