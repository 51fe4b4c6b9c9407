"""The hand-over's screen: everybody's text, the ways to send it, and a mark for each that was sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input

from screens.step.page import Opening
from screens.step.terraform import TerraformPane
from screens.step.times import told_moment
from screens.widgets.code_field import CodeField
from screens.widgets.dialogs import Confirm, ask
from screens.widgets.fields import FieldRow
from screens.widgets.lists import MarkBox, Reading
from screens.widgets.text import Button, Option, OptionList, Text, unfold
from workflows.core.sentences import Sentence, joined, text_of
from workflows.core.shapes import plain
from workflows.steps.admin import hand_over
from workflows.steps.admin.accepted_plan import Sent, people_of, sent_to
from workflows.steps.admin.hand_over import PersonHandoff, Request
from workflows.steps.shared.module import Progress, Report

_Sending = Callable[[PersonHandoff], tuple[Sentence, Sentence]]


_NEW_KEY = (
    "Use this if {name} lost the PGP key or forgot its passphrase: nobody can read this password then.\n\n"
    "{name} sends a new request: in their wizard, “I can't use my key”. Project opens with {name} under “New "
    "PGP key for?”. The plan then makes a new password; the one in this text stops working."
)


class HandOverPane(TerraformPane):
    """Reads the state as soon as it opens; where a code is needed, Next reads it."""

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
            tooltip="Mark as sent, or take your own mark back",
        ),
        Binding("v", "view", "View", id="handover.view", show=False, tooltip="Show or hide the whole text"),
        Binding(
            "n",
            "new_key",
            "New key",
            id="handover.key",
            show=False,
            tooltip="A new key and password for somebody who lost the PGP key or its passphrase",
        ),
        Binding("escape", "hide_text", "Close", id="handover.hide", tooltip="Close the whole text"),
    ]
    DEFAULT_CSS = """
    HandOverPane #hint, HandOverPane #trouble { height: auto; }
    HandOverPane #hint { color: $text-muted; }
    HandOverPane #trouble { color: $text-error; }
    HandOverPane #people { height: auto; max-height: 7; border: none; padding: 0; }
    HandOverPane #buttons { height: auto; margin-top: 1; }
    HandOverPane #new-key { min-width: 8; }
    HandOverPane #buttons Button { margin-right: 0; min-width: 8; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._names = people_of(opening.context.item, opening.context)
        self._handoffs: dict[str, PersonHandoff] = {}
        kept = opening.context.facts.get("handed_over")
        marks = {**sent_to(kept), **sent_to(opening.draft)}
        self._sent = {name: marks.get(name, Sent()) for name in self._names}
        self._usual_roles = bool(opening.draft.get("usual_roles", True))

    def compose_body(self) -> ComposeResult:
        yield CodeField(self.context.world.now)
        yield Text(self._hint(), id="hint")
        yield OptionList(id="people")
        yield MarkBox("", self._usual_roles, id="usual-roles")
        yield Text("", id="trouble")
        name = self._names[0] if self._names else "USER"
        field = Input(hand_over.default_file(name), id="file", compact=True, select_on_focus=False)
        yield FieldRow("Save to file", field)
        with Horizontal(id="buttons"):
            yield Button("Copy (c)", id="copy")
            yield Button("Save (w)", id="save")
            if self.context.world.mailbox is not None:
                yield Button("Mailbox (m)", id="mail")
            yield Button("Sent (t)", id="sent")
            yield Button("View (v)", id="view")
        yield Button("Replace a lost key (n)", id="new-key")
        yield Reading(id="text")

    def _hint(self) -> str:
        if not self._names:
            return "Nobody got a password or a key in this account. Next (^n) goes on."
        later = hand_over.later_layers(self.context)
        if self.opening.done:
            return "Press ^n to continue, or ^r to open this again and send the texts once more."
        if later:
            return (
                f"{', '.join(later)} follows, and its text will hold this identity too: skip (^s) to send "
                "one message at the end, or send this one now. All that is secret in it is encrypted."
            )
        return "Send each text by any messenger: everything secret in it is encrypted to the person's key."

    def on_mount(self) -> None:
        self.query_one("#usual-roles").display = False
        self._show()
        if self._names and not self.opening.done:
            self._read()

    # -- what is shown -----------------------------------------------------------------------------

    def _show(self) -> None:
        self.query_one("#people", OptionList).set_options(
            Option(self._line(name), name) for name in self._names
        )

    def _line(self, name: str) -> str:
        sent, handoff = self._sent[name], self._handoffs.get(name)
        when = sent.sent_at and f"sent {told_moment(sent.sent_at, self.context.world.now())}"
        if when and handoff is not None and not handoff.text:
            words = f"✗ {name}  {when}, but of no use now, see below"
        elif when:
            words = f"✓ {name}  {when}, {sent.how}"
        elif handoff is None:
            words = f"○ {name}  not read from the state yet"
        elif handoff.text:
            words = f"○ {name}  ready: {', '.join(handoff.accounts)}"
        else:
            words = f"✗ {name}  nothing can be handed over, see below"
        return words

    @property
    def _marked(self) -> str:
        highlighted = self.query_one("#people", OptionList).highlighted
        return self._names[highlighted] if highlighted is not None and self._names else ""

    @on(OptionList.OptionHighlighted, "#people")
    def _show_person(self, event: OptionList.OptionHighlighted) -> None:
        name = event.option_id or ""
        handoff = self._chosen(name)
        self.query_one("#file", Input).value = hand_over.default_file(name)
        self.query_one("#sent", Button).label = "Not sent (t)" if self._sent[name].by_hand else "Sent (t)"
        self.query_one("#trouble", Text).update(
            "\n".join(f"✗ {words}" for words in handoff.trouble) if handoff else ""
        )
        self.query_one("#text", Reading).text = handoff.text if handoff else ""

    def _chosen(self, name: str) -> PersonHandoff | None:
        """The text of a person as it is sent: with the usual roles, or without."""
        handoff = self._handoffs.get(name)
        return handoff if handoff is None or self._usual_roles else handoff.without_conventional()

    def _show_usual_roles(self) -> None:
        """Say where roles are named by convention alone, and let that be chosen."""
        accounts = dict.fromkeys(account for one in self._handoffs.values() for account in one.conventional)
        box = self.query_one("#usual-roles", MarkBox)
        box.label = f"Name the usual roles: {', '.join(accounts)}'s state has none"
        box.display = bool(accounts)

    @on(MarkBox.Changed, "#usual-roles")
    def _choose_roles(self, event: MarkBox.Changed) -> None:
        self._usual_roles = event.value
        handoff = self._chosen(self._marked)
        self.query_one("#text", Reading).text = handoff.text if handoff else ""

    # -- what comes back ---------------------------------------------------------------------------

    def _show_read(self, handoffs: Sequence[PersonHandoff]) -> None:
        self._handoffs = {handoff.name: handoff for handoff in handoffs}
        self._show_usual_roles()
        self._show()
        self.query_one("#people").focus()

    def _read(self) -> None:
        self.run_coded("read", partial(hand_over.prepare, self.context), self._show_read)

    def try_again(self, move: str) -> None:  # noqa: ARG002 - only the state is read with Terraform here
        """Read the state again, after a lock or an init was dealt with."""
        self._read()

    # -- what the person does ----------------------------------------------------------------------

    def advance(self) -> None:
        unsent = any(sent.sent_at is None for sent in self._sent.values())
        if self.code_wanted or (unsent and not self._handoffs):
            self._read()
        else:
            self.post_message(self.Submitted(self.request()))

    def _send(self, work: _Sending) -> None:
        """Send the selected person's text by a function that says how, and what else there is to say."""
        handoff = self._chosen(self._marked)
        if handoff is None or not handoff.text:
            self.notify("There is no text to send for the selected person yet.", severity="warning")
            return
        name = handoff.name

        def send(report: Report) -> tuple[Sentence, Sentence]:
            report(Progress(f"Handing over to {name}"))
            return work(handoff)

        def sent(said: tuple[Sentence, Sentence]) -> None:
            how, words = said
            self._sent[name] = hand_over.sent_now(how, self.context, self._sent[name])
            self.notify(text_of(words or f"{name}: {how}."))
            self._show()
            self.keep_draft()

        self.run_move("send", send, sent)

    @on(Button.Pressed, "#copy")
    def action_copy(self) -> None:
        """Copy the text."""
        self._send(lambda handoff: ("copied", self.context.world.clipboard.copy(handoff.text)))

    @on(Button.Pressed, "#save")
    @on(Input.Submitted, "#file")
    def action_save(self) -> None:
        """Save the text."""
        target = self.query_one("#file", Input).value
        self._send(lambda handoff: (hand_over.save(handoff, target, self.context), ""))

    @on(Button.Pressed, "#mail")
    def action_mail(self) -> None:
        """Put the text into the sandbox's mailbox."""
        self._send(lambda handoff: (hand_over.to_mailbox(handoff, self.context), ""))

    @on(Button.Pressed, "#sent")
    def action_sent(self) -> None:
        """Mark the person's text as sent by hand, or take that mark back."""
        name = self._marked
        if name:
            by_hand = self._sent[name].by_hand
            self._sent[name] = Sent() if by_hand else hand_over.marked_by_hand(self.context)
            self._show()
            self.keep_draft()

    @on(Button.Pressed, "#new-key")
    def action_new_key(self) -> None:
        """Lead to Project, where a new key is taken in for the selected person."""
        name = self._marked

        def replace(_yes: bool) -> None:  # noqa: FBT001 - a dialog's answer
            self.post_message(self.StepWanted("project", hand_over.for_a_new_key(name, self.context)))

        if name:
            ask(self, Confirm(f"A new key for {name}?", _NEW_KEY.format(name=name), "To Project"), replace)

    @on(Button.Pressed, "#view")
    def action_view(self) -> None:
        """Show or hide the whole text."""
        unfold(self.query_one("#text", Reading))

    def action_hide_text(self) -> None:
        """Close the whole text; the list has the focus again."""
        self.query_one("#text", Reading).remove_class("-shown")
        self.query_one("#people", OptionList).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """The mailbox is the sandbox's alone; esc closes the text while it is shown, else it goes back."""
        if action == "hide_text":
            return any(text.has_class("-shown") for text in self.query("#text"))
        return action != "mail" or self.context.world.mailbox is not None

    def request(self) -> Request:
        nothing = {one.name: joined(one.trouble, " ") for one in self._handoffs.values() if not one.text}
        return Request(dict(self._sent), nothing)

    def draft(self) -> Mapping[str, Any]:
        people = {name: plain(one) for name, one in self._sent.items() if one.sent_at}
        roles = {} if self._usual_roles else {"usual_roles": False}
        return {**roles, **({"people": people} if people else {})}
