"""The sandbox's phone on a page."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.fakes import FakeClipboard, fake_environment
from support.panes import rest
from textual.app import App, ComposeResult

from screens.step.console_steps import SandboxPhone
from workflows.environment import Environment


class Host(App[None]):
    """Where the phone is, and nothing else."""

    def __init__(self, environment: Environment) -> None:
        super().__init__()
        self.phone = SandboxPhone(environment)

    def compose(self) -> ComposeResult:
        yield self.phone


@pytest.mark.parametrize("sandbox", [True, False])
async def test_the_address_of_the_sandboxs_phone_is_there_to_copy(tmp_path: Path, sandbox: bool) -> None:
    clipboard = FakeClipboard()
    app = Host(
        fake_environment(
            tmp_path, {}, clipboard=clipboard, sandbox=sandbox, endpoint_url="http://127.0.0.1:9"
        )
    )
    async with app.run_test() as pilot:
        await rest(pilot)
        assert app.phone.display is sandbox
        assert bool(app.phone.query("#copy-phone")) is sandbox
        for button in app.phone.query("#copy-phone"):
            button.focus()
            await pilot.press("enter")
            await rest(pilot)
            assert clipboard.content == "http://127.0.0.1:9/phone"
