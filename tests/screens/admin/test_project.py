from __future__ import annotations

import re
import threading
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from threading import Event

import pytest
from support.admin_project import AdminProject, decide
from support.admin_wizard import wizard
from support.panes import until
from textual.events import Key
from textual.widgets import DataTable, Input, Static, TextArea

from screens.admin.project import _counts, names_in
from screens.widgets.dialogs import Confirm, ErrorDialog
from screens.widgets.fields import FieldRow
from screens.widgets.lists import MarkBox, MarkList
from screens.widgets.text import Text
from workflows.core.sentences import text_of
from workflows.layer.discover import find_project
from workflows.layer.read.layer import read_layer
from workflows.machine.events import StepKey
from workflows.machine.state import Status
from workflows.steps.admin import pgp_keys, project, users
from workflows.steps.kinds import KINDS
from workflows.steps.shared.module import Context, Report, stopped
from workflows.terraform.binary import ForeignProgram, TrustedPrograms

Keys = Mapping[str, bytes]


def drafted(admin: AdminProject) -> dict[str, dict[str, object]]:
    return {"project": {"path": str(admin.root), "joining": ["jane.doe"]}}


async def test_the_project_is_found_at_once_and_fits_the_smallest_screen(admin_project: AdminProject) -> None:
    async with wizard(admin_project, drafts=drafted(admin_project)) as ui:
        assert re.search(r"✓ bb \(binbash\), 2 ", ui.text)
        assert "jane.doe" in ui.text
        assert "[x] management" in ui.text
        assert not ui.app.pane.query_one("#account-wanted").display
        assert ui.focused == "joining"
        await ui.press("ctrl+o")
        assert ui.app.pane.query_one("#account-wanted").display
        assert "Who leaves?" in ui.text
        await ui.press("ctrl+n")
        assert ui.status("project") is Status.DONE
        assert ui.session.facts()["layers"] == ["management", "security"]


async def test_what_is_wrong_with_a_name_stands_below_its_field(admin_project: AdminProject) -> None:
    async with wizard(admin_project, drafts=drafted(admin_project)) as ui:
        field = ui.field("joining")
        field.value = "josé"
        await ui.press("ctrl+n")
        problem = FieldRow.of(field).query_one(".field-problem")
        assert problem.display
        assert problem.region.x == field.region.x


@pytest.mark.parametrize("sandbox", [True, False])
async def test_what_is_typed_replaces_whom_the_sandbox_proposes(
    admin_project: AdminProject, *, sandbox: bool
) -> None:
    admin = admin_project.with_mailbox() if sandbox else admin_project
    async with wizard(admin, drafts=drafted(admin)) as ui:
        field = ui.app.pane.query_one("#joining", Input)
        await ui.press(*"mia")
        assert field.value == ("mia" if sandbox else "jane.doemia")
        await ui.press("shift+tab", "tab", "x")
        assert field.value.endswith("miax")


async def test_names_that_were_accepted_stay_as_they_are_until_typed_over(
    admin_project: AdminProject,
) -> None:
    admin = admin_project.with_mailbox()
    async with wizard(admin, drafts=drafted(admin)) as ui:
        await ui.press("ctrl+n")
        await ui.app.wizard.go_to(StepKey("project"))
        await ui.rest()
        assert ui.focused == "primary"
        field = ui.app.pane.query_one("#joining", Input)
        assert not field.focusable
        await ui.press("x", "ctrl+o", "ctrl+r")
        assert ui.status("project") is not Status.DONE
        field = ui.app.pane.query_one("#joining", Input)
        assert field.has_focus
        assert not field.selected_text
        await ui.press("x")
        assert field.value == "jane.doex"


