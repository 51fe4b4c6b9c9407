from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Input

from screens.widgets.fields import SentenceField

WIDTH = 40


class Host(App[None]):
    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        yield SentenceField(value=self._text, compact=True, select_on_focus=False)
        yield Input(id="other")


@pytest.mark.parametrize("word", ["word ", "漢字 ", "漢字"])
async def test_all_of_a_long_text_is_shown_while_nobody_edits_it(word: str) -> None:
    app = Host((word * 40).strip())
    async with app.run_test(size=(WIDTH, 24)) as pilot:
        app.query_one("#other").focus()
        await pilot.pause()
        field = app.query_one(SentenceField)
        rows = [field.render_line(y) for y in range(field.size.height)]
        assert "".join("".join(row.text for row in rows).split()) == (word * 40).replace(" ", "")
        assert all(row.cell_length <= field.size.width for row in rows)
