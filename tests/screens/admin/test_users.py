"""The users' screen with layers of every style: who is there, what they sign in with, what is left alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from support.admin_project import AdminProject, decide, put, quiet, write
from support.admin_wizard import Wizard, wizard
from support.layers import Habits, group, layer_of
from support.styles import Written, files_of
from textual.widgets import Button

from screens.admin.project import ProjectPane
from screens.admin.users import UserLines, UsersPane, Who
from screens.widgets.dialogs import ErrorDialog, NameDialog
from screens.widgets.line_list import LineList
from screens.widgets.lists import MarkList
from screens.widgets.text import Text
from workflows.layer.model import Style
from workflows.machine.events import Verdict
from workflows.machine.state import Status
from workflows.steps.admin import pgp_keys, project, review, users
from workflows.steps.admin.edits import read_layers

Keys = Mapping[str, bytes]
PASSWORD, ACCESS_KEY, KEY_FILE = 2, 3, 5
"""The columns of the list."""
HIDDEN = '\n/*\nmodule "user_old_one" {\n  source = "../modules/iam-user"\n  name   = "old.one"\n}\n*/\n'


def rewrite(admin: AdminProject, written: list[Written], account: str = "security", more: str = "") -> None:
    """Put other people into a layer, in the styles that are wanted."""
    folder = admin.file(account, "keys").parent
    for name in ("locals.tf", "outputs.tf", "users.tf", "groups.tf"):
        (folder / name).unlink(missing_ok=True)
    people = [name for some in written for name in some.names if not some.machine]
    files = files_of(written, [group("devops", [], Habits())])
    files["users.tf"] += more
    for name, text in files.items():
        (folder / name).write_text(text)
    for some in written:
        for name in some.names:
            (folder / "keys" / name).write_text(f"KEY{name}\n")
    assert people


@pytest.fixture
def mixed(admin_project: AdminProject) -> AdminProject:
    """Security with blocks, objects and a list, one in a comment; somebody's groups change."""
    rewrite(
        admin_project,
        [
            Written("block", ["a.block", "b.block"], banner=""),
            Written("objects", ["machine.one", "machine.two"], machine=True),
        ],
        more=HIDDEN,
    )
    decide(admin_project, {}, regrouping=("a.block",), layers=("security",))
    return admin_project


def words(ui: Wizard) -> str:
    """What the screen shows beside the rail, without its line breaks."""
    return " ".join(ui.text.replace("│", " ").split())


def changing(ui: Wizard) -> list[int]:
    """The columns of the selected line in which something changes."""
    line = ui.app.pane.query_one(LineList).marked
    return [number for number, cell in enumerate(line.cells if line else ()) if "→" in cell]


def consequences(ui: Wizard) -> list[str]:
    """What the changes decided for the selected person bring about."""
    assert isinstance(ui.app.pane, UsersPane)
    marked = ui.app.pane.marked()
    return ui.app.pane.consequences(*marked) if marked else []


async def mark(ui: Wizard, name: str) -> None:
    """Find somebody with the filter, and mark the line."""
    ui.app.pane.query_one(LineList).focus()
    await ui.press("slash", *["backspace"] * 20, *name, "enter")
    line = ui.app.pane.query_one(LineList).marked
    assert line is not None
    assert line.key == Who("security", name)


async def test_the_notes_on_somebody_are_shown_where_the_focus_is(
    admin_project: AdminProject, people_keys: Mapping[str, bytes]
) -> None:
    decide(admin_project, people_keys, leaving=("sam.okafor",))
    async with wizard(admin_project, project, at="users", size=(120, 36)) as ui:
        about = ui.app.pane.query_one("#about", Text)
        assert (ui.focused, str(about.render())) == ("people", "")
        ui.app.pane.query_one(LineList).focus()
        await ui.rest()
        assert str(about.render())


