"""The admin's PGP keys on the screen: every form, one of several, a folder, a key that is replaced."""

from __future__ import annotations

import os
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from support.admin_project import AdminProject, decide, put, write
from support.admin_wizard import Wizard, wizard
from support.panes import SECONDS, rest, until
from support.pgp import gpg_home
from textual.events import Paste
from textual.widgets import Button, DataTable, Static, TextArea

from screens.admin.pgp_keys import KeyChoice, LayerKeys, PgpKeysPane
from screens.step.finished import standing
from screens.widgets.dialogs import Confirm, Dialog, Notice
from screens.widgets.fields import Choices
from screens.widgets.lists import ToSendDialog
from workflows.gpg.inspect import check_key
from workflows.machine.events import StepKey
from workflows.machine.state import Status
from workflows.messages.request import Request as SentRequest
from workflows.steps.admin import edits, groups, pgp_keys, project, review, users
from workflows.steps.admin.status_grid import PersonStatus, status_grid
from workflows.steps.decisions import Comparison, Decisions

Keys = Mapping[str, bytes]
ALEX = "alex.kim"


async def paste(ui: Wizard, data: str | bytes) -> None:
    text = data if isinstance(data, str) else b64encode(data).decode()
    area = ui.app.pane.query_one(TextArea)
    area.text = text
    area.focus()
    await ui.press("ctrl+n")


async def answer(ui: Wizard, value: str) -> None:
    """Answer whether the fingerprint is the same once all of the key was in view, and go on."""
    question, facts = (ui.app.pane.query_one(found) for found in ("#same", "#comparing .about"))
    assert isinstance(question, Choices)
    question.highlighted = question.get_option_index(value)
    question.focus()
    for _ in range(facts.max_scroll_y):
        await ui.press("pagedown")
    await ui.press("space", "ctrl+n")


def verdict(ui: Wizard) -> str:
    """What is said about the selected person's key."""
    return "\n".join(str(ui.app.pane.query_one(f"#{part}", Static).content) for part in ("about", "verdict"))


def joining(admin: AdminProject, *names: str) -> None:
    admin.run(project, project.Request(path=str(admin.root), layers=("security",), joining=names))


def rekeying(admin: AdminProject, *names: str) -> None:
    admin.run(
        project, project.Request(path=str(admin.root), layers=("management", "security"), rekeying=names)
    )


def armored_forms(armored: str, binary: bytes) -> dict[str, str]:
    wrapped = "\n".join(line for line in armored.splitlines()[2:-1] if not line.startswith("="))
    return {
        "armored": armored,
        "base64 in one line": b64encode(binary).decode(),
        "base64 with wraps and a shell's %": f"{wrapped}%",
        "base64 of armored": b64encode(armored.encode()).decode(),
        "a mail with quote marks": "Hi,\n"
        + "\n".join(f"> {line}" for line in armored.splitlines())
        + "\nJane",
        "a request": request_of(binary, "jane.doe"),
    }


def request_of(binary: bytes, user: str, **fields: object) -> str:
    details = check_key(binary, environment={"PATH": "/usr/bin:/bin"}).details
    request = SentRequest("bb", user, b64encode(binary).decode(), details.fingerprint, **fields)  # type: ignore[arg-type]
    return request.render()


async def test_every_form_that_is_pasted_or_opened_gives_the_same_key_file(
    admin_project: AdminProject, tmp_path: Path
) -> None:
    with gpg_home() as home:
        home.key("jane.doe")
        armored, binary = home.export("jane.doe", "--armor").decode(), home.export("jane.doe")
        keyring = binary + home.export("jane.doe")
    decide(admin_project, {"jane.doe": binary}, joining=("jane.doe",))
    wanted = admin_project.facts["keys"]["jane.doe"]["text"]
    (tmp_path / "key.asc").write_text(armored)
    (tmp_path / "key.gpg").write_bytes(keyring)
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        for form, text in armored_forms(armored, binary).items():
            await paste(ui, text)
            assert ui.app.pane.draft()["texts"] == {"jane.doe": wanted}, form
            await ui.press("escape")
        for file in ("key.asc", "key.gpg"):
            ui.app.pane.query_one(TextArea).text = str(tmp_path / file)
            ui.app.pane.query_one(TextArea).focus()
            await ui.press("enter")
            assert ui.app.pane.query_one(TextArea).text == ""
            assert ui.app.pane.draft()["texts"] == {"jane.doe": wanted}
            await ui.press("escape")


