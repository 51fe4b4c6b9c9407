"""The project's screen: find it, see what is in it, say what is to be done and for whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.suggester import Suggester
from textual.widgets import Input

from screens.step.page import Opening, StepPane
from screens.widgets.field_row import FieldRow
from screens.widgets.lists import MarkBox, MarkList
from screens.widgets.text import Text
from workflows.core.counts import count
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


class ProjectPane(StepPane):
    """Finds the project as soon as it opens; the fields below wait for it."""

    NEXT_WAITS = True
    DEFAULT_CSS = """
    ProjectPane #found { height: auto; color: $text-muted; margin-bottom: 1; }
    ProjectPane #layers-label { margin-top: 1; }
    ProjectPane #layers { max-height: 8; }
    ProjectPane MarkBox { margin-top: 1; }
    """
    _HINTS: ClassVar[Mapping[str, tuple[str, str]]] = {
        "joining": ("Who joins?", "as  jane.doe, juan.delacruz"),
        "leaving": ("Who leaves?", "a name; → completes it"),
        "regrouping": ("Other groups for?", "or access keys, password on/off"),
        "resetting": ("New password for?", "forgot it, and the key is there"),
        "rekeying": ("New PGP key for?", "key or passphrase lost, or expires"),
        "mfa_reset": ("New MFA device?", "whose device is lost"),
    }

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

    def compose_body(self) -> ComposeResult:
        path = Input(value=str(self._start["path"]), id="path", compact=True, select_on_focus=False)
        yield FieldRow("Project folder", path)
        yield Text("", id="found")
        for name, (label, hint) in self._HINTS.items():
            suggester = None if name == "joining" else self._suggester
            value = ", ".join(self._start[name])
            field = Input(value=value, placeholder=hint, id=name, suggester=suggester, compact=True)
            field.select_on_focus = False
            yield FieldRow(label, field)
        yield Text("Layers to edit (Space marks)", id="layers-label")
        yield MarkList(id="layers")
        yield MarkBox(
            "Account alias and password policy too",
            value=bool(self._start["account_wanted"]),
            id="account-wanted",
        )
        yield MarkBox("Go on without asking the upstream", id="without-upstream")

    def on_mount(self) -> None:
        self.query_one("#without-upstream").display = False
        self.screen.set_focus(self.query_one("#joining", Input))  # what is typed meanwhile is a name
        self._look()

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
                self.query_one("#joining", Input).focus()
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
            **{name: list(getattr(request, name)) for name in KINDS},
        }


def _counts(layer: Layer) -> str:
    people = len(layer.humans)
    return f"{'1 person' if people == 1 else f'{people:,} people'}, {count(len(layer.groups), 'group')}"


def _told(found: Survey) -> str:
    """What was found, in a few lines."""
    told = found.project
    accounts = ", ".join(account.name for account in told.accounts)
    lines = [f"✓ {told.name} ({told.long_name}), accounts: {accounts}"]
    lines += [f"! {remark}" for remark in found.remarks]
    lines += [f"! {remark}" for remark in layer_remarks(found.layers)]
    return "\n".join(lines)
