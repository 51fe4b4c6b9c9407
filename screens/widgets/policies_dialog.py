"""The dialog with a group's managed policies: those it has, those it loses, and more to add."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.suggester import SuggestFromList
from textual.widgets import Input

from screens.widgets.dialogs import Dialog
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


class PoliciesDialog(Dialog[PolicyChanges]):
    """Marks which policies stay, and takes more by ARN or by the name of one of AWS's own."""

    DEFAULT_CSS = """
    PoliciesDialog MarkList { max-height: 9; }
    PoliciesDialog .hint { color: $text-muted; }
    """

    def __init__(self, about: GroupPolicies) -> None:
        super().__init__(f"Policies of {about.group}")
        self._about = about
        self._added = list(about.changes.add)
        self._doubted = ""

    def body(self) -> ComposeResult:
        if self._about.note:
            yield Text(self._about.note, classes="hint")
        yield MarkList(id="policies")
        yield Text("", id="none", classes="hint")

    def fields(self) -> ComposeResult:
        suggester = SuggestFromList(sorted(known_policies()), case_sensitive=False)
        hint = "one more: ReadOnlyAccess, or an ARN"
        yield Input(placeholder=hint, id="policy", compact=True, suggester=suggester)
        yield Text("", id="problem", classes="problem")
        yield Text(
            "Space takes a policy off or leaves it; in the field → completes a name, and Enter adds it. "
            "Nothing is written before Review.",
            classes="hint",
        )

    def buttons(self) -> Iterable[Button]:
        yield Button("OK", id="accept", variant="primary")
        yield Button("Cancel (esc)", id="close")

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
            self.action_accept()
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

    def action_accept(self) -> None:
        """Answer with what changes."""
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