async def test_of_a_keyring_the_key_is_chosen_in_a_dialog(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    keyring = people_keys["rsa3072"] + people_keys["cv25519"] + people_keys["jane.doe"]
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await paste(ui, keyring)
        assert isinstance(ui.app.screen, KeyChoice)
        first, second = (ui.text.index(f"{name} <{name}@a.example>") for name in ("jane.doe", "rsa3072"))
        assert first < second
        assert "(this name)" in ui.text
        assert "✗ Elliptic curve" in ui.text
        await ui.press("escape")
        assert ui.app.pane.draft()["texts"] == {}
        await paste(ui, keyring)
        await ui.press("enter")
        assert "jane.doe <jane.doe@a.example>" in verdict(ui)


async def test_a_folder_shows_what_is_for_nobody(
    admin_project: AdminProject, people_keys: Keys, tmp_path: Path
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe", "juan.delacruz"))
    for name, kind in {"jane.asc": "jane.doe", "juan.delacruz": "rsa3072", "other": "rsa"}.items():
        (tmp_path / name).write_bytes(people_keys[kind])
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await paste(ui, str(tmp_path))
        assert isinstance(ui.app.screen, Notice)
        assert all(part in ui.text for part in ("other ", "rsa <rsa@a.example>"))
        await ui.press("escape")
        assert set(ui.app.pane.draft()["texts"]) == {"jane.doe", "juan.delacruz"}


async def test_one_key_empties_the_field_of_a_long_path_that_was_refused(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await paste(ui, f"~/{'a-folder/' * 20}key.asc")
        assert ui.app.pane.query_one("#verdict").has_class("-refused")
        await ui.press("end", "ctrl+u")
        assert ui.app.pane.query_one(TextArea).text == ""


async def test_a_paste_of_fifty_megabytes_is_refused_and_not_laid_out(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        area = ui.app.pane.query_one(TextArea)
        area.focus()
        area.post_message(Paste("x" * 50_000_000))
        await ui.rest()
        assert "50,000,000 bytes" in ui.text
        assert area.text == ""
        key = b64encode(people_keys["jane.doe"]).decode()
        area.post_message(Paste(key))
        await ui.rest()
        assert area.text == key


async def test_a_paste_into_the_list_of_steps_arrives_in_the_field_for_pasting(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await ui.press("f2")
        assert ui.app.screen.focused not in ui.app.pane.query("*")
        key = b64encode(people_keys["jane.doe"]).decode()
        ui.app.post_message(Paste(key))
        await ui.rest()
        assert ui.app.pane.query_one(TextArea).text == key


@pytest.mark.parametrize("kind", ["secret", "keybase:jane"])
async def test_the_sender_of_what_was_refused_can_be_told_by_a_key(
    admin_project: AdminProject, people_keys: Keys, kind: str
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await paste(ui, people_keys["secret"].decode() if kind == "secret" else kind)
        assert "✗ " in ui.text
        assert (to_do := ui.app.pane.primary().effect)
        assert ui.app.pane.turn().yours
        ui.app.pane.query_one("#people").focus()
        await ui.press("o")
        copied = admin_project.environment.clipboard.content  # type: ignore[attr-defined]
        assert "gpg --armor --export" in copied
        assert not ui.app.pane.turn().yours
        assert ui.app.pane.primary().effect != to_do, "now it is theirs"
        await paste(ui, "no key either")
        assert ui.app.pane.turn().yours
        await paste(ui, people_keys["jane.doe"])
        assert "jane.doe <jane.doe@a.example>" in verdict(ui)
        assert ui.app.pane.has_class("-comparing")


async def test_a_text_for_the_owner_is_there_for_every_verdict(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    for account in ("management", "security"):
        (versions,) = [
            path for path in admin_project.file(account, ".").glob("*.tf") if "3.39.0" in path.read_text()
        ]
        versions.write_text(versions.read_text().replace("~> 3.39.0", "~> 4.10"))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        for kind, words in {
            "rsa3072": "arrived and can be used",
            "rsa": "weaker than what is recommended",
            "cv25519": "rsa4096 encrypt",
            "revoked": "can't be used for AWS",
            "expired": "--quick-set-expire",
            "rsa-signing-only": "--quick-add-key",
            "expiring-soon": "it expires on",
        }.items():
            await paste(ui, people_keys[kind])
            if not ui.app.pane.query_one("#same").is_on_screen:
                ui.app.pane.query_one("#people").focus()
            await ui.press("o")
            await ui.press("escape") if ui.app.pane.has_class("-comparing") else None
            assert words in admin_project.environment.clipboard.content, kind  # type: ignore[attr-defined]


async def test_the_files_of_the_layers_are_shown_on_request(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    admin_project.file("security", "keys/sam.okafor").write_bytes(people_keys["jane.doe"])
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        ui.app.pane.query_one("#people").focus()
        await ui.press("l")
        assert isinstance(ui.app.screen, LayerKeys)
        table = ui.app.screen.query_one(DataTable)
        assert [str(cell) for cell in table.get_row_at(0)] == [
            *("sam.okafor", "security", "✗ unusable"),
            *(str(table.get_row_at(0)[3]), "sam.okafor"),
        ]
        assert table.row_count == 8
        await ui.press("escape")
        assert ui.focused == "people"


async def test_a_note_to_the_owner_is_offered_where_there_is_one(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    admin_project.file("security", "keys/sam.okafor").write_bytes(b64encode(people_keys["expired"]))
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        ui.app.pane.query_one("#people").focus()
        await ui.press("l")
        dialog = ui.app.screen
        assert isinstance(dialog, LayerKeys)
        offered = set[bool]()
        for row in dialog._rows:
            offered.add(here := dialog.query_one("#owner", Button).display)
            assert here is bool(row.verdict.sentence_for_owner)
            assert all(user in str(dialog.query_one("#about", Static).content) for user in row.users)
            await ui.press("o")
            assert bool(ui.app._notifications) is here, "what was copied is said over the dialog"
            ui.app.clear_notifications()
            await ui.press("down")
        assert offered == {True, False}


async def test_many_files_of_the_layers_leave_room_for_the_buttons(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    for number in range(12):
        admin_project.file("security", f"keys/old{number}").write_bytes(b"no key")
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        ui.app.pane.query_one("#people").focus()
        await ui.press("l")
        assert ui.app.screen.query_one(DataTable).row_count == 20
        for button in ("#owner", "#close"):
            shown = ui.app.screen.query_one(button).region
            assert ui.app.screen.query_one("Vertical").content_region.contains_region(shown)


async def test_a_new_key_is_recorded_only_with_the_typed_name(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    rekeying(admin_project, ALEX)
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        assert f"{ALEX} (new key)" in ui.text
        assert f"✓ keys/{ALEX}, used by {ALEX}:" in verdict(ui)
        await paste(ui, people_keys["jane.doe"])
        assert re.search(rf"security \(keys/{ALEX}\): [^;]* {ALEX}", verdict(ui))
        assert f"≠ keys/{ALEX}" in verdict(ui), "it has the former key until Review writes this one"
        await answer(ui, "same")
        assert isinstance(ui.app.screen, Confirm)
        await ui.press("escape")
        assert ui.status("pgp-keys") is Status.READY
        await ui.press("ctrl+n")
        await ui.press(*ALEX, "enter")
        assert "Continue anyway" in ui.text
        await ui.press("ctrl+n")
        assert ui.status("pgp-keys") is Status.DONE
        assert set(ui.session.facts()["keys"][ALEX]["resets"]) == {"management", "security"}
        steps = [key.step for key in ui.session.layout()]
        assert steps == ["project", "pgp-keys", "review"]


async def test_whether_it_was_compared_is_seen_beside_a_long_name(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    rekeying(admin_project, "machine.github.actions")
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await paste(ui, people_keys["jane.doe"])
        reply = ui.app.pane.query_one("#owner-compared", Button)
        assert "machine" not in str(reply.label), "a machine user reads no reply"
        await ui.press("escape")
        (row,) = (line for line in ui.text.splitlines() if "machine.github.actions (" in line)
        assert " ○ " in row


async def test_the_reply_fits_the_answer_that_is_chosen(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    copied: dict[str, str] = {}
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await paste(ui, people_keys["jane.doe"])
        question = ui.app.pane.query_one("#same", Choices)
        for chosen in (Comparison.SAME, Comparison.LATER, Comparison.DIFFERS):
            question.highlighted = question.get_option_index(chosen)
            await ui.press("space", "o")
            assert question.value == chosen
            copied[chosen] = admin_project.environment.clipboard.content  # type: ignore[attr-defined]
    assert copied[Comparison.SAME] == copied[Comparison.LATER] != copied[Comparison.DIFFERS]


async def test_a_fingerprint_is_a_question_without_an_answer(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await paste(ui, people_keys["jane.doe"])
        question = ui.app.pane.query_one("#same", Choices)
        assert (ui.focused, question.value) == ("same", "")
        assert not ui.app.pane.primary().ready
        await ui.press("ctrl+n")
        assert ui.app.pane.has_class("-comparing")
        assert [problem.field for problem in ui.app.pane.problems] == ["same"]
        await ui.press("space")
        assert (question.value, ui.app.pane.problems) == ("later", [])
        await ui.press("escape")
        assert ui.app.pane.opening.step.id == "pgp-keys"
        assert not ui.app.pane.has_class("-comparing")
        await ui.press("ctrl+n")
        assert ui.app.pane.has_class("-comparing")


@pytest.mark.parametrize(("value", "later"), [("same", False), ("later", True)])
async def test_that_a_fingerprint_was_not_compared_is_recorded(
    admin_project: AdminProject, people_keys: Keys, value: str, *, later: bool
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await paste(ui, people_keys["jane.doe"])
        await answer(ui, value)
        await ui.press("ctrl+n")
        assert ui.status("pgp-keys") is Status.DONE
        decided = Decisions.from_facts(ui.session.facts())
        assert decided.comparisons == {"jane.doe": value}
        assert decided.not_compared == (("jane.doe",) if later else ())
        shown = standing(ui.app.wizard.run, StepKey("pgp-keys"))
        assert shown is (Status.UNCONFIRMED if later else Status.DONE)


async def test_what_was_not_checked_is_said_not_to_be_kept(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        assert not ui.app.pane.unkept
        ui.app.pane.query_one(TextArea).load_text("x" * 100_000)
        assert ui.app.pane.unkept
        await ui.press("escape")
        assert isinstance(ui.app.screen, Confirm)
        await ui.press("enter")
        assert ui.app.pane.unkept, "it is still there"
        await ui.press("ctrl+n")
        assert not ui.app.pane.unkept, "it can't be used"
        await ui.press("escape")
        assert ui.app.wizard.current == StepKey("project")


async def test_a_key_with_another_fingerprint_is_put_aside(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await paste(ui, people_keys["jane.doe"])
        await answer(ui, "differs")
        assert "✗ differs" in ui.text
        assert not ui.app.pane.request().keys
        assert ui.app.pane.primary().ready, "it copies the reply"
        assert ui.focused == "owner"
        await ui.press("o")
        assert "isn't yours" in admin_project.environment.clipboard.content  # type: ignore[attr-defined]
        assert not ui.app.pane.primary().ready, "a key is awaited"
        await paste(ui, people_keys["jane.doe"])
        await answer(ui, "differs")
        await paste(ui, "a few words")
        await ui.press("ctrl+u")
        assert ui.app.pane._aside.keys() == {"jane.doe"}
        ui.app.pane.query_one("#people").focus()
        await ui.press("c")
        await answer(ui, "same")
        assert ui.app.pane.request().keys.keys() == {"jane.doe"}, "the answer before was a slip"


async def test_a_key_that_was_said_to_differ_is_remembered(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await paste(ui, people_keys["jane.doe"])
        warnings = str(ui.app.pane.query_one("#about", Static).content).count("! ")
        await answer(ui, "differs")
        await ui.go_to("project")
        await ui.press("ctrl+n")
        await until(ui.pilot, lambda: ui.app.wizard.current == StepKey("pgp-keys"))
        await until(ui.pilot, lambda: not ui.app.pane.looking)
        assert "✗ differs" in ui.text
        assert not ui.app.pane.request().keys
        assert ui.app.pane.query_one("#compare").display
        await ui.press("ctrl+n")
        assert "isn't yours" in admin_project.environment.clipboard.content  # type: ignore[attr-defined]
        await paste(ui, people_keys["jane.doe"])
        about = str(ui.app.pane.query_one("#about", Static).content)
        assert about.count("! ") == warnings + 1
        await answer(ui, "later")
        assert not ui.app.pane.request().keys, "what was said stands until it is compared again"
        assert ui.app.pane.draft()["answers"]["jane.doe"][1] == "differs"
        await ui.press("c")
        await answer(ui, "same")
        assert ui.app.pane.request().keys.keys() == {"jane.doe"}


async def test_a_key_that_differs_after_it_was_written_opens_the_step_again(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    put(admin_project, {name: {"jane.doe": {"auditors"}} for name in ("management", "security")})
    write(admin_project)
    done = (project, pgp_keys, users, groups, review)
    async with wizard(admin_project, *done, at="pgp-keys") as ui:
        await ui.press("c")
        await answer(ui, "differs")
        assert ui.status("pgp-keys") is Status.READY
        assert "✗ differs" in ui.text
        assert not ui.app.pane.request().keys, "its file is in the layer"
        assert verdict(ui).count("≠ keys/jane.doe") == 1
        assert "✓ keys/jane.doe" not in verdict(ui)
        pane = ui.app.pane
        assert isinstance(pane, PgpKeysPane)
        applied = {**pane.context.every, "applied@management": {"at": "2026-03-01T00:00:00+00:00"}}
        pane.context = replace(pane.context, every=applied)
        pane._show_person()
        assert verdict(ui).count("≠ keys/jane.doe") == 2, "AWS has something made with it in one of two"


async def test_a_key_that_differs_after_every_apply_is_recorded_and_holds_back_nobody_else(
    admin_project: AdminProject, people_keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe", "juan.delacruz"))
    both = {"jane.doe": {"auditors"}, "juan.delacruz": {"auditors"}}
    put(admin_project, dict.fromkeys(("management", "security"), both))
    write(admin_project)
    monkeypatch.setattr(edits, "applied_everywhere", lambda *_: True)
    done = (project, pgp_keys, users, groups, review)
    async with wizard(admin_project, *done, at="pgp-keys") as ui:
        for said in ("differs", "later", "same", "differs"):
            ui.app.pane.query_one(DataTable).move_cursor(row=0)
            await ui.press("c")
            await answer(ui, said)
            shown = ui.app.wizard.pane
            if isinstance(shown, PgpKeysPane) and shown._comparing:
                await answer(ui, "same")  # the other person's
            await ui.go_to("pgp-keys")
            stands = "differs" if said == "later" else said
            assert ui.session.facts()["comparisons"]["jane.doe"] == stands
            assert ui.session.facts()["keys"].keys() == {"jane.doe", "juan.delacruz"}
            assert {ui.status(step) for step in ("pgp-keys", "users", "groups", "review")} == {Status.DONE}
            assert ("✗ differs" in ui.text) is (stands == "differs")
        rows = dict(status_grid(ui.app.wizard.run.session_context()).rows)
        assert PersonStatus.KEY_REJECTED in rows["jane.doe"]
        assert PersonStatus.KEY_REJECTED not in rows["juan.delacruz"]
        assert standing(ui.app.wizard.run, StepKey("pgp-keys")) is Status.UNCONFIRMED
        await ui.app.wizard.go_to(None)
        assert "jane.doe" in str(ui.app.wizard.query_one("#not-done", Static).content)


async def test_that_a_key_differs_is_on_the_record_at_once_whatever_is_left_to_do(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe", "juan.delacruz"))
    admin_project.facts["comparisons"] = dict.fromkeys(("jane.doe", "juan.delacruz"), "later")
    both = {"jane.doe": {"auditors"}, "juan.delacruz": {"auditors"}}
    put(admin_project, dict.fromkeys(("management", "security"), both))
    write(admin_project)
    done = (project, pgp_keys, users, groups, review)
    async with wizard(admin_project, *done, at="pgp-keys") as ui:
        await ui.press("escape")

        async def compare(row: int, said: str) -> None:
            table = ui.app.pane.query_one(DataTable)
            table.focus()
            table.move_cursor(row=row)
            await ui.press("c")
            await answer(ui, said)

        def recorded() -> list[str]:
            return list(ui.session.facts()["comparisons"].values())

        def rejected() -> set[str]:
            rows = status_grid(ui.app.wizard.run.session_context()).rows
            return {name for name, stands in rows if {*stands} == {PersonStatus.KEY_REJECTED}}

        await compare(0, "differs")
        await compare(1, "differs")
        assert ui.status("pgp-keys") is Status.READY
        assert recorded() == ["differs", "differs"]
        assert rejected() == {"jane.doe", "juan.delacruz"}
        await ui.app.wizard.go_to(None)
        assert ui.app.wizard.query("#finished")
        assert not ui.app.wizard.query("#not-done"), "PGP keys, which is open, says what to do"
        await ui.go_to("pgp-keys")
        await compare(0, "same")
        assert ui.status("pgp-keys") is Status.READY
        assert recorded() == ["same", "differs"]
        assert rejected() == {"juan.delacruz"}
        ui.app.pane.query_one(DataTable).move_cursor(row=1)
        await paste(ui, people_keys["rsa3072"])
        assert recorded() == ["same", "differs"]
        await answer(ui, "same")
        await ui.press("ctrl+n")
        assert ui.status("pgp-keys") is Status.DONE
        assert recorded() == ["same", "same"]
        assert not rejected()
        await ui.go_to("pgp-keys")
        ui.app.pane.query_one(DataTable).move_cursor(row=1)
        await paste(ui, people_keys["juan.delacruz"])
        await answer(ui, "differs")
        assert recorded() == ["same", "same"], "it is about a key that isn't decided"


async def test_escape_leaves_a_done_step_that_still_looks_for_what_is_there(
    admin_project: AdminProject, people_keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    found = Event()
    async with wizard(admin_project, project, pgp_keys, at="project") as ui:
        monkeypatch.setattr(pgp_keys, "gather", lambda *_: found.wait(SECONDS))
        await ui.app.wizard.visit(StepKey("pgp-keys"))
        assert ui.app.pane.looking
        await ui.pilot.press("escape")
        await until(ui.pilot, lambda: ui.app.wizard.current == StepKey("project"))
        found.set()


async def record_new_key(admin: AdminProject, key: bytes) -> None:
    """Take in another key of alex.kim, in the wizard."""
    rekeying(admin, ALEX)
    async with wizard(admin, project, at="pgp-keys") as ui:
        await paste(ui, key)
        await answer(ui, "same")
        await ui.press(*ALEX, "enter")
        await ui.press("ctrl+n")
        admin.facts = dict(ui.session.facts())


async def test_what_a_new_key_resets_besides_is_asked_about_again(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    await record_new_key(admin_project, people_keys["rsa3072"])
    del admin_project.facts["keys"][ALEX]["resets"]["security"]
    async with wizard(admin_project, project, pgp_keys, at="pgp-keys") as ui:
        await ui.press("ctrl+r", "ctrl+n")
        assert isinstance(ui.app.screen, Confirm)
        await ui.press(*ALEX, "enter", "ctrl+n")
        assert set(ui.session.facts()["keys"][ALEX]["resets"]) == {"management", "security"}


async def test_a_new_key_that_is_written_stays_done(admin_project: AdminProject, people_keys: Keys) -> None:
    await record_new_key(admin_project, people_keys["rsa3072"])
    write(admin_project)
    async with wizard(admin_project, project, pgp_keys, at="pgp-keys") as ui:
        assert "rsa3072" in verdict(ui)
        await ui.press("ctrl+n")
        assert ui.status("pgp-keys") is Status.DONE


async def test_a_request_for_a_replacement_leads_to_the_project_step_and_back(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    text = request_of(people_keys["juan.delacruz"], ALEX, replacement=True, reason="laptop gone")
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await paste(ui, text)
        assert "replacement" in ui.text
        assert "laptop gone" in ui.text
        await ui.press("tab", "shift+tab", "left")
        await ui.pilot.click("#yes")
        await ui.rest()
        assert ui.field("rekeying").value == ALEX
        assert ui.field("joining").value == "jane.doe"
        await ui.press("ctrl+n")
        assert ui.session.facts()["rekeying"] == [ALEX]
        table = ui.app.pane.query_one(DataTable)
        assert [str(table.get_row_at(row)[0]) for row in range(2)] == ["jane.doe", f"{ALEX} (new key)"]
        table.move_cursor(row=1)
        table.focus()
        await ui.press("c")
        assert "juan.delacruz <juan.delacruz@a.example>" in verdict(ui)


@pytest.mark.parametrize("typed", ["my key is lost", "~/no-such-file.asc"])
async def test_why_a_text_was_rejected_goes_with_the_text(
    admin_project: AdminProject, people_keys: Keys, typed: str
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await paste(ui, typed)
        assert "✗" in verdict(ui)
        assert not ui.app.pane.primary().ready
        await ui.press("x")
        assert "✗" not in verdict(ui)
        assert ui.app.pane.primary().ready


async def test_an_invitation_empties_the_field_of_a_text_that_was_rejected(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await paste(ui, "my key is lost")
        ui.app.pane.query_one("#invite", Button).press()
        await ui.rest()
        assert ui.app.pane.query_one(TextArea).text == ""
        assert not ui.app.pane.turn().yours


async def test_a_rejected_key_stays_its_senders_last_one_until_another_comes(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await paste(ui, people_keys["expired"])
        assert ui.app.pane.query_one(TextArea).text == ""
        assert "✗" in verdict(ui)
        await paste(ui, people_keys["jane.doe"])
        assert "✗" not in verdict(ui)


@pytest.mark.parametrize("kind", ["expired", "secret"])
async def test_why_a_key_was_rejected_is_known_after_the_page_was_left(
    admin_project: AdminProject, people_keys: Keys, kind: str
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await paste(ui, people_keys[kind] if kind == "expired" else people_keys[kind].decode())
        rejected = verdict(ui)
        await ui.go_to("project")
        await ui.go_to("pgp-keys")
        assert verdict(ui) == rejected
        assert "✗" in verdict(ui)


async def test_that_a_reply_was_copied_takes_no_room_after_the_next_key(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await paste(ui, people_keys["expired"])
        ui.app.pane.query_one("#people").focus()
        await ui.press("o")
        result = ui.app.wizard.query_one("#result")
        assert result.has_class("-shown")
        ui.app.wizard.drop_result(passing=True)  # as the application does with each key
        assert not result.has_class("-shown")


async def test_an_unusable_key_keeps_its_sender_selected(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    joining(admin_project, "jane.doe", "juan.delacruz")
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await ui.press("down")
        await paste(ui, people_keys["expired"])
        assert ui.app.pane.person() == "juan.delacruz"
        assert "✗" in verdict(ui)


async def test_the_key_in_use_is_called_the_same_and_its_text_stays(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    for account in ("management", "security"):
        admin_project.file(account, f"keys/{ALEX}").write_bytes(b64encode(people_keys["rsa3072"]))
    text = request_of(people_keys["rsa3072"], ALEX)
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await paste(ui, text)
        assert not isinstance(ui.app.screen, Confirm)
        assert not ui.app.pane.primary().ready
        assert ui.app.pane.query_one(TextArea).text == text


async def test_a_request_with_the_key_in_use_is_no_news_and_its_sender_is_invited(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    admin = admin_project.with_mailbox()
    rekeying(admin, ALEX)
    for account in ("management", "security"):
        admin.file(account, f"keys/{ALEX}").write_bytes(b64encode(people_keys["rsa3072"]))
    mail = admin.environment.mail(f"request-{ALEX}.txt")
    assert mail is not None
    mail.write_text(request_of(people_keys["rsa3072"], ALEX))
    async with wizard(admin, project, at="pgp-keys") as ui:
        await ui.pilot.pause()
        assert ALEX in ui.app.pane._mail
        assert not ui.app.pane.query_one("#fetch").display
        assert ui.app.pane.draft()["arrived"] == []
        assert ui.app.pane.primary().ready
        await paste(ui, people_keys["rsa3072"])
        assert "= in use" in ui.text
        await ui.press("ctrl+n")
        assert [*ui.app.pane.draft()["invited"]] == [ALEX]


async def test_that_a_key_differs_reaches_its_sender_and_the_same_key_can_come_again(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    admin = admin_project.with_mailbox()
    decide(admin, people_keys, joining=("jane.doe",))
    mail, reply = (admin.environment.mail(f"{what}-jane.doe.txt") for what in ("request", "about-your-key"))
    assert mail is not None
    assert reply is not None
    mail.write_text(request_of(people_keys["jane.doe"], "jane.doe"))
    async with wizard(admin, project, at="pgp-keys") as ui:
        await rest(ui.pilot)
        await ui.press("ctrl+n")
        await answer(ui, "differs")
        assert ui.app.pane.turn().yours
        await ui.press("ctrl+n")
        await rest(ui.pilot)
        assert reply.exists()
        assert not ui.app.pane.turn().yours
        draft = ui.app.pane.draft()
    os.utime(mail, (1, 1))
    async with wizard(admin, project, at="pgp-keys", drafts={"pgp-keys": draft}) as ui:
        await rest(ui.pilot)
        assert ui.app.pane.draft()["replies"]
        assert ui.app.pane.primary().act == ui.app.pane.action_fetch, "it was sent again"
        await ui.press("ctrl+n")
        await rest(ui.pilot)
        await ui.press("escape")
        assert ui.app.pane.primary().act == ui.app.pane.action_owner_text, "the reply was to the first one"


async def test_a_reply_that_could_not_be_given_is_still_due(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    admin = admin_project.with_mailbox()
    decide(admin, people_keys, joining=("jane.doe",))
    reply = admin.environment.mail("about-your-key-jane.doe.txt")
    assert reply is not None
    reply.mkdir()
    async with wizard(admin, project, at="pgp-keys") as ui:
        await paste(ui, people_keys["expired"])
        await ui.press("ctrl+n")
        assert ui.app.pane.turn().yours
        assert ui.app.pane.draft()["replies"] == {}
        if isinstance(ui.app.screen, Dialog):
            await ui.press("escape")
        reply.rmdir()
        await ui.press("ctrl+n")
        assert reply.is_file()
        assert not ui.app.pane.turn().yours


async def test_a_request_that_lies_unread_has_arrived(admin_project: AdminProject, people_keys: Keys) -> None:
    admin = admin_project.with_mailbox()
    rekeying(admin, ALEX)
    mail = admin.environment.mail(f"request-{ALEX}.txt")
    assert mail is not None
    mail.write_text(request_of(people_keys["rsa3072"], ALEX))
    async with wizard(admin, project, at="pgp-keys") as ui:
        await rest(ui.pilot)
        await ui.app.wizard.action_everybody()
        await rest(ui.pilot)
        stands = {stand for _, row in status_grid(ui.app.wizard.run.session_context()).rows for stand in row}
        assert stands == {PersonStatus.REQUEST_ARRIVED}


async def test_an_unread_request_is_shown_instead_of_the_key_that_was_set_aside_before_it(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        pane = ui.app.pane
        waiting = verdict(ui)
        await paste(ui, people_keys["jane.doe"])
        await answer(ui, "differs")
        assert pane.query_one("#verdict").has_class("-refused")
        assert pane.query_one("#owner").display
        pane._take_mail({"jane.doe": 1})
        await ui.rest()
        assert not pane.query_one("#verdict").has_class("-refused")
        assert "jane.doe" in verdict(ui)
        assert verdict(ui) != waiting
        assert not pane.query_one("#owner").display
        assert not pane.query_one("#compare").display


async def test_who_declines_a_replacement_keeps_the_text(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    text = request_of(people_keys["juan.delacruz"], ALEX, replacement=True)
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await paste(ui, text)
        assert isinstance(ui.app.screen, Confirm)
        await ui.press("escape")
        assert ui.app.pane.query_one(TextArea).text == text


async def test_whoever_has_no_key_is_invited_by_the_primary_one_after_the_other(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe", "juan.delacruz"))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        for invited in (["jane.doe"], ["jane.doe", "juan.delacruz"]):
            assert ui.app.pane.primary().ready
            assert ui.app.pane.turn().yours
            await ui.press("ctrl+n")
            assert sorted(ui.app.pane.draft()["invited"]) == invited
        assert not ui.app.pane.primary().ready
        assert not ui.app.pane.turn().yours


async def test_an_invitation_whose_copy_is_not_certain_is_shown_and_can_be_saved(
    admin_project: AdminProject, people_keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    monkeypatch.setattr(admin_project.environment.clipboard, "certain", False)
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await ui.press("ctrl+n")
        assert isinstance(ui.app.screen, ToSendDialog)
        assert [*ui.app.pane.draft()["invited"]] == ["jane.doe"]
        await ui.press("s", "escape")
        await rest(ui.pilot)
        assert not isinstance(ui.app.screen, ToSendDialog)
    saved = admin_project.environment.home / "invitation-jane.doe.txt"
    assert "--user jane.doe" in saved.read_text()


async def test_a_reply_whose_copy_is_not_certain_is_shown(
    admin_project: AdminProject, people_keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    monkeypatch.setattr(admin_project.environment.clipboard, "certain", False)
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await paste(ui, people_keys["expired"])
        await ui.press("ctrl+n")
        assert isinstance(ui.app.screen, ToSendDialog)


async def test_the_primary_reads_a_request_that_arrived_for_whomever(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe", "juan.delacruz"))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        pane = ui.app.pane
        before = pane.primary()
        pane._mail = {"juan.delacruz": 1, ALEX: 1}
        for row in range(2):
            pane.query_one(DataTable).move_cursor(row=row)
            await ui.rest()
            assert pane.primary() != before
            assert pane.primary().ready
            assert pane.turn().yours
            assert not pane.query_one("#fetch").display


async def test_only_what_arrived_is_read_and_also_announced_of_those_whose_key_is_here(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    admin = admin_project.with_mailbox()
    names = ("jane.doe", "juan.delacruz")
    decide(admin, people_keys, joining=names)
    mails = {name: admin.environment.mail(f"request-{name}.txt") for name in names}

    def send(name: str, key: str) -> None:
        mail = mails[name]
        assert mail is not None
        mail.write_text(request_of(people_keys[key], name))

    def states() -> list[str]:
        return [str(ui.app.pane.query_one(DataTable).get_row(name)[1]) for name in names]

    async with wizard(admin, project, at="pgp-keys") as ui:
        pane = ui.app.pane
        for name in names:
            send(name, name)
        pane._take_mail(pgp_keys.mail_for(pane.context))
        arrived, *_ = states()
        await ui.press("ctrl+n")
        for _name in names:
            await answer(ui, "same")
        compared, own = states(), pane.turn()
        send("juan.delacruz", "rsa3072")
        pane._take_mail({**pgp_keys.mail_for(pane.context), "juan.delacruz": 1})
        await ui.rest()
        assert states() == [compared[0], arrived]
        assert pane.turn() != own
        await ui.press("f")
        assert pane._comparing == "juan.delacruz"
        assert not ui.app.wizard.query_one("#result").has_class("-shown")


async def test_a_request_that_arrives_is_announced_once_on_any_other_page(
    admin_project: AdminProject, people_keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = admin_project.with_mailbox()
    joining(admin, "jane.doe")
    async with wizard(admin, project, at="project") as ui:
        said = list[str]()
        monkeypatch.setattr(ui.app.wizard, "notify", said.append)
        for name in ("jane.doe", "stranger"):
            mail = admin.environment.mail(f"request-{name}.txt")
            assert mail is not None
            mail.write_text(request_of(people_keys["jane.doe"], name))
        for _look in range(2):
            ui.app.wizard._look_for_mail()
            await ui.rest()
        (words,) = said
        assert "jane.doe" in words
        assert "stranger" not in words


async def test_what_was_said_before_a_comparison_goes_with_the_next_key(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        wizard_screen = ui.app.wizard
        result = wizard_screen.query_one("#result")
        for compares in (False, True):
            wizard_screen.show_result("It is here already.", "")
            if compares:
                await paste(ui, people_keys["jane.doe"])
                wizard_screen.show_result("It is here already.", "")
                ui.app.pane.go_back()
                await ui.rest()
            wizard_screen.drop_result(passing=True)  # as each key does
            assert result.has_class("-shown") is not compares


async def test_a_fingerprint_is_compared_later_on_in_the_done_step(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await paste(ui, people_keys["jane.doe"])
        await answer(ui, "later")
        await ui.press("ctrl+n")
        facts = dict(ui.session.facts())
        for _ in range(2):
            await ui.go_to("pgp-keys")
            assert ui.app.pane.has_class("-comparing")
            assert not ui.app.pane.opening.draft, "the first time has left no input"
            ui.app.pane.keep_draft()
            await ui.rest()
            await ui.go_to("users")
        await ui.go_to("pgp-keys")
        await answer(ui, "same")
        # what was warned of with the key was passed over the first time
        after = ui.session.facts()
        assert Decisions.from_facts(after).not_compared == ()
        assert {name for name in after if after[name] != facts.get(name)} == {"comparisons"}


async def test_what_is_pasted_over_a_key_that_is_there_is_read(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await paste(ui, people_keys["jane.doe"])
        await answer(ui, "same")
        await ui.press("ctrl+n")
        facts = dict(ui.session.facts())
        await ui.go_to("pgp-keys")
        area = ui.app.pane.query_one("#pasted")
        for text, left in ((people_keys["jane.doe"], ""), ("junk", "junk")):
            await paste(ui, text)
            assert ui.app.pane.opening.step.id == "pgp-keys"
            assert area.text == left
            assert bool(ui.app.pane._aside) == bool(left)
        area.load_text("")
        await ui.press("ctrl+n")
        assert ui.session.facts() == facts
        assert ui.app.pane.opening.step.id == "users"


async def test_next_without_a_key_leads_to_the_field_that_it_goes_into(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        ui.app.pane._invited = {"jane.doe": admin_project.environment.now().isoformat()}
        ui.app.pane._fill()
        ui.app.pane.query_one("#people").focus()
        await ui.press("ctrl+n")
        assert ui.focused == "pasted"


async def test_a_key_is_replied_to_only_where_there_is_something_to_say(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        reply = ui.app.pane.query_one("#owner")
        assert not reply.display
        await paste(ui, people_keys["jane.doe"])
        await ui.press("escape")
        assert reply.display


async def test_a_machine_user_is_invited_by_nobody(admin_project: AdminProject) -> None:
    joining(admin_project, "machine.bot")
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        assert not ui.app.pane.query_one("#invite").display
        assert not ui.app.pane.primary().ready


async def test_a_sender_is_answered_before_somebody_else_is_invited(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    joining(admin_project, "jane.doe", "juan.delacruz")
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await paste(ui, people_keys["expired"])
        await ui.press("ctrl+n")
        draft = ui.app.pane.draft()
        assert (draft["texts"], draft["invited"]) == ({}, {})
        await ui.press("ctrl+n")
        assert set(ui.app.pane.draft()["invited"]) == {"juan.delacruz"}


async def test_yes_is_not_offered_before_all_that_is_known_of_the_key_was_in_view(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    joining(admin_project, "jane.doe", "juan.delacruz")
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        pane = ui.app.pane
        assert isinstance(pane, PgpKeysPane)
        facts = pane.query_one("#comparing .about")
        await paste(ui, people_keys["jane.doe"])
        await answer(ui, "same")
        await paste(ui, people_keys["jane.doe"])  # the same key for another person: warnings
        assert facts.max_scroll_y > 0
        question = pane.query_one("#same", Choices)
        question.highlighted = question.get_option_index("same")
        await ui.press("space", "ctrl+n")
        assert pane.has_class("-comparing")
        assert facts.scroll_offset.y > 0
        while facts.scroll_offset.y < facts.max_scroll_y:
            await ui.press("pagedown")
        await ui.press("ctrl+n")
        assert not pane.has_class("-comparing")


async def test_who_is_waited_for_is_named_although_there_is_more_to_read(
    admin_project: AdminProject, people_keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await ui.press("ctrl+n")  # invites
        monkeypatch.setattr(PgpKeysPane, "_more_facts", True)
        assert not ui.app.pane.turn().yours


async def test_all_that_is_known_of_a_key_is_in_view_where_there_is_room(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    joining(admin_project, "jane.doe", "juan.delacruz")
    async with wizard(admin_project, project, at="pgp-keys", size=(120, 36)) as ui:
        await paste(ui, people_keys["jane.doe"])
        await answer(ui, "same")
        await paste(ui, people_keys["jane.doe"])
        assert ui.app.pane.query_one("#comparing .about").max_scroll_y == 0
        assert ui.app.pane.max_scroll_y == 0


async def test_the_arrows_lead_from_the_empty_field_to_another_person(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    joining(admin_project, "jane.doe", "machine.deploy")
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        pane = ui.app.pane
        assert isinstance(pane, PgpKeysPane)
        pane.query_one(TextArea).focus()
        await ui.press("enter", "down")
        assert (pane.person(), ui.focused) == ("machine.deploy", "pasted")
        await ui.press("up")
        assert pane.person() == "jane.doe"


@pytest.mark.parametrize("newline", ["\n", "\r", "\r\n"])
async def test_a_paste_leaves_no_empty_line_alone_in_view(
    admin_project: AdminProject, people_keys: Keys, newline: str
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await paste(ui, people_keys["expired"])
        area = ui.app.pane.query_one(TextArea)
        area.post_message(Paste(f"one line{newline}another line{newline}"))
        await ui.rest()
        assert area.text.endswith("another line")


async def test_nobody_is_said_to_lack_a_key_while_it_is_looked_for(
    admin_project: AdminProject, people_keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    seen: list[tuple[str, str]] = []
    fill = PgpKeysPane._fill

    def filled(pane: PgpKeysPane) -> None:
        fill(pane)
        seen.append(pane._standing("jane.doe"))

    monkeypatch.setattr(PgpKeysPane, "_fill", filled)
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        assert isinstance(ui.app.pane, PgpKeysPane)
        assert seen[0] != ui.app.pane._standing("jane.doe")


async def test_a_key_with_warnings_is_not_ticked(admin_project: AdminProject, people_keys: Keys) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await paste(ui, people_keys["jane.doe"])  # RSA with 2048 bits
        await answer(ui, "same")
        verdict = ui.app.pane.query_one("#verdict", Static)
        assert not str(verdict.content).startswith("✓")
        assert ui.app.pane.warned
        assert "\n! " not in str(verdict.content), "the foot shows it"
        ui.app.pane.show_problems([])
        assert "\n! " in str(verdict.content)


async def test_who_comes_to_a_decided_session_uncompared_is_not_taken_for_left_out(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",))
    before = {"juan.delacruz": admin_project.facts["keys"]["jane.doe"]}
    chosen = {"add": {"security": ["juan.delacruz"]}, "remove": {}}
    admin_project.facts |= {"keys": before, "user_changes": chosen}
    async with wizard(admin_project, project, pgp_keys, users, at="pgp-keys") as ui:
        await paste(ui, people_keys["jane.doe"])
        await answer(ui, "later")
        await ui.press("ctrl+n")
        assert (ui.status("pgp-keys"), ui.status("users")) == (Status.DONE, Status.STALE)
        assert standing(ui.app.wizard.run, StepKey("pgp-keys")) is Status.UNCONFIRMED


@pytest.mark.parametrize("comparing", [True, False])
async def test_what_is_known_of_a_replacement_uses_the_rows_that_are_free(
    admin_project: AdminProject, people_keys: Keys, *, comparing: bool
) -> None:
    rekeying(admin_project, ALEX)
    async with wizard(admin_project, project, at="pgp-keys") as ui:
        await paste(ui, people_keys["jane.doe"])
        if not comparing:
            await ui.press("escape")
        pane, part = ui.app.pane, ui.app.pane.query_one("#comparing" if comparing else "#taking")
        assert part.query_one(".about").max_scroll_y > 0
        assert pane.max_scroll_y == 0
        assert part.virtual_region.bottom == pane.size.height
