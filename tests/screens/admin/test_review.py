"""The review's screen: from file to file, in colours and without them, taken elsewhere, edited by hand."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NoReturn
from unittest.mock import patch

import pytest
from rich.color import Color
from support.admin_project import MODULES, AdminProject, decide, put, write as write_files
from support.admin_wizard import PANES, Wizard, wizard
from support.fakes import FakeClipboard
from support.fitting import misfits
from support.panes import PaneHost
from textual.app import App, ComposeResult
from textual.widgets import Input, OptionList

from screens.admin.review import FileDiffs, file_diffs
from screens.step.asking import Contradiction
from screens.step.finished import EverybodyDialog
from screens.step.page import YOURS, is_displayed
from screens.widgets.dialogs import Confirm, ErrorDialog
from screens.widgets.lists import MarkBox
from screens.widgets.text import Lines, Text
from tui.app.themes import ROLES, TERMINAL, themes
from workflows.core.openpgp import fingerprint_in, grouped
from workflows.core.sentences import OnboardError, text_of
from workflows.layer.write import ChangeSet, FileChange
from workflows.machine.events import StepKey
from workflows.machine.sessions import Sessions
from workflows.machine.state import Status
from workflows.steps.admin import groups, pgp_keys, plan, project, review, users
from workflows.steps.admin.other_sessions import RemovedFromFiles
from workflows.steps.admin.status_grid import PersonStatus, status_grid
from workflows.steps.decisions import Comparison
from workflows.steps.shared.module import stopped

Keys = Mapping[str, bytes]
DEFAULT = Color.default()


@pytest.fixture
def decided(admin_project: AdminProject, people_keys: Keys) -> AdminProject:
    decide(admin_project, people_keys, joining=("jane.doe",))
    put(admin_project, {name: {"jane.doe": {"auditors"}} for name in ("management", "security")})
    return admin_project


@asynccontextmanager
async def review_of(
    admin: AdminProject, size: tuple[int, int] = (120, 36)
) -> AsyncIterator[tuple[Wizard, FileDiffs]]:
    async with wizard(admin, project, pgp_keys, users, groups, at="review", size=size) as ui:
        yield ui, ui.app.pane.query_one(FileDiffs)


async def write(ui: Wizard) -> None:
    """Press Next as somebody who has seen all of it."""
    diff = ui.app.pane.query_one(FileDiffs)
    diff.seen = set(range(len(diff.files)))
    await ui.press("ctrl+n")


def top(diff: FileDiffs) -> str:
    return diff.render_line(0).text.strip()


async def test_all_of_a_commits_message_is_in_view_while_nobody_edits_it(decided: AdminProject) -> None:
    async with review_of(decided, (80, 24)) as (ui, _):
        ui.app.pane.query_one("#commit", MarkBox).value = True
        field = ui.field("message")
        for words in (1, 30):
            field.value = " ".join(f"word{number}" for number in range(words))
            await ui.rest()
            lines = [field.render_line(row).text.strip() for row in range(field.size.height)]
            assert " ".join(lines) == field.value
            assert ui.app.screen.can_view_entire(field)
        field.focus()
        await ui.press("home", "x")
        assert field.render_line(0).text.startswith("xword0")


async def test_the_page_says_that_a_commit_gets_a_body_only_where_the_subject_lacks_a_change(
    admin_project: AdminProject, people_keys: Mapping[str, bytes]
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",), layers=("security",))
    async with review_of(admin_project) as (ui, _):
        ui.app.pane.query_one("#commit", MarkBox).value = True
        await ui.rest()
        body = ui.app.pane.query_one("#body", Text)
        assert not body.content
        ui.field("message").value = "IAM update"
        await ui.rest()
        assert body.content


async def test_no_empty_frame_is_shown_while_the_difference_is_made(
    decided: AdminProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with review_of(decided) as (_ui, diff):
        assert is_displayed(diff)
    monkeypatch.setattr("screens.admin.review.ReviewPane.read", lambda _pane: None)
    async with review_of(decided) as (_ui, diff):
        assert not is_displayed(diff)


async def test_one_goes_from_file_to_file_by_keys_and_by_the_list(decided: AdminProject) -> None:
    async with review_of(decided) as (ui, diff):
        assert ui.focused == "diff"
        assert "8 files, +" in ui.text
        assert "groups.tf  +1 -0" in ui.text
        assert "1 of 8: management" in ui.text
        await ui.press("n")
        assert top(diff).startswith("--- a/management/global/base-identities/locals.tf")
        await ui.press("down", "p")
        assert top(diff).startswith("--- a/management/global/base-identities/locals.tf")
        await ui.press("p")
        assert top(diff).startswith("--- a/management/global/base-identities/groups.tf")
        files = ui.app.pane.query_one("#files", OptionList)
        files.focus()
        await ui.press("end", "up", "up", "up")
        assert top(diff).startswith("--- a/security/global/base-identities/groups.tf")
        assert files.has_focus
        await ui.press("enter")
        assert ui.focused == "diff"


async def test_a_file_is_seen_once_its_last_changed_line_was_shown(decided: AdminProject) -> None:
    async with review_of(decided) as (ui, diff):
        assert {diff._lines[file.over - 1].mark for file in diff.files} <= {"+", "-"}
        ends = [diff.row_of(file.over) for file in diff.files]
        assert diff.seen == {number for number, end in enumerate(ends) if end <= diff.size.height}
        before = str(ui.app.wizard._primary().effect)
        for _ in range(100):
            await ui.press("pagedown")
        assert diff.seen == set(range(len(diff.files)))
        assert str(ui.app.wizard._primary().effect) != before


async def test_page_down_reads_on_from_the_list_of_files_too(decided: AdminProject) -> None:
    async with review_of(decided, (80, 24)) as (ui, diff):
        await ui.press("l")
        files = ui.app.pane.query_one("#files", OptionList)
        while diff.at not in diff.unseen:
            await ui.press("down")
        assert files.has_focus
        before = diff.scroll_y
        await ui.press("pagedown")
        assert before < diff.scroll_y <= before + diff.size.height
        assert ui.focused == "diff"
        await ui.press("pagedown")
        assert files.highlighted == diff.at


async def test_the_key_for_the_next_file_leads_through_all_of_them_in_a_low_terminal(
    decided: AdminProject,
) -> None:
    async with review_of(decided, (80, 24)) as (ui, diff):
        await ui.press("l", "end", "enter")
        assert len(diff.seen) < len(diff.files)
        ui.app.pane.query_one("#commit").focus()
        for _ in range(4 * len(diff.files)):  # as the turn line says
            await ui.press("n")
        assert not diff.unseen
        files = ui.app.pane.query_one("#files", OptionList)
        shown = {at for at, option in enumerate(files.options) if str(option.prompt).startswith("✓")}
        assert shown == diff.seen


async def test_a_key_file_needs_no_reading_and_has_no_tick_unless_it_was_shown(decided: AdminProject) -> None:
    decided.facts["comparisons"] = {"jane.doe": Comparison.SAME.value}
    async with review_of(decided, (120, 40)) as (ui, diff):
        keys = [at for at, file in enumerate(diff.files) if not file.readable]
        hidden = [at for at in keys if at not in diff.seen]
        assert len(keys) == 2
        assert hidden
        options = ui.app.pane.query_one("#files", OptionList).options
        assert all(str(options[at].prompt).startswith("·") for at in hidden)
        assert all("PGP keys" in str(options[at].prompt) for at in hidden)
        assert not {*diff.unseen} & {*keys}
        diff.go_to_file(hidden[0])
        await ui.press("pagedown")
        options = ui.app.pane.query_one("#files", OptionList).options
        assert str(options[hidden[0]].prompt).startswith("✓")


async def test_a_key_file_that_nobody_compared_is_not_said_to_be(decided: AdminProject) -> None:
    lines: dict[str, list[str]] = {}
    for said in (Comparison.SAME, Comparison.LATER):
        decided.facts["comparisons"] = {"jane.doe": said.value}
        async with review_of(decided) as (ui, diff):
            options = ui.app.pane.query_one("#files", OptionList).options
            keys = [at for at, file in enumerate(diff.files) if not file.readable]
            lines[said] = [str(options[at].prompt) for at in keys if at not in diff.seen]
    assert lines[Comparison.SAME]
    assert not {*lines[Comparison.SAME]} & {*lines[Comparison.LATER]}


async def test_a_key_file_that_goes_is_compared_by_nobody(admin_project: AdminProject) -> None:
    admin_project.begin()
    admin_project.facts |= {"leaving": ["alex.kim"], "user_changes": {"remove": {"security": ["alex.kim"]}}}
    async with wizard(admin_project, project, users, at="review") as ui:
        diff = ui.app.pane.query_one(FileDiffs)
        (key,) = (at for at, file in enumerate(diff.files) if not file.readable)
        line = str(ui.app.pane.query_one("#files", OptionList).options[key].prompt)
        assert line.endswith("gone")


async def test_whom_a_later_session_removed_is_named_and_next_continues_without_them(
    admin_project: AdminProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed = RemovedFromFiles("Removed by a later session (Remove jane.doe).", {"security": ("jane.doe",)})
    monkeypatch.setattr(review, "removed_from_files", lambda *_: removed)
    admin_project.begin()
    move = {"security": {"jane.doe": {"add": ["devops"], "remove": []}}}
    admin_project.facts |= {"regrouping": ["jane.doe"], "user_changes": {}, "memberships": move}
    admin_project.facts |= {"group_changes": {}}
    async with wizard(admin_project, project, users, groups, at="review") as ui:
        assert not isinstance(ui.app.screen, ErrorDialog)
        said = str(ui.app.pane.query_one("#summary", Text).render())
        assert text_of(removed.words) in said
        assert ui.focused == "primary"


async def test_the_next_file_is_one_that_nobody_has_seen(decided: AdminProject) -> None:
    async with review_of(decided) as (ui, diff):
        last = max(at for at, file in enumerate(diff.files) if file.readable)
        assert last > 2
        diff.seen = set(range(last))
        diff.go_to_file(0)
        await ui.press("n")
        assert diff.at == last
        diff.seen = set(range(len(diff.files)))
        diff.go_to_file(0)
        await ui.press("n")
        assert diff.at == 1


async def test_what_nobody_has_seen_is_written_only_after_a_question(decided: AdminProject) -> None:
    async with review_of(decided) as (ui, _):
        await ui.press("ctrl+n")
        assert isinstance(ui.app.screen, Confirm)
        await ui.press("enter")
        assert ui.status("review") is Status.READY
        await ui.press("ctrl+n", "left", "enter")
        assert ui.status("review") is Status.DONE


async def test_what_was_seen_stays_seen_until_it_changes(decided: AdminProject) -> None:
    async with review_of(decided) as (ui, diff):
        index = len(diff.files) - 3
        await ui.press(*("n" for _ in range(index)))
        seen = set(diff.seen)
        assert index in seen
        await ui.press("escape")
        await ui.go_to("review")
        again = ui.app.pane.query_one(FileDiffs)
        assert again.seen == seen
        path = again.files[index].change.path
        path.write_text(f"# another\n{path.read_text()}")
        await ui.press("escape")
        await ui.go_to("review")
        assert ui.app.pane.query_one(FileDiffs).seen == seen - {index}


async def test_the_list_of_files_follows_the_keys_for_files(decided: AdminProject) -> None:
    async with review_of(decided, (80, 24)) as (ui, diff):
        await ui.press("l")
        files = ui.app.pane.query_one("#files", OptionList)
        for key, at in (("n", 1), ("n", 2), ("p", 1)):
            await ui.press(key)
            assert (diff.at, files.highlighted) == (at, at)
        assert is_displayed(files)
        await ui.press("escape")
        assert not is_displayed(files)


async def test_escape_closes_the_list_of_files(decided: AdminProject) -> None:
    async with review_of(decided, (80, 24)) as (ui, _):
        await ui.press("l")
        assert ui.focused == "files"
        assert ui.app.pane.inside
        await ui.press("escape")
        assert ui.focused == "diff"
        assert ui.app.pane.opening.step.id == "review"


async def test_a_long_line_goes_on_below_and_counts_as_seen_with_its_end(admin_project: AdminProject) -> None:
    text = "a = " + "".join(f"{number:04}" for number in range(200)) + "\n"
    app = Shown(edited(admin_project, b"", text.encode()))
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        diff = app.query_one(FileDiffs)
        (file,) = diff.files
        rows = range(diff.row_of(file.first), diff.row_of(file.over))
        assert len(rows) > diff.size.height
        assert not diff.seen
        diff.scroll_end(animate=False, immediate=True)
        await pilot.pause()
        assert diff.seen == {0}
        top = round(diff.scroll_y)
        drawn = [diff.render_line(row - top).text for row in rows]
        assert {line[:2] for line in drawn[1:]} == {"+…"}
        assert "".join([drawn[0][1:], *(line[2:] for line in drawn[1:])]).rstrip() == text.rstrip()


async def test_a_wider_terminal_may_paint_before_the_lines_are_wrapped_again(
    admin_project: AdminProject,
) -> None:
    app = Shown(edited(admin_project, b"", f"# {'x' * 300}\n".encode()))
    async with app.run_test(size=(40, 24)) as pilot:
        await pilot.pause()
        diff = app.query_one(FileDiffs)
        before = [diff.render_line(row).text[:2] for row in range(12)]
        with patch.object(FileDiffs, "on_resize"):
            await pilot.resize_terminal(90, 24)
            assert [diff.render_line(row).text[:2] for row in range(12)] == before


async def test_the_file_that_one_went_to_is_the_one_in_view_where_there_is_less_room(
    admin_project: AdminProject,
) -> None:
    app = Shown(edited(admin_project, b"a = 1\n" * 5, b"a = 1\n" * 4 + b"a = 2\n"))
    async with app.run_test(size=(80, 40)) as pilot:
        diff = app.query_one(FileDiffs)
        diff.show(file_diffs(ChangeSet((diff.files[0].change,) * 2)))
        await pilot.pause()
        diff.action_file(1)
        assert (diff.at, diff.scroll_y) == (1, 0), "all of it is in view"
        await pilot.resize_terminal(80, 8)
        await pilot.pause()
        assert diff.at == 1
        assert diff._line_at(round(diff.scroll_y)) >= diff.files[1].begin


async def test_a_key_is_one_line_with_its_fingerprint_and_fits_full_screen(decided: AdminProject) -> None:
    async with review_of(decided, (80, 24)) as (ui, diff):
        key = next(file for file in diff.files if not file.readable)
        longest = max(len(line.text) for line in key.change.lines if line.mark == "+")
        assert longest == len("+") + 76
        (shown,) = (line for line in key.lines if line.mark == "+")
        assert grouped(fingerprint_in(key.change.after or b"")) in shown.text
        assert diff.files[-1].begin + len(diff.files[-1].lines) == len(diff._lines) == len(diff._tokens)
        await ui.press("v")
        assert diff.row_of(key.over) - diff.row_of(key.begin) == key.over - key.begin


@pytest.mark.parametrize("columns", [40, 41])
async def test_no_letter_of_two_cells_is_lost_where_a_line_goes_on(
    admin_project: AdminProject, columns: int
) -> None:
    text = f'a = "{"山田太郎" * 30}"\n'
    app = Shown(edited(admin_project, b"", text.encode()))
    async with app.run_test(size=(columns, 10)) as pilot:
        await pilot.pause()
        diff = app.query_one(FileDiffs)
        (file,) = diff.files
        rows = range(diff.row_of(file.first), diff.row_of(file.over))
        drawn = [diff.render_line(row - round(diff.scroll_y)).text for row in rows]
        assert {line[:2] for line in drawn[1:]} == {"+…"}
        assert "".join([drawn[0][1:].rstrip(), *(line[2:].rstrip() for line in drawn[1:])]) == text.rstrip()


async def test_what_the_difference_does_not_say_is_told_above_it(decided: AdminProject) -> None:
    path = decided.root / "security/global/base-identities/locals.tf"
    path.write_text(path.read_text() + '# "jane.doe" was here\n')
    async with review_of(decided) as (ui, _):
        assert re.search(r"! .*jane\.doe .* locals\.tf:", ui.text)
        assert "8 files, +" in ui.text


async def test_that_writing_adds_somebody_again_is_said_before_longer_warnings(
    decided: AdminProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = review.beside

    def removed(*given: Any) -> review.Beside:
        return replace(
            beside(*given), gone_since="A later session removed her. " * 9, consequence="Adds her."
        )

    monkeypatch.setattr(review, "beside", removed)
    async with review_of(decided) as (ui, _):
        assert "! Adds her.\n" in str(ui.app.pane.query_one("#summary", Lines).content)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_key_for_the_next_file_shows_key_files_too_and_sticks_nowhere(
    decided: AdminProject, size: tuple[int, int]
) -> None:
    async with review_of(decided, size) as (ui, diff):
        shown = [(diff.at, diff.scroll_y)]
        for _ in range(5 * len(diff.files)):
            await ui.press("n")
            shown.append((diff.at, diff.scroll_y))
        keys = {at for at, file in enumerate(diff.files) if not file.readable}
        assert keys <= {at for at, _ in shown}
        assert not diff.unseen
        steps = [here[1] - before[1] for before, here in pairwise(shown) if here[0] == before[0]]
        assert all(step <= diff.size.height for step in steps), "no line is passed over"
        firsts = shown[: len(diff.files) // 2]
        assert len({*firsts}) == len(firsts)


async def test_the_frame_names_each_file_that_is_gone_to_and_the_last_one_at_the_end(
    decided: AdminProject,
) -> None:
    async with review_of(decided) as (ui, diff):
        gone_to = [0]
        while gone_to[-1] < len(diff.files) - 1:
            unread = [at for at in gone_to[-1:] if at in diff.unseen]
            ahead = [at for at in range(gone_to[-1] + 1, len(diff.files)) if at not in diff.seen]
            await ui.press("n")
            assert diff.at == next(iter(unread + ahead), gone_to[-1] + 1)
            gone_to.append(diff.at)
        await ui.press("p")
        assert diff.at == gone_to[-1] - 1
        await ui.press("end")
        assert diff.at == len(diff.files) - 1
        await ui.press("home")
        assert diff.at == 0


async def test_the_frame_names_the_next_file_once_no_changed_line_of_one_is_in_view(
    decided: AdminProject,
) -> None:
    async with review_of(decided, (80, 24)) as (ui, diff):
        for at, file in enumerate(diff.files[:-2]):
            end = diff.row_of(file.over)
            for row, told in ((end - 1, at), (end, at + 1)):
                diff.scroll_to(0, row, animate=False, immediate=True)
                await ui.rest()
                assert str(diff.border_title).startswith(f"{told + 1} of 8: ")


async def test_a_commit_with_other_lines_has_the_other_files_too_unless_the_user_clears_that(
    decided: AdminProject,
) -> None:
    folder = decided.root / "security/global/base-identities"
    (folder / "mine.tf").write_text("# mine\n")
    (folder / "locals.tf").write_text((folder / "locals.tf").read_text() + "# mine\n")
    async with review_of(decided) as (ui, _):
        pane = ui.app.pane
        assert [path.name for path in pane.request().others] == ["mine.tf"]
        pane.query_one("#others-too", MarkBox).value = False
        assert pane.draft()["others_too"] is False
        pane.read()
        await ui.rest()
        assert pane.request().others == ()


async def test_the_result_counts_the_other_files_of_the_commit(decided: AdminProject) -> None:
    (decided.root / "security/global/base-identities/mine.tf").write_text("# mine\n")
    async with review_of(decided) as (ui, _):
        pane = ui.app.pane
        pane.query_one("#commit", MarkBox).value = True
        await ui.press("f24")
        assert pane.request().others == (), "it isn't this session's"
        pane.query_one("#others-too", MarkBox).value = True
        await ui.press("f24")
        assert len(pane.request().others) == 1
        await write(ui)
        assert re.search(r"\b1 other\b", pane.parting)


@pytest.mark.parametrize("ignored", [True, False])
async def test_what_a_commit_takes_in_beside_the_difference_is_said_before(
    decided: AdminProject, *, ignored: bool
) -> None:
    path = decided.root / "security/global/base-identities/locals.tf"
    if ignored:
        (decided.root / ".git/info/exclude").write_text("**/keys/\n")
    else:
        path.write_text(path.read_text() + "# mine\n# mine too\n")
    async with review_of(decided) as (ui, _):
        pane = ui.app.pane
        assert not pane.query_one("#taken-in").display
        pane.query_one("#commit", MarkBox).value = True
        await ui.press("f24")
        assert (pane._beside.lines, bool(pane._beside.ignored)) == ({} if ignored else {path: 2}, ignored)
        assert pane.query_one("#taken-in").display
        assert not pane.query_one("#others-too").display
        await write(ui)
        assert ui.session.facts()["commit"]
        await ui.go_to("review")
        pane = ui.app.pane
        assert pane.has_class("-nothing", "-committed")
        assert pane.primary().ready


async def test_the_difference_is_copied_and_saved_once(decided: AdminProject) -> None:
    async with review_of(decided) as (ui, diff):
        await ui.press("c")
        clipboard = decided.environment.clipboard
        assert isinstance(clipboard, FakeClipboard)
        text = clipboard.content
        assert text == "".join(file.change.diff() for file in diff.files)
        await ui.press("s", "enter")
        saved = decided.environment.home / "review-bb.diff"
        assert saved.read_text() == text
        saved.write_text("something else")
        await ui.press("s", "enter")
        assert isinstance(ui.app.screen, ErrorDialog)
        assert saved.read_text() == "something else"
        await ui.press("escape")
        (decided.root / "patch").write_text(text)
        decided.git("apply", "--check", "patch")
        assert ui.status("review") is Status.READY


async def test_the_file_that_is_shown_is_edited_by_hand_and_the_difference_made_anew(
    decided: AdminProject,
) -> None:
    async with review_of(decided) as (ui, _):
        await ui.press("n", "e")
        assert "locals.tf, line" in ui.text
        decided.replace("management", "locals.tf", '"sam.okafor",', '"sam.okafor", # by hand')
        await ui.press("escape")
        await write(ui)
        assert ui.status("review") is Status.DONE
        assert "# by hand" in decided.text("management", "locals.tf")
        assert '"jane.doe"' in decided.text("management", "locals.tf")


async def test_a_difference_that_cannot_be_made_says_so_and_next_looks_again(decided: AdminProject) -> None:
    whole = decided.text("management", "locals.tf")
    decided.replace("management", "locals.tf", whole, whole.replace("users = [", "<<<<<<< HEAD\nusers = ["))
    async with review_of(decided) as (ui, _):
        await ui.press("escape")
        assert ui.app.pane.primary().effect == "Look again"
        nothing = [ui.app.pane.query_one(selector) for selector in ("#diff", "#commit", "#others-too")]
        assert not any(node.display for node in nothing)
        text = decided.text("management", "locals.tf")
        decided.replace("management", "locals.tf", text, whole)
        await write(ui)
        assert "Write 8 files" in ui.text
        assert ui.status("review") is not Status.DONE
        await write(ui)
        assert ui.status("review") is Status.DONE


async def test_nothing_says_that_a_review_failed_once_it_is_made_again(
    decided: AdminProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = decided.text("management", "locals.tf")
    async with review_of(decided) as (ui, _):
        monkeypatch.setattr(ui.app, "notify", lambda told, **_: ui.app.wizard.show_result(told, ""))
        decided.replace(
            "management", "locals.tf", whole, whole.replace("users = [", "<<<<<<< HEAD\nusers = [")
        )
        await write(ui)
        await ui.rest()
        assert isinstance(ui.app.screen, ErrorDialog)
        await ui.press("escape")
        result = ui.app.wizard.query_one("#result")
        entry = next(entry for entry in ui.app.wizard._entries() if entry.key == StepKey("review"))
        assert result.has_class("-shown")
        assert entry.status is Status.FAILED
        decided.replace("management", "locals.tf", decided.text("management", "locals.tf"), whole)
        await ui.press("ctrl+n")
        await ui.rest()
        entry = next(entry for entry in ui.app.wizard._entries() if entry.key == StepKey("review"))
        assert not result.has_class("-shown")
        assert entry.status is Status.READY
        await write(ui)
        assert ui.status("review") is Status.DONE


@pytest.mark.parametrize("continuing", ["", "Plans from the files as they are."])
async def test_a_contradicted_page_writes_at_once_or_asks_first_if_there_is_a_choice(
    decided: AdminProject, monkeypatch: pytest.MonkeyPatch, continuing: str
) -> None:
    genuine = review.observe
    monkeypatch.setattr(review, "observe", lambda context: replace(genuine(context), continuing=continuing))
    async with review_of(decided) as (ui, _):
        before = {name: decided.text("management", name) for name in ("groups.tf", "locals.tf", "outputs.tf")}
        await write(ui)
        assert ui.status("review") is Status.DONE
        for name, text in before.items():
            decided.replace("management", name, decided.text("management", name), text)
        ui.app.wizard.run.observe()
        assert ui.status("review") is Status.CONTRADICTED
        await ui.go_to("review")
        assert "3 files, +" in ui.text
        await write(ui)
        assert isinstance(ui.app.screen, Contradiction) is bool(continuing)
        assert (ui.status("review") is Status.DONE) is not bool(continuing)


async def test_a_done_review_with_something_left_to_write_is_done_no_more(decided: AdminProject) -> None:
    async with review_of(decided) as (ui, _):
        before = {name: decided.text("management", name) for name in ("groups.tf", "locals.tf", "outputs.tf")}
        await write(ui)
        await ui.go_to("groups")
        after = {name: decided.text("management", name) for name in before}
        for name, text in before.items():
            decided.replace("management", name, after[name], text)
        assert ui.status("review") is Status.DONE
        await ui.go_to("review")
        await ui.rest()
        assert ui.status("review") is Status.CONTRADICTED
        assert ui.app.pane.opening.asks
        await ui.go_to("groups")
        for name, text in after.items():
            decided.replace("management", name, before[name], text)
        await ui.go_to("review")
        await ui.rest()
        assert ui.status("review") is Status.DONE
        assert not ui.app.pane.opening.asks


async def test_one_dialog_tells_of_a_key_that_came_meanwhile_and_next_leads_to_the_keys(
    decided: AdminProject, people_keys: Keys
) -> None:
    async with review_of(decided) as (ui, _):
        key = decided.root / "security/global/base-identities/keys/jane.doe"
        key.write_bytes(base64.b64encode(people_keys["brainpool"]))
        await write(ui)
        assert isinstance(ui.app.screen, ErrorDialog)
        await ui.press("escape")
        assert not isinstance(ui.app.screen, ErrorDialog)
        assert ui.status("pgp-keys") is Status.CONTRADICTED
        await ui.press("ctrl+n")
        assert ui.app.wizard.current == StepKey("pgp-keys")


async def test_what_is_typed_after_a_refused_commit_goes_into_its_field(decided: AdminProject) -> None:
    async with review_of(decided) as (ui, diff):
        ui.app.pane.query_one("#commit", MarkBox).value = True
        await ui.press("n", "n")
        while diff.at in diff.unseen:
            await ui.press("pagedown")
        assert ui.app.pane.turn() is not YOURS
        seen = set(diff.seen)
        ui.app.pane.query_one("#branch").focus()
        await ui.press(*"a..b")
        assert ui.app.pane.turn() is YOURS, "a letter would go into the field"
        await write(ui)
        await ui.rest()
        assert [problem.field for problem in ui.app.pane.problems] == ["branch"]
        assert not isinstance(ui.app.screen, ErrorDialog)
        await ui.press(*"seven")
        assert ui.app.pane.query_one("#branch", Input).value == "a..bseven"
        assert seen <= diff.seen


class Shown(App[None]):
    """One change on a screen of its own."""

    def __init__(self, change: FileChange, theme: str = "textual-dark") -> None:
        super().__init__(ansi_color=theme == TERMINAL)
        self._change = change
        for known in themes():
            self.register_theme(known)
        self.theme = theme

    def compose(self) -> ComposeResult:
        yield FileDiffs()

    def on_mount(self) -> None:
        self.query_one(FileDiffs).show(file_diffs(ChangeSet((self._change,))))


def edited(admin: AdminProject, before: bytes, after: bytes) -> FileChange:
    return FileChange("l", "a.tf", admin.root / "a.tf", before, after)


async def test_words_have_colours_and_the_marks_stay(admin_project: AdminProject) -> None:
    app = Shown(edited(admin_project, b"a = 1\n", b'a = "x" # why\n'))
    async with app.run_test() as pilot:
        await pilot.pause()
        diff = app.query_one(FileDiffs)
        removed, added = diff.render_line(3), diff.render_line(4)
        assert removed.text.rstrip() == "-a = 1"
        assert added.text.rstrip() == '+a = "x" # why'
        looks = {segment.text: segment.style for segment in added}
        assert len({str(looks[word]) for word in ("+", "a", '"x"', " # why")}) == 4


@pytest.mark.parametrize("theme", sorted(ROLES))
async def test_nothing_in_a_difference_has_the_colour_of_its_ground(
    admin_project: AdminProject, theme: str
) -> None:
    app = Shown(edited(admin_project, b'a = "x" # why\n', b'a = "y" # why\n'), theme)
    async with app.run_test() as pilot:
        await pilot.pause()
        for strip in app.screen._compositor.render_strips()[:5]:
            styles = [segment.style for segment in strip if segment.style and segment.text.strip()]
            assert [
                style for style in styles if style.color == style.bgcolor and style.color != DEFAULT
            ] == []
            if theme == TERMINAL:  # two of a palette's colours on each other may not be readable
                assert {style.bgcolor for style in styles} <= {None, DEFAULT}


async def test_no_colour_loses_nothing(admin_project: AdminProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = Shown(edited(admin_project, b"a = 1\n", b"a = 2\n"))
    async with app.run_test() as pilot:
        await pilot.pause()
        lines = app.screen._compositor.render_strips()
        assert lines[3].text.startswith("-a = 1")
        assert lines[4].text.startswith("+a = 2")
        assert all(
            piece.style.color is None or piece.style.color.is_default or _is_grey(piece.style.color)
            for strip in lines[:5]
            for piece in strip
            if piece.style
        )


def _is_grey(colour: object) -> bool:
    triplet = colour.triplet  # type: ignore[attr-defined]
    return triplet is None or max(triplet) - min(triplet) <= 1


async def test_what_a_terminal_would_hide_is_seen(admin_project: AdminProject) -> None:
    app = Shown(edited(admin_project, b"a = 1\n", 'a = "\x1b[2J\t|\u202ex"\r\n'.encode()))
    async with app.run_test() as pilot:
        await pilot.pause()
        assert app.query_one(FileDiffs).render_line(4).text.rstrip() == '+a = "␛[2J⇥|�x"␍'


async def test_what_is_written_after_a_kill_is_not_to_be_started_again(decided: AdminProject) -> None:
    key = StepKey("review")
    async with review_of(decided) as (ui, _):
        await write(ui)
        assert ui.status("review") is Status.DONE
        ui.session.reopen(key)
        ui.session.start(key)
        workflow, session_id = ui.session.state.knowledge.workflow, ui.session.folder.name
    session = Sessions(decided.folder / "sessions", [workflow], lambda: datetime.now(UTC)).open(session_id)
    assert session.status(key) is Status.INTERRUPTED
    app = PaneHost(session, decided.environment, MODULES, PANES, key)
    async with app.run_test(size=(120, 36)) as pilot:
        ui = Wizard(app, pilot, session)
        await ui.rest()
        assert re.search(r"✓ 8 ", ui.text)
        assert "✗" not in ui.text
        await write(ui)
        assert ui.status("review") is Status.DONE
    session.close()


@pytest.mark.parametrize("in_view", [True, False])
async def test_that_files_were_put_back_stays_said_where_no_review_can_be_made_then(
    decided: AdminProject, monkeypatch: pytest.MonkeyPatch, *, in_view: bool
) -> None:
    def fails(*_: object) -> NoReturn:
        raise OnboardError("No program", "Terraform isn't installed.")

    async with review_of(decided) as (ui, _):
        await write(ui)
        await ui.app.wizard.go_to(StepKey("review"))
        await ui.rest()
        monkeypatch.setattr(review, "prepare", fails)
        monkeypatch.setattr(review.Git, "committed", fails)
        if in_view:  # on its own line, as the application shows it
            monkeypatch.setattr(ui.app, "notify", lambda told, **_: ui.app.wizard.show_result(told, ""))
        await ui.press("u")
        await ui.press("left", "enter")
        await ui.rest()
        assert isinstance(ui.app.screen, ErrorDialog) is not in_view
        assert ui.app.pane.has_class("-unmade")
        messages = [notification.message for notification in ui.app._notifications]
        messages.append(str(ui.app.wizard.query_one("#result").render()))
        assert any(re.search(r"\b8 ", message) for message in messages)
        assert not any("No program" in message for message in messages)


async def test_a_stopped_look_is_no_failure_that_has_to_be_fixed(
    decided: AdminProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> NoReturn:
        raise stopped()

    async with review_of(decided) as (ui, _):
        monkeypatch.setattr(review, "prepare", stop)
        ui.app.pane.read()
        await ui.rest()
        assert ui.app.pane.has_class("-unmade")
        assert "✗" not in str(ui.app.pane.query_one("#summary").render())


async def test_the_name_of_a_branch_cannot_steer_the_terminal(decided: AdminProject) -> None:
    decided.git("switch", "--quiet", "--create", "a\x9bb")
    async with review_of(decided) as (ui, _):
        hint = ui.app.pane.query_one("#branch", Input).placeholder
        assert hint.isprintable()
        assert hint.endswith("b")


@pytest.mark.parametrize("room", [6, 7, 8])
async def test_a_single_file_more_has_the_line_that_would_count_it(
    decided: AdminProject, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    monkeypatch.setattr("screens.admin.review._FILES_SHOWN", room)
    async with review_of(decided) as (ui, _):
        await write(ui)
        await ui.app.wizard.go_to(StepKey("review"))
        await ui.rest()
        shown = str(ui.app.pane.query_one("#written").render())
        assert shown.count("keys/") + shown.count(".tf") == (room if room == 6 else 8)


async def test_all_that_can_be_pressed_is_in_view_while_a_later_commit_is_made(decided: AdminProject) -> None:
    (decided.file("security", "groups.tf").parent / "mine.tf").write_text("# mine\n")
    async with review_of(decided, (80, 24)) as (ui, _):
        await write(ui)
        await ui.go_to("review")
        ui.app.pane.query_one("#commit", MarkBox).value = True
        ui.field("message").value = "word " * 30
        await ui.rest()
        assert is_displayed(ui.app.pane.query_one("#undo"))
        assert misfits(ui.app.screen) == []


async def test_what_was_written_is_put_back_and_the_review_is_open_again(decided: AdminProject) -> None:
    before = decided.git("status", "--porcelain")
    async with review_of(decided) as (ui, _):
        assert not ui.app.pane.query_one("#undo").display
        await write(ui)
        await ui.app.wizard.go_to(StepKey("review"))
        await ui.rest()
        assert decided.git("status", "--porcelain") != before
        await ui.press("u")  # looks first at what would be put back
        await ui.press("enter")  # not yet
        assert decided.git("status", "--porcelain") != before
        await ui.press("u")
        await ui.press("left", "enter")
        await ui.rest()
        assert decided.git("status", "--porcelain") == before
        assert any(re.search(r"\b8 ", told.message) for told in ui.app._notifications)
        assert not ui.app.pane.has_class("-committed")
        assert ui.status("review") is Status.READY
        assert len(ui.app.pane.query_one(FileDiffs).files) == 8
        await write(ui)
        assert ui.status("review") is Status.DONE


async def test_one_key_shows_the_difference_alone_and_escape_the_page_again(decided: AdminProject) -> None:
    async with review_of(decided, (80, 24)) as (ui, diff):
        summary = ui.app.pane.query_one("#summary")
        diff.focus()
        before = diff.size.height
        await ui.press("v")
        assert diff.size.height > before
        assert not summary.display
        await ui.press("escape")
        assert (diff.size.height, summary.display) == (before, True)
        assert ui.app.pane.has_focus_within


@pytest.mark.parametrize("key", ["l", "ctrl+n"])
async def test_what_leaves_full_screen_names_the_key_for_it_below_the_difference(
    decided: AdminProject, key: str
) -> None:
    async with review_of(decided, (80, 24)) as (ui, diff):
        on_the_page = diff.border_subtitle
        assert on_the_page
        await ui.press("v")
        assert diff.border_subtitle != on_the_page
        diff.seen = set(range(len(diff.files)))
        with patch("screens.step.page.StepPane.submit"):
            await ui.press(key)
        assert diff.border_subtitle == on_the_page
        assert is_displayed(ui.app.pane.query_one("#summary"))


@pytest.mark.parametrize("outcome", [OnboardError("No file", "This layer has no such file."), ((),)])
async def test_full_screen_ends_with_the_difference(
    decided: AdminProject, outcome: OnboardError | tuple[tuple[()]]
) -> None:
    async with review_of(decided, (80, 24)) as (ui, diff):
        await ui.press("v")
        with patch("screens.admin.review.file_diffs", side_effect=outcome):
            ui.app.pane.read()
            await ui.rest()
        assert not is_displayed(diff)
        assert not ui.app.pane.inside
        assert is_displayed(ui.app.pane.query_one("#summary"))


@pytest.mark.parametrize("open_again", ["", "before", "after"])
async def test_f5_shows_by_the_files_as_they_are_who_is_still_written(
    admin_project: AdminProject, people_keys: Keys, open_again: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, key = admin_project, StepKey("review")
    monkeypatch.setattr("support.admin_wizard.MODULES", (*MODULES, plan))  # F5 is for sessions with accounts
    decide(admin, people_keys, joining=("jane.doe", "juan.delacruz"))
    names, accounts = ("jane.doe", "juan.delacruz"), ("management", "security")
    put(admin, {account: {name: {"auditors"} for name in names} for account in accounts})
    write_files(admin)
    async with wizard(admin, project, pgp_keys, users, groups, review, at="groups") as ui:

        async def everybody() -> dict[str, tuple[PersonStatus, ...]]:
            await ui.press("f5")
            assert isinstance(ui.app.screen, EverybodyDialog)
            lists = bool(str(ui.app.screen.query_one("#changed", Lines).content))
            assert lists is ui.session.state.refuted(key)
            await ui.press("f5")
            return dict(status_grid(ui.app.wizard.run.session_context()).rows)

        written, changed = (PersonStatus.WRITTEN,) * 2, (PersonStatus.CHANGED,) * 2
        assert await everybody() == dict.fromkeys(names, written)
        if open_again == "before":
            ui.session.reopen(key)
        kept = {account: admin.text(account, "locals.tf") for account in accounts}
        lines = kept["security"].splitlines(keepends=True)
        admin.file("security", "locals.tf").write_text("".join(row for row in lines if names[0] not in row))
        admin.replace("management", "locals.tf", '"jane.doe"', '"jane.doo"')
        assert await everybody() == {"jane.doe": changed, "juan.delacruz": written}
        if open_again == "after":
            ui.session.reopen(key)
            assert await everybody() == {"jane.doe": changed, "juan.delacruz": written}
        assert ui.status("review") is (Status.READY if open_again else Status.CONTRADICTED)
        for account, text in kept.items():
            admin.file(account, "locals.tf").write_text(text)
        admin.git("checkout", "--quiet", "--", "security")
        gone = (PersonStatus.WRITTEN, PersonStatus.CHANGED)
        assert await everybody() == dict.fromkeys(names, gone)
