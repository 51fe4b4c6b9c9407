"""The screen for lost MFA devices: each device, its removal by typed name, and what its owner does next."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from screens.step.asking import AccountWorkPane
from screens.step.times import told_moment
from screens.widgets.code_field import CodeField
from screens.widgets.dialogs import Confirm, ask
from screens.widgets.lists import Reading
from screens.widgets.text import Button, OptionList, Text
from workflows.core.secret import Secret
from workflows.steps.admin import mfa_reset
from workflows.steps.admin.mfa_reset import Device, Found, Owner, Request
from workflows.steps.shared.module import Report


class MfaResetPane(AccountWorkPane):
    """A line is a device; `d` takes the selected one away, `c` copies what its owner does next."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "d", "remove", "Remove", id="mfareset.remove", show=False, tooltip="Take the selected device away"
        ),
        Binding(
            "c", "copy", "Copy text", id="mfareset.copy", show=False, tooltip="Copy what the owner does next"
        ),
        Binding("r", "look", "Look again", id="mfareset.look", show=False, tooltip="Ask AWS again"),
    ]
    DEFAULT_CSS = """
    MfaResetPane #standing { height: auto; }
    MfaResetPane #devices { height: auto; max-height: 8; border: none; padding: 0; }
    MfaResetPane #buttons { height: auto; margin-top: 1; }
    MfaResetPane #buttons Button { margin-right: 1; min-width: 8; }
    """

    _removed: tuple[tuple[str, str], ...] = ()

    def compose_body(self) -> ComposeResult:
        yield CodeField(self.context.world.now)
        yield Text("", id="standing")
        yield OptionList(id="devices")
        with Horizontal(id="buttons"):
            yield Button("Remove (d)", id="remove")
            yield Button("Copy text (c)", id="copy")
            yield Button("Look again (r)", id="look")
        yield Reading(id="text")

    def nobody(self) -> bool:
        return not self.context.decisions.mfa_reset

    def look(self, report: Report, code: Secret | None) -> Found:
        return mfa_reset.look(self.context, report, code)

    # -- what is shown -----------------------------------------------------------------------------

    def show(self) -> None:
        lines = self.query_one("#devices", OptionList)
        self.query_one("#standing", Text).update(self._standing())
        lines.set_options(self._line(*row) for row in self._rows())
        if lines.option_count:
            lines.focus()

    def _standing(self) -> str:
        if self.opening.done:
            return "Next (^n) goes on; ^r opens this again."
        if self.found is None:
            return "Not looked yet. Next (^n) asks AWS which devices there are."
        if self._removed:
            return "Removed. Send each person what to do next: c copies it. Next (^n) goes on."
        return (
            "d takes the selected device away, after you typed its owner's name. Make sure first that it is "
            "really they who ask: call them."
        )

    def _line(self, owner: Owner, device: Device | None) -> str:
        if not owner.exists:
            return f"· {owner.name}  is no user of {self.context.item}"
        if device is None:
            gone = any(name == owner.name for name, _ in self._removed)
            return (
                f"{'✓' if gone else '·'} {owner.name}  {'taken away' if gone else 'has no MFA device here'}"
            )
        when = device.enabled_at.isoformat() if device.enabled_at else ""
        since = f"since {told_moment(when, self.context.world.now())}" if when else "never enabled"
        own = ", your own profile asks for it!" if device.own else ""
        return f"○ {owner.name}  {device.kind}, {since}{own}  {device.serial}"

    def _marked(self) -> tuple[Owner, Device | None] | None:
        rows, highlighted = self._rows(), self.query_one("#devices", OptionList).highlighted
        return rows[highlighted] if highlighted is not None and highlighted < len(rows) else None

    def _rows(self) -> list[tuple[Owner, Device | None]]:
        found: Found | None = self.found
        owners = found.owners if found else ()
        return [(owner, one) for owner in owners for one in owner.devices or (None,)]

    # -- what the person does ----------------------------------------------------------------------

    @on(Button.Pressed, "#remove")
    def action_remove(self) -> None:
        """Take the selected device away, after its owner's name was typed."""
        marked = self._marked()
        if marked is None or marked[1] is None:
            self.notify("The selected line has no device to take away.", severity="warning")
            return
        owner, device = marked[0], marked[1]
        remove = partial(mfa_reset.remove, owner.name, device.serial, self.context)
        done = partial(self._show_next, owner.name, device.serial)
        own = "It is the device that your own profile here asks codes of. " if device.own else ""
        body = (
            f"{own}{device.kind.capitalize()} {device.serial} of {owner.name} in {self.context.item}. "
            "Anyone with the password can then sign in without a code, until another device is registered."
        )
        title = f"Take the MFA device of {owner.name} away?"
        question = Confirm(title, body, "Remove", typed=owner.name)
        ask(self, question, lambda _yes: self.ask(remove, done))

    def _show_next(self, name: str, serial: str) -> None:
        """After a removal, show what its owner does next."""
        self._removed = (*self._removed, (name, serial))
        text = self.query_one("#text", Reading)
        text.text = mfa_reset.text_for(name, self.found, self.context)
        text.add_class("-shown")
        self.notify(f"The MFA device of {name} is taken away.")

    @on(Button.Pressed, "#copy")
    def action_copy(self) -> None:
        """Copy what the selected person does next."""
        marked = self._marked()
        if marked is not None and not self.running_move:
            text = mfa_reset.text_for(marked[0].name, self.found, self.context)
            self.run_told(lambda _report: self.context.world.clipboard.copy(text))

    def request(self) -> Request:
        return Request(self.found, self._removed)