async def test_a_folder_that_is_no_project_says_so_and_another_can_be_typed(
    admin_project: AdminProject,
) -> None:
    async with wizard(admin_project, drafts={"project": {"path": str(admin_project.environment.home)}}) as ui:
        await ui.press("escape")
        assert not isinstance(ui.app.screen, ErrorDialog)
        assert "✗" in ui.text
        assert ui.focused == "path"
        assert not ui.app.pane.query_one("#layers-row").display
        ui.field("path").value = str(admin_project.root)
        await ui.press("ctrl+n")
        assert "✓ bb (binbash)" in ui.text
        assert ui.status("project") is Status.READY


async def test_what_is_wrong_with_a_folder_stays_beside_its_mark(admin_project: AdminProject) -> None:
    drafts = {"project": {**drafted(admin_project)["project"], "path": f"/{'a-long-folder-' * 9}"}}
    async with wizard(admin_project, drafts=drafts) as ui:
        line = ui.app.pane.query_one("#found", Static)
        assert line.has_class("-wrong")
        first = str(line.content).splitlines()[0]
        assert first.startswith("✗ ")
        assert len("✗ ") < len(first) <= line.content_size.width


async def test_a_search_that_was_stopped_says_nothing_against_the_folder(
    admin_project: AdminProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise stopped()

    monkeypatch.setattr(project, "survey", stop)
    async with wizard(admin_project, drafts=drafted(admin_project)) as ui:
        assert ui.focused == "path"
        assert not ui.app.pane.query_one("#found").has_class("-wrong")


async def test_the_folder_before_a_wrong_one_is_one_key_away(admin_project: AdminProject) -> None:
    async with wizard(admin_project, drafts=drafted(admin_project)) as ui:
        before = ui.field("path").value
        ui.field("path").value = str(admin_project.environment.home / "nowhere")
        await ui.press("ctrl+n")
        assert ui.focused == "path"
        assert "path" not in ui.app.pane.draft(), "it may be a secret in the wrong field"
        assert not ui.app.pane.query_one("#layers-row").display
        await ui.press("ctrl+g")
        assert ui.field("path").value == before
        assert ui.app.pane.query_one("#layers-row").display


async def test_next_that_lacks_a_name_makes_no_session_of_it(admin_project: AdminProject) -> None:
    draft = {"path": str(admin_project.root), "kinds": ["leaving"]}
    async with wizard(admin_project, drafts={"project": draft}) as ui:
        ui.app.wizard.acted(Key("ctrl+n", None))
        await ui.press("ctrl+n")
        assert ui.app.wizard.untouched
        await ui.press("j")
        assert not ui.app.wizard.untouched


@pytest.mark.parametrize("kind", KINDS)
async def test_nobody_to_do_anything_for_is_said_at_the_field_that_is_asked(
    admin_project: AdminProject, kind: str
) -> None:
    draft = {"path": str(admin_project.root), "kinds": [kind]}
    async with wizard(admin_project, drafts={"project": draft}) as ui:
        ui.app.pane.query_one("#layers").focus()
        await ui.press("ctrl+n")
        assert "✗" in ui.text
        assert ui.focused == kind.replace("_", "-")


@pytest.mark.parametrize("typed", ["dana.lopes", "nobody.x, dana.lopez", "dana lopez"])
async def test_somebody_unknown_is_said_once_and_at_the_field(
    admin_project: AdminProject, typed: str
) -> None:
    draft = {"path": str(admin_project.root), "leaving": ["alex.kim"]}
    async with wizard(admin_project, drafts={"project": draft}) as ui:
        ui.field("leaving").value = typed
        ui.app.pane.query_one("#layers").focus()
        await ui.press("ctrl+n")
        assert ui.focused == "leaving"
        assert ui.status("project") is Status.READY
        assert not ui.app.pane.primary().ready
        assert ui.text.count("✗") == 1
        assert "dana.lopez" in ui.text.partition("✗")[2]
        ui.field("leaving").value = "alex.kim"
        await ui.press("ctrl+n")
        assert ui.status("project") is Status.DONE


@pytest.mark.parametrize("key", ["enter", "ctrl+n"])
async def test_somebody_who_came_into_the_files_meanwhile_is_found(
    admin_project: AdminProject, key: str
) -> None:
    draft = {"path": str(admin_project.root), "leaving": ["mia.new"]}
    users, known = admin_project.file("security", "locals.tf"), '"alex.kim"'
    async with wizard(admin_project, drafts={"project": draft}) as ui:
        assert not ui.app.pane.primary().ready
        assert ui.focused == "leaving"
        users.write_text(users.read_text().replace(known, '"mia.new"'))
        await ui.press(key)
        assert ui.app.pane.primary().ready
        assert "✗" not in ui.text
        assert ui.focused == "primary"


@pytest.mark.parametrize("typed", ["Dana.Lopez", "dana"])
async def test_what_is_only_like_a_name_is_said_to_be_nobodys(
    admin_project: AdminProject, typed: str
) -> None:
    draft = {"path": str(admin_project.root), "leaving": ["alex.kim"]}
    async with wizard(admin_project, drafts={"project": draft}) as ui:
        ui.field("leaving").value = typed
        await ui.rest()
        assert "✗" not in ui.text, "it may still become a name"
        await ui.press("ctrl+n")
        assert ui.focused == "leaving"
        assert ui.status("project") is Status.READY
        assert "dana.lopez" in ui.text.partition("✗")[2]


async def test_the_state_of_the_files_is_said_only_where_they_are_edited_or_planned(
    admin_project: AdminProject,
) -> None:
    groups = admin_project.root / "security" / "global" / "base-identities" / "groups.tf"
    groups.write_text(f"{groups.read_text()}\n# mine\n")
    draft = {"path": str(admin_project.root), "kinds": ["mfa_reset"]}
    async with wizard(admin_project, drafts={"project": draft}) as ui:
        remarks = ui.app.pane.query_one("#remarks", Text)
        assert "1 uncommitted file" not in str(remarks.content)
        await ui.press("ctrl+o")
        assert "1 uncommitted file" in str(remarks.content)
        assert ui.app.pane.request().asked[:2] == ("mfa_reset", "joining")
        assert ui.field("mfa-reset").has_focus


async def test_the_accounts_are_proposed_in_which_the_named_person_is(admin_project: AdminProject) -> None:
    admin_project.replace("security", "locals.tf", '"sam.okafor",', "")
    draft = {"path": str(admin_project.root), "kinds": ["rekeying"]}
    async with wizard(admin_project, drafts={"project": draft}) as ui:
        layers, field = ui.app.pane.query_one("#layers", MarkList), ui.field("rekeying")
        assert {*layers.selected} == {"management", "security"}
        lines = str(layers.get_option_at_index(1).prompt)
        field.value = "sam.okafor"
        await ui.rest()
        assert layers.selected == ["management"]
        assert str(layers.get_option_at_index(1).prompt) != lines, "it says that they aren't in this one"
        field.value = "sam.okafor, alex.kim"
        await ui.rest()
        assert {*layers.selected} == {"management", "security"}
        layers.deselect("management")
        field.value = "alex.kim"
        await ui.rest()
        assert layers.selected == ["security"], "what the person has selected stays"


async def test_the_other_questions_go_away_again(admin_project: AdminProject) -> None:
    async with wizard(admin_project, drafts=drafted(admin_project)) as ui:
        await ui.press("ctrl+o", "ctrl+o")
        assert ui.app.pane.request().asked == ("joining",)
        await ui.press("ctrl+o")
        ui.field("leaving").value = "alex.kim"
        await ui.press("ctrl+o")
        assert ui.app.pane.request().asked == ("joining", "leaving")


async def test_escape_takes_away_the_other_questions_before_it_leaves(admin_project: AdminProject) -> None:
    async with wizard(admin_project, drafts=drafted(admin_project)) as ui:
        await ui.press("ctrl+o")
        box = ui.app.pane.query_one("#account-wanted", MarkBox)
        marks = ui.app.pane.query_one("#layers", MarkList)
        assert box.render_line(0).text.index("[") == marks.render_line(0).text.index("[")
        ui.field("leaving").value = "alex.kim"
        await ui.press("escape")
        assert ui.app.pane.request().asked == ("joining", "leaving")
        assert not ui.app.pane.inside, "what is answered stays, and the next Escape leaves"


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("bob ray,  Jane  Doe", ("bob ray", "Jane Doe")),
        ("jane.doe;juan.delacruz, jane.doe", ("jane.doe", "juan.delacruz")),
        (" , ", ()),
    ],
)
def test_commas_alone_separate_names(typed: str, names: tuple[str, ...]) -> None:
    assert names_in(typed) == names


