"""The screens of a rotation: which key, with which code; and, some days later, deleting the old one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from screens.step.asking import SpareKeyPane, UnlockingPane
from screens.step.console_steps import SandboxPhone
from screens.step.page import YOURS, Opening, Primary, StepPane, Turn
from screens.widgets.dialogs import Confirm, ask
from screens.widgets.fields import Answer, Choices, CodeField, Wanted
from screens.widgets.lists import MarkBox
from screens.widgets.text import Button, Lines, OptionList, Text
from workflows.core.sentences import Problem, Sentence, count
from workflows.machine.events import Facts
from workflows.steps.rotation import delete_old_key as retirement, rotate as rotation
from workflows.stores.key_records import KeyRecord, KeyRecords, remark

_NONE = (
    "This computer keeps no access key yet. Keep one first: start “Set up my access”, or run\n\n"
    "  iam-onboard access-key import CSV --project NAME --profile NAME"
)

_MEANWHILE = "If a program fails meanwhile, activate the old key again in the console."
_OPEN = "open-key"
_IF_ANY = "; leave empty if you have no MFA device"


class _KeyPane(UnlockingPane):
    """Opens the key's store before spending the code, since gpg may have to ask for a passphrase."""

    DEFAULT_CSS = """
    _KeyPane Vertical { height: auto; }
    _KeyPane #meanwhile { margin-bottom: 1; }
    _KeyPane #which, _KeyPane #meant, _KeyPane #remark { margin-bottom: 1; }
    _KeyPane #remark { color: $text-warning; }
    _KeyPane Lines#remark { margin: 1 0; }
    _KeyPane .-above-phone { margin-bottom: 0; }
    _KeyPane #phone { margin-bottom: 1; }
    _KeyPane.-done #asks { display: none; }
    """

    _agreed = False

    @abstractmethod
    def record(self) -> KeyRecord | None:
        """Return the record of the key in question, or None."""

    def agree_first(self, problems: Sequence[Problem], question: Confirm) -> None:
        """Act on a key in AWS once the user has agreed; the agreement survives a wrong code."""

        def agree(_yes: bool) -> None:  # noqa: FBT001 - a dialog's answer
            self._agreed = True
            self.submit()

        self.show_problems(problems)
        if problems:
            return
        if self._agreed:
            self.submit()
        else:
            ask(self, question, agree)

    @on(StepPane.MoveFailed)
    def _ask_for_new_code(self, message: StepPane.MoveFailed) -> None:
        self._agreed &= message.name in {_OPEN, "unlock"} or message.error.field == "code"

    @property
    def uses_key(self) -> bool:
        """Whether the primary action needs the key itself."""
        return True

    def own_fingerprint(self) -> str:
        record = self.record()
        return record.fingerprint if record else ""

    def compose_code(self) -> ComposeResult:
        """Yield the field for the code; `ask_for_code` sets its placeholder."""
        environment = self.context.environment
        yield CodeField(environment.now, Wanted()).set_class(environment.sandbox, "-above-phone")
        yield SandboxPhone(environment)

    def ask_for_code(self, *, has_device: bool) -> None:
        """Say that the code is needed or, if no device is known, only if the user has one."""
        digits = Wanted().placeholder
        self.query_one("#code", Input).placeholder = digits if has_device else f"{digits}{_IF_ANY}"

    def show_problems(self, problems: Sequence[Problem]) -> None:
        """Show the problems; one with the code means that there is a device."""
        super().show_problems(problems)
        if any(problem.field == "code" for problem in problems):
            self.ask_for_code(has_device=True)

    def code(self) -> str:
        """Return the code as typed."""
        return self.query_one("#code", Input).value.strip()

    def submit(self) -> None:
        """Submit the input, with the key unlocked if the step uses it."""
        record, submit = self.record(), super().submit
        if record is None or not self.uses_key:
            submit()
        else:
            self.run_unlocked(_OPEN, lambda _report: _open(record, self), lambda _: submit())


