"""The profiles' screen: three decisions, and what they write into both files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from rich.cells import cell_len, chop_cells
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, SelectionList

from screens.step.page import LongPane, Opening, Primary, StepPane
from screens.widgets.dialogs import Notice
from screens.widgets.fields import FieldRow
from screens.widgets.lists import MarkBox, MarkList
from screens.widgets.text import LINE_CELLS, Button, ScrollBody, Text, shown, styled
from workflows.core.sentences import Sentence, count, listed
from workflows.core.shapes import plain
from workflows.profiles.record import HandChange, Stale
from workflows.steps.new_user import profiles
from workflows.steps.shared.own_identity import NEW_HANDOFF, identity_of, paths_of

_STYLES = {"+": "$text-success", "-": "$text-error", "@": "$text-muted"}
_PROPOSALS = ("region", "mfa_serial", "mfa_names")
"""Kept only if it differs from the proposal, which may change until the next time."""
_FILES = ("+++", "---")
"""The first characters of lines that name the files."""


class _Boxes(MarkList):
    """The boxes; one key ticks all or none of them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "all", "All", id="profiles.all", tooltip="Select all or none"),
    ]

    def action_all(self) -> None:
        """Tick all boxes; if all are ticked, none."""
        if len(self.selected) == self.option_count:
            self.deselect_all()
        else:
            self.select_all()


