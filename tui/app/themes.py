"""The colours: dark, light, high contrast, and the terminal's own sixteen.

Each theme defines the same few roles. Textual's names for widget colours are mapped to them, so that a page
needs no colours of its own, and `$text-muted`, `$border-blurred` and the like mean the same everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from textual.theme import Theme

from workflows.core.files import FileError, read_text


@dataclass(frozen=True)
class Roles:
    """The colours of a theme.

    Attributes:
        background: for everything, including the bars.
        text: for reading.
        muted: for notes, and what is done or still to come.
        accent: the focus, the primary action, keys, the current step.
        ok: what is done or added.
        wait: your turn, changes, the sandbox.
        error: errors, and nothing else.
        tint: behind the focused row, fields, and the unfocused primary action.
        line: rules; never text.
    """

    background: str
    text: str
    muted: str
    accent: str
    ok: str
    wait: str
    error: str
    tint: str
    line: str


ROLES: Mapping[str, Roles] = {
    "dark": Roles(
        "#14171C", "#D9DEE5", "#949FAE", "#8AB8F0", "#8CC79A", "#E0B568", "#F28B82", "#1F2733", "#39424F"
    ),
    "light": Roles(
        "#FAF9F6", "#20252C", "#5B6470", "#1B5AAE", "#256B3C", "#835400", "#B3261E", "#E6ECF4", "#C3C8CF"
    ),
    "contrast": Roles(
        "#000000", "#FFFFFF", "#E0E0E0", "#7FD4FF", "#7CFF9B", "#FFD54A", "#FF9A91", "#262626", "#A0A0A0"
    ),
    "terminal": Roles(
        "ansi_default",
        "ansi_default",
        "ansi_default",
        "ansi_cyan",
        "ansi_green",
        "ansi_yellow",
        "ansi_red",
        "ansi_default",
        "ansi_default",
    ),
}
"""By name; "terminal" uses the terminal's own palette without bright black, which some can't show."""

TERMINAL = "terminal"
_LONGEST_NAME = 40


def themes() -> list[Theme]:
    """Return all themes, for Textual."""
    return [_theme(name, roles) for name, roles in ROLES.items()]


def chosen(file: Path) -> str:
    """Return the name of the saved theme; "" if there is none, or it is unreadable."""
    try:
        name = read_text(file, _LONGEST_NAME)
    except FileError:
        return ""
    return name if name in ROLES else ""


def of_terminal(environment: Mapping[str, str]) -> str:
    """Return the name of the theme that suits a terminal, by its environment.

    Args:
        environment: NO_COLOR, TERM, COLORTERM and COLORFGBG are read (the last as rxvt and others set it:
            "text;background", in the palette's numbers).
    """
    kind = environment.get("TERM", "")
    many = environment.get("COLORTERM") in {"truecolor", "24bit"} or kind.endswith(
        ("256color", "kitty", "direct")
    )
    if environment.get("NO_COLOR") or not many:
        return TERMINAL
    return "light" if environment.get("COLORFGBG", "").rpartition(";")[2] in {"7", "15"} else "dark"


_VARIABLES = {
    "text": ("ansi-foreground", "text", "block-cursor-blurred-foreground", "button-foreground"),
    "muted": ("text-muted", "text-disabled", "foreground-muted", "foreground-disabled"),
    "accent": (
        *("text-primary", "text-secondary", "text-accent", "border", "block-cursor-background"),
        *("input-selection-background", "screen-selection-background", "button-color-foreground"),
        *("scrollbar-hover", "scrollbar-active", "link-color"),
    ),
    "ok": ("text-success",),
    "wait": ("text-warning",),
    "error": ("text-error",),
    "line": ("border-blurred",),
    "tint": ("block-cursor-blurred-background", "block-hover-background"),
    "background": (
        *("ansi-background", "scrollbar-background", "scrollbar-background-hover"),
        *("scrollbar-background-active", "scrollbar-corner-color"),
    ),
}
"""Textual's variables, by the role that colours them."""
_ON_ACCENT = (
    *("block-cursor-foreground", "input-cursor-foreground"),
    *("input-selection-foreground", "screen-selection-foreground"),
)


def _theme(name: str, roles: Roles) -> Theme:
    ansi = name == TERMINAL
    return Theme(
        name,
        primary=roles.accent,
        secondary=roles.accent,
        accent=roles.accent,
        warning=roles.wait,
        error=roles.error,
        success=roles.ok,
        foreground=roles.text,
        background=roles.background,
        surface=roles.background,
        panel=roles.background,
        dark=name != "light",
        ansi=ansi,
        variables={
            **{variable: getattr(roles, role) for role, names in _VARIABLES.items() for variable in names},
            **dict.fromkeys(_ON_ACCENT, "ansi_black" if ansi else roles.background),
            "input-cursor-background": roles.accent if ansi else roles.text,
            "scrollbar": roles.muted if ansi else roles.line,
            "block-cursor-text-style": "bold",
            "block-cursor-blurred-text-style": "underline" if ansi else "none",  # no tint there
            "input-cursor-text-style": "none",
            "button-focus-text-style": "bold",
            "link-style": "underline",
        },
    )
