"""The profiles' screen: three decisions and the difference that they make in both files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.containers import ScrollableContainer
from textual.widgets import Input, SelectionList

from screens.base import Opening, StepPane
from screens.widgets.diff_view import DiffView
from screens.widgets.field_row import FieldRow
from screens.widgets.profile_questions import ProfileQuestions
from screens.widgets.text import MarkBox, Text
from workflows.numbers import count
from workflows.steps import profiles
from workflows.steps.own_identity import paths_of
from workflows.steps.places import told_path
from workflows.steps.profiles import Preview, Request


class ProfilesPane(StepPane):
    """Shows what would change, and again after each change of the input; Next writes it."""

    DEFAULT_CSS = """
    ProfilesPane FieldRow > .row-label { width: 12; }
    ProfilesPane #whole-serial { height: auto; padding-left: 12; color: $text-muted; }
    ProfilesPane .hidden { display: none; }
    ProfilesPane #remarks { height: auto; margin-top: 1; }
    ProfilesPane #diff {
        height: auto; min-height: 4; max-height: 16; border: round $primary-darken-2;
    }
    ProfilesPane #diff:focus { border: round $accent; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        proposed = profiles.proposal(opening.context)
        self._start: Mapping[str, Any] = {
            "region": proposed.region,
            "mfa_serial": proposed.mfa_serial,
            "mfa_names": proposed.mfa_names,
            "overwrite": (),
            "prune": (),
            **opening.draft,
        }
        self._shown: Request | None = None

    def compose_body(self) -> ComposeResult:
        yield FieldRow("Region", Input(value=str(self._start["region"]), id="region", compact=True))
        serial = Input(
            value=str(self._start["mfa_serial"]),
            placeholder="empty if there is none",
            id="mfa-serial",
            compact=True,
        )
        yield FieldRow("MFA device", serial)
        yield Text("", id="whole-serial", classes="hidden")
        yield MarkBox(
            "Also the names …-mfa, for Leverage CLI with MFA",
            value=bool(self._start["mfa_names"]),
            id="mfa-names",
        )
        yield Text("", id="remarks")
        yield ProfileQuestions(id="questions")
        with ScrollableContainer(id="diff"):
            yield DiffView()

    def on_mount(self) -> None:
        super().on_mount()
        self._look()

    @on(Input.Blurred)
    @on(MarkBox.Changed)
    @on(SelectionList.SelectedChanged)
    def _look_again(self) -> None:
        self._look()

    @on(Input.Changed, "#mfa-serial")
    def on_resize(self) -> None:
        """Show the whole serial number below its field where the field cuts it off."""
        self.call_after_refresh(self._show_whole_serial)

    def _show_whole_serial(self) -> None:
        field, whole = self.query_one("#mfa-serial", Input), self.query_one("#whole-serial", Text)
        room = field.content_size.width - 1  # the cursor's column
        whole.update(field.value)
        whole.set_class(cell_len(field.value) <= room, "hidden")

    @on(Input.Submitted)
    def _go_down(self) -> None:
        self.screen.focus_next()

    def _look(self) -> None:
        request = self.request()
        if request != self._shown and not self.running_move:
            self._shown = request
            self.run_move("look", lambda report: profiles.look(request, self.context, report))

    @on(StepPane.MoveDone)
    def _moved(self, message: StepPane.MoveDone) -> None:
        if message.name == "perform":
            told = message.result["profiles"]["told"]
            if told:
                self.notify("\n".join(told), timeout=10)
            return
        if message.name != "look":
            return
        found: Preview = message.result
        marked = [*self._start["overwrite"], *self._start["prune"]]
        self.query_one(ProfileQuestions).show(found.by_hand, found.stale, marked)
        home = self.context.world.home
        folder = told_path(paths_of(self.context).folder, home)
        written = f"{count(len(found.names), 'profile')} in {folder}: {', '.join(found.names)}."
        state = (
            "Next (^n) writes this; the files as they were are kept beside them."
            if found.diff
            else "✓ The files have them already."
            if not found.by_hand
            else "✓ Nothing is written: what differs was changed by hand, and stays so."
        )
        remarks = [f"! {remark}" for remark in found.remarks]
        self.query_one("#remarks", Text).update("\n".join([written, *remarks, state]))
        diff = found.diff
        for sign in ("--- ", "+++ "):
            diff = diff.replace(f"{sign}{home}/", f"{sign}~/")
        self.query_one(DiffView).show(diff)
        self.call_after_refresh(self._look)  # the input may have changed meanwhile

    @on(StepPane.MoveFailed)
    def _failed(self, message: StepPane.MoveFailed) -> None:
        if message.name == "look":
            self.query_one("#remarks", Text).update(f"✗ {message.error.what} {message.error.why}")

    def request(self) -> Request:
        questions = self.query_one(ProfileQuestions)
        return Request(
            region=self.query_one("#region", Input).value.strip(),
            mfa_serial=self.query_one("#mfa-serial", Input).value.strip(),
            mfa_names=self.query_one("#mfa-names", MarkBox).value,
            asked=questions.asked,
            overwrite=questions.overwrite,
            prune=questions.prune,
        )

    def draft(self) -> Mapping[str, Any]:
        request = self.request()
        return {
            "region": request.region,
            "mfa_serial": request.mfa_serial,
            "mfa_names": request.mfa_names,
            "overwrite": list(request.overwrite),
            "prune": list(request.prune),
        }
