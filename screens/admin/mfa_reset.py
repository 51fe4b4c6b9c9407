"""The screen for lost MFA devices: each device, its removal by typed name, and its owner's next steps."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from screens.step.asking import AccountWorkPane
from screens.step.page import Opening, Primary, StepPane
from screens.widgets.dialogs import Confirm, ask
from screens.widgets.fields import CodeField
from screens.widgets.lists import show_unless_certain
from screens.widgets.text import Button, ButtonRow, OptionList, Text, short
from workflows.core.secret import Secret
from workflows.core.sentences import joined, listed, since_text, text_of
from workflows.steps.admin import mfa_reset
from workflows.steps.shared.module import Report


class MfaResetPane(AccountWorkPane):
    """A line per device; `d` removes the selected one, `c` copies its owner's next steps."""

    ASKS = "Ask AWS for the devices"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "d", "remove", "Remove", id="mfareset.remove", show=False, tooltip="Remove the selected device"
        ),
        Binding(
            "c", "copy", "Copy text", id="mfareset.copy", show=False, tooltip="Copy what the owner does next"
        ),
        Binding(
            "k", "keep", "Keep the others", id="mfareset.keep", show=False, tooltip="Continue without them"
        ),
        Binding("r", "look", "Look again", id="mfareset.look", show=False, tooltip="Ask AWS again"),
    ]
    DEFAULT_CSS = """
    MfaResetPane #standing { height: auto; margin-bottom: 1; }
    MfaResetPane #devices { height: auto; max-height: 8; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._asked = [(name, serial) for name, serial in opening.draft.get("asked", ())]
        before = opening.draft.get("people", {}).items()
        self._removed = tuple((name, serial) for name, serials in before for serial in serials)

    def compose_body(self) -> ComposeResult:
        yield CodeField(self.context.environment.now)
        yield Text("", id="standing")
        yield OptionList(id="devices")
        yield ButtonRow(
            Button("Remove", id="remove", key="d"),
            Button("Copy next steps", id="copy", key="c"),
            Button("Look again", id="look", key="r"),
            Button("Keep the others", id="keep", key="k"),
            Button("Skip", id="skip", key="^s"),
        )

    def nobody(self) -> bool:
        return not self.context.decisions.mfa_reset

    def primary(self) -> Primary:
        if self._left and not (self.code_wanted or self.warned):
            first = self._left[0]
            return Primary(f"Remove {short(first)}'s device", act=partial(self._remove_of, first))
        return super().primary()

    @property
    def _left(self) -> list[str]:
        """People who still have a device and lost none here, the selected one first."""
        marked = self._marked()
        rows = [*([marked] if marked else []), *self._rows()]
        removed = {name for name, _serial in self._removed}
        return [owner.name for owner, device in rows if device and owner.name not in removed]

    def survey(self, report: Report, code: Secret | None) -> mfa_reset.Found:
        return mfa_reset.survey(self.context, report, code)

    # -- display -----------------------------------------------------------------------------------

    def show(self) -> None:
        lines = self.query_one("#devices", OptionList)
        self._removed = tuple(dict.fromkeys((*self._removed, *self._gone())))
        self.query_one("#standing", Text).update(self._standing())
        lines.set_options(self._line(*row) for row in self._rows())
        if lines.option_count:
            lines.focus()
        self._offer_removal()
        self.query_one("#keep").display = bool(self._left and self._removed)
        unseen = "Skip this account" if self.found is None and not self.nobody() else ""
        self.offer_skip(unseen or ("Keep it" if self._left and not self._removed else ""))

    def _gone(self) -> list[tuple[str, str]]:
        """Return devices that were to be removed when the wizard ended, and that are gone now."""
        rows = self._rows()
        users = {owner.name for owner, _ in rows if owner.exists}
        there = {(owner.name, device.serial) for owner, device in rows if device}
        return [entry for entry in self._asked if entry[0] in users and entry not in there]

    @on(OptionList.OptionHighlighted, "#devices")
    def _offer_removal(self) -> None:
        marked = self._marked()
        self.show_parts(
            remove=marked is not None and marked[1] is not None,
            copy=marked is not None and self._signs_in_without(marked[0]),
        )

    def _signs_in_without(self, owner: mfa_reset.Owner) -> bool:
        """Return whether a person's device was removed here and no other one asks them for a code."""
        fact = self.context.facts.get("mfa_devices_reset") or {}
        removed = {name for name, _serial in self._removed} | {*fact.get("people", ())}
        return owner.name in removed and not any(device.enabled_at for device in owner.devices)

    def _standing(self) -> str:
        if self.opening.done:
            fact = self.context.facts.get("mfa_devices_reset") or {}
            untouched = mfa_reset.nothing_removed(fact, self.context.item)
            again = [] if self.opening.over else ["^r opens this step again."]
            return text_of(joined([*(f"– {sentence}." for sentence in untouched), *again], "\n"))
        if self.found is None:
            return "iam-onboard asks AWS which devices they have."
        if self._removed:
            lacking = [owner.name for owner in self.found.owners if self._signs_in_without(owner)]
            more = f"c copies the next steps for {listed(lacking, 2)}." if lacking else ""
            return text_of(joined(("✓ Removed.", more)))
        if not any(device for _owner, device in self._rows()):
            return "– There is nothing to remove here."
        return "Select the lost device and remove it. You type its owner's name to confirm."

    def _line(self, owner: mfa_reset.Owner, device: mfa_reset.Device | None) -> str:
        if not owner.exists:
            return f"· {owner.name}  has no user in {self.context.item}"
        if device is None:
            gone = any(name == owner.name for name, _ in self._removed)
            return f"✓ {owner.name}  removed" if gone else f"– {owner.name}  has no MFA device here"
        when = device.enabled_at.isoformat() if device.enabled_at else ""
        since = since_text(when, self.context.environment.now()) if when else "never enabled"
        own = ", your own profile needs it" if device.own else ""
        return f"○ {owner.name}  {device.kind}, {since}{own}\n  {device.serial}"

    def _marked(self) -> tuple[mfa_reset.Owner, mfa_reset.Device | None] | None:
        rows, highlighted = self._rows(), self.query_one("#devices", OptionList).highlighted
        return rows[highlighted] if highlighted is not None and highlighted < len(rows) else None

    def _rows(self) -> list[tuple[mfa_reset.Owner, mfa_reset.Device | None]]:
        found: mfa_reset.Found | None = self.found
        owners = found.owners if found else ()
        return [(owner, device) for owner in owners for device in owner.devices or (None,)]

    # -- actions -----------------------------------------------------------------------------------

    def _remove_of(self, name: str) -> None:
        """Remove a person's device: the selected one, or their first."""
        marked = self._marked()
        if not (marked and marked[1] and marked[0].name == name):
            rows = enumerate(self._rows())
            first = next(at for at, (owner, device) in rows if device and owner.name == name)
            self.query_one("#devices", OptionList).highlighted = first
        self.action_remove()

    @on(Button.Pressed, "#keep")
    def action_keep(self) -> None:
        """Continue with the remaining devices, recording the removed ones."""
        if self._removed:
            self.submit()

    @on(OptionList.OptionSelected, "#devices")
    @on(Button.Pressed, "#remove")
    def action_remove(self) -> None:
        """Remove the selected device, after its owner's name was typed."""
        marked = self._marked()
        if marked is None or marked[1] is None:
            self.notify("The selected line has no device to remove.", severity="warning")
            return
        owner, device = marked[0], marked[1]
        remove = partial(mfa_reset.remove, owner.name, device, self.context)
        done = partial(self._show_next, owner.name, device.serial)
        own = "Your own profile here needs codes from this device. " if device.own else ""
        what = f"{device.kind.capitalize()} {device.serial} of {owner.name} in {self.context.item}. "
        body = f"{own}{what}{_afterwards(owner, device)}"
        title = f"Remove the MFA device of {owner.name}?"
        question = Confirm(title, body, "Remove", typed=owner.name, no="Not yet")

        def remove_it(_yes: bool) -> None:  # noqa: FBT001 - a dialog's answer
            self._asked.append((owner.name, device.serial))  # before the act, which may end with the wizard
            self.keep_draft()
            self.ask(remove, done)

        ask(self, question, remove_it)

    @on(AccountWorkPane.MoveFailed)
    def _show_what_is_there(self, message: AccountWorkPane.MoveFailed) -> None:
        if isinstance(message.error, mfa_reset.DeviceChanged):
            del self._asked[-1]
            self.call_later(self.action_look)

    def _show_next(self, name: str, serial: str) -> None:
        """After a removal, show the owner's next steps, unless they have another device."""
        self._removed = (*self._removed, (name, serial))
        if any(owner.name == name and self._signs_in_without(owner) for owner, _ in self._rows()):
            text = mfa_reset.text_for(name, self._places(name), self.context)
            self.show_text(f"Removed. What {name} does next", text)

    @on(Button.Pressed, "#copy")
    def action_copy(self) -> None:
        """Copy the selected person's next steps."""
        marked = self._marked()
        if marked is not None and self._signs_in_without(marked[0]) and not self.running_move:
            name, environment = marked[0].name, self.context.environment
            made = partial(mfa_reset.hand_out_text, name, self._places(name), self.context)
            self.show_result_of(lambda _report: show_unless_certain(self, made(), environment))

    def _places(self, name: str) -> Mapping[str, mfa_reset.Place]:
        found: mfa_reset.Found = self.found
        one_time = any(owner.one_time for owner in found.owners if owner.name == name)
        return {self.context.item: mfa_reset.Place(found.account_id, found.sign_in, one_time)}

    @on(StepPane.MoveDone)
    def _say_removed(self, message: StepPane.MoveDone) -> None:
        if message.name == "perform":
            fact = message.result["mfa_devices_reset"]
            done = [f"✓ {name}'s MFA device is removed." for name in fact["people"]]
            untouched = [f"– {sentence}." for sentence in mfa_reset.nothing_removed(fact, self.context.item)]
            self.parting = text_of(joined([*done, *untouched]))

    def request(self) -> mfa_reset.Request:
        return mfa_reset.Request(self.found, self._removed)

    def draft(self) -> Mapping[str, Any]:
        asked = {"asked": self._asked} if self._asked else {}
        if self.found is None or self.opening.done:
            return asked
        return {**asked, **mfa_reset.outcome(self.request())}


def _afterwards(owner: mfa_reset.Owner, device: mfa_reset.Device) -> str:
    """Say how a person signs in without a device."""
    if not device.enabled_at:
        return "It was never enabled, so signing in stays the same."
    if any(other.enabled_at for other in owner.devices if other is not device):
        return "Signing in still asks for another device."
    return "Anyone with the password can then sign in without a code, until another device is registered."
