"""The project's screen: find it, see what is in it, say what is to be done and for whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.suggester import Suggester
from textual.widgets import Input

from screens.step.action_bar import Primary
from screens.step.page import Opening, StepPane
from screens.widgets.fields import FieldRow
from screens.widgets.lists import MarkBox, MarkList
from screens.widgets.text import Button, Text
from workflows.core.sentences import Sentence, count, listed
from workflows.layer.model import Layer
from workflows.steps.admin import project
from workflows.steps.admin.project import Request, Survey, UpstreamUnreachable, layer_remarks
from workflows.steps.kinds import KINDS
from workflows.steps.shared.paths import told_path


def names_in(text: str) -> tuple[str, ...]:
    """The names in a field: separated by commas or blanks, each once, in the order typed."""
    return tuple(dict.fromkeys(text.replace(",", " ").replace(";", " ").split()))


class NameSuggester(Suggester):
    """Completes the last name in a field of several, from the people there are."""

    def __init__(self) -> None:
        super().__init__(use_cache=False)
        self.people: tuple[str, ...] = ()

    async def get_suggestion(self, value: str) -> str | None:
        """The field with its last name completed, what is typed before it as it is; None if there is none."""
        last = value[max(map(value.rfind, ", ;")) + 1 :]
        for name in self.people:
            if last and name.casefold().startswith(last.casefold()):
                return value.removesuffix(last) + name
        return None


@dataclass(frozen=True)
class Asked:
    """A question of this page, one for each kind of work.

    Attributes:
        title: of the page when it is the only one.
        label: in front of its field.
        hint: in the empty field.
        missing: what is to be done before the page can be left.
    """

    title: str
    label: str
    hint: str
    missing: str


QUESTIONS: Mapping[str, Asked] = {
    "joining": Asked("Add people", "Who joins?", "jane.doe, juan.delacruz", "Name who joins"),
    "leaving": Asked("Remove people", "Who leaves?", "a name; → completes it", "Name who leaves"),
    "regrouping": Asked(
        "Change groups or sign-in", "Change whom?", "a name; → completes it", "Name whom to change"
    ),
    "resetting": Asked(
        "Reset a password", "Whose password?", "a name; → completes it", "Name whose password"
    ),
    "rekeying": Asked("Replace a PGP key", "Whose PGP key?", "a name; → completes it", "Name whose key"),
    "mfa_reset": Asked(
        "Replace a lost MFA device", "Whose device?", "a name; → completes it", "Name whose device"
    ),
}


class ProjectPane(StepPane):
    """Finds the project as soon as it opens, and asks only what the chosen task needs."""

    NEXT_WAITS = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+o", "more", "Something else too", id="project.more", show=False)
    ]
    DEFAULT_CSS = """
    ProjectPane #found { height: auto; padding-left: 19; color: $text-muted; margin-bottom: 1; }
    ProjectPane #layers { width: 1fr; height: auto; max-height: 5; }
    ProjectPane #layers-row { height: auto; margin-top: 1; }
    ProjectPane #layers-row > Text { width: 19; }
    ProjectPane #account-wanted, ProjectPane #without-upstream { margin-left: 19; }
    ProjectPane .-unasked { display: none; }
    ProjectPane #actions { height: 1; margin-top: 1; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._suggester = NameSuggester()
        self._survey: Survey | None = None
        self._looked_at = ""
        facts = opening.context.facts
        self._start: Mapping[str, Any] = {
            "path": facts.get("project_root") or ".",
            "layers": facts.get("layers"),
            "account_wanted": facts.get("account_wanted", False),
            **{name: facts.get(name, []) for name in KINDS},
            **opening.draft,
        }
        named = {name for name in KINDS if self._start[name]}
        self._asked = named | set(self._start.get("kinds") or (() if named else ("joining",)))

    def heading(self) -> Sentence:
        asked = [QUESTIONS[name].title for name in QUESTIONS if name in self._asked]
        return asked[0] if len(asked) == 1 else "Change who has access"

    def compose_body(self) -> ComposeResult:
        path = Input(value=str(self._start["path"]), id="path", compact=True, select_on_focus=False)
        yield FieldRow("Project folder", path)
        yield Text("", id="found")
        for name, question in QUESTIONS.items():
            suggester = None if name == "joining" else self._suggester
            value = ", ".join(self._start[name])
            field = Input(value=value, placeholder=question.hint, id=name, suggester=suggester, compact=True)
            field.select_on_focus = False
            row = FieldRow(question.label, field)
            row.set_class(name not in self._asked, "-unasked")
            yield row
        with Horizontal(id="layers-row"):
            yield Text("In which layers?")
            yield MarkList(id="layers")
        account = MarkBox("and their account alias and password policy", id="account-wanted")
        account.value = bool(self._start["account_wanted"])
        account.set_class(not account.value, "-unasked")
        yield account
        yield MarkBox("Continue without asking the upstream", id="without-upstream")
        with Horizontal(id="actions"):
            yield Button("Something else too", id="more", key="^o")

    def primary(self) -> Primary:
        request = self.request()
        people = {name for kind in KINDS for name in getattr(request, kind)}
        if self._survey is None:
            return Primary("Find the project")
        if not people and not request.account_wanted:
            return Primary(
                next(QUESTIONS[name].missing for name in QUESTIONS if name in self._asked), ready=False
            )
        if not request.layers:
            return Primary("Select at least one layer", ready=False)
        return Primary(f"Continue with {listed(sorted(people), 1)}" if people else "Continue")

    @on(Button.Pressed, "#more")
    def action_more(self) -> None:
        """Ask about every kind of work, so that several are done in one go."""
        self._asked = set(QUESTIONS)
        self.query(".-unasked").remove_class("-unasked")
        self.query_one("#more").display = False
        self.query_one("#joining").focus()
        self.keep_draft()

    def on_mount(self) -> None:
        self.query_one("#without-upstream").display = False
        self.query_one("#more").display = self._asked != set(QUESTIONS)
        self._go_to_names()  # what is typed meanwhile is a name
        self._look()

    def _go_to_names(self) -> None:
        first = next(name for name in QUESTIONS if name in self._asked)
        self.screen.set_focus(self.query_one(f"#{first}", Input))

    @on(Input.Submitted, "#path")
    def _look(self) -> None:
        path = self._looked_at = self.query_one("#path", Input).value
        self.run_move(
            "survey", lambda report: project.survey(path, self.context, report), self._surveyed, looks=True
        )

    def _surveyed(self, found: Survey) -> None:
        same = self._survey is not None and self._survey.project.root == found.project.root
        marked = self._marked() if same else self._start["layers"] or found.proposed
        first, self._survey = self._survey is None, found
        self._suggester.people = found.people()
        path = self.query_one("#path", Input)
        if path.value == self._looked_at:
            path.value = self._told_root(found)
            if path.has_focus:
                self._go_to_names()
        self.query_one("#found", Text).update(_told(found))
        layers = self.query_one("#layers", MarkList)
        accounts = [(layer.location.account, _counts(layer)) for layer in found.layers]
        layers.show([(f"{account}  {counts}", account) for account, counts in accounts], marked)
        if first:
            self._begin_with(found)

    def _begin_with(self, found: Survey) -> None:
        """What was found is not the person's input; what was typed meanwhile is."""
        if not self.opened:
            self._remember()
        elif self._opened_with.path == self._looked_at.strip():
            root = self._told_root(found)
            self._opened_with = replace(self._opened_with, path=root, layers=self._marked())

    @on(StepPane.MoveFailed)
    def _not_found(self, message: StepPane.MoveFailed) -> None:
        if message.name == "survey":
            self._survey = None
            self.query_one("#layers", MarkList).clear_options()
            self.query_one("#found", Text).update(f"✗ {message.error.what}")
            self.query_one("#path", Input).focus()
        elif isinstance(message.error, UpstreamUnreachable):
            self.query_one("#without-upstream").display = True

    def advance(self) -> None:
        """Go on; a folder that was typed and not looked at yet is looked at first."""
        typed = self.query_one("#path", Input).value
        if self._survey is None or typed != self._told_root(self._survey):
            self._look()
        else:
            super().advance()

    def _told_root(self, found: Survey) -> str:
        return told_path(found.project.root, self.context.world.home)

    def _marked(self) -> tuple[str, ...]:
        """The layers that are marked, in the order they are listed."""
        selected = self.query_one("#layers", MarkList).selected
        accounts = [layer.location.account for layer in self._survey.layers] if self._survey else []
        return tuple(account for account in accounts if account in selected)

    def request(self) -> Request:
        fields = {name: names_in(self.query_one(f"#{name}", Input).value) for name in KINDS}
        return Request(
            path=self.query_one("#path", Input).value.strip(),
            layers=self._marked(),
            without_upstream=self.query_one("#without-upstream", MarkBox).value,
            account_wanted=self.query_one("#account-wanted", MarkBox).value,
            **fields,
        )

    def draft(self) -> Mapping[str, Any]:
        request = self.request()
        return {
            "path": request.path,
            "layers": list(request.layers) if self._survey else self._start["layers"],
            "account_wanted": request.account_wanted,
            "kinds": [name for name in QUESTIONS if name in self._asked],
            **{name: list(getattr(request, name)) for name in KINDS},
        }


def _counts(layer: Layer) -> str:
    people = len(layer.humans)
    return f"{'1 person' if people == 1 else f'{people:,} people'}, {count(len(layer.groups), 'group')}"


def _told(found: Survey) -> str:
    """What was found, in a few lines."""
    told = found.project
    lines = [f"✓ {told.name} ({told.long_name}), {count(len(told.accounts), 'account')}"]
    lines += [f"! {remark}" for remark in found.remarks]
    lines += [f"! {remark}" for remark in layer_remarks(found.layers)]
    return "\n".join(lines)
