"""The handoff's screen: paste it or open it, see for whom and for which accounts it is, and accept it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, TextArea

from screens.new_user.replacement import offer_replacement
from screens.step.page import StepPane
from screens.widgets.text import Button, Text
from workflows.core.openpgp import grouped
from workflows.core.sentences import text_of
from workflows.messages.handoff import Handoff
from workflows.steps.new_user import handoff
from workflows.steps.new_user.handoff import NONE_KNOWN, Arrival, Request, mark_of
from workflows.steps.new_user.pgp_key import revocation_told
from workflows.steps.shared.own_identity import handoff_of

_WAIT = "You can quit with ^q; come back with `iam-onboard resume` or `iam-onboard join FILE`."
_MAILBOX_WAIT = (
    "Now it is the admin's turn: F3 lists the sessions; begin or resume one as admin, take in the request, "
    "and hand over. Then come back here."
)


class Arrived(Text):
    """What came; once it was read, it comes into view as soon as the layout has a place for it."""

    in_view = False

    def on_resize(self) -> None:
        if self.in_view:
            self.scroll_visible(animate=False)


class HandoffPane(StepPane):
    """The first Next reads and shows what came, the second accepts it."""

    DEFAULT_CSS = """
    HandoffPane #waiting { height: auto; color: $text-muted; margin-bottom: 1; }
    HandoffPane TextArea { height: 6; border: round $border-blurred; padding: 0; }
    HandoffPane TextArea:focus { border: round $accent; }
    HandoffPane #buttons { height: 1; margin-top: 1; }
    HandoffPane #fetch { margin-bottom: 1; }
    HandoffPane Button { margin-right: 2; }
    HandoffPane #arrival { height: auto; margin-top: 1; }
    """

    _arrival: Arrival | None = None
    _read: Request | None = None

    def compose_body(self) -> ComposeResult:
        yield Text(self._waiting(), id="waiting")
        yield Button(f"Use {self._mail_name()} from the mailbox", id="fetch", classes="mailbox")
        yield Text("Paste the whole message (mail quoting does no harm)")
        yield TextArea(str(self.opening.draft.get("text", "")), id="text", tab_behavior="focus")
        yield Text("Or open a file (Enter opens)")
        yield Input(
            value=str(self.opening.draft.get("path", "")),
            placeholder="~/Downloads/handoff.txt",
            id="path",
            compact=True,
        )
        with Horizontal(id="buttons"):
            yield Button("Read it", id="read")
            yield Button("I can't use my key", id="replace")
        yield Arrived("", id="arrival")

    def _mail_name(self) -> str:
        return f"handoff-{self.context.facts.get('user', '')}.txt"

    def _waiting(self) -> str:
        if self.opening.done:
            return "This is what came. ^r takes in another one."
        sent = self.context.facts.get("request_sent")
        lines = [f"Waiting for your admin: {sent}." if sent else "Waiting for your admin."]
        lines.append(_WAIT if self.context.world.mailbox is None else _MAILBOX_WAIT)
        if self.context.facts.get("key_made"):
            fingerprint = str(self.context.facts["fingerprint"])
            lines.append(text_of(revocation_told(fingerprint, self.context)))
        return "\n".join(line for line in lines if line)

    def on_mount(self) -> None:
        self.query_one(".mailbox").display = self.context.world.mailbox is not None
        if self.opening.done:
            self._show_kept()
        elif self.request() != Request():
            self._read_it()

    def _show_kept(self) -> None:
        """A done step shows what it holds; nothing has to be read for that."""
        held = handoff_of(self.context)
        names = tuple("" for _ in held.identities)
        self.query_one("#arrival", Text).update("\n".join(_told(held, names, frozenset())))

    @on(Button.Pressed, "#replace")
    def _replace_key(self) -> None:
        """A key that can't be used any more needs no handoff to be known for it."""
        offer_replacement(self)

    # -- reading -----------------------------------------------------------------------------------

    @on(Button.Pressed, "#read")
    def _read_it(self) -> None:
        request = self.request()
        problems = handoff.validate(request, self.context)
        self.show_problems(problems)
        if not problems:
            self._begin(request)

    @on(Input.Submitted, "#path")
    def _open_file(self) -> None:
        self.query_one(TextArea).clear()
        self._read_it()

    @on(Button.Pressed, "#fetch")
    def _fetch(self) -> None:
        path = handoff.mail(self.context)
        if path is None:
            self.notify(
                f"{self._mail_name()} is not in the mailbox yet. F3 lists the sessions: as the admin, "
                "walk to Hand over.",
                severity="warning",
            )
            return
        self.query_one(TextArea).clear()
        self.query_one("#path", Input).value = str(path)
        self._read_it()

    def _begin(self, request: Request) -> None:
        self._arrival, self._read = None, request
        self.query_one("#arrival", Text).update("")
        self.run_move(
            "read", lambda report: handoff.read(request, self.context, report), self._show, looks=True
        )

    def _show(self, arrival: Arrival) -> None:
        self._arrival = arrival
        shown = self.query_one("#arrival", Arrived)
        shown.in_view = True
        lines = [f"✓ Read from {arrival.source}: this handoff is for you."]
        lines += _told(arrival.handoff, arrival.own_keys, arrival.known)
        lines += [f"! {remark}" for remark in arrival.remarks]
        lines.append("" if arrival.known else f"! {NONE_KNOWN}")
        lines.append("Are these the accounts that you expect? Then Next (^n).")
        shown.update("\n".join(lines))
        self.keep_draft()
        self.query_one("#read").focus(scroll_visible=False)

    @on(StepPane.MoveFailed)
    def _not_read(self) -> None:
        self.mark_refused_text()

    def advance(self) -> None:
        if self._arrival is not None and self._read == self.request():
            super().advance()
        else:
            self._read_it()

    def request(self) -> Request:
        text = self.query_one(TextArea).text
        if text.strip():
            return Request(text=text)
        return Request(path=self.query_one("#path", Input).value.strip())

    def draft(self) -> Mapping[str, Any]:
        request = self.request()
        return {"text": request.text, "path": request.path}


def _told(held: Handoff, own_keys: tuple[str, ...], known: frozenset[str]) -> list[str]:
    """For each identity its account, user and key, to be compared with what the person knows."""

    def account(id_: str) -> str:
        return f"account {id_}{mark_of(id_, known)}"

    lines = []
    for identity, key in zip(held.identities, own_keys, strict=True):
        alias = f", alias {identity.account_alias}" if identity.account_alias else ""
        lines.append(f"• {identity.account_name}: {account(identity.account_id)}{alias}")
        roles = "roles:" if identity.profiles else "no roles"
        lines.append(f"  user {identity.user}, project {held.project}, {roles}")
        lines += [
            f"  · {one.role} in {one.account_name}: {account(one.account_id)}" for one in identity.profiles
        ]
        if identity.encrypted_password or identity.encrypted_secret:
            lines += ["  encrypted to the key", f"  {grouped(identity.key_fingerprint)}"]
        if key:
            lines.append(f"  which is yours: {key}")
    return lines
