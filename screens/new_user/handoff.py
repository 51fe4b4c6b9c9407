"""The handoff's screen: it waits for the message, shows its accounts, and accepts it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.geometry import Offset, Region
from textual.widgets import Input, TextArea

from screens.new_user.replacement import offer_replacement
from screens.step.page import PROPOSED, YOURS, LongPane, Opening, Primary, StepPane, Turn
from screens.widgets.fields import Field, FieldRow, PathField
from screens.widgets.text import Button, ButtonRow, Lines, Text
from workflows.core.grouping import by_key
from workflows.core.openpgp import grouped
from workflows.core.sentences import Sentence, moment_text, since_text, text_of
from workflows.machine.events import NOT_ASKED, Observation, StepKey
from workflows.messages.handoff import Handoff, Identity
from workflows.steps.new_user import handoff
from workflows.steps.new_user.pgp_key import missing_request, revocation_notice, sent_text
from workflows.steps.shared.own_identity import handoff_of
from workflows.steps.shared.paths import existing_path

_LOOK_SECONDS = 1.0
_REVOKE = "How to revoke my key"
_UNREAD = "What you pasted wasn't read as a handoff, so it isn't kept: it could be a secret."


class HandoffPane(LongPane):
    """Reads the message once it arrives or is pasted; then Next accepts it."""

    FITS = True
    DEFAULT_CSS = """
    HandoffPane #entry { height: auto; }
    HandoffPane.-arrived #entry, HandoffPane #arrival { display: none; }
    HandoffPane.-arrived #arrival { display: block; }
    HandoffPane #watching { margin-bottom: 1; }
    HandoffPane.-refused.-packed #waiting, HandoffPane.-refused.-packed #watching { display: none; }
    HandoffPane.-another #waiting, HandoffPane.-another #own-key { display: none; }
    HandoffPane.-another #watching { display: none; }
    HandoffPane.-newer #waiting, HandoffPane.-newer #watching { display: none; }
    HandoffPane TextArea { height: 2; }
    HandoffPane FieldRow { margin-top: 1; }
    HandoffPane.-full FieldRow, HandoffPane.-full ButtonRow, HandoffPane.-full #watching { margin: 0; }
    HandoffPane #clear { display: none; }
    HandoffPane.-refused #clear { display: block; }
    """

    _arrival: handoff.Arrival | None = None
    _read: handoff.Request | None = None
    _noticed: tuple[handoff.Request, int] | None = None
    _refused: handoff.Request | None = None
    _earlier: handoff.Request | None = None
    _before: tuple[handoff.Arrival | None, handoff.Request] = (None, handoff.Request())
    _reply: Sequence[str] = ()
    _waits: Sequence[str] = ()
    _seen_to = 0.0

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._rests = opening.done and not any(opening.draft.values())
        self.set_class(self._rests, "-arrived")  # set here, so that the whole page is styled once
        self.set_class(opening.asks, "-newer")  # nobody waits for it any more
        facts = opening.context.facts
        kept = "accepted_at" in facts and not (self._rests or opening.asks or handoff.asked_since(facts))
        self._accepted = handoff.Request(text=handoff_of(opening.context).render()) if kept else None

    def compose_body(self) -> ComposeResult:
        draft = self.opening.draft
        with Vertical(id="entry"):
            yield Lines(*self._waiting(), id="waiting", whole_paths=False)
            if fingerprint := self.context.facts.get("fingerprint"):
                yield Text(f"Fingerprint, if asked: {grouped(str(fingerprint))}", id="own-key")
            yield Lines(self._watching(), id="watching", whole_paths=False)
            yield Text("Paste the whole message here, quoted or not:", id="paste-here")
            yield Field(TextArea(str(draft.get("text", "")), id="text", tab_behavior="focus"))
            example = f"~/Downloads/{handoff.mail_name(self.context)}, then Enter"
            path = PathField(str(draft.get("path", "")), example, id="path")
            yield FieldRow("Or open its file", path)
        yield Lines(id="arrival", whole_paths=False)
        yield ButtonRow(
            Button("Clear the entry", id="clear"),
            Button("Read the earlier one", id="earlier"),
            Button("Keep the old one", id="keep", act=lambda: self.post_message(self.KeptAsIs(self._newer))),
            Button("Read another", id="another"),
            Button("Replace my PGP key", id="replace", act=partial(offer_replacement, self)),
            *([Button(_REVOKE, id="revocation")] if self.context.facts.get("key_made") else []),
        )

    def _waiting(self) -> Iterator[str]:
        facts, environment = self.context.facts, self.context.environment
        if self._accepted is not None:
            when = moment_text(str(facts["accepted_at"]), environment.now())
            yield f"✓ You accepted a handoff {when}. Keep it, or paste another to replace it."
            return
        if self._reply:
            yield "● Your admin's reply is in the mailbox:"
            yield from (f"  {line}" for line in self._reply)
            return
        sent = sent_text(self.context) if "request_sent" in facts else ""
        if missing := missing_request(self.context):
            yield f"! The request is no longer at {missing}: PGP key (F2) saves it again."
        elif sent:
            yield f"✓ {sent[:1].upper()}{sent[1:]}"
        if environment.mailbox:
            yield "● Your admin finds it in the mailbox, and answers. F6 plays the admin."
        elif sent:
            yield "● Send it to your admin now, by email or chat. They'll reply with a handoff."
        else:
            yield "Wait for your admin to send you a handoff."

    def _watching(self) -> str:
        environment, facts = self.context.environment, self.context.facts
        place = "the mailbox" if environment.mailbox else environment.readable(environment.downloads)
        name = handoff.mail_name(self.context)
        if self._earlier is not None:
            known = "accepted_at" in facts and not handoff.asked_since(facts)
            than = "came before you accepted a handoff" if known else "is older than your request"
            return f"… {name} in {place} {than}. iam-onboard waits for a newer one."
        return f"… iam-onboard watches {place} for {name}."

    def on_mount(self) -> None:
        self.set_interval(_LOOK_SECONDS, self._look_for_handoff)
        if self._rests:
            held = handoff_of(self.context)
            self._show_arrival(_handoff_lines(held, tuple("" for _ in held.identities), frozenset()))
            self.focus_primary()
            return
        self._arrange(arrived=False)
        if self.request() != handoff.Request():
            self._read_it()
        self._look_for_handoff()

    def _arrange(self, *, arrived: bool) -> None:
        self.set_class(arrived, "-arrived")
        self.set_class(self.has_class("-another") and not arrived, "-another")
        waits = not arrived and self.request() == handoff.Request() and self._accepted is None
        self.show_parts(
            another=arrived,
            keep=self._compares and self._newer.continuing,
            earlier=self._earlier is not None and waits,
        )
        self.make_room()
        self.primary_changed()

    @property
    def _keeps(self) -> bool:
        """Whether nothing is entered that could take the place of the accepted handoff."""
        nothing = self.request() in {handoff.Request(), self._refused} and not self.inside
        return self._accepted is not None and self._arrival is None and nothing

    # -- action bar --------------------------------------------------------------------------------

    def primary(self) -> Primary:
        if self.more_below:
            return Primary(
                "Show the rest",
                act=partial(self.scroll_to, y=self._seen_to + self.size.height, animate=False),
            )
        if self._keeps:
            return Primary("Keep the accepted one", act=partial(self._read_known, self._accepted))
        if self._arrival is not None and self._read == self.request():
            return Primary("Yes, these are my accounts")
        if self.request() != handoff.Request():
            return Primary(
                "Read it again" if self.request() == self._refused else "Read it", act=self._read_it
            )
        if self._reply and not self.inside:
            return Primary("Send a key again", act=self._send_again)
        waits = "Nothing to read yet" if self.inside else "Not here yet"
        return Primary(waits, ready=False, act=self.query_one(TextArea).focus)

    @property
    def more_below(self) -> bool:
        """Whether lines of the handoff to accept have never been on the screen."""
        return self._arrival is not None and self._seen_to < self.max_scroll_y

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Note the lines seen so far, unless the user jumped to a button further down."""
        if new_value <= self._seen_to + self.size.height:
            self._seen_to = max(self._seen_to, new_value)
        super().watch_scroll_y(old_value, new_value)

    def scroll_to_region(self, region: Region, **how: Any) -> Offset:
        """Jump to a button: what lies between doesn't count as seen."""
        return super().scroll_to_region(region, **{**how, "animate": False})

    def turn(self) -> Turn:
        if self._arrival is not None:
            return super().turn() if self.more_below else Turn("Your turn: your accounts?")
        entered = self.request() not in {handoff.Request(), self._refused}
        if entered or self.inside or self.opening.asks or self._keeps or self._rests:
            return YOURS
        if self._reply:
            return Turn("Your admin replied")
        sent_at = self.context.facts.get("sent_at")
        since = f" {since_text(str(sent_at), self.context.environment.now())}" if sent_at else ""
        return Turn(f"Your admin's turn{since}", yours=False)

    # -- reading -----------------------------------------------------------------------------------

    def _look_for_handoff(self) -> None:
        if self._arrival is None and not self.has_class("-arrived"):
            self.run_worker(self._look_once, group="arrival", exclusive=True, thread=True)

    def _look_once(self) -> None:
        self._reply = handoff.reply(self.context)
        if (waits := [*self._waiting()]) != self._waits:
            self._waits = waits
            self.call_later(self._show_waiting)
        came = handoff.arrived(self.context)
        if path := came or handoff.earlier(self.context):
            with suppress(OSError):  # it went away again
                self.call_later(self._take, path, path.stat().st_mtime_ns, early=came is None)

    def _show_waiting(self) -> None:
        self.query_one("#waiting", Lines).show_lines(self._waits)
        self._arrange(arrived=self.has_class("-arrived"))

    def _take(self, path: Path, written: int, *, early: bool) -> None:
        """Read a file, unless it was read as it is, or the user enters another that may be good.

        A file that is `early`, older than the request, is only offered.
        """
        request = handoff.Request(path=self.context.environment.readable(path))
        before, self._earlier = self._earlier, request if early else None
        if self._earlier != before:
            self.query_one("#watching", Lines).show_lines([self._watching()])
            self._arrange(arrived=self.has_class("-arrived"))
        if early:
            return
        if (
            self.running_move
            or (request, written) == self._noticed
            or self.request() not in {handoff.Request(), self._refused}
        ):
            return
        self._noticed = request, written
        self.query_one(TextArea).clear()
        self.query_one("#path", Input).value = request.path
        self._begin(request)

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

    def _begin(self, request: handoff.Request) -> None:
        self._arrival, self._read = None, request
        self.remove_class("-refused")
        self.run_move(
            "read", lambda report: handoff.read(request, self.context, report), self._show, looks=True
        )

    @property
    def decides(self) -> bool:
        return self.inside or self._compares

    @property
    def _compares(self) -> bool:
        """Whether it shows what to decide about, beside the accepted one."""
        shown = self._refused if self._arrival is None else self._read
        return self.opening.asks and shown == self.request()

    @property
    def _newer(self) -> Observation:
        """The last look's observation of the accepted handoff."""
        return self.context.observed.get(StepKey(self.opening.step.id), NOT_ASKED)

    def _show(self, arrival: handoff.Arrival) -> None:
        self._arrival = arrival
        compare = handoff.to_compare(arrival.handoff, arrival.known)
        self.drop_note()  # the handoff being read is newer than the note
        lines = [
            f"✓ This handoff{f' from {arrival.source}' if arrival.source else ''} is for you.",
            *(f"✓ {account}: your password and access keys stay as they were." for account in arrival.stays),
            *(f"! {text_of(remark)}" for remark in (*arrival.remarks, compare) if remark),
            *_handoff_lines(arrival.came, arrival.own_keys, arrival.known),
        ]
        self._show_arrival(lines)
        self.keep_draft()
        self.focus_primary()

    def _show_arrival(self, lines: list[str]) -> None:
        self.query_one("#arrival", Lines).show_lines(lines)
        self.scroll_home(animate=False, immediate=True)
        self._seen_to = 0.0
        self._arrange(arrived=True)

    @on(StepPane.MoveFailed)
    def _not_read(self, message: StepPane.MoveFailed) -> None:
        if isinstance(message.error, handoff.HandoffChanged) and self._read is not None:
            self.call_later(self._begin, self._read)  # once this move is over
            return
        self._arrival, self._refused = None, self._read
        self.add_class("-refused")
        self._arrange(arrived=False)
        self.mark_refused_text()

    @on(Input.Changed, "#path")
    @on(TextArea.Changed)
    def _wait_again(self) -> None:
        if self.request() == handoff.Request():
            self.remove_class("-refused")
        self._arrange(arrived=self.has_class("-arrived"))

    # -- the buttons -------------------------------------------------------------------------------

    @on(Button.Pressed, "#another")
    def _read_another(self) -> None:
        """Ask for another message; Escape goes back to the one that was read."""
        self._before = self._arrival, self.request()
        self._arrival = None
        self._enter(handoff.Request())
        self.add_class("-another")
        self._arrange(arrived=False)
        self.query_one(TextArea).focus()

    @property
    def inside(self) -> bool:
        """Whether the page asks for another message."""
        return self.has_class("-another") and not self.running_move

    def go_back(self) -> None:
        """Show the message that was read."""
        self._arrival, self._read = self._before
        self._enter(self._read)
        self.show_problems([])
        self._arrange(arrived=True)
        self.focus_primary()

    @on(Button.Pressed, "#earlier")
    def _read_earlier(self) -> None:
        """Read the handoff that came before the request was sent."""
        self._read_known(self._earlier)

    def _read_known(self, known: handoff.Request | None) -> None:
        """Read a handoff that was noticed, or accepted, before."""
        if known is not None:
            self._enter(known)
            self._begin(known)

    def _send_again(self) -> None:
        """Go to the key's step, which sends the same key again or another one."""
        kept = {
            "choice": self.context.facts["fingerprint"],
            "asked_at": str(StepKey(self.opening.step.id)),
            PROPOSED: True,
        }
        self.post_message(self.StepWanted("pgp-key", kept))

    @on(Button.Pressed, "#clear")
    def _clear(self) -> None:
        self._enter(handoff.Request())
        self.query_one(TextArea).focus()

    def _enter(self, request: handoff.Request) -> None:
        self.query_one(TextArea).text = request.text
        self.query_one("#path", Input).value = request.path

    @on(Button.Pressed, "#revocation")
    def _tell_of_revocation(self) -> None:
        notice = text_of(revocation_notice(str(self.context.facts["fingerprint"]), self.context))
        self.show_text(_REVOKE, notice)

    # -- the input ---------------------------------------------------------------------------------

    def submit(self) -> None:
        """Submit the message, with the text that was shown."""
        if self._arrival is not None:
            self.post_message(self.Submitted(replace(self.request(), shown=self._arrival.text)))

    def request(self) -> handoff.Request:
        text = self.query_one(TextArea).text
        if text.strip():
            return handoff.Request(text=text)
        return handoff.Request(path=self.query_one("#path", Input).value.strip())

    @property
    def _unread(self) -> bool:
        """Whether the text wasn't read as a handoff: it may be a secret, so no draft has it."""
        return bool(self.request().text) and (self._arrival is None or self._read != self.request())

    @property
    def unkept(self) -> Sentence:
        return _UNREAD if self._unread and self.request() != self._refused else ""

    def draft(self) -> Mapping[str, Any]:
        request = self.request()
        return {
            "text": "" if self._unread else request.text,
            "path": existing_path(request.path, self.context.environment.home),
        }


