from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.fitting import misfits
from support.panes import rest, until
from textual import on
from textual.app import App
from textual.widgets import OptionList, Static

from screens.step.help import HelpScreen
from screens.widgets.dialogs import Confirm, Ways
from tui.app import home
from tui.app.home import HomeScreen
from tui.app.session_summary import arrival_of, standing_of
from tui.session_catalogue import Entry
from workflows.core.sentences import moment_text, text_of
from workflows.machine.sessions import Sessions
from workflows.machine.summaries import Summary
from workflows.steps.kinds import ACCOUNT_SETTINGS, REPLACING, work_of

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
SESSIONS = Sessions(Path("nowhere"), [], lambda: NOW)


def entry(summary: Summary, sandbox: Path | None = None) -> Entry:
    return Entry(summary, SESSIONS, sandbox)


LATE = entry(
    Summary(
        "late",
        "admin",
        "2026-01-02T03:04:05+00:00",
        "2026-01-05T06:07:08+00:00",
        facts={"project": "bb", "joining": ["jane.doe"], "leaving": ["juan.delacruz"]},
        next_title="Groups",
    )
)
DONE = entry(
    Summary(
        "done",
        "new-user",
        "2026-01-02T03:04:05+00:00",
        "2026-01-03T10:20:00+00:00",
        facts={"project": "bb", "user": "jane.doe"},
    ),
    Path("sandboxes/20260102"),
)
DAMAGED = entry(Summary("broken", changed="2025-01-01T00:00:00+00:00", damage="Line 3 is no JSON."))


class Host(App[None]):
    """Shows the home screen and remembers what it asks for."""

    def __init__(self, entries: Sequence[Entry], *, sandbox: bool = False, at: str = "") -> None:
        super().__init__()
        self.home = HomeScreen(entries, sandbox=sandbox, now=lambda: NOW, at=at)
        self.asked: list[Any] = []

    def on_mount(self) -> None:
        self.push_screen(self.home)

    @on(HomeScreen.Begin)
    @on(HomeScreen.Resume)
    @on(HomeScreen.Delete)
    @on(HomeScreen.Archive)
    @on(HomeScreen.Report)
    def _asked(self, message: Any) -> None:
        self.asked.append(message)

    def text(self) -> str:
        return "\n".join(strip.text.rstrip() for strip in self.screen._compositor.render_strips())


def lines_of(app: Host) -> list[str]:
    return [" ".join(line.split()) for line in app.text().splitlines()]


def line_of(entry: Entry) -> str:
    """The line of a session: what it is about, where it stands, and since when."""
    moment = moment_text(entry.summary.changed, NOW)
    return f"{work_of(entry.summary, 2)} {' · '.join(standing_of(entry))} {moment}"


def of_session(app: Host, session: Entry) -> list[str]:
    """What the palette can do with the selected session: each command without the session's name."""
    name = f" {work_of(session.summary)}"
    titles = [command.title for command in app.home.commands()]
    return [title.removesuffix(name) for title in titles if title.endswith(name)]


def ids_of(app: Host) -> list[str]:
    """What can be selected now."""
    return [option.id for option in app.home.query_one(OptionList).options if option.id]


async def test_the_latest_session_has_the_focus_and_says_what_comes_next() -> None:
    app = Host([LATE, DONE, DAMAGED])
    async with app.run_test(size=(100, 32)) as pilot:
        await rest(pilot)
        lines = lines_of(app)
        assert f"▌ {line_of(LATE)}" in lines
        assert all(part in line_of(LATE) for part in ("jane.doe", "Groups", "bb"))
        assert line_of(replace(DONE, sandbox=None)) in lines, "it lists the sessions of one world"
        assert any("broken" in line and DAMAGED.summary.damage in line for line in lines)
        await pilot.press("enter")
        await rest(pilot)
        assert app.asked == [HomeScreen.Resume(LATE)]


@pytest.mark.parametrize(("arrived", "width"), [(None, 80), ("", 80), ("", 100)])
async def test_sessions_of_the_same_task_differ_by_their_accounts(arrived: str | None, width: int) -> None:
    facts = {"project": "bb", "rekeying": ["dana.lopez"]}
    sessions = [
        replace(
            LATE,
            summary=replace(LATE.summary, id=account, facts={**facts, "layers": [account]}),
            arrived=arrived,
        )
        for account in ("management", "security")
    ]
    app = Host(sessions)
    async with app.run_test(size=(width, 24)) as pilot:
        await rest(pilot)
        for account in ("management", "security"):
            assert any("dana.lopez" in line and account in line for line in lines_of(app))


async def test_long_names_leave_room_for_what_comes_next() -> None:
    names = ["franco.gauchat", "marcos.pagnucco"]
    summary = replace(
        LATE.summary, facts={"project": "bb", "regrouping": names}, next_title="Plan (security)"
    )
    session = replace(LATE, summary=summary)
    app = Host([session])
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert any("franco" in line and standing_of(session)[0] in line for line in lines_of(app))


