"""The dialog that asks for a group's name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from workflows.layer.names import check_group_name


@dataclass(frozen=True)
class GroupWish:
    """The name that was entered; it follows IAM's rules."""

    name: str


class GroupDialog(ModalScreen[GroupWish | None]):
    """Asks for a name.

    Args:
        title: what it is for.
        sibling: the group whose shape a new one gets, "" if none.
        policies: the sibling's policies, which the new one gets too.
        taken: names that are in use.
        value: the name to begin with.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel", id="group.cancel")]
    DEFAULT_CSS = """
    GroupDialog { align: center middle; }
    GroupDialog > Vertical {
        width: 66; max-width: 96%; height: auto; border: round $primary; background: $surface; padding: 0 1;
    }
    GroupDialog Horizontal { height: auto; margin-top: 1; align-horizontal: right; }
    GroupDialog Button { margin-left: 2; }
    GroupDialog #problem { color: $text-error; height: auto; }
    """

    def __init__(
        self, title: str, sibling: str, policies: Sequence[str], taken: Sequence[str], value: str = ""
    ) -> None:
        super().__init__()
        self._title = title
        self._sibling = sibling
        self._policies = policies
        self._taken = taken
        self._value = value

    def compose(self) -> ComposeResult:
        with Vertical() as frame:
            frame.border_title = self._title
            if self._sibling:
                shape = f"Made like {self._sibling}, without its members. Policies: "
                yield Static(shape + (", ".join(self._policies) or "none"), markup=False)
            yield Input(value=self._value, placeholder="for example  observers", id="name", compact=True)
            yield Static("", id="problem", markup=False)
            with Horizontal():
                yield Button("OK", id="ok", variant="primary", compact=True)
                yield Button("Cancel (esc)", id="cancel", compact=True)

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    @on(Input.Submitted)
    @on(Button.Pressed, "#ok")
    def _accept(self) -> None:
        name = self.query_one(Input).value.strip()
        problems = check_group_name(name, self._taken)
        if problems:
            self.query_one("#problem", Static).update(problems[0].message)
            return
        self.dismiss(GroupWish(name))

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Close without a name."""
        self.dismiss(None)