@pytest.mark.parametrize("kind", ["joining", "leaving"])
async def test_a_name_with_a_space_is_a_problem_while_it_is_typed(
    kind: str, admin_project: AdminProject
) -> None:
    async with wizard(admin_project, drafts={"project": {"path": str(admin_project.root)}}) as ui:
        await ui.press("ctrl+o")
        for typed, ready in (("alex.kim sam", False), ("", False), ("alex.kim, sam.okafor", True)):
            ui.field(kind).value = typed
            await ui.rest()
            assert ui.app.pane.primary().ready is ready
            assert ui.app.pane.query_one(f"#known-{kind}").has_class("-wrong") is (
                " s" in typed and not ready
            )


async def test_a_name_of_nobody_leaves_the_rest_of_the_page_in_view(admin_project: AdminProject) -> None:
    async with wizard(admin_project, drafts={"project": {"path": str(admin_project.root)}}) as ui:
        await ui.press("ctrl+o")
        ui.field("leaving").value = "x" * 10_000
        await ui.rest()
        known = ui.app.pane.query_one("#known-leaving", Text)
        assert known.has_class("-wrong")
        assert len(str(known.content)) < 500


async def test_who_asks_for_a_new_key_is_pointed_at_until_they_are_named(
    admin_project: AdminProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project, "_asking", lambda _layers, _context: ("dana.lopez",))
    async with wizard(admin_project, drafts=drafted(admin_project)) as ui:
        found = ui.app.pane.query_one("#remarks", Text)
        assert "dana.lopez" in str(found.content)
        await ui.press("ctrl+o")
        ui.field("rekeying").value = "dana.lopez"
        await ui.rest()
        assert "dana.lopez" not in str(found.content)


