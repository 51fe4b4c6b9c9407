"""The hand-over's screen: everybody's text, ways to send it, and a mark for each sent text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from screens.step.page import TO_COMPARE, YOURS, Opening, Primary, Turn
from screens.step.terraform import COMPARE, TerraformPane
from screens.widgets.dialogs import Confirm, ask
from screens.widgets.fields import CodeField, FieldRow, PathField
from screens.widgets.lists import MarkBox, TextDialog, show_unless_certain
from screens.widgets.text import Button, ButtonRow, Option, OptionList, Text, short, shortened, sized
from workflows.core.sentences import Sentence, joined, listed, moment_text, text_of
from workflows.core.shapes import plain
from workflows.layer.names import is_machine_name
from workflows.machine.events import StepKey
from workflows.steps.admin import hand_over
from workflows.steps.admin.accepted_plan import (
    Sent,
    accounts_of_text,
    made_in,
    marks_in,
    people_of,
    sent_to,
)
from workflows.steps.shared.module import Progress, Report

_Taking = Callable[[hand_over.PersonHandoff], Sentence]
_MARK, _UNMARK = "Mark as sent", "Mark as not sent"
_MAIL = "Put into mailbox"
_ANOTHERS_KEY = "If the key isn't theirs, somebody else can read the password."
_LOST_KEY = (
    "Use this if {name} lost the PGP key or forgot its passphrase: nobody can read this password then."
)
_NOT_THEIRS = "The PGP key here isn't {name}'s: somebody else can read this password."
_NEW_KEY = (
    "{name} sends a new request with “Replace my PGP key” in their wizard. Project opens with "
    "{name} under “Whose PGP key?”. The plan then creates a new password; the one in this text stops "
    "working."
)


class HandOverPane(TerraformPane):
    """Reads the state when it opens; if a code is needed, Next reads it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "c",
            "copy",
            "Copy",
            id="handover.copy",
            show=False,
            tooltip="Copy the text of the selected person",
        ),
        Binding(
            "w",
            "save",
            "Save",
            id="handover.save",
            show=False,
            tooltip="Write the text into the file named below",
        ),
        Binding(
            "m", "mail", "Mailbox", id="handover.mail", show=False, tooltip="Put the text into the mailbox"
        ),
        Binding(
            "t",
            "sent",
            "Sent",
            id="handover.sent",
            show=False,
            tooltip="Mark as sent, or undo that",
        ),
        Binding("k", "compare", "Compare", id="handover.compare", show=False, tooltip=COMPARE),
        Binding("v", "view", "View", id="handover.view", show=False, tooltip="Show the whole text"),
        Binding(
            "n",
            "new_key",
            "New key",
            id="handover.key",
            show=False,
            tooltip="A new key and password for somebody who lost the PGP key or its passphrase",
        ),
    ]
    DEFAULT_CSS = """
    HandOverPane #hint, HandOverPane #trouble { height: auto; }
    HandOverPane #hint { margin-bottom: 1; }
    HandOverPane #trouble { color: $text-error; }
    HandOverPane #not-compared, HandOverPane #doubts { color: $text-warning; }
    HandOverPane #people { height: auto; max-height: 5; margin-bottom: 1; }
    HandOverPane #more { margin: 0; }
    HandOverPane .hidden { display: none; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._names = people_of(opening.context.item, opening.context)
        self._handoffs: dict[str, hand_over.PersonHandoff] = {}
        self._left_to_later: Mapping[str, Sequence[Sentence]] = {}
        item, context = opening.context.item, opening.context
        self._before, self._sent = (
            {name: marks.get(name, Sent()) for name in self._names}
            for marks in (marks_in(item, context), marks_in(item, context, opening.draft))
        )
        self._useless = {**sent_to({"people": opening.draft.get("useless", {})})}
        self._taken: dict[str, Sentence] = {}
        self._usual_roles = bool(opening.draft.get("usual_roles", True))

    def compose_body(self) -> ComposeResult:
        yield CodeField(self.context.environment.now)
        yield Text("", id="not-compared", classes="-empty")
        yield Text("", id="hint")
        yield OptionList(id="people")
        yield MarkBox("", self._usual_roles, id="usual-roles")
        yield Text("", id="trouble", classes="-empty")
        yield Text("", id="doubts", classes="-empty")
        yield Text("", id="elsewhere", classes="-empty")
        name = self._names[0] if self._names else "USER"
        field = PathField(hand_over.default_file(name, self.context), id="file", select_on_focus=False)
        yield FieldRow("Save to file", field)
        mail = [] if self._mailbox is None else [Button(_MAIL, id="mail", key="m")]
        yield ButtonRow(
            *mail,
            Button("Copy", id="copy", key="c"),
            Button("Save", id="save", key="w"),
            Button("View", id="view", key="v"),
            Button("Compare", id="compare", key="k"),
            id="ways",
        )
        yield ButtonRow(
            Button(_MARK, id="sent", key="t"),
            Button("Replace a lost PGP key", id="new-key", key="n"),
            Button("Send later", id="skip", key="^s"),
            id="more",
        )

    def _hint(self, name: str) -> list[Sentence]:
        """Say how a person's handoff can be sent."""
        if not self._names:
            return ["Nobody got a password, a key or other roles in this account."]
        if self.opening.skipped or (not self._unsent and not self.opening.done):
            return []
        covered = accounts_of_text(self.context.item, self.context)
        changed = (made_in(account, self.context).roles.get(name) for account in covered)
        roles = [change.sentence(name, "now has", "no longer has") for change in changed if change]
        if self.opening.done or name not in self._unsent or not self._later(name):
            how = f"Each handoff explains how to {'continue' if roles else 'start'}."
            return [*roles, f"{how}{' In the sandbox, it goes into the mailbox.' if self._mailbox else ''}"]
        later = listed([self.context.item, *self._later(name)], 3)
        return [*roles, f"Send this one now, or choose “Send later”: one handoff then covers {later}."]

    def heading(self) -> Sentence:
        return f"Send {self._names[0]} the handoff" if len(self._names) == 1 else super().heading()

    def primary(self) -> Primary:
        if self.code_wanted or (self._unsent and not self._handoffs):
            return Primary("Read the state", act=self.look_again)
        if name := self._to_confirm:
            return Primary(f"I've sent it to {short(name)}", act=partial(self._mark_by_hand, name))
        if name := self._to_send:
            copies = self._mailbox is None
            effect = f"Copy {short(name)}'s handoff" if copies else f"Send {short(name)} the handoff"
            return Primary(effect, act=partial(self._send, name))
        if name := self._to_rekey:
            return Primary(f"Replace {short(name)}'s PGP key", act=partial(self._ask_for_key, name))
        if account := self._to_plan:
            return Primary(f"Go to Plan ({account})", act=partial(self._plan_again, account))
        return Primary("Read the state again", act=self.look_again) if self._unsent else Primary("Continue")

    def _later(self, *names: str) -> Sequence[str]:
        """Return later accounts that will have something for some of these people."""
        found = list[str]()
        for name in names:
            later, handoff = hand_over.later_layers((name,), self.context), self._handoffs.get(name)
            waiting, absent = (handoff.waiting, handoff.absent) if handoff else ((), ())
            found += (account for account in (*later, *waiting) if account not in absent)
        return tuple(dict.fromkeys(found))

    @property
    def _uncompared(self) -> tuple[Sentence, ...]:
        return self.not_compared()

    @property
    def _mailbox(self) -> Path | None:
        return self.context.environment.mailbox

    @property
    def _asked(self) -> dict[str, Sent]:
        """The marks of people who still have something to be sent from here."""
        return {name: sent for name, sent in self._sent.items() if not self._settled(name)}

    def _settled(self, name: str) -> bool:
        """Return whether later sessions left nothing to send to a person, by the text once it is read."""
        handoff = self._handoffs.get(name)
        return name in self._left_to_later if handoff is None else handoff.settled

    @property
    def _unsent(self) -> list[str]:
        return [name for name, sent in self._asked.items() if sent.sent_at is None]

    @property
    def _lacking(self) -> dict[str, Sentence]:
        """Why texts are missing or incomplete, by person."""
        read = self._handoffs.values()
        return {handoff.name: joined(handoff.trouble, " ") for handoff in read if handoff.trouble}

    @property
    def _to_plan(self) -> str:
        """The first account in which another plan and apply make what is missing."""
        return next((account for handoff in self._handoffs.values() for account in handoff.to_plan), "")

    @property
    def _to_rekey(self) -> str:
        """The first person whose key isn't theirs."""
        return next((name for name, handoff in self._handoffs.items() if handoff.rejected), "")

    @property
    def decides(self) -> bool:
        """Whether only another key helps; then Next asks for it."""
        return self.opened and self.opening.asks and bool(self._to_rekey)

    @property
    def _skippable(self) -> bool:
        """Whether the step can be skipped: a part is missing, or goes out with a later text."""
        left = self._lacking or self._later(*self._unsent)
        return bool(left) and not (self.opening.done or self.opening.skipped or self.opening.over)

    @property
    def _to_send(self) -> str:
        """The first person whose text is ready to send, the selected one before others."""
        texts = [name for name in self._unsent if name in self._handoffs and self._handoffs[name].text]
        return self._marked if self._marked in texts else next(iter(texts), "")

    def turn(self) -> Turn:
        asked = self._asked
        sent = [name for name, handover in asked.items() if handover.sent_at]
        if len(sent) < len(asked):
            return Turn(f"{len(sent)} of {len(asked)} sent" if len(asked) > 1 else "Your turn")
        if not sent or self._lacking:
            return YOURS
        if self._uncompared:
            return TO_COMPARE
        people = [name for name in sent if not is_machine_name(name)] or sent
        whom = people[0] if len(people) == 1 else f"{len(people)} people"
        return Turn(f"Waiting for {short(whom)}", yours=False)

    def on_mount(self) -> None:
        self.offer_comparison()
        self.query_one("#usual-roles").display = False
        self.query("#people, FieldRow, #ways, #more").set(display=bool(self._names))
        self._show()
        if self._names and not self.opening.done:
            self.look_again()
        elif self._names:
            self.run_move(
                "later", lambda _report: hand_over.left_to_later(self.context), self._take_later, looks=True
            )

    def _take_later(self, left: Mapping[str, Sequence[Sentence]]) -> None:
        self._left_to_later = left
        self._show()

    def doubted(self) -> Collection[str]:
        return [name for name, handoff in self._handoffs.items() if handoff.doubts]

    # -- display -----------------------------------------------------------------------------------

    def _show(self) -> None:
        self.query_one("#people", OptionList).set_options(
            Option(self._line(name), name) for name in self._names
        )
        self.query_one("#hint", Text).show_lines(self._hint(self._marked))
        skip = self.query_one("#skip", Button)
        skip.display = self._skippable
        skip.label = "Send later" if self._later(*self._unsent) else "Leave it out"
        self.show_problems([])  # somebody not marked as sent may be now

    def _line(self, name: str) -> str:
        sent, handoff = self._sent[name], self._handoffs.get(name)
        void = handoff is not None and handoff.void
        at = sent.sent_at or (void and self._useless.get(name, sent).sent_at)
        when = at and f"sent {moment_text(at, self.context.environment.now())}"
        if self._settled(name):
            mark, words = "–", "nothing to send from here: see below"
        elif when and void:
            mark, words = "✗", f"{when}, but of no use: see below"
        elif when:
            mark, words = "?" if sent.by_hand else "✓", f"{when}, {sent.how}"
        elif name in self._taken:
            mark, words = "○", f"{self._taken[name]}, not marked as sent"
        elif handoff is None:
            mark, words = "·", "the state isn't read yet"
        elif self.opening.skipped and handoff.text:
            mark, words = "○", "not sent from here"
        elif handoff.text and handoff.trouble:
            mark, words = "!", f"ready only for {', '.join(handoff.accounts)}: see below"
        elif handoff.text:
            before = hand_over.sent_before(name, self.context)
            again = [account for account in handoff.accounts if account in before]
            new = ", ".join(account for account in handoff.accounts if account not in before)
            mark, words = "○", f"ready: {new}{f'; the text also repeats {listed(again, 3)}' if again else ''}"
            if handoff.without:
                mark, words = "!", f"{words}, without the password: see below"
        else:
            mark, words = "✗", "can't be handed over: see below"
        width = max(cell_len(person) for person in self._names)
        return shortened(f"{mark} {sized(name, width)}  {words}")

    @property
    def _marked(self) -> str:
        highlighted = self.query_one("#people", OptionList).highlighted
        return self._names[highlighted] if highlighted is not None and self._names else ""

    @on(OptionList.OptionHighlighted, "#people")
    def _show_person(self, event: OptionList.OptionHighlighted) -> None:
        name = event.option_id or ""
        handoff = self._chosen(name)
        self.query_one("#file", Input).value = hand_over.default_file(name, self.context)
        sent, button = self._sent[name], self.query_one("#sent", Button)
        button.label = _UNMARK if sent.by_hand else _MARK
        nothing = handoff is not None and handoff.void
        button.display = sent.by_hand or not (sent.sent_at or self._mailbox or nothing)
        other = name != self._to_send and (self.opening.done or name in self._handoffs)
        text = bool(handoff.text) if handoff else not self._settled(name)
        way = self.query_one("#copy" if self._mailbox is None else "#mail", Button)
        way.display = other and text
        copies = "" if self._mailbox is None else ", #copy"
        self.query(f"#save, #view, FieldRow{copies}").set(display=text)
        if self._mailbox:
            way.label = f"{_MAIL} again" if sent.sent_at else _MAIL
        elsewhere = handoff.elsewhere if handoff else self._left_to_later.get(name, ())
        trouble, doubts = (handoff.trouble, handoff.doubts) if handoff else ((), ())
        without = handoff.without if handoff else ()
        self.show_texts(
            hint=self._hint(name),
            trouble=[f"✗ {words}" for words in trouble],
            doubts=[f"! {words}" for words in (*doubts, *without)],
            elsewhere=[f"– {words}" for words in elsewhere],
        )
        self.show_compare(doubts)

    def _chosen(self, name: str) -> hand_over.PersonHandoff | None:
        """Return a person's text to send, with the usual roles or without."""
        handoff = self._handoffs.get(name)
        return handoff if handoff is None or self._usual_roles else handoff.without_conventional()

    def _sendable(self) -> hand_over.PersonHandoff | None:
        """Return the selected person's text, or say that there is none."""
        handoff = self._chosen(self._marked)
        if handoff is not None and handoff.text:
            return handoff
        self.notify("There is nothing to send to the selected person yet.", severity="warning")
        return None

    def _show_usual_roles(self) -> None:
        """Say where roles are only named by convention, and offer the choice."""
        accounts = dict.fromkeys(
            account for handoff in self._handoffs.values() for account in handoff.conventional
        )
        box = self.query_one("#usual-roles", MarkBox)
        box.label = f"Include the usual roles: the state of {listed(list(accounts), 2)} has none"
        box.display = bool(accounts)

    @on(MarkBox.Changed, "#usual-roles")
    def _choose_roles(self, event: MarkBox.Changed) -> None:
        self._usual_roles = event.value

    # -- results -----------------------------------------------------------------------------------

    def _show_read(
        self, then: Callable[[], None] | None, handoffs: Sequence[hand_over.PersonHandoff]
    ) -> None:
        self._handoffs = {handoff.name: handoff for handoff in handoffs}
        sent = [handoff for handoff in handoffs if self._sent[handoff.name].sent_at]
        if self.opening.done and (lost := hand_over.of_no_use(sent)):
            self.post_message(self.Observed({StepKey("hand-over", self.context.item): lost}))
        elif void := [] if self.opening.asks else [handoff.name for handoff in sent if handoff.void]:
            self._useless |= {name: self._sent[name] for name in void}
            self._sent |= dict.fromkeys(void, Sent())
            self.keep_draft()
        self._show_usual_roles()
        self._show()
        self.query_one("#people").focus()
        if then is not None and self._handoffs:
            then()

    def look_again(self, then: Callable[[], None] | None = None) -> None:
        """Read the state; `then` is the action that needed a text in a done step."""
        read, first = partial(hand_over.prepare, self.context), not self._handoffs
        self.run_coded("read", read, partial(self._show_read, then), looks=first)

    # -- actions -----------------------------------------------------------------------------------

    def _send(self, name: str) -> None:
        """Select a person, and copy their text, or put it into the sandbox's mailbox."""
        self.query_one("#people", OptionList).highlighted = self._names.index(name)
        (self.action_copy if self._mailbox is None else self.action_mail)()

    def _plan_again(self, account: str) -> None:
        """Go back to an account's plan, to make what is missing."""
        of_them = [name for name, handoff in self._handoffs.items() if account in handoff.to_plan]
        reason = f"what it made for {listed(of_them, 3)} can't be used any more"
        self.post_message(self.DoneNoMore(reason, str(StepKey("apply", account))))

    @property
    def _to_confirm(self) -> str:
        """The person whose text was last copied or saved without being marked as sent: copying isn't sending.

        Nobody in the sandbox, where only the mailbox delivers.
        """
        return (
            ""
            if self._mailbox
            else next((name for name in reversed(self._taken) if self._sent[name].sent_at is None), "")
        )

    def _take(self, doing: str, work: _Taking, then: Callable[[str, Sentence], None]) -> None:
        """Do something with the selected person's text; `then` takes the name and the result."""
        if not self._handoffs:
            self.look_again(partial(self._take, doing, work, then))
            return
        if (handoff := self._sendable()) is None:
            return
        name = handoff.name

        def take(report: Report) -> Sentence | hand_over.PersonHandoff | None:
            now = hand_over.as_of_now(handoff, self.context, report)
            if now is None or not now.text:
                return now
            report(Progress(f"{doing} for {name}"))
            return work(handoff)

        def taken(result: Sentence | hand_over.PersonHandoff | None) -> None:
            if result is None:
                self.look_again()  # it says what AWS lacks, and leads to what makes it
            elif isinstance(result, hand_over.PersonHandoff):
                self._handoffs[name] = result
                self._show()
            else:
                then(name, result)

        def begin(_yes: bool = True) -> None:  # noqa: FBT001 - a dialog's answer
            self.run_move("send", take, taken)

        decisions = self.context.decisions
        own = decisions.not_compared_sentences(self.opening.gone) if name in decisions.not_compared else ()
        if (doubts := (*own, *handoff.doubts)) and name not in self._taken:
            body = joined((*(f"! {words}" for words in doubts), _ANOTHERS_KEY), "\n\n")
            ask(self, Confirm(f"Hand over to {name}?", body, "Hand over", no="Not yet"), begin)
        else:
            begin()

    def _taken_out(self, name: str, how: Sentence) -> None:
        """The user has the text, ready to send."""
        self._taken.pop(name, None)
        self._taken[name] = how
        then = "" if self._sent[name].sent_at else f" Send it to {name}, then confirm that you did."
        mailed = " In the sandbox, only the mailbox delivers it." if self._mailbox else then
        self.notify(f"{text_of(how)[:1].upper()}{text_of(how)[1:]}.{mailed}")
        self._show()

    def _mark(self, name: str, sent: Sent) -> None:
        self._sent[name] = sent
        self.drop_note()  # what changed since has now been sent
        said = f"{name}'s handoff is marked as {'sent' if sent.sent_at else 'not sent'}."
        self.notify(said)
        left = self._unsent
        if sent.sent_at and left:
            self.query_one("#people", OptionList).highlighted = self._names.index(left[0])
        self._show()
        self.keep_draft()
        if self.opening.done or not hand_over.validate(self.request(), self.context):
            self._record(said)

    def _mark_by_hand(self, name: str) -> None:
        self._mark(name, hand_over.marked_by_hand(self.context, self._taken.get(name, "you said so")))

    def _record(self, said: str) -> None:
        """Record it at once: the step is done when everything is sent, and reopened until then."""
        if self._unsent:
            self.screen.call_later(self.screen.run_action, "reopen")
        else:
            self.parting, self.stays = said, True
            self.submit()

    @on(Button.Pressed, "#copy")
    def action_copy(self) -> None:

        def copy(handoff: hand_over.PersonHandoff) -> Sentence:
            handed = hand_over.copy(handoff, self.context)
            show_unless_certain(self, handed, self.context.environment)
            return "copied" if handed.certain else "shown for copying"

        self._take("Copying the handoff", copy, self._taken_out)

    @on(Button.Pressed, "#save")
    @on(Input.Submitted, "#file")
    def action_save(self) -> None:
        target = self.query_one("#file", Input).value
        self._take(
            "Saving the handoff",
            lambda handoff: hand_over.save(handoff, target, self.context),
            self._taken_out,
        )

    @on(Button.Pressed, "#mail")
    def action_mail(self) -> None:
        """Put the text into the sandbox's mailbox."""
        self._take(
            "Handing over",
            lambda handoff: hand_over.to_mailbox(handoff, self.context),
            lambda name, how: self._mark(name, hand_over.sent_now(how, self.context, self._sent[name])),
        )

    @on(Button.Pressed, "#sent")
    def action_sent(self) -> None:
        """Mark the person's text as sent by hand, or remove that mark."""
        name = self._marked
        if name and self.query_one("#sent").display:
            self._mark(name, Sent()) if self._sent[name].by_hand else self._mark_by_hand(name)

    @on(Button.Pressed, "#new-key")
    def action_new_key(self) -> None:
        """Ask for a new key for the selected person."""
        if name := self._marked:
            self._ask_for_key(name)

    def _ask_for_key(self, name: str) -> None:
        """Go to Project, to accept a new key for somebody."""
        handoff = self._handoffs.get(name)
        why = _NOT_THEIRS if handoff is not None and handoff.rejected else _LOST_KEY
        body = f"{why}\n\n{_NEW_KEY}".format(name=name)
        wanted = self.StepWanted("project", hand_over.for_a_new_key(name, self.context))
        ask(
            self,
            Confirm(f"A new key for {name}?", body, "Go to Project", no="Not yet"),
            lambda _yes: self.post_message(wanted),
        )

    @on(Button.Pressed, "#view")
    @on(OptionList.OptionSelected, "#people")
    def action_view(self) -> None:
        if not self._handoffs:
            self.look_again(self.action_view)
            return
        if (handoff := self._sendable()) is not None:
            self.app.push_screen(TextDialog(f"The handoff for {handoff.name}", handoff.text))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the mailbox only in the sandbox."""
        if action == "mail":
            return self._mailbox is not None
        return super().check_action(action, parameters)

    def changed(self) -> bool:
        """Return whether a mark was set or removed; what was read isn't the user's input."""
        return self._sent != self._before

    def request(self) -> hand_over.Request:
        asked = self._asked
        people = {name: sent for name, sent in self._sent.items() if sent.sent_at or name in asked}
        return hand_over.Request(people, self._lacking, self._skippable)

    def draft(self) -> Mapping[str, Any]:
        roles = {} if self._usual_roles else {"usual_roles": False}
        return {**roles, "people": plain(self._sent), "useless": plain(self._useless)}
