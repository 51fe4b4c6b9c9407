"""The dialog with a group's managed policies: those it has, those it loses, and more to add."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Input

from screens.widgets.text import Button, MarkList, Text
from workflows.core.sentences import text_of
from workflows.layer.managed_policies import (
    check_policy_arn,
    known_policies,
    partition_of,
    policy_arn,
    short_policy,
)
from workflows.steps.decisions import PolicyChanges


@dataclass(frozen=True)
class GroupPolicies:
    """What the dialog is about.

    Attributes:
        group: the group's name.
        there: what it has now; ARNs, or references as they are written.
        changes: what was decided before.
        note: where the policies come from, if that needs telling, or "".
        account_id: the account, 12 digits, or None if it is not known.
        others: policies of the layer's other groups; an ARN among them tells AWS's partition.
    """

    group: str
    there: tuple[str, ...]
    changes: PolicyChanges
    note: str = ""
    account_id: str | None = None
    others: Sequence[str] = ()


class PoliciesDialog(ModalScreen[PolicyChanges | None]):
    """Marks which policies stay, and takes more by ARN or by the name of one of AWS's own."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel", id="policies.cancel")]
    DEFAULT_CSS = """
    PoliciesDialog { align: center middle; }
    PoliciesDialog > Vertical {
        width: 74; max-width: 96%; height: auto; max-height: 94%;
        border: round $primary; background: $surface; padding: 0 1;
    }
    PoliciesDialog MarkList { max-height: 9; }
    PoliciesDialog #policy { margin-top: 1; }
    PoliciesDialog Horizontal { height: auto; margin-top: 1; align-horizontal: right; }
    PoliciesDialog Button { margin-left: 2; }
    PoliciesDialog .hint { height: auto; color: $text-muted; }
    PoliciesDialog #problem { color: $text-error; height: auto; }
    """

    def __init__(self, about: GroupPolicies) -> None:
        super().__init__()
        self._about = about
        self._added = list(about.changes.add)
        self._doubted = ""

    def compose(self) -> ComposeResult:
        with Vertical() as frame:
            frame.border_title = f"Policies of {self._about.group}"
            if self._about.note:
                yield Text(self._about.note, classes="hint")
            yield MarkList(id="policies")
            yield Text("", id="none", classes="hint")
            yield Input(
                placeholder="one more: ReadOnlyAccess, or an ARN",
                id="policy",
                compact=True,
                suggester=SuggestFromList(sorted(known_policies()), case_sensitive=False),
            )
            yield Text("", id="problem")
            yield Text(
                "Space takes a policy off or leaves it; in the field → completes a name, and Enter adds it. "
                "Nothing is written before Review.",
                classes="hint",
            )
            with Horizontal():
                yield Button("OK", id="ok", variant="primary")
                yield Button("Cancel (esc)", id="cancel")

    def on_mount(self) -> None:
        """The list has the focus; without one the field."""
        self._fill([one for one in self._about.there if one not in self._about.changes.remove] + self._added)
        self.query_one("#policies" if self._about.there or self._added else "#policy").focus()

    def _fill(self, marked: Sequence[str]) -> None:
        policies = self.query_one("#policies", MarkList)
        more = [one for one in self._added if one not in self._about.there]
        lines = [(short_policy(one), one) for one in self._about.there]
        lines += [(f"+ {short_policy(one)}", one) for one in more]
        policies.show(lines, marked)
        policies.highlighted = 0 if lines else None
        policies.display = bool(lines)
        words = "" if lines else "It has no managed policy."
        self.query_one("#none", Text).update(words)
        self.query_one("#none").display = bool(words)

    @on(Input.Changed, "#policy")
    def _forget(self) -> None:
        self.query_one("#problem", Text).update("")

    @on(Input.Submitted, "#policy")
    def _add(self) -> None:
        """Put a policy on the list; a doubtful one at the second time."""
        field = self.query_one("#policy", Input)
        text = field.value.strip()
        if not text:
            self._accept()
            return
        arn = policy_arn(text, partition_of([*self._about.there, *self._about.others]))
        marked = list(self.query_one("#policies", MarkList).selected)
        problem = self._problem(arn)
        if problem:
            self.query_one("#problem", Text).update(problem)
            return
        if arn not in (*self._about.there, *self._added):
            self._added.append(arn)
        self._fill([*marked, arn])
        field.value = ""

    def _problem(self, arn: str) -> str:
        if arn in self.query_one("#policies", MarkList).selected:
            return "The group has that policy already."
        for one in check_policy_arn(arn, self._about.account_id):
            if one.fatal:
                return text_of(one.message)
            if self._doubted != arn:
                self._doubted = arn
                return f"{one.message} Enter again adds it all the same."
        return ""

    @on(Button.Pressed, "#ok")
    def _accept(self) -> None:
        if self.query_one("#policy", Input).value.strip():
            self._add()  # what is typed is meant too; a problem with it keeps the dialog open
            if self.query_one("#policy", Input).value:
                return
        marked = self.query_one("#policies", MarkList).selected
        self.dismiss(
            PolicyChanges(
                add=tuple(one for one in self._added if one in marked and one not in self._about.there),
                remove=tuple(one for one in self._about.there if one not in marked),
            )
        )

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Close without a change."""
        self.dismiss(None)
