"""The review's screen: the whole difference, and whether it goes into a branch and a commit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import ScrollableContainer
from textual.widgets import Checkbox, Input, Label, Static

from screens.base import Opening, StepPane
from screens.widgets.diff_view import DiffView
from workflows.layer.change_set import ChangeSet
from workflows.steps import review
from workflows.steps.review import Request


class ReviewPane(StepPane):
    """Shows the difference as soon as it opens; Next writes exactly that."""

    next_words = "Write"
    DEFAULT_CSS = """
    ReviewPane #summary { height: auto; }
    ReviewPane #diff { height: 1fr; min-height: 8; max-height: 30; border: round $primary-darken-2; }
    ReviewPane #diff:focus { border: round $accent; }
    ReviewPane Checkbox { border: none; padding: 0; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._digest = ""
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
        yield Checkbox("Commit these files", value=bool(self._start["commit"]), id="commit", compact=True)
        yield Label("Branch to make for it (empty: stay on this one)")
        yield Input(value=self._start["branch"], placeholder="onboard/jane.doe", id="branch", compact=True)
        yield Label("Message")
        yield Input(value=self._start["message"], id="message", compact=True)

    def on_mount(self) -> None:
        super().on_mount()
        self.run_move("prepare", lambda report: review.prepare(self.context, report))

    @on(StepPane.MoveDone)
    def _prepared(self, message: StepPane.MoveDone) -> None:
        if message.name != "prepare":
            return
        change_set: ChangeSet = message.result
        self._digest = review.digest_of(change_set)
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
            commit=self.query_one("#commit", Checkbox).value,
            message=self.query_one("#message", Input).value.strip(),
        )

    def draft(self) -> Mapping[str, Any]:
        request = self.request()
        return {"commit": request.commit, "branch": request.branch, "message": request.message}


def _summary(change_set: ChangeSet) -> str:
    """How many lines change in which files."""
    if change_set.is_empty:
        return "✓ The files already say what was decided; nothing is written."
    lines = [
        f"{one['layer']}/{one['file']}: {one['added']} lines added, {one['removed']} removed"
        for one in change_set.summary()
    ]
    return "\n".join([f"{len(lines)} files change. Arrows scroll; Next (^n) writes them.", *lines])
