"""What a page hears of the work that it does in the background."""

from __future__ import annotations

from pathlib import Path

from support.fakes import fake_world
from support.panes import rest
from textual.app import App, ComposeResult

from screens.widgets.progress import ProgressLine
from screens.working import Working
from workflows.steps.base import Context, Progress, Report

EVENTS = ("first profile", "second profile", "third profile")


class Page(Working):
    """Keeps what it hears."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, id="page")
        self.heard: list[Progress] = []

    def compose(self) -> ComposeResult:
        yield ProgressLine()

    def progressed(self, progress: Progress) -> None:
        self.heard.append(progress)


class Host(App[None]):
    """The page alone."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page

    def compose(self) -> ComposeResult:
        yield self.page


def answer_between_words(report: Report) -> None:
    """Each answer is followed at once by words about the next, faster than a screen can show them."""
    for number, event in enumerate(EVENTS):
        report(Progress(f"{event} has answered", payload=event))
        for turn in range(20):
            report(Progress(f"asking number {number + 1}, {turn}"))


async def test_an_answer_is_heard_even_if_words_follow_at_once(tmp_path: Path) -> None:
    page = Page(Context(fake_world(tmp_path, {}), {}, {}, "", tmp_path))
    app = Host(page)
    async with app.run_test() as pilot:
        await rest(pilot)
        # Posted in one go on the screen's own thread, so that all of them wait together.
        answer_between_words(page._report)
        await rest(pilot)
        assert [one.payload for one in page.heard if one.payload] == list(EVENTS)
        assert len(page.heard) < 3 + 3 * 20  # words alone are dropped for newer ones
