"""The account's screen: switches that are not set, what each setting does, what is edited by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.admin_project import AdminProject, decide
from support.admin_wizard import Wizard, wizard
from support.fakes import fake_environment
from support.given import Given
from support.panes import PaneHost, new_session, rest, settle
from support.small_steps import SmallPane, SmallStep
from textual.events import Paste
from textual.widgets import Input

from screens.admin.account import OptionalBox
from screens.widgets.text import Text
from workflows.machine.declaration import Step
from workflows.machine.events import Facts, StepKey
from workflows.machine.state import Status
from workflows.steps.admin import project
from workflows.steps.admin.account import EXPLANATIONS
from workflows.steps.shared.module import StepModule


@pytest.fixture
def admin(admin_project: AdminProject) -> AdminProject:
    decide(admin_project, {}, account_wanted=True, layers=("security",))
    return admin_project


def box(ui: Wizard, name: str) -> OptionalBox:
    return ui.app.pane.query_one(f"#set-security-{name}", OptionalBox)


def words(ui: Wizard) -> str:
    return " ".join(ui.text.replace("│", " ").split())


async def test_a_switch_that_is_not_set_says_so_and_can_be_set(admin: AdminProject) -> None:
    admin.replace("security", "account.tf", "  hard_expiry                    = false\n", "")
    async with wizard(admin, project, at="account", size=(120, 36)) as ui:
        for name, default in (("hard-expiry", "no"), ("create-account-password-policy", "yes")):
            assert box(ui, name).setting is None
            assert str(box(ui, name).label).endswith(f" {default})")
        weak = ui.app.pane.query_one(".weak", Text)
        before = str(weak.content).splitlines()
        box(ui, "hard-expiry").focus()
        await ui.press("space")
        assert EXPLANATIONS["hard_expiry"] in words(ui)
        assert len(str(weak.content).splitlines()) == len(before) + 1
        await ui.press("space")
        assert box(ui, "hard-expiry").setting is False
        assert str(weak.content).splitlines() == before
        await ui.press("ctrl+n")
        assert ui.session.facts()["account_changes"] == {
            "security": {"alias": None, "policy": {"hard_expiry": False}}
        }


async def test_what_is_entered_is_kept_and_nothing_else(admin: AdminProject) -> None:
    async with wizard(admin, project, at="account", size=(120, 36)) as ui:
        ui.field("set-security-max-password-age").value = "0"
        await ui.go_to("project")
        assert ui.session.drafts.load(StepKey("account"))["layers"] == {"security": {"max_password_age": 0}}
        admin.replace("security", "account.tf", "= 16", "= 18")
        await ui.go_to("account")
        assert ui.field("set-security-max-password-age").value == "0"
        assert ui.field("set-security-minimum-password-length").value == "18"
        await ui.press("ctrl+n")
        assert ui.status("account") is Status.DONE
        assert ui.session.facts()["account_changes"]["security"]["policy"] == {"max_password_age": 0}


async def test_the_computed_alias_is_edited_by_hand_and_the_rest_stays_entered(admin: AdminProject) -> None:
    async with wizard(admin, project, at="account", size=(120, 36)) as ui:
        field = ui.app.pane.query_one("#set-security-minimum-password-length", Input)
        field.focus()
        for typed in ("space", "2", "0"):
            await ui.press(typed)
            assert field.value == {"space": "16", "2": "2", "0": "20"}[typed]
        field.clear()
        field.post_message(Paste(" 20 "))
        await ui.rest()
        assert ui.app.pane.request().layers["security"].values["minimum_password_length"] == 20
        await ui.press("f4")
        body = str(ui.app.screen.query_one(".dialog-body", Text).content)
        assert all(part in body for part in ("account.tf", "7"))
        admin.replace("security", "account.tf", '"${var.project_long}-${var.environment}"', '"bb-security"')
        await ui.press("escape")
        assert ui.field("set-security-account-alias").value == "bb-security"
        assert ui.field("set-security-minimum-password-length").value == "20"


async def test_a_number_that_the_layer_does_not_set_stays_unset(admin: AdminProject) -> None:
    admin.replace("security", "account.tf", "= 4", "= null")
    async with wizard(admin, project, at="account", size=(80, 24)) as ui:
        assert ui.field("set-security-password-reuse-prevention").value == ""
        await ui.press("ctrl+n")
        assert ui.status("account") is Status.DONE
        assert ui.session.facts()["account_changes"] == {}


async def test_a_value_that_aws_refuses_is_said_before_the_next_account(admin_project: AdminProject) -> None:
    decide(admin_project, {}, account_wanted=True, layers=("management", "security"))
    async with wizard(admin_project, project, at="account", size=(80, 24)) as ui:
        field = ui.field("set-management-minimum-password-length")
        field.value = "3"
        await ui.press("ctrl+n")
        assert field.is_on_screen
        field.value = "16"
        await ui.press("ctrl+n")
        assert not field.is_on_screen


async def test_the_arrows_go_from_field_to_field_and_what_is_typed_stays(admin: AdminProject) -> None:
    async with wizard(admin, project, at="account") as ui:
        first = ui.field("set-security-minimum-password-length")
        first.focus()
        await ui.press("end", "0", "down")
        assert first.value == "160"
        assert ui.focused != first.id
        await ui.press("up")
        assert ui.focused == first.id


def _elsewhere(_facts: Facts, account: str) -> bool:
    return account != "security"


@pytest.mark.parametrize("applied", [True, False])
async def test_the_end_says_what_was_changed_about_an_account(tmp_path: Path, applied: bool) -> None:
    length = "minimum_password_length"
    changes = {"alias": None, "policy": {length: 20}, "before": {length: 16}}
    facts: dict[str, Any] = {"project": "bb", "layers": ["management", "security"], "account_wanted": True}
    facts["account_changes"] = {"security": changes}
    step = Step("apply", "Apply", "Do it.", (), ("applied",), repeats_over="layers", not_needed=_elsewhere)
    apply = SmallStep(step)
    modules: list[StepModule] = [Given(facts), apply]
    session = new_session(tmp_path / "sessions", modules)
    settle(session, StepKey("given"), facts)
    if applied:
        settle(session, StepKey("apply", "security"), {"applied": {"at": "2026-03-01T10:00:00+00:00"}})
    app = PaneHost(session, fake_environment(tmp_path, {}), modules, {"apply": SmallPane})
    async with app.run_test(size=(80, 24)) as pilot:
        await app.wizard.go_to(None)
        await rest(pilot)
        said = "".join(str(text.content) for text in app.wizard.query("#settings").results(Text))
        assert [value in said for value in ("security", "20", "16")] == [applied] * 3
        assert "management" not in said
        assert not app.wizard.query("#ask-apply")
    session.close()
