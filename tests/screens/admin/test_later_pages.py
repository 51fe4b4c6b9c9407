from __future__ import annotations

from collections.abc import Mapping

import pytest
from support.admin_project import AdminProject, decide, put, write
from support.admin_wizard import wizard
from support.steps import step_of
from textual.widgets import Input

from screens.admin.account import AccountForm
from screens.admin.review import FileDiffs
from screens.step.by_hand import pending_words
from screens.step.page import is_displayed
from screens.widgets.dialogs import Dialog, ErrorDialog
from screens.widgets.line_list import LineList
from screens.widgets.lists import MarkBox, MarkList
from screens.widgets.text import Text
from workflows.core.sentences import text_of
from workflows.machine.state import Status
from workflows.machine.summaries import Summary, keep_summary, made_from
from workflows.steps.admin import account, groups, pgp_keys, project, review, users

Keys = Mapping[str, bytes]
BOTH = ("management", "security")


def decided(admin: AdminProject, keys: Keys, **request: object) -> None:
    """Everything up to Groups: jane.doe joins as an auditor, both layers."""
    decide(admin, keys, **{"joining": ("jane.doe",), **request})
    put(admin, {name: {"jane.doe": {"auditors"}} for name in BOTH})


async def test_users_are_proposed_and_unmarked_by_a_key(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",), leaving=("alex.kim",))
    async with wizard(admin_project, project, pgp_keys, at="users") as ui:
        assert ui.focused == "people"
        people = ui.app.pane.query_one("#people", MarkList)
        everybody = set(people.selected)
        assert {"+management/jane.doe", "-security/alex.kim"} <= everybody
        await ui.press("w")
        assert "10 lines" in ui.text
        there = ui.app.screen.query_one("#there", LineList)
        heading = next(line for line in there._lines if line.key is None and "by hand" in str(line.cells))
        assert "(3)" in str(heading.cells)  # four of the users are the same people in another account
        await ui.press("end")
        assert "- alex.kim" in ui.text
        await ui.press("escape")
        assert ui.focused == "people"
        await ui.press("space")
        assert set(people.selected) == everybody - {"+management/jane.doe"}
        await ui.go_to("project")
        await ui.go_to("users")
        people = ui.app.pane.query_one("#people", MarkList)
        assert set(people.selected) == everybody - {"+management/jane.doe"}
        await ui.press("ctrl+n")
        assert ui.session.facts()["user_changes"] == {
            "add": {"security": ["jane.doe"]},
            "remove": {"management": ["alex.kim"], "security": ["alex.kim"]},
        }


async def test_a_person_who_joins_later_is_marked_too(admin_project: AdminProject, people_keys: Keys) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    earlier = admin_project.facts["user_changes"]
    decide(admin_project, people_keys, joining=("jane.doe", "juan.delacruz"))
    admin_project.facts["user_changes"] = earlier
    async with wizard(admin_project, project, pgp_keys, users, at="users") as ui:
        assert "+security/juan.delacruz" in ui.app.pane.query_one("#people", MarkList).selected


async def test_users_that_are_written_are_said_to_be(admin_project: AdminProject, people_keys: Keys) -> None:
    decided(admin_project, people_keys)
    write(admin_project)
    modules = (project, pgp_keys, users, groups, review)
    async with wizard(admin_project, *modules, at="users") as ui:
        hint = str(ui.app.pane.query_one("#hint", Text).content).splitlines()
        assert any("jane.doe" in line and "security" in line for line in hint)
        about = str(ui.app.pane.query_one("#about", Text).content).splitlines()
        assert len(about) == 1, "nothing that can't be changed is explained where nothing can be"
        assert ui.app.pane.query_one("#people", MarkList).option_count == 0
        await ui.press("ctrl+n")
        assert {ui.status(step_of(module).id) for module in modules} == {Status.DONE}


async def test_what_is_asked_is_in_the_title_while_sign_in_is_changed(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decided(admin_project, people_keys)
    async with wizard(admin_project, project, pgp_keys, at="users") as ui:
        title = ui.app.pane.query_one(".pane-title")
        before = title.content
        await ui.press("w")
        assert title.content == ui.app.pane.heading() != before
        await ui.press("escape")
        assert title.content == before


async def test_groups_that_are_written_are_said_to_be(admin_project: AdminProject, people_keys: Keys) -> None:
    decided(admin_project, people_keys)
    async with wizard(admin_project, project, pgp_keys, users, groups, at="groups") as ui:
        pending = ui.app.pane._standing("security")
    write(admin_project)
    async with wizard(admin_project, project, pgp_keys, users, groups, review, at="groups") as ui:
        assert ui.app.pane._standing("security") not in {pending, pending_words(0)}


async def test_what_another_session_applied_is_not_called_unapplied(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decided(admin_project, people_keys)
    write(admin_project)
    async with wizard(admin_project, project, pgp_keys, users, groups, review, at="groups") as ui:
        assert ui.app.pane._standing("security") == ui.app.pane._standing("management")
        other = ui.session.folder.with_name("other")
        other.mkdir()
        settled = dict.fromkeys(("plan@security", "apply@security"), "2999-01-01T00:00:00+00:00")
        facts = {"project_root": str(admin_project.root)}
        keep_summary(other, Summary("other", "admin", facts=facts, settled=settled), made_from(other))
        await ui.go_to("users")
        ends = [line.split()[-1] for line in str(ui.app.pane.query_one("#hint", Text).content).splitlines()]
        assert ends[0] != ends[1] == "security"
        await ui.go_to("groups")
        assert ui.app.pane._standing("security") != ui.app.pane._standing("management")


async def test_another_choice_of_users_or_groups_makes_the_review_stale(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decided(admin_project, people_keys)
    write(admin_project)
    async with wizard(admin_project, project, pgp_keys, users, groups, review, at="groups") as ui:
        assert ui.status("review") is Status.DONE
        await ui.press("ctrl+n")
        assert ui.status("groups") is Status.DONE
        assert ui.status("review") is Status.DONE
        await ui.go_to("groups")
        await ui.press("ctrl+r")
        await ui.press("home", "space", "ctrl+n", "ctrl+n")
        assert ui.status("groups") is Status.DONE
        assert ui.status("review") is Status.STALE
        assert ui.app.pane.query(".pane-note")
        await ui.press("ctrl+n", "left", "enter")
        assert ui.status("review") is Status.DONE


@pytest.mark.parametrize(
    ("step", "keys"),
    [
        ("users", ("space",)),
        ("users", ("w", "p", "k", "f")),
        ("groups", ("space",)),
        ("groups", ("g", "e", "x", "p")),
        ("account", ("space", "8")),
    ],
)
async def test_a_done_page_changes_only_after_it_is_opened_again(
    admin_project: AdminProject, people_keys: Keys, step: str, keys: tuple[str, ...]
) -> None:
    decided(admin_project, people_keys, account_wanted=True)
    admin_project.run(account, account.Request({}))
    modules = (project, pgp_keys, users, groups, account)
    for again in (False, True):
        async with wizard(admin_project, *modules, at=step) as ui:
            if again:
                await ui.press("ctrl+r")
            await ui.press(*keys)
            here = ui.app.pane.opening.step.id == step  # Space may have pressed Next
            assert ((here and ui.app.pane.changed()) or isinstance(ui.app.screen, Dialog)) is again
            assert ui.status(step) is (Status.READY if again else Status.DONE)


async def test_the_account_is_shown_changed_and_warned_about(admin_project: AdminProject) -> None:
    decide(admin_project, {}, account_wanted=True)
    async with wizard(admin_project, project, at="account") as ui:
        assert "binbash-management" in ui.text
        assert "account.tf:7" in ui.text
        assert ui.focused == "set-management-create-account-password-policy"
        field = ui.field("set-management-minimum-password-length")
        field.value = "4"
        await ui.press("ctrl+n")
        assert any(problem.fatal for problem in ui.app.pane.problems)
        assert ui.focused == field.id
        field.value = "8"
        await ui.press("ctrl+n")
        assert f"▸ security: {pending_words(0)}" in ui.text
        await ui.press("ctrl+n")
        assert ui.app.pane.warned
        await ui.press("ctrl+n")
        length = "minimum_password_length"
        changes = {"alias": None, "policy": {length: 8}, "before": {length: 16}}
        assert ui.session.facts()["account_changes"] == {"management": changes}
        await ui.go_to("account")
        assert ui.field("set-management-minimum-password-length").value == "8"
        await ui.press("ctrl+n")
        assert ui.status("account") is Status.DONE


async def test_the_account_can_be_skipped_and_is_left_out_unless_asked_for(
    admin_project: AdminProject,
) -> None:
    decide(admin_project, {}, account_wanted=True)
    async with wizard(admin_project, project, at="account") as ui:
        await ui.press("ctrl+s")
        assert ui.status("account") is Status.SKIPPED
        assert ui.status("review") is Status.READY
        assert ui.app.pane.query_one(FileDiffs).files == ()


async def test_a_layer_without_account_module_says_so(admin_project: AdminProject) -> None:
    for name in BOTH:
        admin_project.file(name, "account.tf").unlink()
    decide(admin_project, {}, account_wanted=True)
    async with wizard(admin_project, project, at="account") as ui:
        form = ui.app.pane.query(AccountForm).first()
        assert str(form.query(Text).first().content) == text_of(form.view.notice) != ""
        assert not ui.app.pane.query(Input)
        await ui.press("ctrl+n", "ctrl+n")
        assert ui.status("account") is Status.DONE
        assert ui.session.facts()["account_changes"] == {}


async def test_the_review_shows_the_whole_difference_and_writes_and_commits_it(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decided(admin_project, people_keys)
    async with wizard(admin_project, project, pgp_keys, users, groups, at="review") as ui:
        assert ui.focused == "diff"
        assert "8 files, +" in ui.text
        lines = [line for file in ui.app.pane.query_one(FileDiffs).files for line in file.change.lines]
        assert [line.text for line in lines if 'module.user["jane.doe"].iam_user_name' in line.text]
        assert ui.app.pane.query_one(FileDiffs).render_line(0).text.startswith("--- a/management/")
        assert not is_displayed(ui.field("branch"))
        ui.app.pane.query_one("#commit", MarkBox).toggle()
        await ui.press()
        ui.field("branch").value = "onboard/jane.doe"
        await ui.press("ctrl+n", "left", "enter")
        assert ui.status("review") is Status.DONE
        assert admin_project.git("branch", "--show-current").strip() == "onboard/jane.doe"
        assert "jane.doe" in admin_project.git("log", "-1", "--format=%s")
        await ui.go_to("review")
        assert " 8 " in str(ui.app.pane.query_one("#summary", Text).content)
        await ui.press("ctrl+n")
        assert ui.status("review") is Status.DONE


async def test_the_review_is_shown_anew_when_a_file_changed_meanwhile(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decided(admin_project, people_keys)
    async with wizard(admin_project, project, pgp_keys, users, groups, at="review") as ui:
        admin_project.replace("security", "locals.tf", '"sam.okafor",', '"sam.okafor",\n    "x.y",')
        await ui.press("ctrl+n", "left", "enter")
        assert isinstance(ui.app.screen, ErrorDialog)
        assert ui.status("review") is Status.FAILED
        await ui.press("escape")
        shown = ui.app.pane.query_one(FileDiffs).files
        assert any('"x.y"' in line.text for file in shown for line in file.change.lines)
        await ui.press("ctrl+n", "left", "enter")
        assert ui.status("review") is Status.DONE
        assert '"x.y"' in admin_project.text("security", "locals.tf")


async def test_every_admin_screen_is_reached_while_it_waits(admin_project: AdminProject) -> None:
    async with wizard(admin_project) as ui:
        for step in ("review", "project"):
            await ui.go_to(step)
            assert ui.status(step) in {Status.LOCKED, Status.READY}
        assert step_of(account).id not in {key.step for key in ui.session.layout()}
