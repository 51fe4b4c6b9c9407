"""The field for an MFA code: nothing where none is wanted, else a countdown to the app's next one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from textual.app import App, ComposeResult
from textual.events import Paste
from textual.widgets import Input

from screens.step.page import is_displayed
from screens.widgets.code_field import CodeField, Countdown, Wanted
from screens.widgets.fields import FieldRow, ProblemList
from workflows.core.errors import Problem


class Host(App[None]):
    def compose(self) -> ComposeResult:
        yield CodeField(lambda: datetime.fromtimestamp(1_000_000_023, UTC))

    def text(self) -> str:
        return "\n".join(strip.text for strip in self.screen._compositor.render_strips())


async def test_a_code_is_asked_for_with_a_countdown_and_handed_out_once() -> None:
    app = Host()
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
    app = Host()
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
    app = Host()
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
    app = Host()
    async with app.run_test(size=(80, 10)) as pilot:
        field = app.query_one(CodeField)
        await field.ask([Wanted("code-a", "a"), Wanted("code-b", "b")])
        app.post_message(Paste(pasted))
        await pilot.pause()
        assert field.codes == {"code-a": pasted}
        assert [is_displayed(problems) for problems in app.query(ProblemList)] == [True, False]
        await pilot.press("ctrl+u", *"12 3-4")
        assert not any(is_displayed(problems) for problems in app.query(ProblemList))
        await pilot.press("x")
        assert [is_displayed(problems) for problems in app.query(ProblemList)] == [True, False]


async def test_what_was_found_wrong_with_a_code_comes_before_its_form() -> None:
    app = Host()
    async with app.run_test(size=(80, 10)) as pilot:
        field = app.query_one(CodeField)
        await field.ask([Wanted()])
        await pilot.press("x", "backspace")
        FieldRow.of(app.query_one("#code")).show_problems([Problem("Rejected.", "code")])
        await pilot.press("1", "x")
        assert "Rejected." in app.text()
