"""The new user's key: their own keys with verdicts, or a form for a new one; Next writes the request."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from textual import getters, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Input

from screens.step.page import Opening, Primary, StepPane
from screens.widgets.fields import Field, FieldRow, PathField, SecretInput
from screens.widgets.text import Button, Lines, Option, OptionList, Text, sized
from workflows.core.openpgp import grouped
from workflows.core.secret import Secret
from workflows.core.sentences import Problem, Sentence, day, joined, text_of
from workflows.steps.new_user import pgp_key
from workflows.steps.shared.paths import is_path

_NEW = "new"
_FORM = (
    ("name", "Your name", "for example  Jane Doe"),
    ("email", "Your email address", "for example  jane.doe@company.example"),
    ("years", "Valid for (years)", f"a number from 1 to {pgp_key.MOST_YEARS}"),
)
_SECRETS = ("passphrase", "again")
_AFTER = (
    "iam-onboard saves the request there, and copies it to the clipboard. Send it to your admin by "
    "email or chat: nothing in it is secret."
)
_AGAIN = "Press again to continue anyway."
_USER_ID_CELLS = 40


class PgpKeyPane(StepPane):
    """The highlighted line of the list is the choice."""

    DEFAULT_CSS = """
    PgpKeyPane OptionList { height: auto; max-height: 6; border: none; padding: 0; margin-bottom: 1; }
    PgpKeyPane.-making OptionList { max-height: 3; }
    PgpKeyPane #verdict, PgpKeyPane .after { color: $text-muted; }
    PgpKeyPane #form, PgpKeyPane #replacement { height: auto; }
    PgpKeyPane #replacement, PgpKeyPane #needless { margin-bottom: 1; }
    PgpKeyPane.-replacing .after { display: none; }
    PgpKeyPane > FieldRow { margin-top: 1; }
    """

    _options = getters.query_one("#keys", OptionList)

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        facts = opening.context.facts
        self._start: Mapping[str, Any] = {
            "choice": facts.get("fingerprint") or "",
            "made": facts.get("fingerprint") if facts.get("key_made") else "",
            "path": pgp_key.default_path(opening.context),
            "years": str(pgp_key.DEFAULT_YEARS),
            "replacement": False,
            "reason": "",
            "asked_at": "",
            "needless": False,
            **opening.draft,
        }
        self._made = str(self._start["made"])
        self._keys: tuple[pgp_key.OwnChoice, ...] | None = None
        replaced = pgp_key.replaced(opening.context) if self._start["replacement"] else frozenset()
        self._replaced: Collection[str] = replaced
        self._accepted: list[Problem] = []

    def compose_body(self) -> ComposeResult:
        if self._needless:
            yield Text("Your handoff is here already, so your admin needs no key from you.", id="needless")
        with Vertical(id="replacement"):
            yield Text(
                "Your admin replaces the old key and resets your console passwords. If the old PGP key "
                "is lost, so is any access key encrypted to it: keep a new one in Access keys.",
            )
            yield self._row("reason", "Reason", "for example  forgotten passphrase")
            yield Button("Keep my key", id="keep")
        yield OptionList(id="keys")
        yield Text("", id="verdict", classes="-empty")
        with Vertical(id="form"):
            for name, label, hint in _FORM:
                yield self._row(name, label, hint)
            yield FieldRow(
                "Passphrase", SecretInput("a new one, ideally 12 characters or more", id="passphrase")
            )
            yield FieldRow("Passphrase again", SecretInput(id="again"))
            yield Text(
                "Keep the passphrase in a password manager: nobody can reset it.",
                classes="after",
            )
        yield FieldRow("Save request as", PathField(str(self._start["path"]), id="path"))
        yield Lines(self._after(), classes="after", whole_paths=False)

    def _row(self, name: str, label: str, hint: str) -> Widget:
        value = str(self._start.get(name, ""))
        return FieldRow(label, Input(value=value, placeholder=hint, id=name, compact=True))

    def _after(self) -> str:
        facts = self.context.facts
        again = self._start["replacement"] or self._start["asked_at"]
        done = self.opening.done and facts.get("request_sent") and not again
        done = done and not pgp_key.missing_request(self.context)
        return f"Done: {pgp_key.sent_text(self.context)}" if done else _AFTER

    def on_mount(self) -> None:
        replacement = self._start["replacement"]
        self.show_parts(replacement=replacement, keep=self._start["asked_at"], form=False, keys=False)
        first = not (replacement or self._needless)
        self.query_one(".pane-purpose").display = first  # it is about the first password
        self.set_class(bool(replacement), "-replacing")  # they have seen it once
        if self.opening.asks or self._needless:  # no input has an effect, or not before that is answered
            self.query_children("*").exclude(".pane-head, .pane-foot, #needless").set(display=False)
            self.focus_primary()
            return
        self.run_move(
            "keys", lambda report: pgp_key.own_keys(self.context, report), self._show_keys, looks=True
        )

    # -- the list ----------------------------------------------------------------------------------

    def _fill(self, choice: str) -> None:
        """Show the keys with `choice` highlighted, else the best one, else a new one."""
        keys = self._keys or ()
        self._options.clear_options()
        self._options.add_options([Option(_line(key), key.fingerprint) for key in keys if key.accepted])
        self._options.add_option(Option("+ Create a new key", _NEW))
        self._options.add_options([Option(_line(key), key.fingerprint) for key in keys if not key.accepted])
        good = [key.fingerprint for key in keys if key.accepted]
        proposed = () if self._start["replacement"] else keys
        best = next((key.fingerprint for key in proposed if key.accepted and not key.replaced), _NEW)
        self._options.highlighted = self._options.get_option_index(
            choice if choice in {*good, _NEW} else best
        )
        self._options.display = bool(keys)

    def _chosen(self) -> str:
        if self._options.highlighted is None:
            return ""
        return self._options.get_option_at_index(self._options.highlighted).id or ""

    def _chosen_key(self) -> pgp_key.OwnChoice | None:
        chosen = self._chosen()
        return next((key for key in self._keys or () if key.fingerprint == chosen), None)

    @on(OptionList.OptionHighlighted, "#keys")
    def _tell(self) -> None:
        self.show_problems([])
        self.query_one("#form").display = making = self._chosen() == _NEW
        self.set_class(making, "-making")
        key = self._chosen_key()
        self.query_one("#verdict", Text).show_lines([_verdict_text(key)] if key else [])

    @on(OptionList.OptionSelected, "#keys")
    def _to_the_form(self) -> None:
        """Enter on a line goes to the fields for it."""
        self.query_one("#name" if self._chosen() == _NEW else "#path").focus()

    @on(Input.Submitted)
    def _go_down(self) -> None:
        self.screen.focus_next()

    def heading(self) -> Sentence:
        if self._start["replacement"]:
            return "Replace your PGP key"
        if self._keys is not None and not self._keys:
            return "Create your PGP key"
        return "Skip this step" if self._needless else super().heading()

    @property
    def inside(self) -> bool:
        """Whether another page asked for a replacement, which Escape drops."""
        return bool(self._start["asked_at"]) and not self.running_move

    @on(Button.Pressed, "#keep")
    def go_back(self) -> None:
        """Replace nothing, and go back to the page that asked for it."""
        self.post_message(self.StepWanted(str(self._start["asked_at"]), keeps=False))

    # -- actions -----------------------------------------------------------------------------------

    def advance(self) -> None:
        if self._needless:
            super().advance()
            return
        if self._keys is None:
            return
        key = self._chosen_key()
        if key is not None and not key.accepted:
            words = f"Can't use this key ({key.verdict.headline}). Choose another one, or create a new key."
            self.show_problems([Problem(words, "keys")])
            return
        if self._chosen() != _NEW:
            super().advance()
            return
        problems = pgp_key.check_new(self._new(*(Secret(self._text(name)) for name in _SECRETS)))
        problems += [
            problem for problem in pgp_key.validate(self._wanted("x"), self.context) if problem.fatal
        ]
        warnings = [problem for problem in problems if not problem.fatal]
        passed_over = self.warned and warnings == self._accepted
        self._accepted = warnings
        if problems == warnings:
            problems = [problem._replace(message=joined((problem.message, _AGAIN))) for problem in problems]
        if any(problem.fatal and problem.field == "passphrase" for problem in problems):
            for name in _SECRETS:
                self._field(name).clear()
            problems = [problem for problem in problems if problem.fatal]  # the warning is about cleared text
        self.show_problems(problems)
        if self.problems and not (self.warned and passed_over):
            return
        self.show_problems([])
        new = self._new(*(self._field(name).take() for name in _SECRETS))
        self.run_move(
            "make", lambda report: pgp_key.make(new, self.context, report), self._made_it, journaled=True
        )

    def _place(self, problem: Problem) -> Field | None:
        """Show warnings at the passphrase, too: the next key press is in its field."""
        return super()._place(problem._replace(fatal=True))

    def _field(self, name: str) -> SecretInput:
        return self.query_one(f"#{name}", SecretInput)

    def _text(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value

    def _new(self, passphrase: Secret, again: Secret) -> pgp_key.NewKey:
        name, email, years = (self._text(field).strip() for field, _, _ in _FORM)
        return pgp_key.NewKey(name, email, years, passphrase, again)

    def _show_keys(self, keys: tuple[pgp_key.OwnChoice, ...]) -> None:
        self._keys = tuple(key for key in keys if key.fingerprint not in self._replaced)
        for key in keys:
            if key.fingerprint in self._replaced and not self._text("name") + self._text("email"):
                self.query_one("#name", Input).value = key.name
                self.query_one("#email", Input).value = next(iter(key.mails), "")
        self._fill(str(self._start["choice"]))
        if self.settled:
            self.focus_primary()
        else:
            self.query_one("#keys" if self._keys else "#name").focus()
        self.call_after_refresh(self._remember)

    def _made_it(self, key: pgp_key.OwnChoice) -> None:
        self._keys = (key, *(self._keys or ()))
        self._made = key.fingerprint
        self._fill(key.fingerprint)
        self.keep_draft()
        self.post_message(self.Submitted(self._wanted(key.fingerprint)))

    @on(StepPane.MoveFailed)
    def _not_moved(self, message: StepPane.MoveFailed) -> None:
        if message.name == "make":
            self._field("passphrase").focus()

    @property
    def _needless(self) -> bool:
        """Whether the handoff is here already, so that no request is needed."""
        return bool(self._start["needless"]) and not self._start["replacement"]

    def primary(self) -> Primary:
        if self._needless:
            return Primary("Continue to your handoff", act=self._skip)
        new = not self._keys or self._chosen() == _NEW
        return Primary("Create key and request" if new else "Create the request")

    def request(self) -> pgp_key.Request:
        chosen = self._chosen()
        return self._wanted("" if chosen == _NEW else chosen)

    def _wanted(self, fingerprint: str) -> pgp_key.Request:
        return pgp_key.Request(
            fingerprint=fingerprint,
            path=self._text("path").strip(),
            made=bool(fingerprint) and fingerprint == self._made,
            replacement=bool(self._start["replacement"]),
            reason=self._text("reason").strip(),
        )

    def draft(self) -> Mapping[str, Any]:
        fields = ["name", "email", "years", "reason"]
        path, default = self._text("path"), pgp_key.default_path(self.context)
        if path.strip() != default and is_path(path, self.context.environment.home):
            fields.append("path")  # the default follows the user's name; anything else may be a passphrase
        choice = self._chosen() if self._keys is not None else self._start["choice"]
        return {
            "choice": choice,
            "made": self._made,
            "replacement": self._start["replacement"],
            "asked_at": self._start["asked_at"],
            "needless": self._start["needless"],
            **{name: self._text(name) for name in fields},
        }


def _line(key: pgp_key.OwnChoice) -> str:
    """Describe a key in the list: owner, kind, and whether it works."""
    what = f"{key.algorithm}  …{key.fingerprint[-8:]}  {text_of(key.glance)}"
    return f"{key.mark.sign} {sized(key.user_id, _USER_ID_CELLS)}  {what}"


def _verdict_text(key: pgp_key.OwnChoice) -> str:
    verdict = key.verdict
    lines = [f"{verdict.headline}. {verdict.explanation}", *(f"! {words}" for words in verdict.warnings)]
    return "\n".join([*lines, f"Expires {day(key.expires)}. Fingerprint", grouped(key.fingerprint)])