@pytest.mark.parametrize("width", [60, 80])
async def test_a_name_is_whole_and_the_time_and_the_detail_make_way_for_it(width: int) -> None:
    one = Summary(
        "1", "new-user", changed=LATE.summary.changed, next_title="Decrypt and sign in (management)"
    )
    entries = [
        entry(replace(one, id=name, facts={"user": name}))
        for name in ("jane.doe", "juan.delacruz", "marcos.pagnucco")
    ]
    app = Host(entries)
    async with app.run_test(size=(width, 36)) as pilot:
        await rest(pilot)
        assert all(work_of(session.summary) in app.text() for session in entries)


async def test_the_session_that_can_go_on_comes_first_and_says_what_arrived() -> None:
    waiting = {"joining": ["jane.doe"], "rekeying": ["sam.okafor"]}
    admin = Summary(
        "admin",
        "admin",
        changed="2026-01-02T03:04:05+00:00",
        facts=waiting,
        next_title="PGP keys",
        next_step="pgp-keys",
    )
    user = Summary(
        "user",
        "new-user",
        changed="2026-01-03T03:04:05+00:00",
        facts={"user": "ann"},
        next_title="Handoff",
        next_step="handoff",
    )

    came = "2026-01-04T19:07:00+00:00"

    async def shown(*arrived: Summary) -> list[tuple[str, bool]]:
        """Whom the first lines are about, and whether something arrived for them."""
        entries = [
            Entry(summary, SESSIONS, None, came if summary in arrived else "") for summary in (user, admin)
        ]
        app = Host(entries)
        async with app.run_test(size=(80, 24)) as pilot:
            await rest(pilot)
            found = []
            for line in lines_of(app):
                for entry in entries:
                    if work_of(entry.summary) in line:
                        arrival = arrival_of(entry, NOW)
                        assert arrival is not None
                        assert text_of(arrival.line) in line
                        assert (moment_text(came, NOW) in line) is arrival.here
                        found.append((entry.summary.id, "●" in line))
            return found

    assert await shown() == [("user", False), ("admin", False)]
    assert await shown(admin) == [("admin", True), ("user", False)]
    assert (await shown(admin, user))[0] == ("user", True)


@pytest.mark.parametrize(("came", "first"), [("2026-01-05T06", "late"), ("2026-01-05T07", "waits")])
async def test_what_was_left_last_comes_first_unless_something_newer_came(came: str, first: str) -> None:
    waits = Summary("waits", "new-user", facts={"user": "ann"}, next_title="Handoff", next_step="handoff")
    waiting = replace(waits, id="waiting", changed="2026-01-06T00:00:00+00:00")
    arrived = Entry(waits, SESSIONS, None, f"{came}:00:00+00:00")
    app = Host([replace(entry(waiting), arrived=""), LATE, arrived])
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press("enter")
        await rest(pilot)
        assert [asked.entry.summary.id for asked in app.asked] == [first]


async def test_news_comes_right_after_the_work_that_was_left_last() -> None:
    waits = Summary("waits", "new-user", facts={"user": "ann"}, next_title="Handoff", next_step="handoff")
    news = Entry(waits, SESSIONS, None, "2026-01-05T06:00:00+00:00")
    waiting = Entry(replace(waits, id="waiting"), SESSIONS, None, "")
    older = replace(LATE, summary=replace(LATE.summary, id="older", changed="2026-01-05T05:00:00+00:00"))
    opened = entry(Summary("opened", "rotation", changed="2026-01-08T00:00:00+00:00", next_title="Rotate"))
    app = Host([opened, LATE, older, waiting, news])
    async with app.run_test(size=(80, 40)) as pilot:
        await rest(pilot)
        listed = [each.summary.id for each in app.home._entries]
        assert listed == ["late", "waits", "older", "waiting", "opened"]


async def test_sessions_stay_where_they_were_listed_unless_news_arrived() -> None:
    def listed(*entries: Entry) -> list[str]:
        nonlocal order
        order = HomeScreen(entries, sandbox=False, now=lambda: NOW, order=order).order
        return list(order)

    order: tuple[str, ...] = ()
    old, new = (
        entry(replace(LATE.summary, id=name, changed=f"2026-01-0{day}T00:00:00+00:00"))
        for name, day in (("old", 1), ("new", 2))
    )
    assert listed(new, old) == ["new", "old"]
    again = entry(replace(old.summary, changed="2026-01-07T00:00:00+00:00"))
    assert listed(again, new) == ["new", "old"]
    begun = entry(replace(LATE.summary, id="begun"))
    assert listed(again, begun, new) == ["begun", "new", "old"]
    assert listed(begun, new, replace(again, arrived="2026-01-08T00:00:00+00:00"))[0] == "old"


@pytest.mark.parametrize(("came", "left", "expected"), [("e", "a", "aebcd"), ("a", "b", "abcde")])
def test_older_news_comes_right_after_the_session_left_last_unless_it_was_above(
    came: str, left: str, expected: str
) -> None:
    order, changed, arrived = list("abcde"), {left: "2026-01-07"}, {came: "2026-01-06"}
    entries = [
        replace(
            entry(replace(LATE.summary, id=name, changed=changed.get(name, "2026-01-01"))),
            arrived=arrived.get(name),
        )
        for name in order
    ]
    assert "".join(HomeScreen(entries, sandbox=False, now=lambda: NOW, order=order).order) == expected


