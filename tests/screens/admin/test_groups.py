from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from support.admin_project import AdminProject, decide, put
from support.admin_wizard import Wizard, wizard
from textual.widgets import Input

from screens.admin.groups import GroupsPane, Matrix, members_words
from screens.step.by_hand import pending_words
from screens.widgets.dialogs import Confirm, ErrorDialog
from screens.widgets.lists import MarkList
from screens.widgets.text import Text
from workflows.core.sentences import text_of
from workflows.layer.model import Group, Place
from workflows.machine.state import Status
from workflows.steps.admin import groups, pgp_keys, project, users
from workflows.steps.admin.groups import Chosen, LayerChoice, LayerView

Keys = Mapping[str, bytes]
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def matrix_of(ui: Wizard) -> Matrix:
    return ui.app.pane.query_one(Matrix)


def pane_of(ui: Wizard) -> GroupsPane:
    pane = ui.app.pane
    assert isinstance(pane, GroupsPane)
    return pane


def standing(ui: Wizard) -> tuple[str, int]:
    """The account that is shown, as the bar says, and how many changes are chosen in it."""
    account, number = pane_of(ui).view.account, pane_of(ui).view.pending(pane_of(ui).choice)
    assert f"▸ {account}: {pending_words(number)}" in ui.text
    return account, number


def told(ui: Wizard) -> str:
    """All that the screen says, without frames and line ends."""
    return " ".join(re.sub("[│╭╮╰╯─]", " ", ui.text).split())


def about_lines(ui: Wizard) -> list[str]:
    """The lines below the matrix."""
    return str(ui.app.pane.query_one("#about", Text).content).splitlines()


def about(ui: Wizard, name: str) -> str:
    """What is said below the matrix of a person or a group."""
    return next(words for who, _, words in (line.partition(":") for line in about_lines(ui)) if name in who)


def missed(ui: Wizard) -> list[str]:
    """Who is not in the layer any more, as the line with a warning says."""
    return [
        name for line in about_lines(ui) if line.startswith("! ") for name in re.findall(r": (\S+)\.$", line)
    ]


def refusal(ui: Wizard, name: str, group: str) -> str:
    """Why somebody can't be put into a group."""
    return text_of(pane_of(ui).view.refusal(pane_of(ui).choice, name, group))


def line_of(ui: Wizard, words: str) -> str:
    """The line of the screen with these words, without the list of steps."""
    return next(line for line in ui.text.split("\n") if words in line)


async def test_everybody_in_the_demo_is_in_view_in_24_rows(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, pgp_keys, users, at="groups", size=(98, 24)) as ui:
        await ui.press("space")
        assert matrix_of(ui).max_scroll_y == 0
        assert len(about_lines(ui)) <= ui.app.pane.query_one("#about").size.height


