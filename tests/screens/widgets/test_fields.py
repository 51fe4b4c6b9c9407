from __future__ import annotations

from datetime import UTC, datetime

import pytest
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.events import Paste
from textual.widgets import Input

from screens.step.page import is_displayed
from screens.widgets.fields import (
    Answer,
    Choices,
    CodeField,
    Countdown,
    FieldRow,
    ProblemList,
    SentenceField,
    Wanted,
)
from workflows.core.sentences import Problem

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


class CodesHost(App[None]):
    def compose(self) -> ComposeResult:
        yield CodeField(lambda: datetime.fromtimestamp(1_000_000_023, UTC))

    def text(self) -> str:
        return "\n".join(strip.text for strip in self.screen._compositor.render_strips())


async def test_a_code_is_asked_for_with_a_countdown_and_handed_out_once() -> None:
    app = CodesHost()
    async with app.run_test(size=(80, 10)) as pilot:
        await pilot.pause()
        assert "MFA code" not in app.text()
        field = app.query_one(CodeField)
        await field.want("arn:aws:iam::222222222222:mfa/jane.doe")
        await field.want("arn:aws:iam::222222222222:mfa/phone")  # another one: still one countdown
        await pilot.pause()
        assert "arn:aws:iam::222222222222:mfa/phone" in " ".join(app.text().split())
        assert " 27 s" in str(app.query_one(Countdown).content)
        app.query_one("#code", Input).value = "123456"
        code = field.take()
        assert code is not None
        assert code.reveal() == "123456"
        assert field.take() is None
        await field.want("")
        await pilot.pause()
        assert not app.query("#code")
        assert not app.query(Countdown)


async def test_several_devices_have_a_field_each_and_one_countdown() -> None:
    app = CodesHost()
    async with app.run_test(size=(80, 10)) as pilot:
        await pilot.pause()
        field = app.query_one(CodeField)
        wanted = [Wanted("code-security", "security", "jane.doe"), Wanted("code-root", "root", "phone")]
        await field.ask(wanted, "Each device has its own.")
        await pilot.press(*"123 456", "tab", *"654321")
        assert field.codes == {"code-security": "123 456", "code-root": "654321"}
        assert len(app.query(Countdown)) == 1
        code = field.take("code-root")
        assert code is not None
        assert code.reveal() == "654321"
        assert field.codes == {"code-security": "123 456"}
        field.clear()
        assert field.codes == {}


async def test_of_several_codes_those_that_are_needed_are_asked_for() -> None:
    app = CodesHost()
    async with app.run_test(size=(80, 10)) as pilot:
        field = app.query_one(CodeField)
        await field.ask([Wanted("code-a", "a"), Wanted("code-b", "b")], "Both.")
        field.narrow(["code-b"], "Only b.")
        await pilot.pause()
        assert [is_displayed(app.query_one(f"#code-{name}")) for name in "ab"] == [False, True]
        assert app.focused is app.query_one("#code-b")
        assert "Only b." in app.text()


@pytest.mark.parametrize(
    "pasted", ["12ab56", "1234567", "code: 123456", "\uff11\uff12\uff13\uff14\uff15\uff16"]
)
async def test_what_no_code_has_is_named_at_its_field_and_kept(pasted: str) -> None:
    app = CodesHost()
    async with app.run_test(size=(80, 10)) as pilot:
        field = app.query_one(CodeField)
        await field.ask([Wanted("code-a", "a"), Wanted("code-b", "b")])
        assert not app.query(ProblemList), "only a field with a problem has the widget for it"
        app.post_message(Paste(pasted))
        await pilot.pause()
        assert field.codes == {"code-a": pasted}
        assert [is_displayed(problems) for problems in app.query(ProblemList)] == [True]
        await pilot.press("ctrl+u", *"12 3-4")
        assert not any(is_displayed(problems) for problems in app.query(ProblemList))
        await pilot.press("x")
        assert [is_displayed(problems) for problems in app.query(ProblemList)] == [True]


async def test_what_was_found_wrong_with_a_code_comes_before_its_form() -> None:
    app = CodesHost()
    async with app.run_test(size=(80, 10)) as pilot:
        field = app.query_one(CodeField)
        await field.ask([Wanted()])
        await pilot.press("x", "backspace")
        FieldRow.of(app.query_one("#code")).show_problems([Problem("Rejected.", "code")])
        await pilot.press("1", "x")
        assert "Rejected." in app.text()


class Around(Vertical):
    """Notes the keys that come out of the list."""

    BINDINGS = [Binding(key, f"note('{key}')") for key in ("pageup", "pagedown", "home", "end")]  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[str] = []

    def compose(self) -> ComposeResult:
        yield Choices([Answer("a", "First"), Answer("b", "Second"), Answer("c", "Third")], id="letters")

    def action_note(self, key: str) -> None:
        self.noted.append(key)


class ChoicesHost(App[None]):
    def compose(self) -> ComposeResult:
        yield Around()


@pytest.mark.parametrize("key", ["pageup", "pagedown", "home", "end"])
async def test_the_keys_for_pages_leave_the_choice_alone_and_go_on(key: str) -> None:
    app = ChoicesHost()
    async with app.run_test() as pilot:
        choices = app.query_one(Choices)
        choices.focus()
        await pilot.press("down", key)
        assert choices.value == "b"
        assert app.query_one(Around).noted == [key]
        await pilot.press("down", "up", "up", "up")
        assert choices.value == "a", "the last one says the opposite"
        await pilot.press("down", "down", "down")
        assert choices.value == "c"


async def test_space_chooses_and_does_not_answer() -> None:
    app = ChoicesHost()
    async with app.run_test() as pilot:
        choices = app.query_one(Choices)
        choices.focus()
        answered = list[str]()
        choices.action_select = lambda: answered.append(choices.value)  # type: ignore[method-assign]
        await pilot.press("down", "space")
        assert (choices.value, answered) == ("b", [])
        await pilot.press("enter")
        assert answered == ["b"]
