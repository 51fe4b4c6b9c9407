from __future__ import annotations

import pytest
from support.panes import rest
from textual.app import App

from screens.step.asking import Contradiction
from workflows.machine.events import Choice, Observation, Verdict


@pytest.mark.parametrize("likely", [Choice.REDO, Choice.CONTINUE])
async def test_enter_gives_the_likely_answer(likely: Choice) -> None:
    app, answers = App[None](), list[Choice | None]()
    seen = Observation(Verdict.CHANGED, "It changed.", continuing="It is left so.", likely=likely)
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(Contradiction("Review", seen), answers.append)
        await rest(pilot)
        await pilot.press("enter")
        await rest(pilot)
    assert answers == [likely]


async def test_every_choice_stays_in_view_below_a_long_difference() -> None:
    app = App[None]()
    seen = Observation(Verdict.CHANGED, "It changed. " * 200, continuing="It is left so.", accepting="It is.")
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(Contradiction("Review", seen, look=lambda: None))
        await rest(pilot)
        shown = app.screen.find_widget(app.screen.query_one("#choices")).visible_region
        assert shown == app.screen.query_one("#choices").region
