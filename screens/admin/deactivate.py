"""The screen for people who leave: active keys, what blocks their removal, and where they are mentioned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from screens.step.asking import AccountWorkPane, CodedMove
from screens.step.page import Primary
from screens.widgets.dialogs import Confirm, ask
from screens.widgets.fields import CodeField
from screens.widgets.lists import TextDialog
from screens.widgets.text import LINE_CELLS, Button, ButtonRow, OptionList, Text, shown
from workflows.aws.iam import AccessKey, Holding, HoldingKind
from workflows.core.secret import Secret
from workflows.core.sentences import count, moment_text
from workflows.core.text import folded
from workflows.steps.admin import deactivate
from workflows.steps.admin.deactivated import Deactivated
from workflows.steps.shared.module import Report


@dataclass(frozen=True)
class _Row:
    """A line of the list, with the item that can be removed, if any."""

    words: str
    name: str
    holding: Holding | None = None


class DeactivatePane(AccountWorkPane):
    """`k` stops all access keys at once; `d` removes the selected item for good."""

    ASKS = "Ask AWS what they have"
    found: deactivate.Findings | None = None
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "k", "stop", "Deactivate keys", id="deactivate.stop", show=False, tooltip="Deactivate all of them"
        ),
        Binding(
            "d",
            "remove",
            "Remove",
            id="deactivate.remove",
            show=False,
            tooltip="Remove the selected item",
        ),
        Binding(
            "v",
            "mentions",
            "Mentions",
            id="deactivate.mentions",
            show=False,
            tooltip="Show what mentions them",
        ),
        Binding(
            "w",
            "keep",
            "Keep until Apply",
            id="deactivate.keep",
            show=False,
            tooltip="Let the keys work until the apply removes the user",
        ),
        Binding("r", "look", "Look again", id="deactivate.look", show=False, tooltip="Ask AWS again"),
    ]
    DEFAULT_CSS = """
    DeactivatePane #standing { height: auto; margin-bottom: 1; }
    DeactivatePane #things { height: auto; max-height: 8; }
    DeactivatePane #mentioned { height: auto; color: $text-warning; }
    """

    def compose_body(self) -> ComposeResult:
        yield CodeField(self.context.environment.now)
        yield Text("", id="standing")
        yield OptionList(id="things")
        yield Text("", id="mentioned")
        yield ButtonRow(
            Button("Deactivate keys", id="stop", key="k"),
            Button("Remove", id="remove", key="d"),
            Button("Mentions", id="mentions", key="v"),
            Button("Look again", id="look", key="r"),
            Button("Keep until Apply", id="keep", key="w"),
            Button("Skip without asking", id="skip", key="^s"),
        )

    def nobody(self) -> bool:
        return not deactivate.leavers(self.context)

    def primary(self) -> Primary:
        keys = self.found.active_keys if self.found else 0
        if keys and not self.code_wanted:
            act = self.action_keep if self.warned else self.action_stop
            return Primary(f"Deactivate {count(keys, 'access key')}", act=act)
        return super().primary()

    def survey(self, report: Report, code: Secret | None) -> deactivate.Findings:
        return deactivate.survey(self.context, report, code)

    # -- display -----------------------------------------------------------------------------------

    def show(self) -> None:
        self._rows = list(self._lines())
        things = self.query_one("#things", OptionList)
        things.set_options(folded(shown(row.words), LINE_CELLS) for row in self._rows)
        things.display = bool(self._rows)
        things.highlighted = next((at for at, row in enumerate(self._rows) if row.holding), 0)
        self._offer_removal()
        if any(row.holding for row in self._rows) or (self.found and self.found.active_keys):
            things.focus()
        elif self._rows:
            self.focus_primary()
        self.query_one("#standing", Text).update(self._standing())
        mentioned = self.found.mentioned if self.found else {}
        places = sum(len(found.mentions) for found in mentioned.values())
        mention = "mentions" if places == 1 else "mention"
        words = f"! {count(places, 'place')} in the repository still {mention} them: v shows where."
        self.query_one("#mentioned", Text).update(words if places else "")
        active = bool(self.found and self.found.active_keys)
        keep = active and not self.opening.over
        self.show_parts(mentions=places, stop=active, look=self.found is not None, keep=keep)
        self.offer_skip("Skip without asking" if self.found is None and not self.nobody() else "")
        if self.found and self.found.clear:
            self.drop_note()  # whatever it was opened again for is gone

    @on(OptionList.OptionHighlighted, "#things")
    def _offer_removal(self) -> None:
        self.query_one("#remove").display = self._selected is not None

    @property
    def _selected(self) -> _Row | None:
        """The selected line, if its item can be removed here."""
        at = self.query_one("#things", OptionList).highlighted
        row = self._rows[at] if at is not None and at < len(self._rows) else None
        return row if row and row.holding else None

    def _standing(self) -> str:
        if self.nobody():
            return "Nobody leaves this account."
        if self.found is None:
            return "\n".join(self._without_a_look())
        if self.found.active_keys:
            number = self.found.active_keys
            work = f"{count(number, 'access key')} still {'works' if number == 1 else 'work'}"
            return f"! {work}. k deactivates {'it' if number == 1 else 'all of them'}; nothing is deleted."
        if any(person.keys is None for person in self.found.people):
            return "? Access keys may still work: you aren't allowed to list them. See the lines marked ?."
        had = any(person.keys for person in self.found.people)
        none = "✓ No access key works any more" if had else "✓ There are no access keys"
        if any(person.blocking for person in self.found.people):
            return f"{none}. Remove what is marked !: it blocks the removal."
        if any(person.denied for person in self.found.people):
            return f"{none}. Lines marked ? can't be listed and may block the removal."
        return f"{none}, and nothing blocks the removal."

    def _without_a_look(self) -> Iterator[str]:
        now, applied = self.context.environment.now(), self.context.facts.get("applied")
        if self.opening.over and applied:
            yield f"– The removal was applied {moment_text(applied['at'], now)}."
        elif self.opening.skipped:
            yield "○ You skipped this account: their access keys stay as they are."
        elif not self.opening.done:
            yield "iam-onboard asks AWS for their access keys and whatever blocks their removal."
        if self.opening.done:
            yield from _recorded(deactivate.recorded(self.context), now)

    def _lines(self) -> Iterator[_Row]:
        for person in self.found.people if self.found else ():
            yield _Row(self._head(person), person.name)
            by_hand = {item.id: item for item in person.blocking}
            for key in person.keys or ():
                yield _Row(
                    self._key(key, key.access_key_id in by_hand), person.name, by_hand.get(key.access_key_id)
                )
            for item in person.blocking:
                if item.kind is not HoldingKind.ACCESS_KEY:
                    yield _Row(f"  ! {item.sentence}", person.name, item)
            if person.denied:
                kinds = ", ".join(kind.plural for kind in person.denied)
                yield _Row(f"  ? you aren't allowed to list: {kinds}", person.name)

    def _head(self, leaver: deactivate.Leaver) -> str:
        if not leaver.exists:
            return f"{leaver.name}: no such user in this account"
        by_hand = any(item.kind is HoldingKind.PASSWORD for item in leaver.blocking)
        password = {
            True: "a console password" if by_hand else "a console password that goes with the user",
            False: "no console password",
            None: "console password unknown",
        }[leaver.password]
        known = count(len(leaver.keys), "access key") if leaver.keys else "no access key"
        keys = "access keys unknown" if leaver.keys is None else known
        return f"{leaver.name}: {keys}, {password}"

    def _key(self, key: AccessKey, by_hand: bool) -> str:  # noqa: FBT001 - a pair with the key
        now = self.context.environment.now()
        if not key.last_use_known:
            used = "last use unknown"
        elif key.last_used is None:
            used = "never used"
        else:
            used = f"used {moment_text(key.last_used.isoformat(), now)} ({key.last_used_service})"
        mark = "!" if key.active or by_hand else "·"
        made = "by hand" if by_hand else "goes with the user"
        state = "active" if key.active else "inactive"
        return f"  {mark} {key.access_key_id} {state}, {count(key.age_days(now), 'day')}, {used}, {made}"

    # -- actions -----------------------------------------------------------------------------------

    @on(Button.Pressed, "#stop")
    def action_stop(self) -> None:
        """Deactivate every access key of the people who leave, after a yes."""
        findings = self.found
        if findings is None or not findings.active_keys:
            self.notify("iam-onboard sees no working access key here.")
            return
        names = ", ".join(person.name for person in findings.people if person.active_keys)
        one = findings.active_keys == 1
        which, them = ("this access key", "it") if one else ("these access keys", "them")
        body = (
            f"{count(findings.active_keys, 'access key')} of {names} in {self.context.item}. Programs that "
            f"use {them} stop working at once. Until the user is removed, you can activate {them} again in "
            "the console."
        )
        stop = partial(deactivate.deactivate, self.context)
        question = Confirm(f"Deactivate {which}?", body, "Deactivate", no="Not yet")
        self._do(question, stop, f"{'The access key is' if one else 'All access keys are'} deactivated.")

    def _do(self, question: Confirm, task: CodedMove, done: str) -> None:
        ask(self, question, lambda _yes: self.ask(task, partial(self.notify, done)))

    @on(Button.Pressed, "#remove")
    def action_remove(self) -> None:
        """Remove the selected item for good, after the name was typed."""
        row = self._selected
        if row is None or row.holding is None:
            self.notify("Terraform removes this itself; select a line marked !.", severity="warning")
            return
        name, holding = row.name, row.holding
        body = f"The {holding.sentence} of {name} in {self.context.item} is removed for good."
        title = f"Remove the {holding.kind.value}?"
        remove = partial(deactivate.remove, name, holding, self.context)
        question = Confirm(title, body, "Remove", typed=name, no="Not yet")
        self._do(question, remove, f"Removed the {holding.kind.value}.")

    @on(Button.Pressed, "#keep")
    def action_keep(self) -> None:
        """Record the keys that work, and leave them to the apply."""
        if self.query_one("#keep").display:
            self.post_message(self.Submitted(replace(self.request(), keeps=True)))

    @on(Button.Pressed, "#mentions")
    def action_mentions(self) -> None:
        """Show where else the repository mentions them."""
        text = deactivate.as_text(self.found.mentioned) if self.found else ""
        if text:
            self.app.push_screen(TextDialog("What still mentions them", text))

    def request(self) -> deactivate.Request:
        return deactivate.Request(self.found)


def _recorded(fact: Deactivated, now: datetime) -> Iterator[str]:
    """Describe the findings recorded by the step, one line per person."""
    yield f"This is what AWS said {moment_text(fact.at, now)}. r asks again."
    for name, had in fact.people.items():
        parts = [
            f"{count(len(had.active), 'access key')} still active" if had.active else "",
            f"{count(len(had.inactive), 'access key')} inactive" if had.inactive else "",
            f"{count(len(had.blocking), 'thing')} blocking the removal" if had.blocking else "",
        ]
        found = ", ".join(filter(None, parts)) or "no access keys, and nothing blocks the removal"
        yield f"{'!' if had.active or had.blocking else '✓'} {name}: {found}"
