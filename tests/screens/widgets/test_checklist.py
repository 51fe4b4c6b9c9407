"""A list of tasks ticks what happened, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import App, ComposeResult

from screens.widgets.checklist import Checklist, Task
from screens.widgets.text import Button


class Host(App[None]):
    def __init__(self, ticks: Sequence[int] = ()) -> None:
        super().__init__()
        self._ticks = ticks

    def compose(self) -> ComposeResult:
        yield Checklist(
            Task("Open", buttons=(Button("Open", id="open"), Button("Copy", id="copy")), opens=True),
            Task("Click", helps=(Button("Remind", id="remind"),)),
            Task("Paste", buttons=(Button("Copy", id="paste"),), asides=(Button("Show", id="show"),)),
            Task("Look", watched=True),
            ticks=self._ticks,
            id="tasks",
        )


def ticked(app: App[None]) -> list[int]:
    rows = app.query("Checklist .task")
    return [number for number, row in enumerate(rows, start=1) if row.has_class("-done")]


async def test_pressing_open_counts_once_the_page_is_open() -> None:
    app = Host()
    async with app.run_test() as pilot:
        tasks = app.query_one(Checklist)
        tasks.focus_next()
        await pilot.press("enter")
        assert ticked(app) == []
        tasks.opened(False, "https://a.example")
        await pilot.pause()
        assert ticked(app) == []
        assert app.focused is app.query_one("#copy")
        app.query_one("#copy", Button).press()
        await pilot.pause()
        assert ticked(app) == [1]
        address = tasks.query_one(".not-opened")
        for task in ("#did-2", "#paste"):
            app.query_one(task, Button).press()
            await pilot.pause()
            assert address.display, "it may have to be typed"
        tasks.did(4)
        await pilot.pause()
        assert tasks.finished
        assert address.display, "it may be needed again if AWS didn't accept it"


class Led(App[None]):
    """A list whose first task is done only once it is confirmed."""

    def compose(self) -> ComposeResult:
        buttons = Button("Open", id="open"), Button("Copy", id="copy")
        yield Checklist(
            Task("Sign in", buttons=buttons, opens=True, confirms=Button("I'm in", id="in")),
            Task("Click"),
            id="tasks",
        )


async def test_the_buttons_that_lead_to_a_task_go_to_the_one_that_confirms_it() -> None:
    for opens in (True, False):
        app = Led()
        async with app.run_test() as pilot:
            tasks = app.query_one(Checklist)
            tasks.focus_next()
            await pilot.press("enter")
            tasks.opened(opens, "https://a.example")
            await pilot.pause()
            if not opens:
                await pilot.press("enter")
            assert (ticked(app), app.focused) == ([], app.query_one("#in"))
            tasks.focus_next()
            await pilot.press("enter")
            assert (ticked(app), app.focused) == ([1], app.query_one("#did-2"))


async def test_the_arrows_go_between_the_buttons_of_a_task() -> None:
    app = Host()
    async with app.run_test() as pilot:
        app.query_one(Checklist).focus_next()
        await pilot.press("right", "right")
        assert app.focused is app.query_one("#copy")
        await pilot.press("left")
        assert app.focused is app.query_one("#open")


async def test_the_page_that_opens_takes_its_address_away() -> None:
    app = Host()
    async with app.run_test() as pilot:
        tasks = app.query_one(Checklist)
        tasks.opened(False, "https://a.example")
        tasks.opened(True, "https://a.example")
        await pilot.pause()
        assert ticked(app) == [1]
        assert not tasks.query_one(".not-opened").display
        assert app.focused is app.query_one("#did-2")


async def test_a_page_opened_by_hand_is_seen_by_what_is_done_there() -> None:
    app = Host()
    async with app.run_test() as pilot:
        tasks = app.query_one(Checklist)
        tasks.did(2)
        assert ticked(app) == [2], "nothing was shown yet"
        tasks.opened(False, "https://a.example")
        await pilot.pause()
        assert ticked(app) == [2]
        app.query_one("#paste", Button).press()
        await pilot.pause()
        assert ticked(app) == [1, 2, 3]


async def test_a_page_opened_by_hand_still_wants_its_confirmation() -> None:
    app = Led()
    async with app.run_test() as pilot:
        tasks = app.query_one(Checklist)
        tasks.opened(False, "https://a.example")
        tasks.did(2)
        await pilot.pause()
        assert ticked(app) == [2]


async def test_what_came_of_the_list_takes_the_address_away_too() -> None:
    app = Host()
    async with app.run_test() as pilot:
        tasks = app.query_one(Checklist)
        tasks.opened(False, "https://a.example")
        await pilot.pause()
        assert tasks.query_one(".not-opened").display
        tasks.finish()
        await pilot.pause()
        assert not tasks.query_one(".not-opened").display


async def test_a_later_task_leaves_those_before_it_open() -> None:
    app = Host()
    async with app.run_test() as pilot:
        tasks = app.query_one(Checklist)
        app.query_one("#paste", Button).press()
        await pilot.pause()
        assert ticked(app) == [3]
        tasks.did(4)
        await pilot.pause()
        assert app.focused is app.query_one("#open")
        await pilot.press("tab", "enter", "enter")
        assert ticked(app) == [1, 2, 3, 4]
        assert tasks.finished


async def test_ticks_are_there_again_but_for_what_the_wizard_sees_itself() -> None:
    app = Host([1, 3, 4])
    async with app.run_test() as pilot:
        tasks = app.query_one(Checklist)
        assert ticked(app) == [1, 3]
        tasks.focus_next()
        await pilot.press("space")
        assert app.query_one(Checklist).ticks == [1, 2, 3]
        tasks.did(4)
        assert tasks.ticks == [1, 2, 3]
        assert tasks.finished


async def test_what_was_only_copied_is_to_be_copied_again_unless_the_list_is_done() -> None:
    def tasks(*ticks: int) -> Checklist:
        copying = [
            Task("Paste", buttons=(Button("Copy", id=id_),), copies=True) for id_ in ("name", "password")
        ]
        return Checklist(Task("Open"), *copying, Task("Look"), ticks=list(ticks), id="tasks")

    assert tasks(1, 2, 3).ticks == [1]
    assert not tasks(1, 2, 3).finished
    assert tasks(1, 4).finished


async def test_what_was_only_said_on_an_earlier_page_is_passed_over_without_a_tick() -> None:
    class Saying(App[None]):
        def compose(self) -> ComposeResult:
            yield Checklist(Task("Sign in", said=True), Task("Click", said=True), ticks=[1], id="tasks")

    app = Saying()
    async with app.run_test() as pilot:
        tasks = app.query_one(Checklist)
        assert (tasks.ticks, ticked(app)) == ([1], [])
        tasks.did(2)
        await pilot.pause()
        assert tasks.finished
        assert ticked(app) == [2]


async def test_who_typed_a_name_needs_no_copy_of_it() -> None:
    class Copying(App[None]):
        def compose(self) -> ComposeResult:
            copying = [
                Task("Paste", buttons=(Button("Copy", id=id_),), copies=True) for id_ in ("name", "word")
            ]
            yield Checklist(Task("Open"), *copying, Task("Look"), id="tasks")

    app = Copying()
    async with app.run_test() as pilot:
        await pilot.press("enter")
        app.query_one("#word", Button).press()
        await pilot.pause()
        assert ticked(app) == [1, 3]
        app.query_one("#did-4", Button).press()
        await pilot.pause()
        assert app.query_one(Checklist).finished
        assert not app._notifications


async def test_looking_counts_only_when_it_is_the_tasks_turn() -> None:
    app = Host([1])
    async with app.run_test() as pilot:
        app.query_one("#show", Button).press()
        await pilot.pause()
        assert ticked(app) == [1]
        app.query_one("#remind", Button).press()
        await pilot.pause()
        assert ticked(app) == [1]
        app.query_one("#did-2", Button).press()
        await pilot.pause()
        app.query_one("#show").focus()
        await pilot.press("enter")
        assert ticked(app) == [1, 2, 3]
        assert app.focused is app.query_one("#show"), "what hides it again is pressed next"


async def test_a_later_task_and_the_end_ask_for_the_first_that_is_open() -> None:
    app = Host()
    async with app.run_test() as pilot:
        tasks = app.query_one(Checklist)
        tasks.did(1)
        await pilot.pause()
        app.query_one("#did-2", Button).press()
        await pilot.pause()
        assert not app._notifications, "all in its order"
        tasks.did(4)
        app.query_one("#paste", Button).press()
        await pilot.pause()
        assert not app._notifications
    app = Host()
    async with app.run_test() as pilot:
        tasks = app.query_one(Checklist)
        app.query_one("#paste", Button).press()
        await pilot.pause()
        assert [notice.severity for notice in app._notifications] == ["warning"]
        tasks.ask_first()
        await pilot.pause()
        assert app.focused is app.query_one("#open")
        assert len(app._notifications) == 2


async def test_looking_is_never_the_last_task() -> None:
    app = Host([1, 2])
    async with app.run_test() as pilot:
        app.query_one(Checklist).did(4)
        app.query_one("#show", Button).press()
        await pilot.pause()
        assert ticked(app) == [1, 2, 4]
