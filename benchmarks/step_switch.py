"""The time from one step to the next until it is painted, without work in between.

The real wizard runs, without a terminal, at 80×24, with a finished session of each role; Escape goes back
through all its steps. A page counts as painted with the first paint that shows it; its later background reads
don't count. For comparison, a minimal Textual application replaces as many labels by others. Textual paints
at most 60 times a second, so much of it is waiting.

Run it with `python benchmarks/step_switch.py`; it writes only below a temporary folder.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.admin_project import AdminProject, make_project, make_template
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Static

from benchmarks.form import amount, status
from benchmarks.key_presses import now
from screens.registry import PANES
from tui.app.frame import Frame
from tui.app.wizard import WizardScreen
from tui.cli.wizard import load_ahead
from tui.host import Machine
from workflows.catalogue import WORKFLOWS
from workflows.machine.sessions import Sessions
from workflows.run import SessionRun
from workflows.step_modules import MODULES

BUDGET_SECONDS, BUDGET = 0.1, 1.5
ROUNDS = amount(3, 1)
SIZE = (80, 24)
LIMIT_SECONDS = 60.0
REST_SECONDS = amount(0.3, 0.0)
PROFILES = "".join(
    f"[profile bb-{name}]\nregion = us-east-1\n" for name in ("management-administrator", "security-devops")
)
JOURNALS = Path(__file__).parents[1] / "tests" / "journals"


class Watched(App[None]):
    """Remembers when a paint first showed what is awaited, and the processor time."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.is_shown: Callable[[], bool] = lambda: False
        self.shown_at = 0.0
        self.work: list[float] = []

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        shown = not self.shown_at and self.is_shown()
        super()._display(screen, renderable)
        if shown:
            self.shown_at = time.perf_counter()

    async def time_until(self, is_shown: Callable[[], bool], act: Callable[[], Any]) -> float:
        """Return the seconds from an action until a paint shows its result."""
        self.shown_at, self.is_shown = 0.0, is_shown
        work, start = time.process_time(), time.perf_counter()
        act()
        while not self.shown_at:
            await asyncio.sleep(0.001)
            assert time.perf_counter() - start < LIMIT_SECONDS, "it is not painted"
        self.work.append(time.process_time() - work)
        return self.shown_at - start


class WatchedFrame(Watched, Frame):
    """The same of the program's own application."""


class Labels(VerticalScroll):
    """A given number of labels."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def compose(self) -> ComposeResult:
        """Return all labels."""
        yield from (Static(f"Label {number}") for number in range(self._number))


def painted(page: Any) -> bool:
    """Return whether a widget has its place on the screen."""
    return page is not None and page.is_mounted and bool(page.size.height)


async def of_the_wizard(
    folder: Path, project: AdminProject, workflow: str, times: dict[str, list[float]], widgets: list[int]
) -> list[float]:
    """Go back through a finished session; return the processor seconds."""
    text = (JOURNALS / f"{workflow}-done.jsonl").read_text()
    text = text.replace("{folder}/sandbox/bb", str(project.root)).replace("{folder}", str(folder))
    session_folder = folder / "sessions" / workflow
    session_folder.mkdir(parents=True, exist_ok=True)
    (session_folder / "journal.jsonl").write_text(text)
    session = Sessions(folder / "sessions", WORKFLOWS, now).open(workflow)
    try:
        layout = session.layout()
        wizard = WizardScreen(SessionRun(session, project.environment, MODULES[workflow]), PANES, layout[-1])
        app = WatchedFrame(Machine.this())
        async with app.run_test(size=SIZE) as pilot:
            app.push_screen(wizard)
            await at_rest(pilot.pause, wizard)
            for key in reversed(layout[amount(0, -4) : -1]):
                seconds = await app.time_until(
                    lambda key=key: wizard.current == key and painted(wizard.pane),  # type: ignore[misc]
                    lambda key=key: wizard.call_later(wizard.go_to, key),  # type: ignore[misc]
                )
                times.setdefault(f"{workflow} {key.step}", []).append(seconds)
                assert wizard.pane is not None
                widgets.append(len(wizard.pane.query("*")))
                await at_rest(pilot.pause, wizard)
        return app.work
    finally:
        session.close()


async def at_rest(pause: Callable[[float], Any], wizard: WizardScreen) -> None:
    """Wait until the page has finished reading."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while wizard.pane is None or wizard.pane.running_move:
        await pause(0.05)
        assert time.monotonic() < deadline, "the screen does not come to rest"
    await pause(REST_SECONDS)
    assert wizard.is_current, "something covers the page"


async def of_labels(number: int) -> tuple[list[float], list[float]]:
    """Replace that many labels by others; return the seconds, and those of the processor."""
    app = Watched()
    found = []
    async with app.run_test(size=SIZE) as pilot:
        await app.mount(Labels(number))
        await pilot.pause(REST_SECONDS)
        for _ in range(amount(20, 2)):
            after = Labels(number)

            async def change(after: Labels = after) -> None:
                await app.query_one(Labels).remove()
                await app.mount(after)

            found.append(
                await app.time_until(lambda after=after: painted(after), lambda: app.call_later(change))  # type: ignore[misc]
            )
            await pilot.pause(REST_SECONDS / 3)
    return found, app.work


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def main() -> int:
    """Measure; return 0 if the budget is met."""
    times: dict[str, list[float]] = {}
    widgets: list[int] = []
    work: list[float] = []
    load_ahead()  # as the program has by then
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_template(folder / "template")
        project = make_project(folder / "template", folder)
        profiles = project.environment.home / ".aws" / "bb"
        profiles.mkdir(parents=True)
        (profiles / "config").write_text(PROFILES)
        for _ in range(ROUNDS):
            for workflow in ("admin", "new-user"):
                work += asyncio.run(of_the_wizard(folder, project, workflow, times, widgets))
    for step, seconds in sorted(times.items(), key=lambda item: -max(item[1])):
        print(f"{step:28} {', '.join(f'{duration * 1000:.0f}' for duration in seconds)} ms")
    every = [duration for seconds in times.values() for duration in seconds]
    number = round(statistics.mean(widgets))
    base, base_work = asyncio.run(of_labels(number))
    good = p95(every) <= BUDGET_SECONDS
    print(
        f"From step to step: p50 {statistics.median(every) * 1000:.0f} ms, p95 {p95(every) * 1000:.0f} ms, "
        f"budget {BUDGET_SECONDS * 1000:g}: {'met' if good else 'MISSED'}; {number} labels: "
        f"p50 {statistics.median(base) * 1000:.0f} ms, p95 {p95(base) * 1000:.0f} ms, ratio of p50 "
        f"{statistics.median(every) / statistics.median(base):.2f} (budget {BUDGET:g}), of processor time "
        f"{statistics.median(work) / statistics.median(base_work):.2f}"
    )
    return status(good)


if __name__ == "__main__":
    sys.exit(main())
