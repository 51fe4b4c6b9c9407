"""The colours: dark, light, high contrast, and the terminal's own sixteen.

Each theme gives the same few roles. Textual's names for its widgets' colours are led back to them, so that a
page needs no colour of its own and `$text-muted`, `$border-blurred` and the like mean the same everywhere.
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
        background: of everything, also of the bars.
        text: what is read.
        muted: notes, and what is done or still to come.
        accent: the focus, the primary action, keys, the current step.
        ok: what is done or added.
        wait: your turn, what changes, the sandbox.
        error: errors, and nothing else.
        tint: behind the focused row, fields, and the primary action at rest.
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
"""By name; "terminal" takes the terminal's own palette, but no bright black, which some can't show."""

TERMINAL = "terminal"
_LONGEST_NAME = 40


def themes() -> list[Theme]:
    """All of them, for Textual."""
    return [_theme(name, roles) for name, roles in ROLES.items()]


def chosen(file: Path) -> str:
    """The name of the theme that was chosen before; "" if none was, or nobody can tell."""
    try:
        name = read_text(file, _LONGEST_NAME)
    except FileError:
        return ""
    return name if name in ROLES else ""


def of_terminal(environment: Mapping[str, str]) -> str:
    """The name of the theme that suits a terminal, by what it says of itself.

    Args:
        environment: TERM, COLORTERM and COLORFGBG are read (the last as rxvt and others set it:
            "text;background", in the palette's numbers).
    """
    kind = environment.get("TERM", "")
    many = environment.get("COLORTERM") in {"truecolor", "24bit"} or kind.endswith(
        ("256color", "kitty", "direct")
    )
    if not many:
        return TERMINAL
    return "light" if environment.get("COLORFGBG", "").rpartition(";")[2] in {"7", "15"} else "dark"


def _theme(name: str, roles: Roles) -> Theme:
    ansi = name == TERMINAL
    on_accent = "ansi_black" if ansi else roles.background
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
            "ansi-background": roles.background,
            "ansi-foreground": roles.text,
            "text": roles.text,
            "text-muted": roles.muted,
            "text-disabled": roles.muted,
            "text-primary": roles.accent,
            "text-secondary": roles.accent,
            "text-accent": roles.accent,
            "text-success": roles.ok,
            "text-warning": roles.wait,
            "text-error": roles.error,
            "foreground-muted": roles.muted,
            "foreground-disabled": roles.muted,
            "border": roles.accent,
            "border-blurred": roles.line,
            "block-cursor-foreground": on_accent,
            "block-cursor-background": roles.accent,
            "block-cursor-text-style": "bold",
            "block-cursor-blurred-foreground": roles.text,
            "block-cursor-blurred-background": roles.tint,
            "block-cursor-blurred-text-style": "none",
            "block-hover-background": roles.tint,
            "input-cursor-foreground": on_accent,
            "input-cursor-background": roles.accent if ansi else roles.text,
            "input-cursor-text-style": "none",
            "input-selection-foreground": on_accent,
            "input-selection-background": roles.accent,
            "screen-selection-foreground": on_accent,
            "screen-selection-background": roles.accent,
            "button-foreground": roles.text,
            "button-color-foreground": roles.accent,
            "button-focus-text-style": "bold",
            "scrollbar": roles.muted if ansi else roles.line,
            "scrollbar-hover": roles.accent,
            "scrollbar-active": roles.accent,
            "scrollbar-background": roles.background,
            "scrollbar-background-hover": roles.background,
            "scrollbar-background-active": roles.background,
            "scrollbar-corner-color": roles.background,
            "footer-foreground": roles.text,
            "footer-background": roles.background,
            "footer-key-foreground": roles.accent,
            "footer-description-foreground": roles.muted,
            "link-color": roles.accent,
            "link-style": "underline",
        },
    )