async def test_the_accounts_are_in_view_and_named_by_the_primary_however_much_there_is_to_know(
    admin_project: AdminProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project, "_project_remarks", lambda *_: ["This is one to know. " * 8] * 4)
    drafts = {"project": {"path": str(admin_project.root), "joining": ["jane.doe"]}}
    async with wizard(admin_project, drafts=drafts, size=(80, 24)) as ui:
        await ui.rest()
        layers = ui.app.pane.query_one("#layers", MarkList)
        assert ui.app.screen.can_view_entire(layers)
        effect = text_of(ui.app.pane.primary().effect)
        assert all(account in effect for account in layers.selected)


async def test_the_state_of_the_files_is_said_where_only_settings_change(admin_project: AdminProject) -> None:
    admin_project.file("security", "keys/alex.kim").unlink()
    drafts = {"project": {"path": str(admin_project.root), "kinds": ["account_wanted"]}}
    async with wizard(admin_project, drafts=drafts) as ui:
        await ui.rest()
        assert "keys/alex.kim" in str(ui.app.pane.query_one("#remarks", Text).content)


async def test_with_every_question_the_accounts_are_in_view_too(admin_project: AdminProject) -> None:
    async with wizard(admin_project, drafts=drafted(admin_project), size=(80, 24)) as ui:
        await ui.press("ctrl+o")
        for field in ("#layers", "#account-wanted"):
            assert ui.app.screen.can_view_entire(ui.app.pane.query_one(field))


