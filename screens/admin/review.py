"""The review's screen: the whole difference, file by file, and whether it goes into a branch and a commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from screens.step.by_hand import ByHandPane
from screens.step.page import Opening, StepPane
from screens.widgets.dialogs import NameDialog, ask
from screens.widgets.fields import FieldRow
from screens.widgets.file_diffs import FileDiff, FileDiffs, file_diffs
from screens.widgets.lists import MarkBox
from screens.widgets.text import OptionList, Text, styled
from workflows.core.sentences import Sentence
from workflows.layer.model import Place
from workflows.layer.write import ChangeSet
from workflows.steps.admin import review
from workflows.steps.admin.review import Request
from workflows.steps.shared.by_hand import Spot
from workflows.steps.shared.module import Report

_NOTES_SHOWN = 3
_LAYERS_SHOWN = 3
"""With more layers only the sum is told: the list of files below has the rest."""


class ReviewPane(ByHandPane):
    """Shows the difference as soon as it opens; Next writes exactly that."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "copy", "Copy", id="review.copy", show=False, tooltip="Copy the whole difference"),
        Binding(
            "s", "save", "Save", id="review.save", show=False, tooltip="Save the whole difference as a file"
        ),
        Binding(
            "e",
            "edit_by_hand",
            "Edit by hand",
            id="review.by-hand",
            show=False,
            tooltip="Open the file that is shown in your editor",
        ),
    ]
    DEFAULT_CSS = """
    ReviewPane #summary { height: auto; }
    ReviewPane #files { height: auto; max-height: 20%; border: none; padding: 0; display: none; }
    ReviewPane #files.-several { display: block; }
    ReviewPane #diff { height: 1fr; min-height: 9; border: round $border-blurred; }
    ReviewPane #diff:focus { border: round $accent; }
    ReviewPane #commit-fields { height: auto; display: none; }
    ReviewPane #commit-fields.-wanted { display: block; }
    """

    _digest = _text = ""
    _again = _unmade = False

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._start: Mapping[str, Any] = {
            "commit": bool(opening.context.facts.get("commit")),
            "branch": "",
            "message": review.proposed_message(opening.context),
            **opening.draft,
        }

    def compose_body(self) -> ComposeResult:
        yield Text("", id="summary")
        yield OptionList(id="files")
        yield FileDiffs(id="diff")
        commit = bool(self._start["commit"])
        yield MarkBox("Commit these files too", value=commit, id="commit")
        with Vertical(id="commit-fields", classes="-wanted" if commit else ""):
            hint = "empty: stay on this branch"
            yield FieldRow("On a new branch", self._field("branch", hint))
            yield FieldRow("Message", self._field("message", ""))

    def _field(self, name: str, placeholder: str) -> Input:
        value = str(self._start[name])
        return Input(value=value, placeholder=placeholder, id=name, compact=True, select_on_focus=False)

    @on(MarkBox.Changed, "#commit")
    def _offer_commit(self, event: MarkBox.Changed) -> None:
        self.query_one("#commit-fields").set_class(event.value, "-wanted")

    def on_mount(self) -> None:
        self._prepare()

    def _prepare(self) -> None:
        def work(report: Report) -> tuple[ChangeSet, Sequence[FileDiff], int, list[Sentence]]:
            change_set = review.prepare(self.context, report)
            written, notes = len(review.files_written(self.context.folder)), review.notes(self.context)
            return change_set, file_diffs(change_set), written, notes

        self.run_move("prepare", work, lambda found: self._show(*found))

    @on(StepPane.MoveFailed)
    def _outdated(self, message: StepPane.MoveFailed) -> None:
        """What would be written now may be other than what is shown."""
        if message.name == "perform":
            self._again = True
            self.call_later(self._prepare)
        if message.name == "prepare":
            message.told, self._unmade = self._again, True
            words = f"! The difference cannot be made: {message.error.what} Fix that; Next (^n) looks again."
            self.query_one("#summary", Text).update(words)

    def advance(self) -> None:
        """Write it; or look again where there is nothing that could be written."""
        if self._unmade:
            self._again = self._unmade = False
            self._prepare()
        else:
            super().advance()

    def _show(
        self, change_set: ChangeSet, diffs: Sequence[FileDiff], written: int, notes: list[Sentence]
    ) -> None:
        self._again = self._unmade = False
        self._digest, self._text = change_set.digest, change_set.diff()
        files = self.query_one("#files", OptionList)
        files.clear_options().add_options(map(_told, diffs))
        files.set_class(len(diffs) > 1, "-several")
        resumed = self.opening.interrupted and not diffs
        if resumed:  # its note asks for what is done already
            self.query(".pane-note").set(display=False)
        summary = _summary(diffs, written, resumed=resumed, asks=self.opening.asks)
        self.query_one("#summary", Text).update("\n".join([*_noted(notes), summary]))
        diff = self.query_one(FileDiffs)
        diff.show(diffs)
        if not isinstance(self.screen.focused, Input):  # in one, the keys of the difference are letters
            diff.focus()
        self._remember()

    # -- from file to file -------------------------------------------------------------------------

    @on(OptionList.OptionHighlighted, "#files")
    def _jump(self, event: OptionList.OptionHighlighted) -> None:
        if event.option_list.has_focus:
            self.query_one(FileDiffs).go_to_file(event.option_index)

    @on(OptionList.OptionSelected, "#files")
    def _read(self, event: OptionList.OptionSelected) -> None:
        diff = self.query_one(FileDiffs)
        diff.go_to_file(event.option_index)
        diff.focus()

    @on(FileDiffs.AtFile)
    def _name_file(self, message: FileDiffs.AtFile) -> None:
        """Say which file is shown, above the difference and in the list."""
        diff, files = self.query_one(FileDiffs), self.query_one("#files", OptionList)
        here = 0 <= message.index < len(diff.files)
        title = (
            f"{message.index + 1} of {len(diff.files)}: {_told(diff.files[message.index])}" if here else ""
        )
        diff.border_title = styled((title, ""))
        if here and not files.has_focus:
            files.highlighted = message.index

    # -- taking it elsewhere -----------------------------------------------------------------------

    def action_copy(self) -> None:
        """Copy the whole difference."""
        if text := self._text:
            self.run_told(lambda _report: self.context.world.clipboard.copy(text))

    def action_save(self) -> None:
        """Save the whole difference where the person wants it."""
        if not self._text:
            return

        def save(target: str) -> None:
            self.run_told(lambda _report: review.save(target, self._text, self.context))

        words = "The difference as `git apply` takes it at the project's root. A path in your home folder:"
        name = f"~/review-{self.context.facts.get('project', 'project')}.diff"
        ask(self, NameDialog("Save the difference", words, name), save)

    def places(self) -> Sequence[Spot]:
        diff = self.query_one(FileDiffs)
        if diff.at < 0 or diff.files[diff.at].change.before is None:
            return []
        change = diff.files[diff.at].change
        words = "The file as it is on disk; the review is made from it again."
        return [Spot(words, change.layer.partition("/")[0], Place(change.name, diff.line), change.path)]

    def read_again(self) -> None:
        self._prepare()

    # -- the request -------------------------------------------------------------------------------

    def changed(self) -> bool:
        """Done and nothing more to write: Next just goes on."""
        return bool(super().changed()) or not self.opening.done

    def request(self) -> Request:
        return Request(
            digest=self._digest,
            branch=self.query_one("#branch", Input).value.strip(),
            commit=self.query_one("#commit", MarkBox).value,
            message=self.query_one("#message", Input).value.strip(),
        )

    def draft(self) -> Mapping[str, Any]:
        request = self.request()
        return {"commit": request.commit, "branch": request.branch, "message": request.message}


