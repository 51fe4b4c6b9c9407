from __future__ import annotations

from dataclasses import replace

from textual.app import App, ComposeResult
from textual.pilot import Pilot

from screens.admin.groups import Column, Matrix, MatrixLayout
from workflows.layer.model import Group, Place
from workflows.steps.admin.groups import Chosen, LayerChoice, LayerView

PEOPLE = tuple(f"person{number:04d}.example" for number in range(1000))
GROUPS = tuple(f"group-{number:02d}" for number in range(30))
VIEW = LayerView(
    account="security",
    chosen={"jane.doe": Chosen.JOINS},
    others=PEOPLE,
    machines=("machine.ci",),
    machine_names=frozenset({"machine.ci"}),
    now={name: frozenset({GROUPS[index % 30]}) for index, name in enumerate(PEOPLE)},
    groups=tuple(Group(name, name, (), False, (), True, Place("groups.tf", 1)) for name in GROUPS),
    machine_groups=(Group("robots", "robots", (), True, (), True, Place("groups.tf", 1)),),
)


class MatrixApp(App[None]):
    CSS = "Matrix { height: 20; width: 80; }"

    def compose(self) -> ComposeResult:
        yield Matrix()

    def on_mount(self) -> None:
        self.matrix.show(MatrixLayout(VIEW, LayerChoice()))

    @property
    def matrix(self) -> Matrix:
        return self.query_one(Matrix)

    def lines(self) -> list[str]:
        return [self.matrix.render_line(y).text for y in range(self.matrix.scrollable_content_region.height)]


async def pressed(pilot: Pilot[None], *keys: str) -> list[str]:
    await pilot.press(*keys)
    await pilot.pause()
    app = pilot.app
    assert isinstance(app, MatrixApp)
    return app.lines()


async def test_it_scrolls_both_ways_with_the_head_and_the_names_in_place() -> None:
    async with MatrixApp().run_test(size=(80, 24)) as pilot:
        lines = await pressed(pilot, *("right",) * 12, *("pagedown",) * 3)
        assert lines[0].startswith("  Person")
        assert "group-12" in lines[0]
        assert "group-00" not in lines[0]
        row = next(line for line in lines if "▌" in line)
        assert row.startswith("  person00")
        matrix = pilot.app.query_one(Matrix)
        assert row[2:].startswith(matrix.person)
        assert row.index("▌") + 1 == lines[0].index("group-12")
        lines = await pressed(pilot, "end", "ctrl+end")
        assert "│ robots" in lines[0]
        assert lines[-1].startswith("  machine.ci")
        assert "── Machine users: 1 ─" in lines[-2]
        lines = await pressed(pilot, "home", "ctrl+home")
        assert lines[1].startswith("── Joining: 1 ─")
        assert lines[2].startswith("+ jane.doe")
        assert "▌·" in lines[2]


async def test_the_marked_person_stays_marked_when_others_are_filtered_away() -> None:
    async with MatrixApp().run_test(size=(80, 24)) as pilot:
        matrix = pilot.app.query_one(Matrix)
        matrix.mark("person0500.example", "group-20")
        matrix.show(MatrixLayout(VIEW, LayerChoice(), ("50",)))
        assert (matrix.person, matrix.group) == ("person0500.example", "group-20")
        assert any("▌● in" in line for line in await pressed(pilot))
        matrix.show(MatrixLayout(VIEW, LayerChoice(), ("nobody",)))
        assert matrix.person == ""
        await pressed(pilot, "down", "up", "pageup", "space", "end", "ctrl+end")
        matrix.show(MatrixLayout(VIEW, LayerChoice()))
        assert matrix.person == "jane.doe"


async def test_only_what_is_in_view_is_computed() -> None:
    seen: list[str] = []

    class Watched(MatrixLayout):
        def cell(self, name: str, column: Column) -> str:
            seen.append(name)
            return super().cell(name, column)

    async with MatrixApp().run_test(size=(80, 24)) as pilot:
        pilot.app.query_one(Matrix).show(Watched(VIEW, LayerChoice()))
        await pressed(pilot, "down", "right", "pagedown")
        assert 15 < len(set(seen)) < 60


async def test_nothing_at_all_is_shown_without_complaint() -> None:
    async with MatrixApp().run_test(size=(80, 24)) as pilot:
        pilot.app.query_one(Matrix).show(MatrixLayout(LayerView("security"), LayerChoice()))
        lines = await pressed(pilot, "down", "right", "end", "space", "pagedown", "ctrl+end")
        assert lines[0].startswith("  Person")


async def test_long_names_are_cut_as_far_as_all_groups_have_room_then() -> None:
    groups = tuple(replace(VIEW.groups[0], name=f"group-with-a-name-{n}") for n in range(4))
    async with MatrixApp().run_test(size=(100, 24)) as pilot:
        matrix = pilot.app.query_one(Matrix)
        matrix.show(MatrixLayout(replace(VIEW, groups=groups, machine_groups=()), LayerChoice()))
        await pilot.pause()
        assert 0 < matrix.virtual_size.width <= matrix.scrollable_content_region.width
        matrix.styles.width = 60
        await pilot.pause()
        assert matrix.virtual_size.width > matrix.scrollable_content_region.width
        assert {column.width for column in matrix.layout_shown.columns} == {18}, "no name would be left"