async def test_names_of_people_are_completed(admin_project: AdminProject) -> None:
    async with wizard(admin_project, drafts=drafted(admin_project)) as ui:
        await ui.press("ctrl+o")
        ui.field("leaving").focus()
        await ui.press(*"dana.lopez, al")
        await ui.press("right")
        assert ui.field("leaving").value == "dana.lopez, alex.kim"


async def test_an_upstream_that_does_not_answer_offers_to_go_on(admin_project: AdminProject) -> None:
    admin_project.upstream.rename(admin_project.upstream.with_name("away.git"))
    async with wizard(admin_project, drafts=drafted(admin_project)) as ui:
        assert not ui.app.pane.query_one("#without-upstream").display
        await ui.press("ctrl+n")
        assert "doesn't answer" in ui.text
        assert ui.status("project") is Status.FAILED
        await ui.press("escape")
        ui.app.pane.query_one("#without-upstream", MarkBox).value = True
        await ui.press("ctrl+n")
        assert ui.status("project") is Status.DONE


async def test_a_program_of_the_project_is_asked_about_once(
    admin_project: AdminProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    written_by: list[int] = []
    add = TrustedPrograms.add

    def watched(trusted: TrustedPrograms, program: ForeignProgram) -> None:
        written_by.append(threading.get_ident())
        add(trusted, program)

    monkeypatch.setattr(TrustedPrograms, "add", watched)
    mine = admin_project.root / "bin" / "terraform"
    mine.parent.mkdir()
    mine.write_text("#!/bin/sh\nexit 1\n")
    mine.chmod(0o755)
    build_env = admin_project.root / "build.env"
    build_env.write_text(f"{build_env.read_text()}\nTF_BINARY=bin/terraform\n")
    admin_project.environment = replace(admin_project.environment, binary=None)
    async with wizard(admin_project, drafts=drafted(admin_project)) as ui:
        await ui.press("ctrl+n")
        assert isinstance(ui.app.screen, Confirm)
        assert ui.focused == "close"
        body = str(ui.app.screen.query_one(".dialog-body", Text).content)
        assert str(mine) in "".join(body.split())
        await ui.press("escape")
        assert not admin_project.environment.trusted_programs_file.exists()
        await ui.press("ctrl+n")
        await ui.press("left", "enter")
        assert admin_project.environment.trusted_programs_file.exists()
        assert threading.get_ident() not in written_by
        await ui.press("ctrl+n")
        assert ui.status("project") is Status.DONE


async def test_a_done_project_is_prefilled_and_goes_on_unchanged(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",), leaving=("alex.kim",), layers=("security",))
    async with wizard(admin_project, project, pgp_keys, users, at="project") as ui:
        assert ui.field("joining").value == "jane.doe"
        assert ui.field("leaving").value == "alex.kim"
        assert "[ ] management" in ui.text
        assert "[x] security" in ui.text
        await ui.press("ctrl+n")
        assert ui.status("project") is Status.DONE
        assert ui.status("users") is Status.DONE
        await ui.go_to("project")
        ui.field("leaving").value = ""
        await ui.press("ctrl+n")
        assert ui.status("project") is Status.DONE
        assert ui.status("users") is Status.STALE


def test_whom_a_layer_lacks_comes_before_its_numbers_which_may_be_cut(admin_project: AdminProject) -> None:
    layer = read_layer(find_project(admin_project.root).layers[0])
    assert re.match(r"\D*nobody\.here\D*\d", _counts(layer, ["nobody.here"]))


async def test_what_is_typed_while_the_project_is_looked_for_is_kept_and_counts(
    admin_project: AdminProject, people_keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",), layers=("security",))
    looking, looked = project.survey, Event()

    def slowly(path: str, context: Context, report: Report) -> project.Survey:
        assert looked.wait(60)
        return looking(path, context, report)

    async with wizard(admin_project, project, pgp_keys, users, at="pgp-keys") as ui:
        monkeypatch.setattr(project, "survey", slowly)
        ui.session.do_again(StepKey("project"), "somebody else joins too")
        await ui.app.wizard.visit(StepKey("project"))
        await ui.pilot.pause()
        assert ui.focused == "joining"
        await ui.pilot.press(*", juan", "ctrl+o")
        ui.field("leaving").focus()
        await ui.pilot.press(*"alex.kim")
        looked.set()
        await ui.rest()
        assert ui.focused == "leaving"
        assert (ui.field("joining").value, ui.field("leaving").value) == ("jane.doe, juan", "alex.kim")
        assert "[x] security" in ui.text
        assert ui.app.pane.changed()
        await ui.app.wizard.go_to(None)
        await ui.go_to("project")
        assert (ui.field("joining").value, ui.field("leaving").value) == ("jane.doe, juan", "alex.kim")


async def test_a_folder_typed_while_another_is_looked_at_stays(
    admin_project: AdminProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, looked = project.survey, Event()

    def slowly(path: str, context: Context, report: Report) -> project.Survey:
        assert looked.wait(60)
        return looking(path, context, report)

    async with wizard(admin_project, drafts=drafted(admin_project)) as ui:
        monkeypatch.setattr(project, "survey", slowly)
        ui.field("path").focus()
        await ui.pilot.press("enter", "end", *"/x")
        looked.set()
        await ui.rest()
        assert ui.field("path").value.endswith("/x")
        assert ui.focused == "path"


async def test_who_is_known_stands_below_the_field_with_the_focus_alone(admin_project: AdminProject) -> None:
    async with wizard(admin_project, drafts=drafted(admin_project)) as ui:
        await ui.press("ctrl+o")
        for kind in ("leaving", "regrouping", "joining", "mfa-reset"):
            ui.field(kind).focus()
            await ui.press("home")
            below = ui.app.pane.query(".known")
            assert [text.id for text in below if text.display] == [f"known-{kind}"]


async def test_half_filled_input_is_kept(admin_project: AdminProject) -> None:
    async with wizard(admin_project, drafts=drafted(admin_project)) as ui:
        await ui.press("ctrl+o")
        ui.field("leaving").value = "alex.kim"
        ui.app.pane.query_one("#layers", MarkList).deselect("management")
        await ui.app.wizard.go_to(None)
        await ui.go_to("project")
        assert ui.field("leaving").value == "alex.kim"
        assert ui.field("joining").value == "jane.doe"
        assert "[ ] management" in ui.text


async def test_keys_are_taken_in_and_compared_one_after_the_other(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    names = ("jane.doe", "juan.delacruz")
    decide(admin_project, people_keys, joining=names)
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        assert "○ none yet" in ui.text
        table = ui.app.pane.query_one("#people", DataTable)
        for row, name in enumerate(names):
            assert ui.focused == "pasted"
            assert table.cursor_row == row
            ui.app.pane.query_one(TextArea).text = b64encode(people_keys[name]).decode()
            await ui.press("ctrl+n")
            assert ui.app.pane.query_one(TextArea).text == ""
            assert ui.focused == "same"
            assert ui.status("pgp-keys") is Status.READY
            await ui.press("up", "enter", "ctrl+n")
        assert "Continue anyway" in ui.text
        await ui.press("ctrl+n")
        assert ui.status("pgp-keys") is Status.DONE


async def test_what_is_no_key_stays_in_the_field_behind_its_refusal(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        ui.app.pane.query_one(TextArea).text = "no key"
        await ui.press("ctrl+n")
        assert "✗" in ui.text
        assert ui.app.pane.query_one(TextArea).text == "no key"
        assert ui.status("pgp-keys") is Status.READY


async def test_a_secret_key_is_kept_nowhere(admin_project: AdminProject, people_keys: Keys) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    secret = people_keys["secret"].decode()
    line = secret.splitlines()[4]
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        ui.app.pane.query_one(TextArea).text = secret
        await ui.press("ctrl+n")
        assert ui.app.pane.query_one("#verdict").has_class("-refused")
        about = ui.app.pane.query_one("#taking .about")
        assert about.max_scroll_y == 0  # all of it is in view
        assert line not in ui.text
        assert ui.app.pane.query_one(TextArea).text == ""
        await ui.go_to("project")
        kept = [path.read_bytes() for path in admin_project.folder.rglob("*") if path.is_file()]
        assert not [data for data in kept if line.encode() in data]


async def test_keys_that_were_taken_in_are_there_again(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        ui.app.pane.query_one(TextArea).text = b64encode(people_keys["jane.doe"]).decode()
        await ui.press("ctrl+n")
        await ui.go_to("project")
        await ui.go_to("pgp-keys")
        assert "RSA 2048" in ui.text


async def test_an_invitation_and_the_request_pass_through_the_mailbox(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    admin = admin_project.with_mailbox()
    mailbox = admin.environment.mailbox
    assert mailbox is not None
    async with wizard(admin, project, at="pgp-keys") as ui:
        await ui.press("ctrl+n")
        assert (mailbox / "invitation-jane.doe.txt").exists()
        assert "jane.doe" in (mailbox / "invitation-jane.doe.txt").read_text()
        await ui.press("escape")
        await ui.go_to("pgp-keys")
        (mailbox / "request-jane.doe.txt").write_text(b64encode(people_keys["jane.doe"]).decode())
        await until(ui.pilot, lambda: ui.app.pane._news("jane.doe"))
        await ui.rest()
        assert ui.focused == "primary"
        await ui.press("enter")
        assert "RSA 2048" in ui.text


@pytest.mark.parametrize(("typed", "taken"), [("sam", "sam.okafor"), ("nobody", "nobody"), ("", "")])
async def test_enter_takes_the_only_name_that_fits(
    admin_project: AdminProject, typed: str, taken: str
) -> None:
    draft = {"path": str(admin_project.root), "kinds": ["leaving"]}
    async with wizard(admin_project, drafts={"project": draft}) as ui:
        await ui.press(*typed, "enter")
        assert ui.field("leaving").value == taken
        assert ui.app.pane.primary().ready is (taken == "sam.okafor")


async def test_the_regions_alone_lead_to_nothing_but_their_step(admin_project: AdminProject) -> None:
    draft = {"path": str(admin_project.root), "kinds": ["regions_wanted"]}
    async with wizard(admin_project, drafts={"project": draft}) as ui:
        assert ui.focused == "primary"
        purpose = ui.app.pane.query_one(".pane-purpose", Text)
        assert str(purpose.content) != ui.app.pane.opening.step.purpose  # there is nobody to name
        await ui.press("enter")
        assert ui.status("project") is Status.DONE
        assert [key.step for key in ui.session.layout()] == ["project"]  # of the steps that are here


async def test_account_settings_alone_ask_for_accounts_and_nobody(admin_project: AdminProject) -> None:
    draft = {"path": str(admin_project.root), "kinds": ["account_wanted"]}
    async with wizard(admin_project, drafts={"project": draft}) as ui:
        assert ui.app.pane.query_one("#layers").display
        await ui.press("ctrl+o", "ctrl+o")
        ui.app.pane.focus_primary()
        await ui.rest()
        await ui.press("enter")
        assert ui.status("project") is Status.DONE
        facts = ui.session.facts()
        assert facts["account_wanted"]
        assert not facts["joining"]


async def test_a_long_path_shows_its_end_while_nobody_edits_it(admin_project: AdminProject) -> None:
    async with wizard(admin_project, drafts={"project": {"path": str(admin_project.root)}}) as ui:
        field = ui.field("path")
        assert len(field.value) > field.size.width
        assert field.value.endswith(field.render_line(0).text[-10:])
        assert field.value.startswith(field.render_line(0).text[:10])
