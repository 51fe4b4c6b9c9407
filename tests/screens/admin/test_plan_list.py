"""The list of a plan's resources: live, filtered, opened, and as fluid with thousands of them."""

from __future__ import annotations

import time
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from screens.admin.plan import ForeignList, PlanTree, ResourceBrowser
from screens.widgets.fields import FilterField
from screens.widgets.lists import TextDialog
from workflows.steps.admin.accepted_plan import ChangeLine
from workflows.steps.admin.plan_resources import Resource
from workflows.terraform.events import Progress, ResourceEvent
from workflows.terraform.runner import Update

USER = 'module.user["jane.doe"].aws_iam_user.this[0]'
RESOURCES = (
    Resource(USER, "create", "jane.doe", "comes", ('+ name = "jane.doe"', "+ id = (known after apply)")),
    Resource("aws_iam_user_login_profile.jane", "replace", "jane.doe", "new password"),
    Resource(
        "module.group.members", "update", "group devops", "jane.doe joins", ("~ users", '  + "jane.doe"')
    ),
    Resource("aws_iam_policy.x", "delete", "other resources", "goes", foreign=True),
    Resource(USER, "update", "jane.doe", "settings change", drift=True),
)


class Host(App[None]):
    def compose(self) -> ComposeResult:
        yield ResourceBrowser()
        yield ForeignList()

    @property
    def tree(self) -> PlanTree:
        return self.query_one(PlanTree)

    def shown(self) -> list[str]:
        lines = [strip.text.rstrip() for strip in self.screen._compositor.render_strips()]
        return [line for line in lines if line]


async def show(pilot: Pilot[Any], resources: tuple[Resource, ...] = RESOURCES) -> Host:
    app = pilot.app
    assert isinstance(app, Host)
    app.query_one(ResourceBrowser).show_plan(resources)
    app.tree.focus()
    await pilot.pause()
    return app


async def test_resources_stand_under_their_people_with_mark_and_words() -> None:
    async with Host().run_test(size=(80, 24)) as pilot:
        app = await show(pilot)
        text = "\n".join(app.shown())
        assert "5 resources" in text
        assert "── jane.doe  2 " in text
        assert f"+ comes  {USER}" in text
        assert "± new password" in text
        assert "jane.doe joins" in text
        assert "- ! goes  aws_iam_policy.x" in text
        headings = [line for line in text.splitlines() if line.startswith("── ")]
        assert len([heading for heading in headings if "jane.doe" in heading]) == 2, "what drifted is apart"


async def test_a_long_line_is_cut_before_the_end_of_its_address() -> None:
    address = f"module.{'x' * 80}.aws_iam_group_policy_attachment.custom_arns[17]"
    async with Host().run_test(size=(80, 24)) as pilot:
        app = await show(pilot, (Resource(address, "create", "other resources", "comes"),))
        (line,) = (line for line in app.shown() if "comes" in line)
        assert line.endswith("custom_arns[17]")
        assert "…" in line
        await pilot.press("right")
        assert "x" * 40 in "\n".join(app.shown())


async def test_an_address_gives_way_to_what_happens() -> None:
    words = "gets a new console password; the one in use stops working"
    async with Host().run_test(size=(80, 24)) as pilot:
        app = await show(pilot, (Resource(f"{USER}.{'x' * 40}[17]", "replace", "jane.doe", words),))
        (line,) = (line for line in app.shown() if "console" in line)
        assert f"± {words}  …" in line
        assert line.endswith("[17]")