def _handoff_lines(held: Handoff, own_keys: tuple[str, ...], known: frozenset[str]) -> list[str]:
    """List each identity's account, user and key, to compare with what the user knows."""
    lines = [line for identity in held.identities for line in _account_lines(identity, known)]
    keys = by_key(
        ((identity.key_fingerprint, key), identity.account_name)
        for identity, key in zip(held.identities, own_keys, strict=True)
        if identity.encrypted
    )
    for (fingerprint, key), accounts in keys.items():
        whose = f"  for {', '.join(accounts)}" if len(keys) > 1 else ""
        lines.append(f"Encrypted to {'your' if key else 'the'} key {grouped(fingerprint)}{whose}")
        lines += [f"  {key}"] if key else []
    return [f"Project {held.project}", *lines]


def _account_lines(identity: Identity, known: frozenset[str]) -> Iterator[str]:
    alias = f", alias {identity.account_alias}" if identity.account_alias else ""
    yield f"• {identity.account_name}: account {identity.account_id}{alias}, user {identity.user}"
    if mark := handoff.mark_of(identity.account_id, known):
        yield mark
    accounts = by_key((profile.role, profile.account_name) for profile in identity.profiles)
    roles = "; ".join(f"{role} in {', '.join(names)}" for role, names in accounts.items())
    yield f"  roles {roles}" if roles else "  no roles to switch to"
    for account, name in {profile.account_id: profile.account_name for profile in identity.profiles}.items():
        mark = handoff.mark_of(account, known)
        if mark and account != identity.account_id:
            yield f"  {name}: account {account}{mark}"
