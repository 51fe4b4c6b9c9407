from __future__ import annotations

from time import monotonic

from textual.app import App, ComposeResult

from screens.widgets.progress import ProgressLine
from workflows.steps.shared.module import Progress

ADDRESS = 'module.iam_group_auditors.aws_iam_group_policy_attachment.self_management["a"]: Refresh complete'


class Host(App[None]):
    """A progress line alone."""

    def __init__(self, *, stoppable: bool = True) -> None:
        super().__init__()
        self._stoppable = stoppable

    def compose(self) -> ComposeResult:
        yield ProgressLine(stoppable=self._stoppable)

    def lines(self) -> list[str]:
        return [line for strip in self.screen._compositor.render_strips() if (line := strip.text.rstrip())]


async def shown(app: Host, progress: Progress) -> list[str]:
    async with app.run_test(size=(50, 10)) as pilot:
        line = app.query_one(ProgressLine)
        line.begin()
        line.show(progress)
        await pilot.pause()
        line._timer.pause()
        line._since = monotonic() - 2.0
        line._turn()
        await pilot.pause()
        return app.lines()


async def test_long_words_are_cut_and_how_far_it_is_stays_in_view() -> None:
    words, told = await shown(Host(), Progress(ADDRESS, 3, 4))
    assert words[2:].startswith("module.iam_group_auditors.aws_iam")
    assert words.endswith("…")
    assert "━" * 15 + "─" * 5 + " 3/4" in told
    assert "esc" in told


async def test_short_words_take_one_line() -> None:
    (line,) = await shown(Host(), Progress("Looking"))
    assert line[2:].startswith("Looking  2 s ")
    assert "esc" in line


async def test_what_cannot_be_stopped_does_not_say_so() -> None:
    (line,) = await shown(Host(stoppable=False), Progress("Opening"))
    assert line[2:] == "Opening  2 s"