@pytest.mark.parametrize("unfinished", [2, 3, 4])
async def test_what_is_unfinished_has_the_room_of_what_is_done(unfinished: int) -> None:
    going_on = [entry(replace(LATE.summary, id=f"late-{number}")) for number in range(unfinished)]
    app = Host([*going_on, entry(replace(DONE.summary, id="over"))])
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        sessions = [name for name in ids_of(app) if name.startswith("session-")]
        assert (len(sessions), "more" in ids_of(app)) == {2: (2, True), 3: (3, False), 4: (2, True)}[
            unfinished
        ]
        await pilot.press("f3")
        assert len([name for name in ids_of(app) if name.startswith("session-")]) == unfinished + 1


async def test_what_is_begun_comes_before_what_was_only_opened_and_what_is_done() -> None:
    done = Summary("done", "admin", changed="2026-01-09T00:00:00+00:00", facts={"joining": ["ann"]})
    opened = Summary("opened", "rotation", changed="2026-01-08T00:00:00+00:00", next_title="Rotate")
    begun = replace(done, id="begun", changed="2026-01-07T00:00:00+00:00", next_title="Plan")
    app = Host([Entry(summary, SESSIONS, None) for summary in (done, opened, begun)])
    async with app.run_test(size=(80, 36)) as pilot:
        await rest(pilot)
        await pilot.press("enter")
        await rest(pilot)
        assert app.asked == [HomeScreen.Resume(Entry(begun, SESSIONS, None))]


async def test_what_is_over_has_a_heading_of_its_own_and_gives_way_to_what_waits() -> None:
    done = Summary("done", "admin", changed="2026-01-09T00:00:00+00:00", facts={"leaving": ["ann"]})
    waits = replace(done, id="waits", facts={"joining": ["jane.doe"]}, awaited=("jane.doe",))
    undone = Entry(replace(waits, id="undone"), SESSIONS, None, undone_by=("Remove ann",))
    shown = {}
    for height in (24, 36):
        app = Host([entry(done), undone, entry(waits)])
        async with app.run_test(size=(80, height)) as pilot:
            await rest(pilot)
            lines = [re.split(" {2,}", line.strip(" ▌"))[0] for line in app.text().splitlines() if line]
            shown[height] = lines[lines.index("Continue") :]
            assert standing_of(entry(waits))[0] in app.text()
            assert (standing_of(undone)[0] in app.text()) is (height == 36)
            await pilot.press("f3")
            await rest(pilot)
            assert standing_of(undone)[0] in app.text()
    assert [line.split()[0] for line in shown[24][:4]] == ["Continue", "Add", "2", "Start"]
    assert shown[36][:5] == ["Continue", "Add jane.doe", "Done", "Remove ann", "Add jane.doe"]


@pytest.mark.parametrize(
    ("draft", "work"),
    [
        ({"joining": ["jane.doe"], "kinds": ["joining", "leaving"]}, "Add jane.doe"),
        ({"joining": ["jane.doe"], "resetting": ["alex"]}, "Add jane.doe; 1 more task"),
        ({"joining": ["jane.doe"], "account_wanted": True}, "Add jane.doe; 1 more task"),
        ({"kinds": ["resetting"]}, "Reset password of somebody"),
        ({"kinds": ["regions_wanted"]}, "Check STS regions"),
        ({"kinds": ["account_wanted"]}, ACCOUNT_SETTINGS),
        ({"kinds": ["joining", "leaving"]}, "Admin, nobody named yet"),
    ],
)
def test_what_is_only_typed_says_already_what_a_session_is_about(draft: dict[str, Any], work: str) -> None:
    assert work_of(Summary("id", "admin", draft=draft)) == work


@pytest.mark.parametrize("width", [80, 120])
async def test_a_second_work_is_named_where_there_is_room(width: int) -> None:
    facts = {"joining": ["jane.doe"], "resetting": ["alex"]}
    both = replace(LATE.summary, id="1", facts=facts)
    every = {**facts, "resetting": ["alex", "a.person.with.a.very.long.name"], "leaving": ["bo"]}
    app = Host([entry(both), entry(replace(both, id="2", facts=every))])
    async with app.run_test(size=(width, 36)) as pilot:
        await rest(pilot)
        assert work_of(both, 2) in app.text()
        long = replace(both, facts=every)
        assert work_of(long, 2) in app.text()
        assert work_of(long, 3) not in app.text()


async def test_a_line_without_room_for_a_second_work_says_how_many_there_are() -> None:
    facts = {"joining": ["a.person.with.a.very.long.name", "another.person"], "resetting": ["alex"]}
    both = replace(LATE.summary, facts=facts, next_title="A step with a rather long title (management)")
    app = Host([entry(both)])
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        (line,) = (line.strip(" ▌") for line in app.text().splitlines() if "a.person" in line)
        assert line.startswith("2 ")
        await pilot.resize_terminal(200, 24)
        await rest(pilot)
        assert work_of(both, 2) in app.text()