class ProfileQuestions(Vertical):
    """A box per question, initially empty, and the highlighted one in full; hidden if there are none."""

    DEFAULT_CSS = """
    ProfileQuestions { height: auto; margin-top: 1; }
    ProfileQuestions _Boxes { max-height: 1000vh; }  /* the page scrolls, not the list */
    ProfileQuestions #question { height: auto; max-height: 4; color: $text-muted; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(
            Text("In this list, Space selects what to do, and a selects all:"),
            _Boxes(id="boxes"),
            Text("", id="question"),
            id=id,
        )
        self.display = False
        self._questions: dict[str, HandChange | Stale] = {}

    def show(self, found: profiles.Preview, marked: Sequence[str] = ()) -> None:
        """Ask about changed and unwanted profiles; existing questions keep their ticks.

        Args:
            found: what writing would do.
            marked: profiles whose box is ticked initially.
        """
        questions: dict[str, HandChange | Stale] = {
            f"over {question.profile}": question for question in found.by_hand
        }
        questions |= {f"out {question.profile}": question for question in found.stale}
        self.display = bool(questions)
        if questions == self._questions:
            return
        boxes, before, self._questions = self.query_one(_Boxes), self._questions, questions
        chosen = {
            *boxes.selected,
            *(value for value, each in questions.items() if value not in before and each.profile in marked),
        }
        with self.prevent(SelectionList.SelectedChanged):
            boxes.show([(_asked(each, found), value) for value, each in questions.items()], chosen)

    @property
    def asked(self) -> tuple[str, ...]:
        """The manually changed profiles in question."""
        return tuple(
            question.profile for question in self._questions.values() if isinstance(question, HandChange)
        )

    @property
    def overwrite(self) -> tuple[str, ...]:
        return self._marked(HandChange)

    @property
    def prune(self) -> tuple[str, ...]:
        return self._marked(Stale)

    def _marked(self, kind: type[HandChange | Stale]) -> tuple[str, ...]:
        chosen = [self._questions[value] for value in self.query_one(_Boxes).selected]
        return tuple(
            question.profile
            for question in self._questions.values()
            if question in chosen and isinstance(question, kind)
        )

    @on(SelectionList.SelectionHighlighted)
    def _explain(self, event: SelectionList.SelectionHighlighted[str]) -> None:
        if (question := self._questions.get(event.selection.value)) is None:
            return  # it was about a question that is gone
        self.query_one("#question", Text).update(question.sentence)


def _asked(question: HandChange | Stale, found: profiles.Preview) -> Sentence:
    """Return what to do with a profile, and why."""
    if isinstance(question, HandChange):
        return f"Overwrite {question.profile} ({question.how})"
    twin = question.profile.removesuffix("-mfa") in found.names
    why = "you chose no …-mfa profiles" if twin else "no longer in your handoff"
    return f"Remove {question.profile} ({why})"


class _SerialInput(Input):
    """The field of a serial number, which reports width changes."""

    class Resized(Message):
        """The field has its new size."""

    def on_resize(self) -> None:
        self.post_message(self.Resized())


class ProfilesPane(LongPane):
    """Shows what would change, updated after each input; Next writes it."""

    FITS = True
    DEFAULT_CSS = """
    ProfilesPane FieldRow .row-label { width: 12; }
    ProfilesPane #whole-serial { height: auto; padding-left: 12; color: $text-muted; }
    ProfilesPane .hidden { display: none; }
    ProfilesPane #remarks { height: auto; margin-top: 1; }
    ProfilesPane #changes, ProfilesPane DiffView { display: none; margin-top: 1; }
    ProfilesPane.-changes #changes, ProfilesPane.-changes.-tall DiffView { display: block; }
    ProfilesPane.-changes.-tall #changes { display: none; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._proposed = profiles.proposal(opening.context)
        self._start = {**plain(self._proposed), **opening.draft}
        self._shown: profiles.Request | None = None
        self._found = ""
        self._diff, self._all, self._written, self._removed = "", 0, 0, 0
        self._unwanted: list[str] = []

    def compose_body(self) -> ComposeResult:
        yield FieldRow("Region", Input(value=str(self._start["region"]), id="region", compact=True))
        yield FieldRow(
            "MFA device",
            _SerialInput(
                value=str(self._start["mfa_serial"]),
                placeholder="empty if there is none",
                id="mfa-serial",
                compact=True,
            ),
        )
        yield Text("", id="whole-serial", classes="hidden")
        yield MarkBox(
            "Also write …-mfa profiles, for Leverage CLI with MFA",
            value=bool(self._start["mfa_names"]),
            id="mfa-names",
        )
        yield Text("", id="remarks")
        yield ProfileQuestions(id="questions")
        yield Button("Show the changes", id="changes")
        yield DiffView()

    def on_mount(self) -> None:
        self.query_one("#mfa-names").display = bool(identity_of(self.context).profiles)  # each role has one
        self._preview()
        if self.opening.done:
            self.focus_primary()

    @on(Button.Pressed, "#changes")
    def action_changes(self) -> None:
        """Show what will be written into both files."""
        if self._diff:
            self.app.push_screen(ChangesDialog(self._diff))

    @on(Input.Changed, "#mfa-serial")
    @on(_SerialInput.Resized)
    def _show_whole_serial(self) -> None:
        """Show the whole serial number below its field if the field cuts it off."""
        field, whole = self.query_one("#mfa-serial", Input), self.query_one("#whole-serial", Text)
        width = field.content_size.width
        whole.update(field.value)
        whole.set_class(not width or cell_len(field.value) < width, "hidden")  # the cursor has a column

    @on(Input.Changed)
    def _typed(self) -> None:
        """Claim nothing of a text that is still typed; it is looked at when the field is left."""
        if self._shown is not None and self.request() != self._shown:
            self._shown, self._written = None, self._all
            self.query_one("#remarks", Text).show_lines([])

    @on(Input.Submitted)
    def _go_down(self) -> None:
        self.screen.focus_next()

    @on(Input.Blurred)
    @on(MarkBox.Changed)
    @on(SelectionList.SelectedChanged)
    def _preview(self) -> None:
        if self.context.leaving.is_set():
            return  # the field was left because the page is closing
        request = self.request()
        if request != self._shown and not self.running_move:
            self._shown = request
            self.run_move(
                "look", lambda report: profiles.survey(request, self.context, report), self._show, looks=True
            )

    @on(StepPane.MoveDone)
    def _moved(self, message: StepPane.MoveDone) -> None:
        if message.name == "perform":
            done, *more = message.result["profiles"]["told"]
            self.parting = "\n".join((f"✓ {done}", *more))

    def _show(self, found: profiles.Preview) -> None:
        if self.request() != self._shown:
            self._preview()  # the input has changed meanwhile
            return
        self._found = found.found or self._found
        if not self.opening.done:  # who wrote the others has decided about these
            self._unwanted = [each.profile for each in found.stale if not each.changed_by_hand]
        marked = [*self._start["overwrite"], *self.opening.draft.get("prune", self._unwanted)]
        self.query_one(ProfileQuestions).show(found, marked)
        readable = self.context.environment.readable
        folder = readable(paths_of(self.context).folder)
        written = f"Your profiles in {folder}: {', '.join(found.names)}"
        self._all, self._written, self._removed = len(found.names), len(found.written), len(found.removed)
        self.place_problems(found.problems)
        if not (found.problems or found.diff or found.by_hand or self.opening.asks):
            self.drop_note()  # whatever the note was about, the files are up to date
        state = (
            ""
            if found.problems
            else "iam-onboard backs up each file before it changes it."
            if found.diff
            else f"{'' if found.rejected else '✓ '}Your files already have them."
            if not found.by_hand
            else "✓ Nothing to write: only your own changes differ, and they stay."
        )
        remarks = [f"! {remark}" for remark in found.remarks]
        if found.rejected:
            remarks.append(f"! Verify: AWS doesn't let you use {listed(found.rejected, 2)}. {NEW_HANDOFF}")
        self.query_one("#remarks", Text).show_lines([written, *remarks, *filter(None, [state])])
        diff = re.sub(r"(?m)^(?:---|\+\+\+) .*$", lambda heading: readable(heading[0]), found.diff)
        self._diff = diff
        self.set_class(bool(diff), "-changes")
        self.query_one(DiffView).show(diff)
        self.call_after_refresh(self._preview)  # the questions are part of the input

    @on(StepPane.MoveFailed)
    def _failed(self, message: StepPane.MoveFailed) -> None:
        if message.name == "look":
            self.query_one("#remarks", Text).update(f"✗ {message.error.what} {message.error.why}")
        if message.name == "perform":
            self._shown = None  # a file may have changed since
            self.call_later(self._preview)

    def primary(self) -> Primary:
        if any(problem.fatal for problem in self.problems):
            return Primary("Fix the field first", ready=False)
        if self._written:
            removal = f", remove {self._removed}" if self._removed else ""
            known = self._shown is not None  # a text that is still typed may change fewer than all
            some = f"{self._written} of " if self._written < self._all else ""
            written = f"{some}{count(self._all, 'profile')}" if known else "the profiles"
            return Primary(f"Write {written}{removal}")
        return Primary(f"Remove {count(self._removed, 'profile')}" if self._removed else "Continue")

    def changed(self) -> bool:
        """Return whether there is something to write, because of input or of changes in the files."""
        return bool(self._written or self._removed) or super().changed()

    def request(self) -> profiles.Request:
        questions = self.query_one(ProfileQuestions)
        return profiles.Request(
            region=self.query_one("#region", Input).value.strip(),
            mfa_serial=self.query_one("#mfa-serial", Input).value.strip(),
            mfa_names=self.query_one("#mfa-names", MarkBox).value,
            asked=questions.asked,
            overwrite=questions.overwrite,
            prune=questions.prune,
            shown=self._found,
        )

    def draft(self) -> Mapping[str, Any]:
        entered, proposed = plain(self.request()), plain(self._proposed)
        draft = {name: entered[name] for name in _PROPOSALS if entered[name] != proposed[name]}
        draft |= {"overwrite": entered["overwrite"]} if entered["overwrite"] else {}
        draft |= {"prune": entered["prune"]} if entered["prune"] != self._unwanted else {}
        return draft or ({"overwrite": []} if self.opening.draft else {})  # what was kept is taken back