async def test_who_joins_is_listed_as_long_as_they_do(
    admin_project: AdminProject, people_keys: Mapping[str, bytes]
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",), layers=("security",))
    async with wizard(admin_project, project, pgp_keys, at="users", size=(140, 36)) as ui:
        there = ui.app.pane.query_one(LineList)

        def listed() -> bool:
            return any(line.key == Who("security", "jane.doe") for line in there._lines)

        assert listed()
        await mark(ui, "jane.doe")
        await ui.press("p", "e")
        assert isinstance(ui.app.pane, UsersPane)
        assert ui.app.pane.request().access == {}
        boxes = ui.app.pane.query_one("#people", MarkList)
        boxes.focus()
        await ui.rest()
        before = set(boxes.selected)
        await ui.press("space")
        (left_out,) = before - set(boxes.selected)
        assert listed() is not left_out.startswith("+security")
        await ui.press("space")
        assert listed()


async def test_the_cursor_starts_on_whom_the_page_can_change(admin_project: AdminProject) -> None:
    rewrite(
        admin_project,
        [
            Written("list", ["a.list", "b.list"], banner=""),
            Written("block", ["c.block"], banner=""),
        ],
    )
    decide(admin_project, {}, regrouping=("a.list", "c.block"), layers=("security",))
    async with wizard(admin_project, project, at="users", size=(140, 36)) as ui:
        there = ui.app.pane.query_one(LineList)
        names = [line.key.name for line in there._lines if line.key is not None]
        assert names == ["c.block", "a.list"]
        assert there.marked is not None
        assert there.marked.key == Who("security", "c.block")


async def test_what_has_no_match_is_named(mixed: AdminProject) -> None:
    async with wizard(mixed, project, at="users", size=(140, 36)) as ui:
        await ui.press("slash", *"nobody-such")
        assert "nobody-such" in str(ui.app.pane.query_one("#count", Text).render())


async def test_everybody_is_listed_and_found_as_one_types(mixed: AdminProject) -> None:
    async with wizard(mixed, project, at="users", size=(140, 36)) as ui:
        there = ui.app.pane.query_one(LineList)
        assert str(ui.app.pane.query_one("#hint", Text).content), "where the groups are is said"
        assert there.marked is not None
        assert (there.rows, there.marked.key) == (2, Who("security", "a.block"))
        assert "1 of 4" in ui.text
        assert not ui.app.pane.primary().effect.startswith("Keep 1")
        await ui.press("slash", "e")
        headings = [heading for row in range(there.rows) if (heading := there.heading(row)) is not None]
        assert [re.findall(r"\(\d\)", heading) for heading in headings] == [["(2)"], ["(2)"], ["(1)"]]
        assert Style.BLOCK in ui.text
        assert Style.VARIABLE_MAP[:10] in ui.text
        assert "user_old_one" in ui.text
        assert "4 of 4" in ui.text
        await ui.press("backspace", *"mach two")
        assert "1 of 4" in ui.text
        assert "machine.two" in ui.text
        assert there.rows == 2
        await ui.press("escape")
        assert there.marked is not None
        assert ui.status("users") is Status.READY


async def test_a_password_is_switched_off_and_told_what_that_does(mixed: AdminProject) -> None:
    async with wizard(mixed, project, at="users", size=(140, 36)) as ui:
        await mark(ui, "b.block")
        await ui.press("p")
        assert changing(ui) == [PASSWORD]
        (nothing_left,) = consequences(ui)
        assert nothing_left in words(ui)
        await ui.press("k")
        assert changing(ui) == [PASSWORD, ACCESS_KEY]
        assert nothing_left not in words(ui)
        assert ["keys/b.block" in words for words in consequences(ui)] == [False, True]
        assert all(consequence in words(ui) for consequence in consequences(ui))
        await ui.press("ctrl+n")
        assert ui.app.pane.warned
        await ui.press("ctrl+n")
        assert ui.session.facts()["user_changes"] == {
            "add": {},
            "remove": {},
            "access": {"security": {"b.block": {"login_profile": False, "access_key": True}}},
        }


async def test_switching_back_decides_nothing_and_a_draft_is_kept(mixed: AdminProject) -> None:
    async with wizard(mixed, project, at="users", size=(140, 36)) as ui:
        await mark(ui, "machine.two")
        await ui.press("k", "p", "k")
        await ui.go_to("project")
        await ui.go_to("users")
        assert ui.app.pane.request().access == {"security": {"machine.two": {"login_profile": True}}}
        await mark(ui, "machine.two")
        assert changing(ui) == [PASSWORD]


async def test_a_switch_for_all_is_refused_with_its_place(admin_project: AdminProject) -> None:
    decide(admin_project, {}, regrouping=("sam.okafor",), layers=("security",))
    async with wizard(admin_project, project, at="users", size=(140, 36)) as ui:
        await mark(ui, "sam.okafor")
        assert not ui.app.pane.query_one("#access_key", Button).display
        both = str(ui.app.pane.query_one("#about", Text).content).casefold().splitlines()[0]
        assert all(part in both for part in ("sam.okafor", *users.WORDS.values()))
        await ui.press("k")
        assert isinstance(ui.app.screen, ErrorDialog)
        assert "users.tf:" in ui.text
        assert ui.app.screen.query("#edit")
        await ui.press("escape")
        assert isinstance(ui.app.pane, UsersPane)
        assert ui.app.pane.request().access == {}


async def test_a_key_file_gets_another_name(mixed: AdminProject) -> None:
    async with wizard(mixed, project, at="users", size=(140, 36)) as ui:
        await mark(ui, "a.block")
        await ui.press("f", *["backspace"] * 7, *"b.block", "enter")
        assert isinstance(ui.app.screen, NameDialog)
        assert "keys/b.block" in ui.text
        await ui.press(*["backspace"] * 7, *"machine.a", "enter")
        assert changing(ui) == [KEY_FILE]
        await ui.press("ctrl+n")
        assert ui.session.facts()["user_changes"]["key_files"] == {"security": {"a.block": "machine.a"}}


async def test_without_an_own_terminal_the_place_is_told_and_the_layer_read_again(
    mixed: AdminProject,
) -> None:
    async with wizard(mixed, project, at="users", size=(140, 36)) as ui:
        await mark(ui, "b.block")
        await ui.press("p", "f4")
        assert isinstance(ui.app.screen, ErrorDialog)
        assert "users.tf" in str(ui.app.screen.query_one(".dialog-body", Text).content)
        users_tf = mixed.file("security", "users.tf")
        users_tf.write_text(users_tf.read_text() + Written("block", ["x.new"], banner="").users_tf())
        await ui.press("escape")
        await ui.press("slash", *["backspace"] * 9, *"x.new")
        assert "x.new" in ui.text
        assert ui.app.pane.request().access == {"security": {"b.block": {"login_profile": False}}}


@contextmanager
def lent(_app: Any) -> Iterator[None]:
    yield


async def test_the_editor_is_opened_at_the_line_and_what_changed_is_told(
    mixed: AdminProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = mixed.folder.parent / "bin" / "vi"
    editor.write_text(f'#!/bin/sh\necho "$@" > {mixed.folder}/seen\necho "# seen" >> "$2"\n')
    editor.chmod(0o755)
    environment = {**mixed.environment.variables, "EDITOR": str(editor)}
    admin = replace(mixed, environment=replace(mixed.environment, variables=environment))
    monkeypatch.setattr("textual.app.App.suspend", lent)
    async with wizard(admin, project, at="users", size=(140, 36)) as ui:
        await mark(ui, "b.block")
        line = read_layers(mixed.context())["security"].person("b.block")
        assert line is not None
        await ui.press("e")
        assert (mixed.folder / "seen").read_text() == (
            f"+{line.place.line} {mixed.file('security', 'users.tf').resolve()}\n"
        )
        (told,) = (notification.message for notification in ui.app._notifications)
        assert all(part in told for part in ("security", "users.tf", "+1 -0"))


def test_who_is_switched_is_written_stays_decided_and_is_the_plans_own(mixed: AdminProject) -> None:
    views = users.survey(mixed.context(), quiet)
    wanted = users.Request(
        access={"security": {"a.block": {"access_key": True}}}, key_files={"security": {"b.block": "b"}}
    )
    mixed.run(users, wanted)
    told = review.message_body("", mixed.context())
    assert all(name in told for name in ("a.block", "b.block"))
    put(mixed, {})
    write(mixed)
    layer = read_layers(mixed.context())["security"]
    a, b = layer.person("a.block"), layer.person("b.block")
    assert a is not None
    assert b is not None
    assert (a.access_key, b.key_file) == (True, "keys/b")
    assert mixed.file("security", "keys/b").exists()
    assert not mixed.file("security", "keys/b.block").exists()
    assert users.observe(mixed.context()).verdict is Verdict.AS_DECIDED
    assert users.kept(users.resumed(mixed.context().decisions.users, wanted), views).access == wanted.access


def test_somebody_who_is_gone_is_noticed(mixed: AdminProject) -> None:
    mixed.run(users, users.Request(access={"security": {"a.block": {"access_key": True}}}))
    rewrite(mixed, [Written("block", ["b.block"])])
    observed = users.observe(mixed.context())
    assert observed.contradicts
    assert observed.by_item == {"security": ("a.block",)}


async def test_another_name_of_a_key_file_shows_on_a_small_screen(mixed: AdminProject) -> None:
    async with wizard(mixed, project, at="users") as ui:
        await mark(ui, "a.block")
        await ui.press("f", *["backspace"] * 7, *"a.key", "enter")
        (consequence,) = consequences(ui)
        assert "a.key" in consequence
        assert consequence in words(ui)


async def test_a_key_is_about_the_list_that_has_the_cursor(
    admin_project: AdminProject, people_keys: Mapping[str, bytes]
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",), layers=("security",))
    async with wizard(admin_project, project, pgp_keys, at="users", size=(120, 36)) as ui:
        assert isinstance(ui.app.pane, UsersPane)
        below = ui.app.pane.query_one(LineList).marked
        assert below is not None
        assert below.key != Who("security", "jane.doe")
        assert ui.focused == "people"
        await ui.press("p")
        assert not isinstance(ui.app.screen, ErrorDialog)
        assert ui.app.pane.request().access == {}


@pytest.mark.parametrize("opened", [True, False])
async def test_who_leaves_and_was_removed_by_hand_stays_decided(
    admin_project: AdminProject, opened: bool
) -> None:
    decide(admin_project, {}, leaving=("sam.okafor",))
    del admin_project.facts["user_changes"]
    async with wizard(admin_project, project, at="users" if opened else "project") as ui:
        if opened:
            await ui.press("space")  # not from management
            await ui.go_to("project")
        member = '    module.user["sam.okafor"].iam_user_name,\n'
        for account in ("management", "security"):
            admin_project.replace(account, "locals.tf", '    "sam.okafor",\n', "")
            admin_project.replace(account, "groups.tf", member, "")
        await ui.go_to("users")
        assert isinstance(ui.app.pane, UsersPane)
        assert "sam.okafor" in str(ui.app.pane.query_one("#hint", Text).content)
        assert ui.app.pane.primary().ready
        await ui.press("ctrl+n")
        assert ui.status("users") is Status.DONE
        where = ("security",) if opened else ("management", "security")
        assert ui.session.facts()["user_changes"]["remove"] == {name: ["sam.okafor"] for name in where}


@pytest.mark.parametrize("leaves", [True, False])
async def test_sign_in_is_changed_beside_who_joins_and_not_where_people_only_leave(
    admin_project: AdminProject, people_keys: Keys, *, leaves: bool
) -> None:
    chosen = {"leaving": ("sam.okafor",)} if leaves else {"joining": ("jane.doe",)}
    decide(admin_project, people_keys, **chosen)
    before = (project,) if leaves else (project, pgp_keys)
    async with wizard(admin_project, *before, at="users") as ui:
        assert bool(ui.app.pane.query("#sign-in")) is not leaves
        await ui.press("w")
        assert ui.app.pane.inside is not leaves


async def test_somebody_who_came_to_be_in_every_account_leads_back_to_project(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    put(admin_project, {account: {"jane.doe": {"auditors"}} for account in ("management", "security")})
    write(admin_project)
    del admin_project.facts["user_changes"]  # as of a session that hasn't written it
    async with wizard(admin_project, project, pgp_keys, at="users") as ui:
        assert ui.status("project") is Status.CONTRADICTED
        await ui.press("ctrl+n")
        assert isinstance(ui.app.pane, ProjectPane)
        await ui.press("ctrl+n")
        assert ui.status("project") is Status.READY
        await ui.press("ctrl+n")
        assert ui.status("project") is Status.FAILED
        ui.field("joining").value = "bob.roe"
        await ui.press("ctrl+n")
        assert ui.status("project") is Status.DONE


@pytest.mark.parametrize(("groups", "known"), [("", True), ("<<<<<<< HEAD\n=======\n", False)])
def test_groups_are_none_only_where_all_files_can_be_read(groups: str, *, known: bool) -> None:
    layer = layer_of({**files_of([Written("list", ["alex.kim"])], []), "groups.tf": groups})
    lines = UserLines({layer.location.account: layer})
    lines.show(users.Request())
    (cells,) = [line.cells for line in lines.lines(()) if line.cells[0] == "alex.kim"]
    assert ("none" in cells, "not known" in cells) == (known, not known)
