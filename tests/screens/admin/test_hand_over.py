"""The page of hand over, with recorded events in place of a running Terraform."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len
from support.fakes import FakeClipboard
from support.panes import PaneHost, rest, until
from support.terraform_pages import Desk, moment_now, press, written
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Button, Input

from screens.admin import hand_over as module
from screens.admin.hand_over import HandOverPane
from screens.admin.plan import PlanPane
from screens.step import terraform
from screens.step.page import StepPane, is_displayed
from screens.step.terraform import CompareDialog
from screens.widgets.dialogs import Confirm
from screens.widgets.lists import TextDialog, ToSendDialog
from screens.widgets.rail import MARKS
from screens.widgets.text import LINE_CELLS, OptionList, Text
from workflows.core.sentences import moment_text, text_of
from workflows.core.shapes import plain
from workflows.machine.events import Observation, StepKey, Verdict
from workflows.machine.state import Status
from workflows.steps.admin import hand_over
from workflows.steps.admin.accepted_plan import Made, RoleChange, Sent, sent_to
from workflows.steps.admin.hand_over import PersonHandoff
from workflows.steps.admin.status_grid import PersonStatus, status_grid
from workflows.steps.admin.terraform_runs import CodeWanted
from workflows.steps.decisions import Decisions
from workflows.steps.shared.module import Context, Report

JANES = PersonHandoff("jane.doe", "Hello jane.doe\n", ("management",))


def jane_to_hand_over(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    *texts: PersonHandoff,
    passwords: tuple[str, ...] = ("jane.doe",),
) -> PaneHost:
    """Hand over of management, with a text for jane.doe."""
    desk.accept(replace(written(desk), passwords=passwords))
    desk.applied()
    texts = texts or (JANES,)
    monkeypatch.setattr(hand_over, "prepare", lambda _context, _report, _code=None: texts)
    return desk.host("hand-over")


@asynccontextmanager
async def at_hand_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *texts: PersonHandoff
) -> AsyncIterator[tuple[PaneHost, Pilot[None], HandOverPane]]:
    """Open that page; its texts are read."""
    app = jane_to_hand_over(desk, monkeypatch, *texts)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        assert isinstance(app.pane, HandOverPane)
        yield app, pilot, app.pane


async def test_next_copies_and_marks_each_text_that_was_not_saved(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.accept(replace(written(desk), passwords=("jane.doe", "juan.delacruz")))
    desk.applied()
    texts = tuple(
        PersonHandoff(name, f"Hello {name}\n", ("management",)) for name in ("jane.doe", "juan.delacruz")
    )
    monkeypatch.setattr(hand_over, "prepare", lambda _context, _report, _code=None: texts)
    app = desk.host("hand-over")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        assert "○ jane.doe " in app.text()
        await press(pilot, "ctrl+n")
        assert isinstance(desk.environment.clipboard, FakeClipboard)
        assert desk.environment.clipboard.content == "Hello jane.doe\n"
        pane = app.pane
        assert isinstance(pane, HandOverPane)
        assert pane.request().people["jane.doe"].sent_at is None  # copying is not sending
        await press(pilot, "ctrl+n")
        assert pane.request().people["jane.doe"].by_hand
        await press(pilot, "ctrl+n")
        assert desk.environment.clipboard.content == "Hello juan.delacruz\n"
        assert desk.status("hand-over") is Status.READY
        await press(pilot, "w")
        assert (desk.environment.home / "handoff-juan.delacruz.txt").read_text() == "Hello juan.delacruz\n"
        await press(pilot, "ctrl+n")
        assert not app.pane.turn().yours
        assert not app.pane.query_one("#skip").display
        await press(pilot, "ctrl+s")
        assert desk.status("hand-over") is not Status.SKIPPED
        await press(pilot, "ctrl+n")
        assert desk.status("hand-over") is Status.DONE
        people = desk.session.facts("management")["handed_over"]["people"]
        assert people["juan.delacruz"]["how"].endswith("~/handoff-juan.delacruz.txt")
        assert people["jane.doe"]["sent_at"]


async def test_roles_of_each_account_that_the_handoff_covers_are_named(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    roles = {"management": {"jane.doe": RoleChange({"DevOps": ("shared",)})}}
    roles["security"] = {"jane.doe": RoleChange({"Auditor": ("security",)})}
    monkeypatch.setattr(module, "accounts_of_text", lambda *_: [*roles])
    monkeypatch.setattr(module, "made_in", lambda account, _context: Made(roles=roles[account]))
    async with at_hand_over(desk, monkeypatch) as (_, _, pane):
        hint = str(pane.query_one("#hint", Text).render())
        assert all(role in hint for role in ("DevOps", "Auditor"))


async def test_a_text_left_to_a_later_one_is_no_longer_called_ready_nor_left_out_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hand_over, "later_layers", lambda *_: ("security",))
    app = jane_to_hand_over(desk, monkeypatch)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        ready = app.pane.query_one("#people", OptionList).get_option_at_index(0).prompt
        assert app.pane.query_one("#skip").display
        await press(pilot, "ctrl+s")
        assert desk.status("hand-over") is Status.SKIPPED
        await app.wizard.go_to(StepKey("hand-over", "management"))
        await rest(pilot)
        assert app.pane.query_one("#people", OptionList).get_option_at_index(0).prompt != ready
        assert not app.pane.query_one("#skip").display
        assert not app.pane.query_one("#hint").display


async def test_a_text_can_be_left_to_a_later_one_only_for_whom_there_is_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    janes = lambda names, _context: ("security",) if "jane.doe" in names else ("apps",)  # noqa: E731
    monkeypatch.setattr(hand_over, "later_layers", janes)
    texts = (JANES, replace(JANES, name="juan.delacruz", absent=("apps",)))
    app = jane_to_hand_over(desk, monkeypatch, *texts, passwords=("juan.delacruz",))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        hint, skip = app.pane.query_one("#hint", Text), app.pane.query_one("#skip")
        assert "security" in str(hint.content)
        await press(pilot, "down")
        assert "security" not in str(hint.content)
        assert skip.display, "Jane's can be left"
        await press(pilot, "up", "t")
        assert not skip.display


async def test_who_was_sent_theirs_before_the_rest_is_left_to_a_later_account_stays_known(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hand_over, "later_layers", lambda *_: ("security",))
    key, sent = StepKey("hand-over", "management"), Sent(moment_now(), "copied")
    texts = (JANES, replace(JANES, name="juan.delacruz"))
    app = jane_to_hand_over(desk, monkeypatch, *texts, passwords=("juan.delacruz",))
    desk.session.drafts.save(key, {"people": plain({"juan.delacruz": sent})})
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: desk.status("hand-over") is Status.SKIPPED)
        assert sent_to(desk.session.drafts.load(key))["juan.delacruz"] == sent


async def test_enter_shows_the_text_and_a_mark_by_hand_is_taken_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at_hand_over(desk, monkeypatch) as (app, pilot, _pane):

        def page() -> HandOverPane:
            assert isinstance(app.pane, HandOverPane)
            return app.pane

        def sent() -> Sent:
            return page().request().people["jane.doe"]

        await press(pilot, "enter")
        assert isinstance(app.screen, TextDialog)
        assert sent() == Sent()
        await press(pilot, "escape", "t")
        assert (sent().sent_at is not None, sent().by_hand) == (True, True)
        assert page()._line("jane.doe").startswith(MARKS[Status.UNCONFIRMED])
        assert desk.status("hand-over") is Status.DONE, "nothing is left to send"
        label = str(page().query_one("#sent", Button).label)
        await press(pilot, "t")
        assert sent() == Sent()
        assert desk.status("hand-over") is Status.READY
        assert str(page().query_one("#sent", Button).label) != label


async def test_an_account_whose_text_was_sent_before_is_not_listed_as_the_new_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = replace(JANES, accounts=("management", "security"))
    lines = []
    async with at_hand_over(desk, monkeypatch, texts) as (_, _pilot, pane):
        for before in (set(), {"management"}):
            monkeypatch.setattr(hand_over, "sent_before", lambda *_, before=before: before)
            line = pane._line("jane.doe")
            lines.append([line.index(account) for account in texts.accounts])
    assert [places == sorted(places) for places in lines] == [True, False]


@pytest.mark.parametrize("trouble", [(), ("security: AWS no longer has this user.",)])
async def test_a_text_that_lacks_an_account_is_marked_in_the_list(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, trouble: tuple[str, ...]
) -> None:
    desk.accept(replace(written(desk), passwords=("jane.doe",)))
    desk.applied()
    texts = (replace(JANES, trouble=trouble),)
    monkeypatch.setattr(hand_over, "prepare", lambda _context, _report, _code=None: texts)
    app = desk.host("hand-over")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        line = str(app.pane.query_one("#people", OptionList).get_option_at_index(0).prompt)
        assert "management" in line
        assert ("!" in line) is bool(trouble)


async def test_a_machine_user_does_not_count_among_the_people_who_can_start(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("jane.doe", "machine.deploy")
    desk.accept(replace(written(desk), passwords=names))
    desk.applied()
    texts = tuple(PersonHandoff(name, f"Hello {name}\n", ("management",)) for name in names)
    monkeypatch.setattr(hand_over, "prepare", lambda _context, _report, _code=None: texts)
    app = desk.host("hand-over")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        await press(pilot, "t", "t")
        turn = app.pane.turn()
        assert not turn.yours
        assert "jane.doe" in text_of(turn.line)


async def test_a_text_for_a_key_that_nobody_compared_is_sent_only_after_a_question(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Decisions, "not_compared", ("jane.doe",))
    app = jane_to_hand_over(desk, monkeypatch)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        assert app.pane.query_one("#not-compared").display
        assert app.pane.query_one("#compare").display
        await press(pilot, "ctrl+n")
        assert isinstance(app.screen, Confirm)
        assert isinstance(desk.environment.clipboard, FakeClipboard)
        await press(pilot, "escape")
        assert desk.environment.clipboard.content == ""
        await press(pilot, "ctrl+n", "left", "enter")
        assert desk.environment.clipboard.content == "Hello jane.doe\n"
        await press(pilot, "t")
        assert app.pane.request().people["jane.doe"].sent_at
        assert app.pane.turn().yours, "the fingerprint is still to be compared"
        await press(pilot, "ctrl+n")
        assert desk.status("hand-over") is Status.DONE
        await app.wizard.go_to(StepKey("hand-over", "management"))
        await rest(pilot)
        assert app.pane.query_one("#compare").display


async def test_a_handoff_whose_copy_is_not_certain_is_shown_and_replaces_no_other_file(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = jane_to_hand_over(desk, monkeypatch)
    monkeypatch.setattr(desk.environment.clipboard, "certain", False)
    diary = desk.environment.home / "handoff-jane.doe.txt"
    diary.write_text("Dear diary")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        await press(pilot, "ctrl+n")
        await rest(pilot)
        assert isinstance(app.screen, ToSendDialog)
        await press(pilot, "s")
        await rest(pilot)
        assert diary.read_text() == "Dear diary"
        diary.unlink()
        await press(pilot, "s", "escape")
        await rest(pilot)
        assert diary.read_text() == "Hello jane.doe\n"
        assert app.pane.request().people == {"jane.doe": Sent()}


async def test_in_the_sandbox_only_the_mailbox_delivers_a_handoff(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox = desk.environment.home / "mailbox"
    mailbox.mkdir(parents=True)
    (mailbox / "handoff-jane.doe.txt").write_text("From another session, not read yet\n")
    desk.environment = replace(desk.environment, mailbox=mailbox, sandbox=True)
    async with at_hand_over(desk, monkeypatch) as (app, pilot, pane):
        first = str(pane.query_one("#mail", Button).label)
        await press(pilot, "w", "t")
        saved = desk.environment.home / "handoff-jane.doe.txt"
        assert saved.exists()
        assert str(saved) in str(pane._taken["jane.doe"])
        assert not pane.query_one("#sent").display
        assert pane.request().people["jane.doe"] == Sent()
        await press(pilot, "ctrl+n")
        assert (mailbox / "handoff-jane.doe.txt").read_text() == "Hello jane.doe\n"
        assert len([*mailbox.iterdir()]) == 2, "the one before it is still there"
        assert pane.request().people["jane.doe"].sent_at
        again = app.pane.query_one("#mail", Button)
        assert again.display
        assert str(again.label) != first


async def test_a_done_hand_over_opens_again_when_a_mark_is_taken_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = jane_to_hand_over(desk, monkeypatch)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await press(pilot, "t", "ctrl+n")
        assert desk.status("hand-over") is Status.DONE
        await app.wizard.go_to(StepKey("hand-over", "management"))
        await rest(pilot)
        await press(pilot, "v")  # it reads the text first
        await rest(pilot)
        assert isinstance(app.screen, TextDialog)
        await press(pilot, "escape", "t")
        assert desk.status("hand-over") is Status.READY
        assert app.pane.request().people == {"jane.doe": Sent()}
        await press(pilot, "t", "ctrl+n")
        assert desk.status("hand-over") is Status.DONE
        assert desk.session.facts("management")["handed_over"]["people"]["jane.doe"]["by_hand"]


async def test_a_done_hand_over_asks_for_nothing_that_a_later_session_made_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = jane_to_hand_over(desk, monkeypatch)
    instead = {"jane.doe": ("management: a later session made another password.",)}
    key = StepKey("hand-over", "management")
    desk.session.start(key)
    desk.session.succeed(key, {"handed_over": {"people": {"jane.doe": plain(Sent())}}})
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        asked = app.pane.primary()
        monkeypatch.setattr(hand_over, "left_to_later", lambda _context: instead)
        await app.wizard.go_to(None)
        await app.wizard.go_to(key)
        await rest(pilot)
        assert isinstance(app.pane, HandOverPane)
        assert app.pane._unsent == []
        assert app.pane.primary() != asked
        assert app.pane.query_one("#elsewhere").display
        assert not any(is_displayed(way) for way in app.pane.query("#copy, #save, #view, #file"))


async def test_a_long_path_stays_on_the_line_of_its_person(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at_hand_over(desk, monkeypatch) as (_app, _pilot, pane):
        pane._taken["jane.doe"] = f"saved as /{'folder/' * 20}handoff-jane.doe.txt"
        assert cell_len(pane._line("jane.doe")) <= LINE_CELLS


async def test_what_aws_no_longer_has_is_not_handed_out_and_the_plan_makes_it_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at_hand_over(desk, monkeypatch) as (_app, pilot, pane):
        assert pane._to_send == "jane.doe"
        lacking = PersonHandoff("jane.doe", "", (), ("management: no password.",), to_plan=("management",))
        monkeypatch.setattr(hand_over, "is_gone", lambda *_: True)
        monkeypatch.setattr(hand_over, "prepare", lambda _context, _report, _code=None: (lacking,))
        await press(pilot, "ctrl+n")
        await rest(pilot)
        assert isinstance(desk.environment.clipboard, FakeClipboard)
        assert not desk.environment.clipboard.content
        assert (pane._to_send, pane._to_plan) == ("", "management")
        assert not any(is_displayed(way) for way in pane.query("#copy, #save, #view, #file"))


async def test_a_text_that_another_session_made_useless_since_it_was_read_is_not_handed_out(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubted = PersonHandoff("jane.doe", "Hello\n", ("management",), doubts=("Another key came.",))
    async with at_hand_over(desk, monkeypatch, doubted) as (_app, pilot, pane):
        assert pane._to_send == "jane.doe"
        assert pane.query_one("#doubts").display
        assert pane.query_one("#compare").display
        monkeypatch.setattr(hand_over, "_handled_later", lambda *_: {"jane.doe": "another password."})
        await press(pilot, "ctrl+n")
        await rest(pilot)
        assert isinstance(pilot.app.screen, Confirm), "the doubt is to be seen first"
        await press(pilot, "tab", "enter")
        await rest(pilot)
        assert isinstance(desk.environment.clipboard, FakeClipboard)
        assert not desk.environment.clipboard.content
        assert (pane._to_send, pane._to_confirm, pane._unsent) == ("", "", [])
        assert pane.query_one("#elsewhere").display
        assert not pane.query_one("#doubts").display
        assert not pane.query_one("#compare").display


async def test_a_password_that_a_text_lacks_is_named_before_it_is_sent(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = PersonHandoff("jane.doe", "Hello\n", ("management",), without=("It is for another key.",))
    async with at_hand_over(desk, monkeypatch, without) as (_app, _pilot, pane):
        assert pane._line("jane.doe").startswith("! ")
        assert "! It is for another key." in str(pane.query_one("#doubts", Text).content)
        assert not pane.query_one("#compare").display
        assert pane._to_send == "jane.doe", "the roles go out"


async def test_a_way_that_the_primary_action_takes_has_no_button_besides(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = jane_to_hand_over(desk, monkeypatch)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        shown = {name: app.pane.query_one(f"#{name}").display for name in ("copy", "save", "sent", "skip")}
        assert shown == {"copy": False, "save": True, "sent": True, "skip": False}
        await press(pilot, "t")
        assert app.pane.query_one("#copy").display


async def test_somebody_who_cannot_decrypt_is_led_to_a_new_key(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = jane_to_hand_over(desk, monkeypatch)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        wanted: list[StepPane.StepWanted] = []
        pane, genuine = app.pane, app.pane.post_message

        def post(message: Message) -> bool:
            if isinstance(message, StepPane.StepWanted):
                wanted.append(message)
                return True
            return bool(genuine(message))

        monkeypatch.setattr(pane, "post_message", post)
        await press(pilot, "n")
        assert isinstance(app.screen, Confirm)
        app.screen.query_one("#yes").focus()
        await press(pilot, "enter")
        (replaced,) = wanted
        assert (replaced.step, replaced.draft["rekeying"]) == ("project", ["jane.doe"])
        assert "jane.doe" not in replaced.draft["joining"]


async def test_what_is_not_for_the_expected_key_cannot_be_sent(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.accept(written(desk))
    desk.applied()
    refused = (PersonHandoff("jane.doe", "", (), ("management: other",)),)
    monkeypatch.setattr(hand_over, "prepare", lambda _context, _report, _code=None: refused)
    app = desk.host("hand-over")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        assert "✗ management: other" in app.text()
        await press(pilot, "c")
        assert isinstance(desk.environment.clipboard, FakeClipboard)
        assert desk.environment.clipboard.content == ""
        await press(pilot, "v")
        assert [toast.severity for toast in app._notifications] == ["warning"] * 2


async def test_a_text_that_was_sent_and_is_of_no_use_now_is_not_handed_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.accept(replace(written(desk), passwords=("jane.doe",)))
    desk.applied()
    lost = (PersonHandoff("jane.doe", "", (), ("management: AWS has no such user.",)),)
    monkeypatch.setattr(hand_over, "prepare", lambda _context, _report, _code=None: lost)
    app = desk.host("hand-over")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        await press(pilot, "t")
        assert "✗ jane.doe " in app.text()
        assert app.pane.request().people == {"jane.doe": Sent()}, "a mark would say that it was of use"
        await press(pilot, "ctrl+n", "ctrl+n")
        assert lost[0].trouble[0] in app.text()
        assert desk.status("hand-over") is Status.READY
        assert app.pane.query_one("#skip").display
        await press(pilot, "ctrl+s")
        assert desk.status("hand-over") is Status.SKIPPED


@pytest.mark.parametrize("done", [True, False])
async def test_a_text_that_turns_out_to_be_of_no_use_is_not_called_sent_anywhere(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, done: bool
) -> None:
    names = ["jane.doe"] if done else ["jane.doe", "sam.okafor"]  # it is done once everybody's is sent
    desk.accept(replace(written(desk), passwords=tuple(names)))
    desk.applied()
    texts = [PersonHandoff(name, f"Hello {name}\n", ("management",)) for name in names]
    monkeypatch.setattr(hand_over, "prepare", lambda _context, _report, _code=None: tuple(texts))
    app = desk.host("hand-over")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        await press(pilot, "t")
        assert (desk.status("hand-over") is Status.DONE) is done
        texts[0] = PersonHandoff("jane.doe", "", (), ("management: no password.",), to_plan=("management",))
        assert isinstance(app.pane, HandOverPane)
        app.pane.look_again()
        await rest(pilot)
        stand = dict(status_grid(app.wizard.run.session_context()).rows)["jane.doe"][0]
        assert stand is (PersonStatus.CHANGED if done else PersonStatus.TO_HAND_OVER)
        assert (desk.status("hand-over") is Status.CONTRADICTED) is done


@pytest.mark.parametrize("action", ["t", "ctrl+s"])
async def test_what_was_only_read_is_no_input(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    monkeypatch.setattr(hand_over, "later_layers", lambda *_: ("security",))
    async with at_hand_over(desk, monkeypatch) as (app, pilot, _pane):
        key, partly = StepKey("hand-over", "management"), replace(JANES, trouble=("security: gone",))
        await press(pilot, action)
        monkeypatch.setattr(hand_over, "prepare", lambda _context, _report, _code=None: (partly,))
        await app.wizard.go_to(None)
        await app.wizard.go_to(key)
        await rest(pilot)
        await press(pilot, "v")
        await rest(pilot)
        await press(pilot, "escape")
        await app.wizard.go_to(None)
        assert desk.session.drafts.load(key) == {}
        desk.session.observe({key: Observation(Verdict.GONE, "Lost.", ("jane.doe",))})
        await app.wizard.go_to(key)
        await rest(pilot)
        await app.wizard.go_to(None)
        assert desk.session.drafts.load(key) == {}


@pytest.mark.parametrize("done", [True, False])
async def test_a_sent_text_for_a_key_that_is_not_theirs_keeps_its_time_and_next_asks_for_another_key(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, done: bool
) -> None:
    names = ["jane.doe"] if done else ["jane.doe", "sam.okafor"]
    desk.accept(replace(written(desk), passwords=tuple(names)))
    desk.applied()
    texts = [PersonHandoff(name, f"Hello {name}\n", ("management",)) for name in names]
    monkeypatch.setattr(hand_over, "prepare", lambda _context, _report, _code=None: tuple(texts))
    app, key = desk.host("hand-over"), StepKey("hand-over", "management")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        await press(pilot, "t")
        assert isinstance(app.pane, HandOverPane)
        sent = app.pane.request().people["jane.doe"].sent_at
        assert sent
        texts[:] = [PersonHandoff(name, "", (), ("management: not theirs",), rejected=True) for name in names]
        app.pane.look_again()
        await rest(pilot)
        assert desk.status("hand-over") is (Status.CONTRADICTED if done else Status.READY)
        for _ in range(2):
            assert isinstance(app.pane, HandOverPane)
            line = app.pane._line("jane.doe")
            assert line.startswith("✗")
            assert moment_text(sent, desk.environment.now()) in line
            await app.wizard.go_to(None)
            await app.wizard.go_to(key)
            await rest(pilot)
        await press(pilot, "ctrl+n")
        assert isinstance(app.screen, Confirm)


async def test_what_only_another_plan_makes_again_is_planned_again_by_next(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.accept(replace(written(desk), passwords=("jane.doe",)))
    desk.applied()
    lost = (PersonHandoff("jane.doe", "", (), ("management: gone",), to_plan=("management",)),)
    monkeypatch.setattr(hand_over, "prepare", lambda _context, _report, _code=None: lost)
    app = desk.host("hand-over")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        await press(pilot, "ctrl+n")
        assert isinstance(app.pane, PlanPane)
        assert "jane.doe" in app.pane.opening.note
        assert (desk.status("plan"), desk.status("apply")) == (Status.READY, Status.LOCKED)
        await press(pilot, "ctrl+n")
        assert len(desk.made) == 1


async def test_nothing_is_asked_for_whom_a_later_session_left_nothing_to_send(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.accept(replace(written(desk), passwords=("jane.doe",)))
    desk.applied()
    gone = (PersonHandoff("jane.doe", "", (), elsewhere=("management: removed",)),)
    monkeypatch.setattr(hand_over, "prepare", lambda _context, _report, _code=None: gone)
    app = desk.host("hand-over")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        assert app.pane.turn().yours
        await press(pilot, "ctrl+n")
        assert desk.status("hand-over") is Status.DONE


async def test_hand_over_asks_for_a_code_when_the_session_ended_meanwhile(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    serial = "arn:aws:iam::111111111111:mfa/dana.lopez"
    desk.accept(replace(written(desk), passwords=("jane.doe",)))
    desk.applied()

    def prepare(_context: Context, _report: Report, code: Any = None) -> tuple[PersonHandoff, ...]:
        if code is None:
            raise CodeWanted("bb-management-administrator", serial)
        return (PersonHandoff("jane.doe", "Hello jane.doe\n", ("management",)),)

    monkeypatch.setattr(hand_over, "prepare", prepare)
    app = desk.host("hand-over")
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        assert app.focused is app.pane.query_one("#code", Input)
        assert serial in app.text()
        await press(pilot, *"123456", "ctrl+n")
        assert "○ jane.doe " in app.text()
        assert serial not in app.text()


async def test_escape_closes_the_shown_text_first_and_only_then_goes_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = jane_to_hand_over(desk, monkeypatch)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        await rest(pilot)
        here = app.wizard.current
        await press(pilot, "v")
        assert isinstance(app.screen, TextDialog)
        assert "Hello jane.doe" in app.text()
        await press(pilot, "escape")
        assert app.wizard.current == here
        await press(pilot, "escape")
        assert app.wizard.current != here


async def test_not_yet_ends_the_questions_about_keys_and_reads_nothing_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, asked = list[str](), list[str]()
    keys = {("jane.doe", "management"): "A" * 40, ("jane.doe", "security"): "B" * 40}
    monkeypatch.setattr(terraform, "to_compare", lambda names, *_: asked.extend(names) or keys)
    doubted = PersonHandoff("jane.doe", "Hello\n", ("management",), doubts=("A doubt.",))
    async with at_hand_over(desk, monkeypatch, doubted) as (app, pilot, pane):
        pane._names = ("ann", "jane.doe")
        pane._handoffs["ann"] = replace(doubted, name="ann", doubts=())
        monkeypatch.setattr(hand_over, "prepare", lambda *_: read.append("state") or ())
        await press(pilot, "k")
        await rest(pilot)
        assert asked == ["jane.doe"], "nothing is doubtful about ann's key"
        assert isinstance(app.screen, CompareDialog)
        await press(pilot, "escape")
        await rest(pilot)
        assert not isinstance(app.screen, CompareDialog)
        monkeypatch.setattr(terraform, "to_compare", lambda *_: {})
        await press(pilot, "k")
        await rest(pilot)
        assert not read