def _told(diff: FileDiff) -> str:
    """One file with what changes in it, for the list."""
    what = "new" if diff.change.before is None else "gone" if diff.change.after is None else ""
    account = diff.change.layer.partition("/")[0]
    counts = f"+{diff.added:,} -{diff.removed:,}"
    return f"{account}  {diff.change.name}  {counts}{f'  {what}' if what else ''}"


def _noted(notes: Sequence[Sentence]) -> list[str]:
    """The first notes, a line each."""
    more = [f"! and {len(notes) - _NOTES_SHOWN} more"] if len(notes) > _NOTES_SHOWN else []
    return [*(f"! {one}" for one in notes[:_NOTES_SHOWN]), *more]


def _summary(diffs: Sequence[FileDiff], written: int, *, resumed: bool = False, asks: bool = False) -> str:
    """How much changes in each layer, or that the session has written it all, be it after a kill."""
    if resumed and written:
        return (
            f"✓ All is written ({written} files), although this was interrupted; Next (^n) goes on from here."
        )
    if not diffs and written:
        return f"✓ All is written ({written} files); the files say what was decided."
    if not diffs:
        return "✓ The files already say what was decided; nothing is written."
    layers = dict.fromkeys(one.change.layer for one in diffs)
    lines = [_counts(layer, [one for one in diffs if one.change.layer == layer]) for layer in layers]
    if len(layers) > 1:
        lines.append(_counts(f"{len(layers)} layers", diffs))
    shown = lines if len(layers) <= _LAYERS_SHOWN else lines[-1:]
    return "\n".join([*shown[:-1], f"{shown[-1]}.{'' if asks else ' Next (^n) writes this.'}"])


def _counts(name: str, diffs: Sequence[FileDiff]) -> str:
    added, removed = sum(one.added for one in diffs), sum(one.removed for one in diffs)
    files = "1 file" if len(diffs) == 1 else f"{len(diffs):,} files"
    return f"{name}: {files}, +{added:,} -{removed:,}"
