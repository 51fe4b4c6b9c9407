"""The screen of the STS regions, driven by keys against a strict AWS on loopback."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from support.admin_wizard import Wizard
from support.panes import PaneHost, new_session, rest, settle
from support.regions_project import RegionsProject, regions_project
from support.small_steps import SmallPane, SmallStep
from support.strict_aws import SECURITY
from textual.widgets import DataTable, Input, OptionList

from screens.admin.sts_regions import SHORT, StsRegionsPane
from screens.step.finished import Finished
from screens.step.page import StepPane
from screens.widgets.dialogs import ErrorDialog
from screens.widgets.text import Text
from workflows.aws.sts_regions.answers import AccountAnswer, Audit, OptIn, RegionAnswer, StsState, Verdict
from workflows.machine.declaration import Step
from workflows.machine.events import StepKey
from workflows.machine.state import Status
from workflows.sandbox.strict.state import ENABLED_BY_DEFAULT
from workflows.steps.admin import sts_regions

KEY = StepKey("sts-regions")
PROJECT = SmallStep(Step("project", "Project", "Find it.", (), ("project_root", "project")))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[RegionsProject]:
    with regions_project(tmp_path) as made:
        made.settings.of(SECURITY).off.add("us-west-2")
        yield made


class Driven(Wizard):
    @property
    def pane(self) -> StsRegionsPane:
        pane = self.app.pane
        assert isinstance(pane, StsRegionsPane)
        return pane

    def rows(self) -> dict[str, list[str]]:
        table = self.pane.query_one(DataTable)
        return {str(key.value): [str(cell) for cell in table.get_row(key)] for key in table.rows}

    def standing(self, name: str) -> tuple[str, list[int]]:
        """The mark of an account, which is selected, and how many regions are to be switched."""
        accounts = self.pane.query_one("#accounts", OptionList)
        accounts.highlighted = accounts.get_option_index(name)
        line = str(accounts.get_option(name).prompt)
        return line[0], [int(number) for number in re.findall(r"\d+", line)]


@asynccontextmanager
async def opened(project: RegionsProject, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Driven]:
    session = new_session(project.made.folder / "sessions", [PROJECT, sts_regions])
    try:
        settle(session, StepKey("project"), {"project_root": str(project.root), "project": "bb"})
        panes: dict[str, type[StepPane]] = {"project": SmallPane, "sts-regions": StsRegionsPane}
        app = PaneHost(session, project.environment, [PROJECT, sts_regions], panes, KEY)
        async with app.run_test(size=size) as pilot:
            await rest(pilot)
            yield Driven(app, pilot, session)
    finally:
        session.close()


async def test_nothing_is_asked_before_somebody_wants_it(project: RegionsProject) -> None:
    async with opened(project) as at:
        assert "us-east-1, us-west-2" in at.text
        assert "bb-security-devops" in at.text
        assert not project.aws.strict.state.sessions
        await at.press("ctrl+s")
        assert at.session.status(KEY) is Status.SKIPPED
        assert at.app.wizard.query(Finished)


async def test_the_answers_are_a_table_and_the_clicks_and_next_keeps_them(project: RegionsProject) -> None:
    async with opened(project) as at:
        await at.press("ctrl+n")
        assert at.standing("") == ("–", [])
        audit = at.pane._audit
        assert audit is not None
        told = re.findall(r"\d+", str(at.pane.query_one("#standing").render()))
        answered = [account for account in audit.accounts if not account.problem]
        assert told[:2] == [str(len(answered)), str(len(audit.accounts))]
        assert at.standing("security") == ("✗", [5, 1])
        await rest(at.pilot)
        rows = at.rows()
        assert next(iter(rows)) == "us-west-2"
        for region, sts, mark, verdict in (
            ("us-west-2", StsState.DEACTIVATED, "✗", Verdict.NEEDED),
            ("us-east-1", StsState.FIXED, "✓", Verdict.ALLOWED),
            ("af-south-1", StsState.NOT_OPTED_IN, "·", Verdict.OFF),
        ):
            assert rows[region][1:3] == [SHORT[sts], f"{mark} {verdict}"]
        assert rows["af-south-1"][3] == OptIn.OUT
        table = at.pane.query_one("#table", DataTable)
        assert table.size.height >= 4
        assert str(len(rows)) in str(table.ordered_columns[0].label), "most are out of view"
        shown = str(at.pane.query_one("#to-do").render())
        assert "https://console.aws.amazon.com/iam/home#/account_settings" in shown
        assert f"{SECURITY}.signin.aws.amazon.com" in shown
        await at.press("ctrl+n")
        assert at.session.status(KEY) is Status.DONE
        kept = at.session.facts()["sts_regions"]["accounts"]["security"]
        assert kept["regions"]["us-west-2"]["sts"] == "deactivated"
        assert at.app.wizard.query_one(".finished-title").has_class("-unsure")
        assert "shared" in str(at.app.wizard.query_one("#not-done").render())
        at.app.wizard.query_one("#ask-sts-regions").focus()
        await at.press("enter")
        assert at.standing("security")[0] == "✗"


async def test_the_end_says_how_the_accounts_that_were_not_asked_can_be(project: RegionsProject) -> None:
    async with opened(project) as at:
        await at.press("ctrl+n")
        at.standing("security")
        await at.press("ctrl+n")
        regions = at.session.facts()["sts_regions"]
        missed = {name: answer for name, answer in regions["accounts"].items() if answer["problem"]}
        at.session.reopen(KEY)
        settle(at.session, KEY, {"sts_regions": {**regions, "accounts": missed}})
        await at.app.wizard.go_to(None)
        assert at.app.wizard.query("#ask-sts-regions")
        assert "~/.aws/bb" in str(at.app.wizard.query_one("#next").render())


async def test_a_sandbox_opens_no_page_of_the_real_aws(project: RegionsProject) -> None:
    pretend = replace(project.made, environment=replace(project.environment, sandbox=True))
    project = replace(project, made=pretend)
    async with opened(project) as at:
        await at.press("ctrl+n")
        at.standing("security")
        await at.press("o")
        assert project.environment.browser.opened == []  # type: ignore[attr-defined]
        assert not at.pane.query("#open")
        at.pane.query_one(DataTable).focus()
        await at.press("enter")
        await rest(at.pilot)
        assert at.pane.max_scroll_y == 0, "what is below a region's details stays in view"


async def test_asking_again_shows_what_was_switched_meanwhile(project: RegionsProject) -> None:
    async with opened(project) as at:
        await at.press("ctrl+n")
        project.settings.of(SECURITY).off.remove("us-west-2")
        project.settings.of(SECURITY).off.add("eu-west-1")
        await at.press("r")
        assert "security eu-west-1" in str(at.pane.query_one("#standing").render())
        assert at.standing("security") == ("!", [4])


async def test_enter_on_a_region_tells_it_in_whole_words(project: RegionsProject) -> None:
    async with opened(project) as at:
        await at.press("ctrl+n")
        at.standing("security")
        await rest(at.pilot)
        table = at.pane.query_one(DataTable)
        table.focus()
        table.move_cursor(row=list(at.rows()).index("us-east-1"))
        await at.press("enter")
        detail = str(at.pane.query_one("#detail").render())
        assert all(words in detail for words in ("us-east-1", StsState.FIXED, OptIn.DEFAULT))
        assert "docs.aws.amazon.com" in detail


async def test_a_code_is_asked_for_once_and_a_wrong_one_is_told(project: RegionsProject) -> None:
    seed = project.role_with_mfa()
    async with opened(project) as at:
        assert f"jane.doe {SECURITY}" in at.text
        at.pane.query_one("#code-0", Input).value = "000000"
        await at.press("ctrl+n")
        assert isinstance(at.app.screen, ErrorDialog)
        await at.press("escape")
        at.pane.query_one("#code-0", Input).value = project.made.code(seed, 1)
        await at.press("ctrl+n")
        assert not at.pane.query("CodeField Input")
        assert at.standing("shared")[1] == [5]
        await at.press("r")
        assert at.standing("shared")[1] == [5]


async def test_the_export_has_no_account_id_unless_it_is_marked(project: RegionsProject) -> None:
    text, told = (project.environment.home / f"sts-regions-bb{ending}" for ending in (".md", ".json"))
    async with opened(project) as at:
        await at.press("ctrl+n")
        await at.press("x")
        assert SECURITY not in text.read_text()
        assert project.environment.clipboard.content == text.read_text()  # type: ignore[attr-defined]
        assert text.stat().st_mode & 0o777 == 0o600
        assert SECURITY not in told.read_text()
        at.pane.query_one("#with-ids").focus()
        await at.press("space", "x")
        assert SECURITY not in text.read_text()
        assert f"## security ({SECURITY})" in text.with_stem(f"{text.stem}-2").read_text()
        with_ids = json.loads(told.with_stem(f"{told.stem}-2").read_text())
        assert with_ids["accounts"][1]["account_id"] == SECURITY


async def test_the_page_is_opened_or_told(project: RegionsProject) -> None:
    async with opened(project) as at:
        await at.press("ctrl+n")
        at.standing("security")
        await at.press("o")
        assert project.environment.browser.opened == [  # type: ignore[attr-defined]
            "https://console.aws.amazon.com/iam/home#/account_settings"
        ]


async def test_answers_that_were_not_kept_yet_are_there_again(project: RegionsProject) -> None:
    async with opened(project) as at:
        await at.press("ctrl+n")
        await at.press("escape")
        assert at.app.wizard.current == StepKey("project")
        await at.app.wizard.visit(KEY)
        await rest(at.pilot)
        assert at.standing("security") == ("✗", [5, 1])


@pytest.mark.parametrize("selected", ["a0", ""])
async def test_many_accounts_leave_the_buttons_in_view_and_one_scroll_bar(
    project: RegionsProject, selected: str
) -> None:
    regions = tuple(
        RegionAnswer(region, StsState.ACTIVE, OptIn.DEFAULT) for region in sorted(ENABLED_BY_DEFAULT)
    )
    asked = [AccountAnswer(f"a{at}", "1" * 12, "aws", "p", regions=regions) for at in range(12)]
    missed = [
        AccountAnswer(f"b{at}", "1" * 12, "aws", "p", problem=f"Reason {at // 2}, " + "a word " * 16)
        for at in range(12)
    ]
    audit = Audit("bb", "2026-01-01T00:00:00+00:00", ("us-east-1",), (*asked, *missed))
    async with opened(project) as driven:
        driven.pane._audit = audit
        driven.pane._show()
        accounts = driven.pane.query_one("#accounts", OptionList)
        accounts.highlighted = accounts.get_option_index(selected)
        await rest(driven.pilot)
        assert [option.id for option in accounts.options] == [*(account.account for account in asked), ""]
        shown = [widget for widget in driven.pane.walk_children(with_self=True) if widget.display]
        bars = [
            each for each in shown if each.show_vertical_scrollbar and each.styles.scrollbar_size_vertical
        ]
        assert len(bars) == (selected != "")
        assert all(button.region.bottom <= 22 for button in driven.pane.query("#buttons Button"))
        lines = str(driven.pane.query_one("#detail", Text).content)
        assert lines.count("Reason") == (0 if selected else 3)