async def test_enter_opens_a_resource_and_closes_it_from_within() -> None:
    async with Host().run_test(size=(80, 24)) as pilot:
        app = await show(pilot)
        await pilot.press("enter")
        assert "    + name = " in "\n".join(app.shown())
        await pilot.press("down", "enter")
        assert "    + name = " not in "\n".join(app.shown())
        marked = app.tree.marked
        assert marked is not None
        assert marked.key == USER
        await pilot.press("a")
        text = "\n".join(app.shown())
        assert "no details" in text
        assert '  + "jane.doe"' in text
        await pilot.press("a")
        assert "no details" not in "\n".join(app.shown())


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("jane.doe", 4),
        ("jane.doe password", 1),
        ("goes", 1),
        ("±", 1),
        ("foreign", 1),
        ("outside", 1),
        ("nobody", 0),
    ],
)
async def test_the_filter_leaves_what_holds_every_word(typed: str, found: int) -> None:
    async with Host().run_test(size=(80, 24)) as pilot:
        app = await show(pilot)
        await pilot.press("slash")
        assert isinstance(app.focused, FilterField)
        app.query_one(FilterField).value = typed
        await pilot.pause()
        assert app.tree.found == found
        assert f"{found} of 5" in "\n".join(app.shown())
        await pilot.press("enter")
        assert app.focused is app.tree
        await pilot.press("up", "up", "up", "up", "up")
        assert isinstance(app.focused, FilterField)
        await pilot.press("escape")
        assert app.tree.found == 5


async def test_what_is_read_and_planned_comes_while_the_plan_is_made() -> None:
    async with Host().run_test(size=(80, 24)) as pilot:
        app = await show(pilot, ())
        browser = app.query_one(ResourceBrowser)
        browser.show_plan(())
        tracker = Progress()
        events = (
            ResourceEvent("refresh_start", USER, "read"),
            ResourceEvent("refresh_complete", "aws_iam_group.a", "read"),
        )
        browser.take(Update((), events, tracker.snapshot()))
        await pilot.pause()
        text = "\n".join(app.shown())
        assert f"… {USER}  is read" in text
        assert "✓ aws_iam_group.a " in text
        planned = ResourceEvent("planned_change", USER, "create")
        tracker.add(planned)
        browser.take(Update((), (planned, ResourceEvent("apply_start", "x", "create")), tracker.snapshot()))
        await pilot.pause()
        text = "\n".join(app.shown())
        assert f"+ {USER} " in text
        assert "is read" not in text
        app.query_one(FilterField).value = "group"
        await pilot.pause()
        assert app.tree.found == 1


async def test_a_key_costs_as_little_with_thousands_of_resources() -> None:
    many = tuple(
        Resource(
            f'module.user["p{n}"].aws_iam_user.this[0]', "create", f"p{n // 3}", "new user", ("+ a = 1",) * 8
        )
        for n in range(5_000)
    )

    async def seconds(pilot: Pilot[Any]) -> float:
        """Of the processor, for ten keys; the best of some tries."""
        tries = []
        for _ in range(3):
            begun = time.process_time()
            await pilot.press(*["down"] * 10)
            tries.append(time.process_time() - begun)
        return min(tries)

    async with Host().run_test(size=(80, 24)) as pilot:
        await show(pilot)
        few = await seconds(pilot)
        app = await show(pilot, many)
        assert await seconds(pilot) < 3 * few
        app.query_one(FilterField).value = "p1666"
        await pilot.pause()
        assert app.tree.found == 3


async def test_each_foreign_change_is_told_whole_where_the_cursor_is() -> None:
    async with Host().run_test(size=(60, 24)) as pilot:
        app = pilot.app
        assert isinstance(app, Host)
        foreign = app.query_one(ForeignList)
        foreign.show([ChangeLine("a.b", "x: removed"), ChangeLine("c.d", "c.d is made", named=True)], {"c.d"})
        app.query_one("#foreign").focus()
        await pilot.pause()
        text = "\n".join(app.shown())
        assert text.count("x: removed") == 1
        assert text.endswith("a.b")
        assert foreign.marked == {"c.d"}
        await pilot.press("space")
        assert foreign.marked == {"a.b", "c.d"}


async def test_a_text_is_read_to_its_end_and_closed() -> None:
    async with Host().run_test(size=(80, 24)) as pilot:
        pilot.app.push_screen(TextDialog("Two plans", "\n".join(f"+ line {n}" for n in range(100))))
        await pilot.pause()
        assert "+ line 0" in "\n".join(pilot.app.shown())
        await pilot.press("end")
        assert "+ line 99" in "\n".join(pilot.app.shown())
        await pilot.press("escape")
        assert not isinstance(pilot.app.screen, TextDialog)