class DiffView(Text):
    """Shows a unified diff; a long line wraps into rows, each with its mark, further ones with "…"."""

    def __init__(self, diff: str = "") -> None:
        super().__init__()
        self._diff = diff

    def show(self, diff: str) -> None:
        self._diff = diff
        self.on_resize()

    def on_resize(self) -> None:
        """Wrap the lines at the new width."""
        rest = max(1, (self.content_size.width or LINE_CELLS) - 1)  # beside the mark
        self.update(
            styled(
                *(
                    (f"{line[:1]}{part}\n", "bold" if line.startswith(_FILES) else _STYLES.get(line[:1], ""))
                    for line in self._diff.splitlines()
                    for part in _in_rows(shown(line[1:]), rest)
                )
            ).rstrip()
        )


def _in_rows(text: str, width: int) -> Iterator[str]:
    first = next(iter(chop_cells(text, width)), "")
    yield first
    yield from (f"…{part}" for part in chop_cells(text[len(first) :], max(1, width - 1)) if part)


class ChangesDialog(Notice):
    """Shows what will be written; a long diff has the focus, so that keys scroll it."""

    DEFAULT_CSS = """
    ChangesDialog > Vertical { width: 96; max-width: 100%; }
    """

    def __init__(self, diff: str) -> None:
        super().__init__("Changes to your files", body=[DiffView(diff)])

    @on(ScrollBody.Seen)
    def _focus_what_scrolls(self) -> None:
        if (body := self.query_one(ScrollBody)).focusable:
            body.focus()