class RotationPane(_KeyPane, SpareKeyPane):
    """The kept keys with their age; one is chosen."""

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._records: dict[str, KeyRecord] = {}
        self._with_device: set[KeyRecord] = set()
        self._start: Mapping[str, Any] = {"key": "", "delete_inactive": False, **opening.draft}

    def compose_body(self) -> ComposeResult:
        if self.opening.done:
            yield _outcome_lines(self.context.facts.get("rotated"))
            yield Button("Replace another key", id="again")
        with Vertical(id="asks"):
            yield Vertical(Text("Which access key do you want to replace?"), Choices(id="key"), id="which")
            yield Text("", id="meant", classes="-empty")
            yield Text("", id="remark", classes="-empty")
            with Vertical(classes="-with-keys"):
                yield from self.compose_code()
                yield MarkBox(
                    "If you have two keys in AWS, delete the inactive one first",
                    value=bool(self._start["delete_inactive"]),
                    id="delete-inactive",
                )

    def on_mount(self) -> None:
        self.run_move("records", lambda _report: self._found(), self._listed, looks=True)

    def likely(self) -> Facts:
        """Return that the old key is deleted in the end."""
        return {"rotated": {"old_id": "the old one"}}

    def _found(self) -> dict[KeyRecord, bool]:
        """Return the kept keys, each with whether the files name a device for it."""
        environment = self.context.environment
        records = KeyRecords(environment.key_records_folder).all()
        return {record: rotation.names_device(record, environment) for record in records}

    def _listed(self, records: Mapping[KeyRecord, bool]) -> None:
        self._with_device = {record for record, has_device in records.items() if has_device}
        self._records = {f"{record.project}/{record.profile}": record for record in records}
        now = self.context.environment.now()
        lines = [
            Answer(key, record.profile, f"{record.id}  {count(record.age_days(now), 'day')} old")
            for key, record in self._records.items()
        ]
        oldest = max(self._records, key=lambda key: self._records[key].age_days(now), default="")
        self.query_one("#key", Choices).ask(lines, str(self._start["key"]) or oldest)
        # with only one there is no question, and its remark names it
        self.query_one("#which").display = len(lines) > 1
        self.query(".-with-keys").set(display=bool(lines))
        self._show_remark()
        self._remember()
        if self.has_class("-done"):
            self.focus_primary()
        else:
            self._focus_first()

    def _focus_first(self) -> None:
        if self._records:  # with only one there is nothing to choose
            self.query_one("#key" if len(self._records) > 1 else "#code").focus()
        else:
            self.focus_primary()

    @on(Button.Pressed, "#again")
    def _ask_again(self) -> None:
        """Bring back a done step's question on request."""
        self.remove_class("-done")
        self.query_one("#again").display = False
        self._focus_first()

    def changed(self) -> bool:
        """Return False for a done rotation, until another key is wanted."""
        return not self.has_class("-done") and (self.opening.done or super().changed())

    @property
    def asks_nothing(self) -> bool:
        """Whether no key is kept here."""
        return not self._records

    def turn(self) -> Turn:
        return YOURS if self._records else Turn("Nothing to rotate here", yours=False)

    @on(OptionList.OptionHighlighted, "#key")
    def _show_remark(self) -> None:
        record = self.record()
        self._agreed = False
        listed = len(self._records) > 1  # with its age
        words: Sentence = "" if self._records else _NONE
        if record and (record.rotation or not listed):
            words = remark(record, self.context.environment.now())
        self.ask_for_code(has_device=record in self._with_device)
        meant = f"{record.id} of {record.user} in {record.profile} ({record.account_id})." if record else ""
        self.show_texts(meant=[meant] if meant else [], remark=[words] if words else [])

    def record(self) -> KeyRecord | None:
        return self._records.get(self.query_one("#key", Choices).value)

    @property
    def uses_key(self) -> bool:
        return not self._waits()

    @property
    def _deletes(self) -> bool:
        return self.query_one("#delete-inactive", MarkBox).value

    @on(MarkBox.Changed, "#delete-inactive")
    def _ask_about_both(self) -> None:
        """Withdraw the agreement, which was for something else."""
        self._agreed = False

    def _waits(self) -> bool:
        """Return whether the chosen key was rotated already, and only its old one waits to be deleted."""
        rotation = record.rotation if (record := self.record()) else None
        return rotation is not None and not rotation.interrupted and not self._deletes

    def primary(self) -> Primary:
        if (record := self.record()) is None:
            return Primary("Back to Home", act=partial(self.call_later, self.app.run_action, "home"))
        if self._waits():
            return Primary("Go to the old key")
        return Primary(f"Rotate the key of {record.profile}", act=partial(self._ask, record))

    def _ask(self, record: KeyRecord) -> None:
        first = "If you have two keys in AWS, this deletes the inactive one first. "
        body = (
            f"{first if self._deletes else ''}{_beginning(record)} Once it works, iam-onboard deactivates "
            "the old one. Programs with a copy of the old one stop working."
        )
        question = Confirm(f"Rotate the key of {record.profile}?", body, "Rotate", no="Not yet")
        self.agree_first(rotation.validate(self.request(), self.context), question)

    def deactivation(self, key_id: str) -> Callable[[str], None]:
        request, context = self.request(), self.context
        return lambda code: rotation.deactivate(replace(request, code=code), key_id, context)

    def request(self) -> rotation.Request:
        record = self.record()
        return rotation.Request(
            record.project if record else "",
            record.profile if record else "",
            self.code(),
            self._deletes,
            self._waits(),
        )

    def draft(self) -> Mapping[str, Any]:
        return {
            "key": self.query_one("#key", Choices).value or self._start["key"],
            "delete_inactive": self._deletes,
        }


