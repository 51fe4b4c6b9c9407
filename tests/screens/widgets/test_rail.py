"""The steps on one line."""

from __future__ import annotations

import pytest
from textual.app import App

from screens.widgets.rail import MARKS, WORDS, RailEntry, StepRail, stepper
from workflows.machine.events import StepKey
from workflows.machine.state import Status

DONE, OPEN, UNSURE, SKIPPED = Status.DONE, Status.READY, Status.UNCONFIRMED, Status.SKIPPED


@pytest.mark.parametrize(
    ("statuses", "mark", "far"),
    [
        ((DONE, DONE), MARKS[DONE], ""),
        ((DONE, UNSURE), MARKS[UNSURE], ""),
        ((UNSURE, SKIPPED), MARKS[UNSURE], ""),
        ((DONE, SKIPPED), MARKS[SKIPPED], ""),
        ((DONE, OPEN), MARKS[OPEN], " 1/2"),
        ((Status.LOCKED, Status.FAILED, OPEN), MARKS[Status.FAILED], ""),
        ((DONE, DONE, Status.LOCKED), MARKS[Status.LOCKED], " 2/3"),
    ],
)
def test_another_account_has_the_mark_of_where_all_its_steps_stand(
    statuses: tuple[Status, ...], mark: str, far: str
) -> None:
    steps = [RailEntry(StepKey(f"{at}", "security"), f"{at}", status) for at, status in enumerate(statuses)]
    assert stepper(steps, None, 80).plain.startswith(f"{mark} security{far}  ")


@pytest.mark.parametrize(
    ("folded", "worst"),
    [
        ((DONE,), DONE),
        ((UNSURE, DONE), UNSURE),
        ((Status.CONTRADICTED, SKIPPED, UNSURE, Status.STALE), Status.CONTRADICTED),
        ((Status.CONTRADICTED, Status.LOCKED), Status.LOCKED),
    ],
)
def test_folded_steps_are_a_single_part_with_the_mark_that_matters_most(
    folded: tuple[Status, ...], worst: Status
) -> None:
    statuses = enumerate([*folded, DONE, DONE, OPEN])
    steps = [RailEntry(StepKey(f"step-{n}"), f"Step {n}", status) for n, status in statuses]
    parts = stepper(steps, steps[-1].key, 42).plain.split("  ")
    assert [part[0] for part in parts if "Step" not in part] == [MARKS[worst], MARKS[Status.LOCKED]]


@pytest.mark.parametrize("status", [*Status])
def test_the_step_that_is_shown_has_the_mark_of_the_list_on_the_line(status: Status) -> None:
    step = RailEntry(StepKey("hand-over", "security"), "Hand over", status)
    marked = "" if status in {OPEN, Status.LOCKED} else f" {MARKS[status]}"
    assert f"Hand over{marked}  " in stepper([step], step.key, 80).plain


@pytest.mark.parametrize(
    ("statuses", "mark"),
    [((DONE, DONE), OPEN), ((SKIPPED, UNSURE), OPEN), ((DONE, OPEN), Status.LOCKED)],
)
async def test_the_end_waits_for_all_steps_and_is_not_done_before_it_is_seen(
    statuses: tuple[Status, Status], mark: Status
) -> None:
    steps = [RailEntry(StepKey(step), step, status) for step, status in zip("ab", statuses, strict=True)]
    assert stepper(steps, steps[0].key, 80).plain.endswith(f"{MARKS[mark]} End")
    app = App[None]()
    async with app.run_test():
        rail = StepRail()
        await app.mount(rail)
        rail.show("Steps", steps, steps[0].key, over=True)
        assert str(rail.options[-1].prompt) == f"{MARKS[mark]} End"


@pytest.mark.parametrize("width", [25, 78])
async def test_a_wide_list_explains_marks_but_done_and_waiting(width: int) -> None:
    steps = [
        RailEntry(StepKey(step), step, status)
        for step, status in zip("abcd", (UNSURE, OPEN, DONE, Status.LOCKED), strict=True)
    ]
    app = App[None]()
    async with app.run_test(size=(80, 24)) as pilot:
        rail = StepRail()
        await app.mount(rail)
        rail.show("Steps", steps, None, over=False)
        rail.styles.width = width
        await pilot.pause()
        explained = [WORDS[step.status] in str(rail.get_option(step.title).prompt) for step in steps]
        assert explained == [width == 78, width == 78, False, False]
