"""All text of the pages goes through `screens.widgets.text`, which shows it as it is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.style import Style
from support.repository import ROOT
from textual.content import Content

from screens.widgets.lists import cell
from screens.widgets.text import marked_up, segment, shown, styled

WAY = {ROOT / "screens" / "widgets" / name for name in ("text.py", "lists.py")}
RAW = {
    "textual.widgets": {
        *("Static", "Label", "Button", "OptionList", "SelectionList", "DataTable", "RichLog", "Log"),
        *(
            "Checkbox",
            "RadioButton",
            "Digits",
            "Link",
            "ListItem",
            "Tree",
            "Select",
            "Markdown",
            "TextArea",
            "Toast",
        ),
    },
    "textual.widgets.option_list": {"Option"},
    "textual.widgets.selection_list": {"Selection"},
    "textual.content": {"Content"},
    "rich.text": {"Text"},
    "rich.table": {"Table"},
    "rich.segment": {"Segment"},
}
ALLOWED = {
    ("screens/step/help.py", "Markdown"),
    ("screens/admin/pgp_keys.py", "TextArea"),
    ("screens/new_user/handoff.py", "TextArea"),
}
"""Our own help pages and the table of keys, and fields with what the person pastes."""


def raw_texts(path: Path) -> Iterator[str]:
    """The places where a module constructs, derives or asks Textual's or Rich's own texts for one."""
    tree = ast.parse(path.read_text())
    imported = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name in RAW.get(node.module or "", ())
    }
    for node in ast.walk(tree):
        made = (
            [node.func]
            if isinstance(node, ast.Call)
            else node.bases
            if isinstance(node, ast.ClassDef)
            else []
        )
        for setting in made:
            named = setting.value if isinstance(setting, ast.Attribute | ast.Subscript) else setting
            if isinstance(named, ast.Name) and named.id in imported:
                yield imported[named.id]


def modules() -> list[Path]:
    """The pages, and what of the application uses Textual."""
    of_the_app = [path for path in (ROOT / "tui").rglob("*.py") if "textual" in path.read_text()]
    return sorted({*(ROOT / "screens").rglob("*.py"), *of_the_app} - WAY)


def test_no_page_makes_text_of_its_own() -> None:
    found = {(str(path.relative_to(ROOT)), name) for path in modules() for name in raw_texts(path)}
    assert found == ALLOWED


def test_what_makes_text_would_be_found(tmp_path: Path) -> None:
    page = tmp_path / "page.py"
    page.write_text(
        "from rich.text import Text as Rich\n"
        "from textual.content import Content\n"
        "from textual.widgets import DataTable, Static\n"
        "class Line(Static): ...\n"
        "class OptionList(DataTable[str]): ...\n"
        "Rich('a'), Content.from_markup('b')\n"
    )
    assert sorted(raw_texts(page)) == ["Content", "DataTable", "Static", "Text"]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("jane.doe", "jane.doe"),
        ("two\nlines", "two\nlines"),
        ("[bold]no markup[/bold]", "[bold]no markup[/bold]"),
        ("\x1b[31mred\r", "␛[31mred␍"),
        ("back\u202ewards \u200bhidden\x9b", "back�wards �hidden�"),
        ("a\tb", "a       b"),
        ("José 日本 ✓", "José 日本 ✓"),
    ],
)
def test_a_text_is_shown_as_it_is_whatever_shows_it(text: str, seen: str) -> None:
    assert shown(text) == seen
    assert styled((text, "bold")).plain == seen
    assert cell(text, "red").plain == seen
    assert segment(text, Style()).text == seen
    assert Content.from_markup(marked_up(text)).plain == seen
