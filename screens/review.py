"""The review's screen: the whole difference, and whether it goes into a branch and a commit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import ScrollableContainer, Vertical
from textual.widgets import Input, Static
from textual.worker import Worker

from screens.base import Opening, StepPane
from screens.widgets.diff_view import DiffView
from screens.widgets.field_row import FieldRow
from screens.widgets.marks import MarkBox
from workflows.layer.change_set import ChangeSet
from workflows.steps import review
from workflows.steps.pending_writes import digest_of
from workflows.steps.review import Request


class ReviewPane(StepPane):
    """Shows the difference as soon as it opens; Next writes exactly that."""

    DEFAULT_CSS = """
    ReviewPane #summary { height: auto; }
    ReviewPane #diff { height: 1fr; min-height: 9; border: round $primary-darken-2; }
    ReviewPane #diff:focus { border: round $accent; }
    ReviewPane #commit-fields { height: auto; display: none; }
    ReviewPane #commit-fields.-wanted { display: block; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._digest = ""
        self._show_anew = False
        self._start: Mapping[str, Any] = {
            "commit": bool(opening.context.facts.get("commit")),
            "branch": "",
            "message": review.proposed_message(opening.context),
            **opening.draft,
        }

    def compose_body(self) -> ComposeResult:
        yield Static("", id="summary", markup=False)
        with ScrollableContainer(id="diff"):
            yield DiffView()
        commit = bool(self._start["commit"])
        yield MarkBox("Commit these files too", value=commit, id="commit", compact=True)
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
        super().on_mount()
        self._prepare()

    def _prepare(self) -> None:
        self.run_move("prepare", lambda report: review.prepare(self.context, report))

    @on(StepPane.MoveFailed)
    def _outdated(self, message: StepPane.MoveFailed) -> None:
        """What would be written now may be other than what is shown."""
        self._show_anew = message.name == "perform"

    @on(Worker.StateChanged)
    def _look_again(self, event: Worker.StateChanged) -> None:
        """Make the difference anew once the worker that failed has ended."""
        if self._show_anew and event.worker.is_finished:
            self._show_anew = False
            self._prepare()

    @on(StepPane.MoveDone)
    def _prepared(self, message: StepPane.MoveDone) -> None:
        if message.name != "prepare":
            return
        change_set: ChangeSet = message.result
        self._digest = digest_of(change_set)
        self.query_one(DiffView).show(change_set.diff())
        self.query_one("#summary", Static).update(_summary(change_set))
        self.query_one("#diff").focus()
        self._remember()

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


def _summary(change_set: ChangeSet) -> str:
    """How much changes in each layer."""
    if change_set.is_empty:
        return "✓ The files already say what was decided; nothing is written."
    lines = []
    for layer in change_set.layers:
        files = change_set.of_layer(layer).summary()
        added, removed = (sum(int(one[kind]) for one in files) for kind in ("added", "removed"))
        lines.append(f"{layer}: {len(files)} files, +{added} -{removed}")
    return "\n".join([*lines, "Arrows scroll; Next (^n) writes exactly this."])