async def test_a_size_that_is_as_it_was_makes_no_line_again() -> None:
    app = Host([LATE])
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        options = app.screen.query_one(OptionList)
        line = options.get_option_at_index(1)
        await pilot.resize_terminal(80, 24)
        await rest(pilot)
        assert options.get_option_at_index(1) is line
        await pilot.resize_terminal(120, 24)
        await rest(pilot)
        assert options.get_option_at_index(1) is not line


async def test_with_no_session_enter_adds_people() -> None:
    app = Host([])
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert "Continue" not in app.text()
        await pilot.press("enter")
        await rest(pilot)
        assert app.asked == [HomeScreen.Begin("admin", ("joining",))]


async def test_arrow_keys_reach_every_task_and_headings_are_passed_over() -> None:
    away = replace(DONE, elsewhere=True)
    app = Host([LATE, away])
    async with app.run_test(size=(80, 36)) as pilot:
        await rest(pilot)
        for _ in range(13):
            await pilot.press("enter", "down")
        await rest(pilot)
        assert app.text().count("▌") == 1
        kinds = ["joining", "leaving", "regrouping", "resetting", "rekeying", "mfa_reset", "account_wanted"]
        kinds.append("regions_wanted")
        assert app.asked == [
            HomeScreen.Resume(LATE),
            *(HomeScreen.Begin("admin", (kind,)) for kind in kinds),
            HomeScreen.Begin("new-user"),
            HomeScreen.Begin("new-user", ("replacing",)),
            HomeScreen.Begin("rotation"),
            HomeScreen.Resume(away),
        ]


@pytest.mark.parametrize("elsewhere", [True, False])
async def test_a_key_is_replaced_in_the_session_that_it_is_of(*, elsewhere: bool) -> None:
    mine = replace(DONE, elsewhere=elsewhere)
    app = Host([mine])
    async with app.run_test(size=(80, 36)) as pilot:
        await rest(pilot)
        app.home._begin("new-user", "replacing")
        await rest(pilot)
        wanted = None if elsewhere else HomeScreen.Resume(mine, ("replacing",))
        assert app.asked == [wanted or HomeScreen.Begin("new-user", ("replacing",))]


@pytest.mark.parametrize(("with_handoff", "elsewhere"), [(True, False), (False, False), (True, True)])
async def test_a_lost_device_is_replaced_in_the_session_that_knows_its_accounts(
    *, with_handoff: bool, elsewhere: bool
) -> None:
    facts = {"user": "jane.doe", **({"identities": ["security"]} if with_handoff else {})}
    mine = replace(entry(Summary("mine", "new-user", facts=facts)), elsewhere=elsewhere)
    app = Host([mine])
    async with app.run_test(size=(80, 36)) as pilot:
        await rest(pilot)
        app.home._begin("new-user")
        await rest(pilot)
        if not with_handoff or elsewhere:
            assert app.asked == [HomeScreen.Begin("new-user")]
            return
        assert isinstance(app.screen, Ways)
        assert app.asked == []
        assert app.focused is app.screen.query_one("#open")
        assert not misfits(app.screen)
        await pilot.press("right", "enter")
        await rest(pilot)
        assert app.asked == [HomeScreen.Resume(mine, ("device",))]


async def test_many_sessions_leave_room_for_the_tasks_until_all_are_wanted() -> None:
    app = Host([LATE] * 9)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.text().count("Add jane.doe") == 2
        assert "7 more" in app.text()
        await pilot.press("f3")
        await rest(pilot)
        assert app.text().count("Add jane.doe") == 9


@pytest.mark.parametrize("key", ["home", "up"])
async def test_the_first_line_of_a_list_comes_back_into_view_with_its_heading(key: str) -> None:
    done = [entry(replace(DONE.summary, id=f"done-{number}")) for number in range(9)]
    app = Host([LATE, *done])
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press("f3", "end")
        await rest(pilot)
        options = app.home.query_one(OptionList)
        assert options.scroll_offset.y > 0
        first = next(at for at, option in enumerate(options.options) if not option.disabled)
        while options.highlighted != first:
            await pilot.press(key)
        await rest(pilot)
        assert options.scroll_offset.y == 0


async def test_what_is_unfinished_comes_first_and_is_counted_apart_from_what_is_done() -> None:
    unfinished = [entry(replace(LATE.summary, id=f"late-{number}")) for number in range(3)]
    done = [entry(replace(DONE.summary, id=f"done-{number}")) for number in range(9)]
    app = Host([])
    app.home = HomeScreen([*done, *unfinished], sandbox=False, now=lambda: NOW, remarks=["an old key"])
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert ids_of(app)[:2] == ["session-0", "more"]
        assert line_of(unfinished[0]) in " ".join(lines_of(app))
        more = str(app.home.query_one(OptionList).get_option("more").prompt)
        assert [int(number) for number in re.findall(r"\b\d+\b", more)] == [2, 9]


@pytest.mark.parametrize("remarks", [[], ["an old key " * 12]])
@pytest.mark.parametrize("number", [1, 2, 3, 9])
async def test_every_task_is_in_view_even_below_a_remark_of_two_lines(
    number: int, remarks: list[str]
) -> None:
    app = Host([])
    app.home = HomeScreen([LATE] * number, sandbox=False, now=lambda: NOW, remarks=remarks)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.home.query_one(OptionList).max_scroll_y == 0