async def test_people_are_put_into_groups_by_keys_in_every_layer(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",), regrouping=("sam.okafor",))
    async with wizard(admin_project, project, pgp_keys, users, at="groups") as ui:
        assert ui.focused == "matrix"
        assert standing(ui) == ("management", 0)
        assert "── Joining: 1 ──" in ui.text
        assert any("jane.doe" in line for line in about_lines(ui))
        await ui.press("right", "space", "down", "space")
        assert "+ joins" in line_of(ui, "+ jane.doe")
        assert "- leaves" in line_of(ui, "~ sam.okafor")
        assert "auditors" in about(ui, "sam.okafor")
        assert standing(ui) == ("management", 2)
        await ui.press("ctrl+n")
        assert matrix_of(ui).person == "sam.okafor"
        await ui.press("left", "enter")
        assert standing(ui) == ("security", 0)
        await ui.press("slash", "ctrl+n")
        assert isinstance(ui.app.screen, Confirm)
        await ui.press("escape")
        assert matrix_of(ui).person == "jane.doe"
        assert ui.focused == "matrix"
        await ui.press("home", "space", "ctrl+n")
        assert ui.status("groups") is Status.DONE
        assert ui.session.facts()["memberships"] == {
            "management": {
                "jane.doe": {"add": ["auditors"], "remove": []},
                "sam.okafor": {"add": [], "remove": ["auditors"]},
            },
            "security": {
                "jane.doe": {"add": ["admins"], "remove": []},
                "sam.okafor": {"add": [], "remove": []},
            },
        }


async def test_in_the_next_account_the_cursor_is_on_the_same_group_of_somebody_who_joins_there(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe", "juan.delacruz"))
    admin_project.facts["user_changes"]["add"]["security"] = ["jane.doe"]
    async with wizard(admin_project, project, pgp_keys, users, at="groups") as ui:
        await ui.press("space", "down", "right", "space")
        matrix = matrix_of(ui)
        assert (matrix.person, matrix.group) == ("juan.delacruz", "auditors")
        await ui.press("ctrl+n")
        assert standing(ui) == ("security", 0)
        assert (matrix.person, matrix.group) == ("jane.doe", "auditors")


async def test_enter_changes_nobodys_groups(admin_project: AdminProject, people_keys: Keys) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, pgp_keys, users, at="groups") as ui:
        await ui.press("enter")
        assert (standing(ui), matrix_of(ui).person) == (("management", 0), "jane.doe")
        assert ui.app._notifications, "it says which keys answer here"


async def test_everybody_in_no_group_of_any_account_is_named(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe", "juan.delacruz"))
    async with wizard(admin_project, project, pgp_keys, users, at="groups") as ui:
        (alike,) = [line for line in about_lines(ui) if "juan.delacruz" in line]
        assert [alike.count(name) for name in ("jane.doe", "juan.delacruz", "security")] == [1, 1, 1]
        assert "".join(about_lines(ui)).count("jane.doe") == 1, "who is selected isn't named twice"
        await ui.press("space")
        assert (standing(ui), matrix_of(ui).person) == (("management", 1), "jane.doe")
        named = [line for line in about_lines(ui) if "juan.delacruz" in line]
        assert [line.count("jane.doe") for line in named] == [1], "she is in a group of management alone"
        assert [line.count("juan.delacruz") for line in named] == [2], "he is in none of either account"


async def test_somebody_is_left_without_a_group_only_if_that_is_confirmed_for_each_account(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, pgp_keys, users, at="groups") as ui:
        for account in ("management", "security"):
            assert f"▸ {account}" in ui.text
            await ui.press("ctrl+n")
            assert isinstance(ui.app.screen, Confirm)
            assert ui.status("groups") is Status.READY
            await ui.press("left", "enter")
        assert ui.status("groups") is Status.DONE


async def test_everybody_elses_groups_can_be_changed_too(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",), layers=("security",))
    async with wizard(admin_project, project, pgp_keys, users, at="groups") as ui:
        await ui.press("space", "down")
        assert matrix_of(ui).person == "alex.kim"
        await ui.press("space")
        assert line_of(ui, "* alex.kim").count("+ joins") == 1
        await ui.press("ctrl+end")
        assert matrix_of(ui).person == "machine.github.actions"
        await ui.press("space")
        assert refusal(ui, "machine.github.actions", "admins") in told(ui)
        await ui.press("end", "space")
        assert "deploymaster" in about(ui, "machine.github.actions")
        await ui.press("ctrl+n", "left", "enter")
        assert ui.session.facts()["memberships"]["security"] == {
            "jane.doe": {"add": ["admins"], "remove": []},
            "alex.kim": {"add": ["admins"], "remove": []},
            "machine.github.actions": {"add": [], "remove": ["deploymaster"]},
        }


async def test_the_filter_narrows_as_one_types_and_esc_clears_it(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",), layers=("security",))
    async with wizard(admin_project, project, pgp_keys, users, at="groups") as ui:
        await ui.press("slash", *"auditors")
        assert ui.focused == "filter"
        assert "1 of 5" in ui.text
        assert "sam.okafor" in ui.text
        assert "alex.kim" not in ui.text
        assert matrix_of(ui).group == "auditors"
        await ui.press("down")
        assert ui.focused == "matrix"
        await ui.press("space")
        assert pane_of(ui).choice.members["sam.okafor"] == set()
        assert "auditors" in about(ui, "sam.okafor")
        await ui.press("up")
        assert ui.focused == "filter"
        await ui.press("escape")
        assert ui.field("filter").value == ""
        assert "alex.kim" in ui.text
        assert ui.app.wizard.current is not None
        assert ui.app.wizard.current.step == "groups"
        await ui.press(*"nobody")
        await ui.press("enter", "space", "right", "pagedown")
        assert matrix_of(ui).person == ""
        await ui.press("slash", "escape", "escape")
        assert ui.app.wizard.current.step == "users"


async def test_a_group_is_made_renamed_and_removed_in_dialogs_and_kept_as_a_draft(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",), layers=("security",))
    async with wizard(admin_project, project, pgp_keys, users, at="groups") as ui:
        await ui.press("g", *"admins", "enter")
        assert "already" in ui.text
        await ui.press("escape", "g", *"observers", "enter")
        assert matrix_of(ui).group == "observers"
        await ui.press("space")
        await ui.press("left", "e", "end", *"-team", "enter")
        assert "→ devops-team" in ui.text
        await ui.press("left", "x")
        alone = str(ui.app.screen.query_one(".dialog-body", Text).content)
        assert alone.count("sam.okafor") == 2, "as a member, and in no group afterwards"
        await ui.press(*"auditors", "tab", "enter")
        assert "goes" in ui.text
        await ui.press("x")
        assert "goes" not in ui.text
        await ui.press("x", *"auditors", "tab", "enter")
        await ui.go_to("users")
        await ui.go_to("groups")
        choice = pane_of(ui).choice
        assert [(group.name, group.sibling) for group in choice.add] == [("observers", "admins")]
        assert choice.rename == {"devops": "devops-team"}
        assert choice.remove == ("auditors",)
        assert choice.members["jane.doe"] == {"observers"}
        await ui.press("ctrl+n")
        assert ui.status("groups") is Status.DONE
        assert ui.session.facts()["group_changes"]["security"]["rename"] == {"devops": "devops-team"}


async def test_a_new_group_that_is_removed_again_is_forgotten(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",), layers=("security",))
    async with wizard(admin_project, project, pgp_keys, users, at="groups") as ui:
        await ui.press("g", *"observers", "enter", "e", "end", *"-x", "enter")
        assert matrix_of(ui).group == "observers-x"
        await ui.press("x")
        assert pane_of(ui).choice.add == ()
        assert "observers" not in ui.text


async def test_policies_are_taken_off_and_added_by_name_or_arn(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",), layers=("security",))
    async with wizard(admin_project, project, pgp_keys, users, at="groups") as ui:
        await ui.press("space", "p")
        assert "admins" in str(ui.app.screen.query_one(".dialog-title", Text).content)
        assert "[x] AdministratorAccess" in ui.text
        await ui.press("space", "tab", *"ReadOnlyAcess", "enter")
        field, problem = ui.app.screen.query_one("#policy", Input), ui.app.screen.query_one("#problem", Text)
        assert "ReadOnlyAccess" in str(problem.content)
        field.value = "readonlyaccess"
        await ui.press("enter")
        assert "[x] + ReadOnlyAccess" in ui.text
        field.value = READ_ONLY
        await ui.press("enter")
        assert (field.value, bool(problem.content)) == (READ_ONLY, True)
        field.value = "arn:aws:iam::999999999999:policy/own"
        await ui.press("enter", "enter")
        assert (field.value, bool(problem.content)) == ("arn:aws:iam::999999999999:policy/own", True)
        field.value = ""
        await ui.press("enter")
        assert "+1 -1 policies" in ui.text
        assert "- AdministratorAccess, + ReadOnlyAccess" in told(ui)
        await ui.go_to("users")
        await ui.go_to("groups")
        await ui.press("p")
        assert "[ ] AdministratorAccess" in ui.text
        assert "[x] + ReadOnlyAccess" in ui.text
        await ui.press("escape", "ctrl+n")
        assert ui.session.facts()["group_changes"]["security"]["policies"] == {
            "admins": {"add": [READ_ONLY], "remove": ["arn:aws:iam::aws:policy/AdministratorAccess"]}
        }
        await ui.go_to("groups")
        assert standing(ui) == ("security", 3)
        await ui.press("ctrl+r")
        await ui.press("p")
        assert ui.app.screen.query_one("#policies", MarkList).option_count == 3


async def test_a_doubtful_policy_is_added_when_it_is_meant(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",), layers=("security",))
    async with wizard(admin_project, project, pgp_keys, users, at="groups") as ui:
        await ui.press("p", "tab", *"BrandNewAccess", "enter")
        assert "BrandNewAccess" in str(ui.app.screen.query_one("#problem", Text).content)
        await ui.press("enter", "enter")
        (added,) = pane_of(ui).choice.policies["admins"].add
        assert added == "arn:aws:iam::aws:policy/BrandNewAccess"


async def test_computed_and_hidden_groups_are_told_with_the_places_to_edit(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    text = admin_project.text("security", "groups.tf")
    admin_project.file("security", "groups.tf").write_text(
        text.replace("group_users = [", "group_users = concat([", 1).replace("  ]\n", "  ])\n", 1)
        + '\n/*\nmodule "iam_group_old" {\n  source = "../modules/iam-group-with-policies"\n'
        '  name = "old"\n}\n*/\n'
    )
    decide(admin_project, people_keys, joining=("jane.doe",), layers=("security",))
    async with wizard(admin_project, project, pgp_keys, users, at="groups", size=(120, 36)) as ui:
        assert "iam_group_old" in ui.text
        await ui.press("left", "space")
        refused = refusal(ui, "jane.doe", "admins")
        assert "groups.tf:" in refused
        assert refused in told(ui)
        computed, hidden = pane_of(ui).places()
        assert computed.group == pane_of(ui).view.by_name["admins"].label
        assert text.split("\n")[computed.place.line - 1].strip() == "group_users = ["
        assert computed.path == admin_project.file("security", "groups.tf")
        assert "iam_group_old" in hidden.words
        await ui.press("right", "space")
        admin_project.file("security", "groups.tf").write_text(text)
        pane_of(ui).read_again()
        await ui.press()
        assert pane_of(ui).places() == ()
        assert pane_of(ui).choice.members["jane.doe"] == {"auditors"}


async def test_what_files_that_changed_meanwhile_do_not_allow_shows_them_as_they_are(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",), layers=("security",))
    async with wizard(admin_project, project, pgp_keys, users, at="groups") as ui:
        matrix = matrix_of(ui)
        matrix.mark("jane.doe", "auditors")
        await ui.press("space")
        before = admin_project.text("security", "groups.tf")
        admin_project.file("security", "groups.tf").write_text(before.replace('"auditors"', '"finance"'))
        await ui.press("ctrl+n")
        assert isinstance(ui.app.screen, ErrorDialog)
        await ui.press("escape")
        assert "finance" in pane_of(ui).view.by_name
        assert "auditors" not in pane_of(ui).view.by_name
        matrix.mark("jane.doe", "finance")
        await ui.press("space", "ctrl+n")
        assert ui.status("groups") is Status.DONE


async def test_a_cell_is_put_by_mouse_and_a_layer_chosen_by_it(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, pgp_keys, users, at="groups") as ui:
        matrix = matrix_of(ui)
        auditors = matrix.layout_shown.name_width + 2 + matrix.layout_shown.columns[0].width + 2 + 3
        await ui.pilot.click(matrix, offset=(auditors, 3))
        assert (matrix.person, matrix.group) == ("jane.doe", "admins")
        await ui.pilot.click(matrix, offset=(auditors, 4))
        assert (matrix.person, matrix.group) == ("alex.kim", "auditors")
        assert "alex.kim" not in pane_of(ui).choice.members
        await ui.pilot.click(matrix, offset=(auditors, 4))
        await ui.rest()
        assert pane_of(ui).choice.members["alex.kim"] == set()
        await ui.pilot.click("#layers", offset=(30, 0))
        await ui.rest()
        assert "▸ security" in ui.text


async def test_done_groups_are_left_alone_when_nothing_is_changed(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    put(admin_project, {name: {"jane.doe": {"auditors"}} for name in ("management", "security")})
    async with wizard(admin_project, project, pgp_keys, users, groups, at="groups") as ui:
        await ui.press("right", "slash", *"x", "escape", "ctrl+n")
        assert ui.app.wizard.current is not None
        assert ui.app.wizard.current.step == "review"
        assert ui.status("groups") is Status.DONE


async def test_who_was_removed_meanwhile_is_named(admin_project: AdminProject) -> None:
    decide(admin_project, {}, regrouping=("sam.okafor",))
    put(admin_project, {"security": {"sam.okafor": {"devops"}}})
    for name, words in (("locals.tf", '    "sam.okafor",\n'), ("groups.tf", ROW)):
        admin_project.replace("security", name, words, "")
    async with wizard(admin_project, project, users, groups, at="groups", size=(120, 36)) as ui:
        await ui.press("l")
        assert "▸ security" in ui.text
        assert missed(ui) == ["sam.okafor"]
        await ui.press("l")
        assert "▸ management" in ui.text
        assert missed(ui) == []
        pane_of(ui).read_again()
        await ui.press("l")
        assert missed(ui) == ["sam.okafor"]


ROW = '    module.user["sam.okafor"].iam_user_name,\n'


async def test_the_cell_that_is_selected_at_first_can_be_used(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, regrouping=("machine.github.actions",), layers=("security",))
    async with wizard(admin_project, project, users, at="groups") as ui:
        matrix = matrix_of(ui)
        assert matrix.person == "machine.github.actions"
        assert refusal(ui, "machine.github.actions", matrix.layout_shown.columns[0].group)
        assert not refusal(ui, "machine.github.actions", matrix.group)


def test_who_leaves_is_no_member_afterwards() -> None:
    group = Group("ops", "iam_group_ops", ("al", "bo"), False, (), True, Place("groups.tf", 1))
    now = dict.fromkeys(group.members, frozenset({"ops"}))
    staying = LayerView("security", others=group.members, now=now, groups=(group,))
    leaving = replace(staying, others=("bo",), chosen={"al": Chosen.LEAVES})
    before, after = (members_words(group, view, LayerChoice()) for view in (staying, leaving))
    assert ("1" in before, "1" in after) == (False, True)
