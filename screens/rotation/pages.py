"""The screens of a rotation: which key, with which code; and some days later the end of the old one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from screens.step.action_bar import Primary
from screens.step.asking import UnlockingPane
from screens.step.page import Opening
from screens.widgets.choices import Answer, Choices
from screens.widgets.code_field import CodeField, Wanted
from screens.widgets.dialogs import Confirm, ask
from screens.widgets.lists import MarkBox
from screens.widgets.text import Lines, OptionList, Text, shortened
from workflows.core.sentences import count
from workflows.machine.events import Facts
from workflows.steps.rotation import delete_old_key as retirement
from workflows.steps.rotation import rotate as rotation
from workflows.stores.key_records import KeyRecord, KeyRecords, remark

_PLACES = {
    "keyring": "in the keyring",
    "pgp-file": "in a file encrypted to your PGP key",
    "credentials-file": "in plain text",
}
_NONE = (
    "This computer keeps no access key yet. Keep one first: start “Set up my access”, or run\n\n"
    "  iam-onboard access-key import CSV --project NAME --profile NAME"
)

_MEANWHILE = (
    "Save and quit (^q) while you wait. If a program fails meanwhile, give it the new key, "
    "or activate the old one again in the console."
)


class _KeyPane(UnlockingPane):
    """Opens where the key is kept before the code is spent: gpg may have to ask for a passphrase."""

    DEFAULT_CSS = """
    _KeyPane #remark { margin: 1 0; color: $text-warning; }
    """

    def record(self) -> KeyRecord | None:
        """The record of the key that is meant, or None."""
        raise NotImplementedError

    @property
    def uses_key(self) -> bool:
        """Whether the key itself is needed for what the primary action does."""
        return True

    def own_fingerprint(self) -> str:
        record = self.record()
        return record.fingerprint if record else ""

    def compose_code(self) -> ComposeResult:
        """The field for the code."""
        wanted = Wanted(placeholder="six digits; empty if you have no device")
        yield CodeField(self.context.environment.now, wanted)

    def code(self) -> str:
        """The code as typed."""
        return self.query_one("#code", Input).value.strip()

    def advance(self) -> None:
        record, submit = self.record(), super().advance
        if record is None or not self.uses_key:
            submit()
        else:
            self.run_unlocked("open-key", lambda _report: _open(record, self), lambda _: submit())


class RotationPane(_KeyPane):
    """The kept keys with their age; one is chosen."""

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._records: dict[str, KeyRecord] = {}
        self._start: Mapping[str, Any] = {"key": "", "delete_inactive": False, **opening.draft}

    def compose_body(self) -> ComposeResult:
        if self.opening.done:
            yield Lines(*_told(self.context.facts.get("rotated")), "")
        yield Text("Which access key do you want to replace?")
        yield Choices(id="key")
        yield Text("", id="remark")
        yield from self.compose_code()
        yield MarkBox(
            "If AWS has two keys of yours, delete the inactive one first",
            value=bool(self._start["delete_inactive"]),
            id="delete-inactive",
        )

    def on_mount(self) -> None:
        records = KeyRecords(self.context.environment.key_records_folder)
        self.run_move("records", lambda _report: records.all(), self._listed, looks=True)

    def likely(self) -> Facts:
        """The old key is deleted in the end."""
        return {"rotated": {"old_id": "the old one"}}

    def _listed(self, records: Iterable[KeyRecord]) -> None:
        self._records = {f"{record.project}/{record.profile}": record for record in records}
        now = self.context.environment.now()
        lines = [
            Answer(key, one.profile, f"{one.id}  {count(one.age_days(now), 'day')} old, {_PLACES[one.kept]}")
            for key, one in self._records.items()
        ]
        oldest = max(self._records, key=lambda key: self._records[key].age_days(now), default="")
        self.query_one("#key", Choices).ask(lines, str(self._start["key"]) or oldest)
        if len(lines) == 1:
            self.query_one("#code", Input).focus()  # there is nothing to choose
        self._show_remark()
        self._remember()

    @on(OptionList.OptionHighlighted, "#key")
    def _show_remark(self) -> None:
        record = self.record()
        words = remark(record, self.context.environment.now()) if record else "" if self._records else _NONE
        self.query_one("#remark", Text).update(words)
        self.primary_changed()

    def record(self) -> KeyRecord | None:
        return self._records.get(self.query_one("#key", Choices).value)

    @property
    def uses_key(self) -> bool:
        return not self._waits()

    def _waits(self) -> bool:
        """Whether the chosen key was rotated already, and only its old one waits to be deleted."""
        rotation = record.rotation if (record := self.record()) else None
        waits = rotation is not None and not rotation.interrupted
        return waits and not self.query_one("#delete-inactive", MarkBox).value

    @on(MarkBox.Changed)
    def _shown_again(self) -> None:
        self.primary_changed()

    def primary(self) -> Primary:
        record = self.record()
        if record is None:
            return Primary("No key to rotate", ready=False)
        return Primary("Go to the old key" if self._waits() else f"Rotate {record.profile}")

    def request(self) -> rotation.Request:
        record = self.record()
        return rotation.Request(
            record.project if record else "",
            record.profile if record else "",
            self.code(),
            self.query_one("#delete-inactive", MarkBox).value,
            self._waits(),
        )

    def draft(self) -> Mapping[str, Any]:
        return {
            "key": self.query_one("#key", Choices).value or self._start["key"],
            "delete_inactive": self.query_one("#delete-inactive", MarkBox).value,
        }


class RetirementPane(_KeyPane):
    """The old key, since when it rests, and the code that ends it."""

    _record: KeyRecord | None = None

    def compose_body(self) -> ComposeResult:
        if self.opening.done:
            yield Lines(*_told(self.context.facts.get("retired")))
            return
        known: Mapping[str, Any] = self.context.facts["rotated"]
        kept = [f"iam-onboard kept it in {known['kept']}."] if known.get("kept") else []
        lines = [
            f"{known['id']} is your new key.",
            *map(shortened, kept),
            f"{known['old_id']} was deactivated, and waits to be deleted.",
            "",
            _MEANWHILE,
        ]
        yield Lines(*lines)
        yield Text("", id="remark")
        yield from self.compose_code()

    def on_mount(self) -> None:
        if not self.opening.done:
            self.run_move(
                "record", lambda _report: retirement.record_of(self.context), self._found, looks=True
            )

    def _found(self, record: KeyRecord | None) -> None:
        self._record = record
        words = remark(record, self.context.environment.now()) if record else ""
        self.query_one("#remark", Text).update(words)

    def record(self) -> KeyRecord | None:
        return self._record

    def primary(self) -> Primary:
        return Primary("Continue" if self.opening.done else "Delete the old key…")

    def advance(self) -> None:
        if self.opening.done:
            super().advance()
            return
        old, delete = self.context.facts["rotated"]["old_id"], super().advance
        body = f"{old} can't come back. A program that still uses it stops working."
        ask(self, Confirm(f"Delete {old}?", body, "Delete", no="Not yet"), lambda _yes: delete())

    def request(self) -> retirement.Request:
        return retirement.Request(self.code() if self.query("#code") else "")


def _open(record: KeyRecord, pane: _KeyPane) -> None:
    key = rotation.store_of(record, pane.context.environment).load()
    if key is not None:
        key.drop()


def _told(fact: Any) -> list[str]:
    known: Mapping[str, Any] = fact or {}
    return [shortened(f"✓ {words}") for words in known.get("told", ())]