async def test_every_task_is_in_view_in_a_new_sandbox_beside_another() -> None:
    app = Host([replace(DONE, elsewhere=True)], sandbox=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.home.query_one(OptionList).max_scroll_y == 0


async def test_a_long_name_leaves_the_columns_of_the_sessions_aligned() -> None:
    one = Summary("1", "new-user", facts={"user": "ann"}, next_title="MFA")
    long = replace(one, id="2", facts={"user": "a.rather.long.name"})
    app = Host([entry(one), entry(long)])
    async with app.run_test(size=(80, 36)) as pilot:
        await rest(pilot)
        lines = [line for line in app.text().splitlines() if "(" in line and ")" in line]
        assert len({line.index("next: MFA") for line in lines}) == 1
        assert len(lines) == 2


async def test_what_a_session_says_besides_leaves_the_columns_aligned() -> None:
    one = Summary(
        "1",
        "new-user",
        facts={"user": "ann", "project": "a-project-with-a-rather-long-name-here"},
        next_title="MFA",
    )
    here = entry(one, sandbox=None)
    long = replace(one, id="2", facts={"user": "a.longer.name", "project": "bb"})
    app = Host([here, replace(here, summary=long)])
    async with app.run_test(size=(80, 36)) as pilot:
        await rest(pilot)
        lines = [line for line in app.text().splitlines() if "next: MFA" in line]
        assert len({line.index("next: MFA") for line in lines}) == 1
        assert len(lines) == 2


async def test_a_line_without_room_for_its_time_shows_nothing_else_instead() -> None:
    short = replace(LATE.summary, facts={"project": "bb", "joining": ["jane.doe"]})
    long = replace(short, id="long", next_title="Hand over (shared-services)")
    app = Host([entry(short), entry(long)])
    async with app.run_test(size=(80, 36)) as pilot:
        await rest(pilot)
        shown = [line for line in lines_of(app) if " next: " in line]
        parts = [(" bb " in f"{line} ", moment_text(short.changed, NOW) in line) for line in shown]
        assert sorted(parts) == [(False, False), (True, True)]


async def test_the_tasks_stand_in_the_columns_of_the_sessions_where_all_have_room() -> None:
    app = Host([entry(Summary("1", "new-user", facts={"user": "jane.doe"}, next_title="MFA"))])
    async with app.run_test(size=(80, 36)) as pilot:
        await rest(pilot)
        (session,) = (line for line in app.text().splitlines() if "(jane.doe)" in line)
        (task,) = (line for line in app.text().splitlines() if "Check STS regions" in line)
        column = session.index("next: MFA")
        assert task[column - 2 : column].isspace()
        assert not task[column].isspace()


@pytest.mark.parametrize("height", [24, 36])
@pytest.mark.parametrize("came_from", ["", "done"])
async def test_what_can_be_done_is_selected_where_all_else_is_done(height: int, came_from: str) -> None:
    done = replace(DONE, sandbox=None)
    for entries, wanted in (
        ([done], HomeScreen.Begin("admin", ("joining",))),
        ([done, LATE], HomeScreen.Resume(LATE)),
    ):
        app = Host(entries, at=came_from)
        async with app.run_test(size=(80, height)) as pilot:
            await rest(pilot)
            await pilot.press("enter")
            await rest(pilot)
            assert app.asked == [wanted]


async def test_what_another_wizard_changes_is_listed_and_the_selected_session_stays_selected() -> None:
    other = entry(replace(LATE.summary, id="other", changed="2026-01-04T06:07:08+00:00"))
    read = [LATE, other]
    app = Host([])
    app.home = HomeScreen([LATE, other], sandbox=False, now=lambda: NOW, at="late", read=lambda: read)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        options = [*app.home.query_one(OptionList).options]
        app.home._look_again()
        await rest(pilot)
        assert [*app.home.query_one(OptionList).options] == options, "what is as it was stays as it is"
        later = replace(other.summary, changed="2026-01-05T11:00:00+00:00", next_title="Review")
        read[:] = [replace(other, summary=later), LATE]
        app.home._look_again()
        await rest(pilot)
        assert [app.home._lines[name].resumes for name in ids_of(app)[:2]] == [LATE, read[0]]
        assert "next: Review" in app.text()
        await pilot.press("enter")
        await rest(pilot)
        assert app.asked == [HomeScreen.Resume(LATE)]


async def test_the_session_that_the_person_comes_from_is_in_view_and_selected() -> None:
    others = [entry(replace(LATE.summary, id=f"other-{number}")) for number in range(4)]
    app = Host([*others, LATE])
    app.home = HomeScreen([*others, LATE], sandbox=False, now=lambda: NOW, at="late")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert "3 more" in app.text()
        await pilot.press("enter")
        await rest(pilot)
        assert app.asked == [HomeScreen.Resume(LATE)]


@pytest.mark.parametrize(("keys", "selected"), [("f3", "session-0"), ("down down f3", "session-2")])
async def test_listing_all_sessions_keeps_the_selected_line_and_never_selects_a_heading(
    keys: str, selected: str
) -> None:
    others = [entry(replace(LATE.summary, id=f"other-{number}")) for number in range(4)]
    app = Host(others)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press(*keys.split())
        await rest(pilot)
        option = app.home.query_one(OptionList).highlighted_option
        assert option is not None
        assert option.id == selected


async def test_the_mouse_chooses_too() -> None:
    app = Host([])
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        row = next(
            number for number, line in enumerate(app.text().splitlines()) if "Set up my access" in line
        )
        await pilot.click(offset=(10, row))
        await rest(pilot)
        assert app.asked == [HomeScreen.Begin("new-user")]


async def test_a_session_is_deleted_only_after_a_yes_and_by_no_letter() -> None:
    app, key = Host([LATE]), "delete"
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press("d")
        await rest(pilot)
        assert app.screen is app.home
        await pilot.press(key)
        await rest(pilot)
        assert isinstance(app.screen, Confirm)
        await pilot.press("escape")
        await rest(pilot)
        assert app.asked == []
        await pilot.press(key, "shift+tab", "enter")
        await rest(pilot)
        assert app.asked == [HomeScreen.Delete(LATE)]


def test_only_archived_sessions_of_another_world_say_that_they_are_of_a_sandbox() -> None:
    of_sandbox = replace(DONE, sandbox=Path("one"))
    kinds = itertools.product((False, True), repeat=2)
    entries = [replace(of_sandbox, archived=archived, elsewhere=away) for archived, away in kinds]
    said = ["sandbox" in home._line_of(entry, NOW).more for entry in entries]
    assert said == [False, False, False, True]


async def test_the_question_names_the_session_that_would_go_since_it_covers_the_list() -> None:
    app = Host([LATE, DONE])
    async with app.run_test(size=(80, 36)) as pilot:
        await rest(pilot)
        stays = set()
        for session in (LATE, DONE):
            await pilot.press("delete")
            await rest(pilot)
            question = str(app.screen.query_one(".dialog-body", Static).render())
            name, standing, *told = question.splitlines()
            assert name == work_of(session.summary, 2)
            assert all(part in standing for part in standing_of(replace(session, sandbox=None)))
            stays.add("\n".join(told))
            await pilot.press("escape", "down")
            await rest(pilot)
        assert len(stays) == 2, "with a sandbox more goes away"


async def test_without_a_session_no_key_to_delete_one_is_offered() -> None:
    for entries in ([], [LATE]):
        app = Host(entries)
        async with app.run_test(size=(80, 24)) as pilot:
            await rest(pilot)
            offered = {active_binding.binding.action for active_binding in app.home.active_bindings.values()}
            assert offered >= ({"delete", "archive", "report", "filter"} if entries else set())
            assert entries or not offered & {"delete", "archive", "report", "filter"}


async def test_the_palette_offers_every_task_and_what_can_be_done_with_the_selected_session() -> None:
    app = Host([LATE, replace(DONE, archived=True)])
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press("f3")
        await rest(pilot)
        on_session = {command.title: command.callback for command in app.home.commands()}
        opens, *others = of_session(app, LATE)
        assert len(others) == 3
        on_session[f"{opens} {work_of(LATE.summary)}"]()
        await rest(pilot)
        on_session["Check STS regions"]()
        await rest(pilot)
        assert app.asked == [HomeScreen.Resume(LATE), HomeScreen.Begin("admin", ("regions_wanted",))]
        await pilot.press("down")
        await rest(pilot)
        archived = of_session(app, DONE)
        assert archived[0] == opens
        assert len(set(archived) - set(others)) == len(set(others) - set(archived)) + 1 == 2
        await pilot.press("down")
        await rest(pilot)
        assert "Filter" in {command.title for command in app.home.commands()}
        assert not [
            command.title for command in app.home.commands() if command.title.startswith(("Open", "Delete"))
        ]


async def test_there_is_nothing_to_delete_on_a_way_to_begin() -> None:
    app = Host([LATE])
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press("down", "delete")
        await rest(pilot)
        assert app.screen is app.home
        assert not app.home.check_action("delete", ())


@pytest.mark.parametrize("key", ["f1", "question_mark"])
async def test_help_opens_and_closes(key: str) -> None:
    app = Host([LATE])
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press(key)
        await rest(pilot)
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("end")
        await until(pilot, lambda: "Delete " in app.text())
        await pilot.press("escape")
        await rest(pilot)
        assert app.screen is app.home


async def test_the_sandbox_says_so_and_that_one_person_plays_both_roles() -> None:
    app = Host([], sandbox=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert "SANDBOX" in app.text()
        assert "both people" in app.text()


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_new_sandbox_begins_with_the_tasks_and_lists_other_sandboxes_last(
    size: tuple[int, int],
) -> None:
    others = [replace(summary, sandbox=Path("before"), elsewhere=True) for summary in (LATE, DONE)]
    app = Host(others, sandbox=True)
    async with app.run_test(size=size) as pilot:
        await rest(pilot)
        assert "both people" in app.text()
        sessions = [name.startswith("session-") for name in ids_of(app)]
        assert sessions == sorted(sessions)
        options = app.home.query_one(OptionList).options
        assert len([option for option in options if option.disabled and str(option.prompt)]) == 3
        await pilot.press("enter")
        await rest(pilot)
        assert app.asked == [HomeScreen.Begin("admin", ("joining",))]


async def test_listing_all_sessions_from_a_task_goes_to_the_first_that_was_hidden() -> None:
    app = Host([replace(entry(LATE.summary), sandbox=Path("one"), elsewhere=True)])
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press("f3", "enter")
        await rest(pilot)
        assert [type(asked) for asked in app.asked] == [HomeScreen.Resume]


@pytest.mark.parametrize("sandbox", [True, False])
async def test_a_session_of_another_world_is_never_selected_nor_continued_in_this_one(
    *, sandbox: bool
) -> None:
    waits = Summary("waits", "new-user", next_step="handoff", next_title="Handoff", facts={"user": "jane"})
    app = Host([replace(entry(waits, Path("before")), elsewhere=True)], sandbox=sandbox)
    async with app.run_test(size=(80, 40)) as pilot:
        await rest(pilot)
        assert app.home._at == "admin joining"
        app.home._begin("new-user")
        await rest(pilot)
        assert app.asked == [HomeScreen.Begin("new-user")]


@pytest.mark.parametrize("size", [(60, 20), (40, 10), (20, 5)])
async def test_any_terminal_will_do(size: tuple[int, int]) -> None:
    app = Host([LATE, DONE, DAMAGED], sandbox=True)
    async with app.run_test(size=size) as pilot:
        await rest(pilot)
        assert app.screen.query_one(OptionList).has_focus
        await pilot.press("down", "down", "down", "enter")
        await rest(pilot)
        assert app.asked == [HomeScreen.Begin("admin", ("joining",))]


@pytest.mark.parametrize(
    ("keys", "kind"), [(["enter"], HomeScreen.Resume), (["right", "enter"], HomeScreen.Begin)]
)
async def test_what_was_begun_is_offered_before_another_is_begun(keys: list[str], kind: type[object]) -> None:
    mine = Summary("mine", "new-user", next_step="handoff", next_title="Handoff", facts={"user": "jane.doe"})
    app = Host([entry(mine)])
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.home.query_one(OptionList).highlighted = app.home.query_one(OptionList).get_option_index(
            "new-user"
        )
        await pilot.press("enter")
        await rest(pilot)
        assert isinstance(app.screen, Ways)
        assert not app.asked
        await pilot.press(*keys)
        await rest(pilot)
        assert [type(request) for request in app.asked] == [kind]


@pytest.mark.parametrize("registered", [True, False])
async def test_another_device_is_offered_also_where_a_step_is_open(*, registered: bool) -> None:
    settled = {"mfa@security" if registered else "sign-in@security": "2026-01-03T10:20:00+00:00"}
    facts = {"user": "jane.doe", "identities": ["security"]}
    mine = entry(Summary("mine", "new-user", next_step="sign-in", facts=facts, settled=settled))
    app = Host([mine])
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.home._begin("new-user")
        await rest(pilot)
        assert isinstance(app.screen, Ways)
        assert app.focused is app.screen.query_one("#again")
        assert not misfits(app.screen)
        assert bool(app.screen.query("#device")) is registered
        if registered:
            await pilot.press("right", "enter")
            await rest(pilot)
            assert app.asked == [HomeScreen.Resume(mine, ("device",))]


async def test_a_replacement_goes_on_with_the_session_that_waits_for_its_handoff() -> None:
    mine = entry(Summary("mine", "new-user", next_step="handoff", facts={"user": "jane.doe"}))
    app = Host([mine])
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        options = app.home.query_one(OptionList)
        options.highlighted = options.get_option_index("new-user replacing")
        await pilot.press("enter")
        await rest(pilot)
        assert app.asked == [HomeScreen.Resume(mine, ("replacing",))]


@pytest.mark.parametrize("replaces", [True, False])
async def test_with_both_begun_each_task_continues_its_own_session(*, replaces: bool) -> None:
    mine = entry(Summary("mine", "new-user", next_step="pgp-key", facts={"user": "jane.doe"}))
    other = entry(replace(mine.summary, id="other", details={REPLACING: True}))
    assert work_of(mine.summary) != work_of(other.summary)
    app = Host([mine, other] if replaces else [other, mine])
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.home._begin("new-user", *(("replacing",) if replaces else ()))
        await rest(pilot)
        if not replaces:
            await pilot.press("enter")
            await rest(pilot)
        assert [message.entry for message in app.asked] == [other if replaces else mine]


@pytest.mark.parametrize("odd", [5, "text", {"a": 1}, [5], None])
def test_a_session_of_odd_facts_or_drafts_is_listed_all_the_same(odd: object) -> None:
    for given in ({"joining": odd}, {"kinds": odd}):
        nobody = work_of(Summary("id", "admin"))
        assert work_of(Summary("id", "admin", draft=given)) == nobody
        assert work_of(Summary("id", "admin", facts={"project": "bb", **given})) == nobody


async def test_the_list_is_filtered_by_words_of_people_projects_and_tasks() -> None:
    app = Host([LATE, DONE, DAMAGED])
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press("slash", *"bb add jane")
        await rest(pilot)
        assert ids_of(app) == ["session-0"]
        await pilot.press("enter")
        await rest(pilot)
        assert app.asked == [HomeScreen.Resume(LATE)], "it is the only one"
        await pilot.press("escape", *"rotate", "down")
        await rest(pilot)
        assert ids_of(app) == ["rotation"]
        assert app.home.query_one(OptionList).has_focus
        assert app.asked == [HomeScreen.Resume(LATE)]
        await pilot.press("slash", *"xyz")
        await rest(pilot)
        assert not ids_of(app)
        assert "xyz" in str(app.home.query_one(OptionList).options[0].prompt)
        await pilot.press("escape", "escape")
        await rest(pilot)
        assert not app.home.query("#filter")
        assert app.home.query_one(OptionList).has_focus
        assert app.asked == [HomeScreen.Resume(LATE)]


async def test_enter_goes_to_what_is_called_by_the_words_before_what_mentions_them() -> None:
    app = Host([LATE])
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press("slash", *"groups", "enter", "enter")
        await rest(pilot)
        assert ids_of(app)[:2] == ["session-0", "admin joining"]
        assert app.asked == [HomeScreen.Begin("admin", ("regrouping",))]


async def test_the_filter_finds_a_task_before_what_is_done() -> None:
    done = entry(Summary("done", "rotation", facts={"identity": "bb-security"}))
    app = Host([done])
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press("slash", *"rotate my", "enter", "enter")
        await rest(pilot)
        assert ids_of(app) == ["rotation", "session-0"]
        assert app.asked == [HomeScreen.Begin("rotation")]


async def test_who_comes_from_what_is_over_still_sees_what_waits() -> None:
    over = Summary("over", "admin", changed="2026-01-09T00:00:00+00:00", facts={"leaving": ["ann"]})
    waits = replace(over, facts={"joining": ["jane.doe"]}, awaited=("jane.doe",))
    app = Host([entry(over), *(entry(replace(waits, id=name)) for name in "abc")], at="over")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        lines = lines_of(app)
        here = lines[lines.index("Continue") :]
        assert [line.split()[0] for line in here[1:4]] == ["▌", "Add", "Add"]
        assert here[5] == "Start"


async def test_what_has_no_room_is_left_out_whole_and_an_archived_session_has_its_heading() -> None:
    app = Host([replace(DONE, archived=True), LATE])
    async with app.run_test(size=(96, 24)) as pilot:
        await rest(pilot)
        assert any(line.startswith("1 archived") for line in lines_of(app))
        await pilot.press("f3")
        await rest(pilot)
        assert "Archived" in lines_of(app)
        assert line_of(replace(DONE, archived=False, sandbox=None)) in lines_of(app)


async def test_archived_sessions_are_listed_only_when_all_are_wanted() -> None:
    away = replace(DONE, archived=True)
    app = Host([away, LATE])
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert ids_of(app)[:2] == [
            "session-0",
            "more",
        ]
        await pilot.press("f3", "down", "a", "x")
        await rest(pilot)
        await pilot.press("enter")
        await rest(pilot)
        assert app.asked == [
            HomeScreen.Archive(away, every=True),
            HomeScreen.Report(away, "~/iam-onboard-done.txt"),
        ]


async def test_what_was_just_archived_stays_selected_so_that_the_same_key_brings_it_back() -> None:
    away = replace(LATE, archived=True)
    app = Host([away, entry(replace(LATE.summary, id="other"))])
    app.home = HomeScreen([away, *app.home._entries[:1]], sandbox=False, now=lambda: NOW, at="late")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press("a")
        await rest(pilot)
        assert app.asked == [HomeScreen.Archive(away)]


async def test_a_done_session_that_was_just_restored_stays_selected() -> None:
    app = Host([])
    app.home = HomeScreen([LATE, DONE], sandbox=False, now=lambda: NOW, at=DONE.summary.id, every=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press("a")
        await rest(pilot)
        assert app.asked == [HomeScreen.Archive(DONE, True)]


async def test_a_session_that_was_begun_and_archived_is_not_asked_about() -> None:
    begun = Summary("begun", "rotation", facts={"x": 1}, next_step="rotate")
    app = Host([replace(entry(begun), archived=True)])
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.home.query_one(OptionList).highlighted = app.home.query_one(OptionList).get_option_index(
            "rotation"
        )
        await pilot.press("enter")
        await rest(pilot)
        assert app.asked == [HomeScreen.Begin("rotation")]


async def test_an_apply_that_nobody_watched_is_no_next_step_and_comes_first_once_it_ended() -> None:
    summary = Summary("late", "admin", facts={"x": 1}, next_step="apply", next_title="Apply (management)")
    applies = ("", "running", "failed", "finished")
    entries = [Entry(summary, SESSIONS, None, apply=apply) for apply in applies]
    stands = {standing_of(entry)[0] for entry in entries}
    assert len(stands) == len(applies)
    assert all("Apply (management)" in stand for stand in stands)
    app = Host(entries)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await pilot.press("f3")
        await rest(pilot)
        assert all(stand in app.text() for stand in stands), "each differs from the others at 80 columns"
        await pilot.press("home", "enter")
        await rest(pilot)
        assert app.asked == [HomeScreen.Resume(entries[2])]
