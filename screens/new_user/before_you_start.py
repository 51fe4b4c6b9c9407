"""A new user's first screen: who they will be, what they need, and how to install what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from textual import events, on
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import Input

from screens.step.page import Opening, Primary, StepPane
from screens.widgets.dialogs import Notice
from screens.widgets.fields import FieldRow
from screens.widgets.text import Button, ButtonRow, Text
from workflows.core.installation import how_to_install
from workflows.core.sentences import OnboardError, text_of
from workflows.messages.invitation import open_invitation
from workflows.steps.new_user import before_you_start

_FIELDS = (
    ("project", "Project", "its short name, for example  bb"),
    ("user", "IAM user name", "for example  jane.doe"),
)
_PHONE = (
    "• an authenticator app on your phone, or in your password manager",
    "  A passkey won't work: the command line needs codes.",
)
_INVITATION = "Your invitation has both: paste it here, or ask your admin for one."
_GIVEN = "Check that both match your invitation or handoff."
_SANDBOX = "In this sandbox you play {user} in the project {project}. Leave both as they are."
_AHEAD = "About ten minutes: you have your handoff already."
_COMMAND = "iam-onboard"
_PRETEND_PHONE = ("• an authenticator app: in this sandbox, a pretend phone shows the codes",)


class InvitedInput(Input):
    """A field that leaves a pasted invitation to the page: Textual would insert its first line."""

    @dataclass
    class Pasted(Message):
        """A text with an invitation's command was pasted."""

        text: str

    def _on_paste(self, event: events.Paste) -> None:
        if _COMMAND in event.text:
            event.stop()
            event.prevent_default()  # otherwise Textual calls the base class's handler next
            self.post_message(self.Pasted(event.text))


class BeforeYouStartPane(StepPane):
    """Two fields, and a list of the programs found when it opens."""

    NEXT_WAITS = ASKS_FIRST = True
    DEFAULT_CSS = """
    BeforeYouStartPane ButtonRow { margin: 0; }
    BeforeYouStartPane FieldRow .row-label { width: 15; }
    BeforeYouStartPane .hint { color: $text-muted; margin-bottom: 1; }
    BeforeYouStartPane Button { margin-right: 2; }
    BeforeYouStartPane #use { margin-bottom: 1; }
    BeforeYouStartPane #found { margin-bottom: 1; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        facts = opening.context.facts
        self._start: Mapping[str, Any] = {
            "project": facts.get("project") or "",
            "user": facts.get("user") or "",
            "handed": False,
            **opening.draft,
        }
        self._found: before_you_start.Found | None = None
        self._missing: list[str] = []

    def compose_body(self) -> ComposeResult:
        for name, label, hint in _FIELDS:
            yield FieldRow(
                label, InvitedInput(value=str(self._start[name]), placeholder=hint, id=name, compact=True)
            )
        start = before_you_start.Request(str(self._start["project"]), str(self._start["user"]))
        yield Text(self._hint(start), classes="hint", id="hint")
        yield Button("Use the invitation", id="use")
        yield Text("", id="found")
        yield ButtonRow(Button("How to install it", id="install"), Button("Look again", id="look"))

    def _hint(self, request: before_you_start.Request) -> str:
        """Say where both values come from."""
        if not (request.project and request.user):
            return _INVITATION
        environment = self.context.environment
        played = environment.sandbox and request.project == environment.project
        if not played or (self._invited and request not in self._invited):
            return _GIVEN
        return _SANDBOX.format(project=request.project, user=request.user)

    @property
    def _invited(self) -> list[before_you_start.Request]:
        invitations = self._found.invitations if self._found else ()
        return [before_you_start.Request(invitation.project, invitation.user) for invitation in invitations]

    def on_mount(self) -> None:
        self.query("#use, #install, #look").set(display=False)
        if self._start["handed"]:
            self.query_one(".pane-purpose", Text).update(_AHEAD)
        self._look_for_tools()

    @on(Button.Pressed, "#install")
    def _tell_how(self) -> None:
        self.app.push_screen(Notice(f"How to install {self._missing[0]}", how_to_install(self._missing[0])))

    @on(Button.Pressed, "#look")
    def _look_for_tools(self) -> None:
        survey = partial(before_you_start.survey, self.context, user=self.request().user)
        self.run_move("look", survey, self._show_found, looks=True)

    def _show_found(self, found: before_you_start.Found) -> None:
        self._found = found
        self.query_one("#found", Text).update(_tools_text(found, sandbox=self.context.environment.sandbox))
        if invited := self._invited:
            self.query_one("#use", Button).label = f"Use the invitation for {invited[0].user} (mailbox)"
        self.query_one("#hint", Text).update(self._hint(self.request()))
        self._missing = [tool.name for tool in found.tools if not tool.version]
        if self._missing:
            self.query_one("#install", Button).label = f"How to install {self._missing[0]}"
        use = invited and self.request() not in invited
        self.show_parts(use=use, install=self._missing, look=self._missing)

    @on(Button.Pressed, "#use")
    def _use(self) -> None:
        self.query_one("#use").display = False
        self._fill(self._invited[0])

    @on(InvitedInput.Pasted)
    def _take_pasted(self, message: InvitedInput.Pasted) -> None:
        self._take(message.text)

    @on(Input.Blurred)
    def _take_typed(self) -> bool:
        """Read a typed (or seemingly typed) command once the field is left."""
        typed = [field.value for field in self.query(InvitedInput) if _COMMAND in field.value]
        return any(self._take(text) for text in typed)

    def _take(self, text: str) -> bool:
        """Fill both fields from an invitation; return whether it is one."""
        try:
            invitation = open_invitation(text)
        except OnboardError as error:
            self.notify(text_of(error.what), severity="warning")
            return False
        self._fill(before_you_start.Request(invitation.project, invitation.user))
        return True

    def _fill(self, request: before_you_start.Request) -> None:
        self.query_one("#project", Input).value = request.project
        self.query_one("#user", Input).value = request.user
        self.query_one("#hint", Text).update(self._hint(request))
        self.query_one("#user").focus()

    @on(Input.Submitted)
    def _go_down(self) -> None:
        """Enter in a field moves to the next one."""
        if not self._take_typed():
            self.screen.focus_next()

    def advance(self) -> None:
        self._take_typed()
        super().advance()

    def primary(self) -> Primary:
        return Primary("Continue" if self._start["handed"] else "Continue to your PGP key")

    def request(self) -> before_you_start.Request:
        return before_you_start.Request(
            project=self.query_one("#project", Input).value.strip(),
            user=self.query_one("#user", Input).value.strip(),
        )

    def draft(self) -> Mapping[str, Any]:
        request = self.request()
        return {"project": request.project, "user": request.user, "handed": self._start["handed"]}


def _tools_text(found: before_you_start.Found, *, sandbox: bool) -> str:
    """List what is needed and what is here, and how to install what is indispensable."""
    lines = ["What you need"]
    width = max(len(f"{tool.name} {tool.version}") for tool in found.tools) + 2
    for tool in found.tools:
        mark = "✓" if tool.version else "✗" if tool.needed else "–"
        lines.append(f"{mark} {f'{tool.name} {tool.version}':<{width}}{text_of(tool.purpose)}")
        if tool.needed and not tool.version:
            lines.append("  It is missing. Install it, then look again.")
    return "\n".join([*lines, *(_PRETEND_PHONE if sandbox else _PHONE)])