class RetirementPane(_KeyPane):
    """The old key, how long it has been inactive, and the code that deletes it."""

    _record: KeyRecord | None = None
    _waits = 0

    def compose_body(self) -> ComposeResult:
        if self.opening.done:
            yield _outcome_lines(self.context.facts.get("retired"))
            return
        known: Mapping[str, Any] = self.context.facts["rotated"]
        place = self.context.environment.readable(known.get("kept") or "")
        kept = [f"iam-onboard keeps it in {place}."] if place else []
        yield Lines(f"{known['id']} is your new key.", *kept, whole_paths=False)
        yield Lines(f"{known['old_id']} is your old key.", id="remark")
        yield Text(_MEANWHILE, id="meanwhile")
        yield from self.compose_code()
        go_home = partial(self.call_later, self.app.run_action, "home")
        yield Button("Not yet: go to Home", id="home", act=go_home)

    def on_mount(self) -> None:
        if not self.opening.done:
            self.ask_for_code(has_device=bool(self.context.facts["rotated"].get("mfa")))
            self.run_move("record", lambda _report: rotation.record_of(self.context), self._found, looks=True)

    def _found(self, record: KeyRecord | None) -> None:
        self._show(record)
        if record is not None and record.rotation is not None:
            self.query_one("#home" if self._waits else "#code").focus()

    def _show(self, record: KeyRecord | None) -> None:
        self._record, now = record, self.context.environment.now()
        if record is None or record.rotation is None:
            return
        self.query_one("#remark", Lines).show_lines([remark(record, now)])
        self._waits = record.rotation.days_left(now)
        self.query_one("#meanwhile").display = bool(self._waits)
        self.primary_changed()

    @on(StepPane.MoveFailed)
    def _show_what_aws_said(self, message: StepPane.MoveFailed) -> None:
        """Look at the record again: a deletion that failed may have found the old key active."""
        if message.name != "record":
            look = partial(self.run_move, "record", lambda _: rotation.record_of(self.context), self._show)
            self.call_later(partial(look, looks=True))

    def turn(self) -> Turn:
        return Turn(f"Wait {count(self._waits, 'day')} first", yours=False) if self._waits else YOURS

    def record(self) -> KeyRecord | None:
        return self._record

    def primary(self) -> Primary:
        return Primary("Continue") if self.opening.done else Primary("Delete the old key…", act=self._ask)

    def _ask(self) -> None:
        days = count(self._waits, "more day")
        early = f"Wait {days} first, to see whether a program still needs it. " if self._waits else ""
        body = f"{early}Nothing can use it after that, and nobody can activate it again."
        question = Confirm(f"Delete {self.context.facts['rotated']['old_id']}?", body, "Delete", no="Not yet")
        self.agree_first(retirement.validate(self.request(), self.context), question)

    def request(self) -> retirement.Request:
        return retirement.Request(self.code() if self.query("#code") else "")


def _beginning(record: KeyRecord) -> str:
    """Say which key takes the place of the old one: a new one, or that of an interrupted rotation."""
    rotation = record.rotation
    if rotation is None or not rotation.interrupted or not rotation.new_id:
        return f"iam-onboard creates a new access key in AWS, and keeps it here in place of {record.id}."
    return (
        f"The interrupted rotation already created {rotation.new_id}. If that key is kept here and works, it "
        f"replaces {rotation.old_id}. Otherwise iam-onboard deletes it and creates another."
    )


def _open(record: KeyRecord, pane: _KeyPane) -> None:
    if (key := rotation.store_of(record, pane.context.environment).load()) is not None:
        key.drop()


def _outcome_lines(fact: Any) -> Lines:
    known: Mapping[str, Any] = fact or {}
    return Lines(*(f"✓ {words}" for words in known.get("told", ())), "", whole_paths=False)
