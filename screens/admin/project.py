"""The project's screen: find it, see what is in it, and choose what to do for whom."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

from textual import getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input

from screens.step.page import Opening, Primary, StepPane
from screens.widgets.fields import FieldRow, PathField
from screens.widgets.lists import MarkBox, MarkList
from screens.widgets.text import Button, ButtonRow, Lines, Text, aligned, short
from workflows.core.sentences import Cancelled, Sentence, count, joined, listed, text_of
from workflows.layer.model import Layer
from workflows.machine.events import Facts
from workflows.steps.admin import project
from workflows.steps.admin.upstream import UpstreamUnreachable
from workflows.steps.kinds import ACCOUNT_SETTINGS, KINDS
from workflows.steps.shared.paths import existing_path


def names_in(text: str) -> tuple[str, ...]:
    """Return the names in a field, each once, in the order typed."""
    parts = (" ".join(part.split()) for part in text.replace(";", ",").split(","))
    return tuple(dict.fromkeys(filter(None, parts)))


class NameSuggester(Suggester):
    """Completes the last of several names in a field, from the known people."""

    def __init__(self) -> None:
        super().__init__(use_cache=False)
        self.people: tuple[str, ...] = ()

    async def get_suggestion(self, value: str) -> str | None:
        """Return the first way to complete the last name; None without a match."""
        return next(iter(self.completions(value)), None)

    def completions(self, value: str) -> list[str]:
        """Return the field with its last name completed in every way, and the rest unchanged."""
        last = value[max(map(value.rfind, ",;")) + 1 :].lstrip()
        fitting = (name for name in self.people if last and name.casefold().startswith(last.casefold()))
        return [value.removesuffix(last) + name for name in fitting]


@dataclass(frozen=True)
class Asked:
    """A question of this page, one for each kind of work.

    Attributes:
        title: the page's title if it is the only question.
        label: in front of its field.
        hint: in the empty field.
    """

    title: str
    label: str
    hint: str = "start typing; → completes a name"


QUESTIONS: Mapping[str, Asked] = {
    "joining": Asked("Add people", "Who joins?", "for example: jane.doe, juan.delacruz"),
    "leaving": Asked("Remove people", "Who leaves?"),
    "regrouping": Asked("Change groups or sign-in", "Whose access?"),
    "resetting": Asked("Reset a password", "Whose password?"),
    "rekeying": Asked("Replace a PGP key", "Whose PGP key?"),
    "mfa_reset": Asked("Replace a lost MFA device", "Whose device?"),
}
_LAYERS_ARE = "Each account has a folder of Terraform files, its layer."
_SEVERAL = "Separate several user names with commas."
_NAMES_SHOWN = 6
_WHERE_WIDTH = 38
_NOBODY_NAMED = "Choose the project whose regions you want to check."
_NO_PERSON = "Choose the project and the accounts."


class Question(Vertical):
    """The field of a kind of work, and below it the people who are known.

    Args:
        kind: the kind, as in `QUESTIONS`.
        value: the names at first.
        suggester: completes a name.
        select_on_focus: whether typing replaces the names.
    """

    def __init__(self, kind: str, value: str, suggester: Suggester | None, *, select_on_focus: bool) -> None:
        asked, several = QUESTIONS[kind], _SEVERAL if kind == "joining" else ""
        self.field = Input(
            value=value,
            placeholder=asked.hint,
            id=_id(kind),
            suggester=suggester,
            compact=True,
            select_on_focus=select_on_focus,
        )
        super().__init__(
            FieldRow(asked.label, self.field),
            Text(several, id=f"known-{_id(kind)}", classes="known" if several else "known -empty"),
            classes="question",
        )


class ProjectPane(StepPane):
    """Finds the project when it opens, and asks only what the chosen task needs."""

    FIXED = "Input, MarkList, MarkBox, #more"
    NEXT_WAITS = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+o", "more", "Add another task", id="project.more", show=False),
        Binding("ctrl+g", "previous", "Use the previous folder", id="project.previous", show=False),
    ]
    DEFAULT_CSS = """
    ProjectPane #found { height: auto; padding-left: 19; color: $text-muted; margin-bottom: 1; }
    ProjectPane #found.-wrong { color: $text-error; }
    ProjectPane #remarks { height: auto; margin-top: 1; color: $text-muted; }
    ProjectPane .question { height: auto; }
    ProjectPane .field-problem { margin-left: 19; }
    ProjectPane .known { height: auto; margin-left: 19; color: $text-muted; display: none; }
    ProjectPane .question:focus-within { height: auto; }  /* else Textual (8.2) styles .known too late */
    ProjectPane .question:focus-within .known, ProjectPane .question.-only .known { display: block; }
    ProjectPane .known.-empty { display: none !important; }
    ProjectPane .known.-wrong { color: $text-error; }
    ProjectPane #layers-are { padding-left: 19; color: $text-muted; }
    ProjectPane #layers { width: 1fr; height: auto; max-height: 5; }
    ProjectPane #layers-row { height: auto; margin-top: 1; }
    ProjectPane #layers-row > Text { width: 19; }
    ProjectPane #account-wanted, ProjectPane #without-upstream { margin-left: 19; }
    ProjectPane .-unasked { display: none; }
    ProjectPane.-every .pane-purpose, ProjectPane.-every #layers-are { display: none; }
    ProjectPane.-every #found { margin-bottom: 0; }
    ProjectPane.-every #layers-row { margin-top: 0; }
    """

    _path = getters.query_one("#path", Input)

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._suggesters = {name: NameSuggester() for name in QUESTIONS if name != "joining"}
        self._questions: dict[str, Question] = {}  # only those asked so far
        self._survey: project.Survey | None = None
        self._proposed: tuple[str, ...] = ()
        self._looked_at = self._wrong = self._why = ""
        facts = opening.context.facts
        self._start: Mapping[str, Any] = {
            "path": facts.get("project_root") or ".",
            "layers": facts.get("layers"),
            "account_wanted": facts.get("account_wanted", False),
            "kinds": ["regions_wanted"] if facts.get("regions_wanted") else [],
            **{name: facts.get(name, []) for name in KINDS},
            **opening.draft,
        }
        named = {name for name in KINDS if self._start[name]}
        kinds = set(self._start["kinds"])
        self._regions = "regions_wanted" in kinds
        self._account_wanted = bool(self._start["account_wanted"]) or "account_wanted" in kinds
        nobody = self._regions or self._account_wanted
        self._asked = named | kinds & set(QUESTIONS) or (set() if nobody else {"joining"})
        self._first_asked = self._asked if self._asked != set(QUESTIONS) else named or {"joining"}

    def heading(self) -> Sentence:
        asked = [QUESTIONS[name].title for name in QUESTIONS if name in self._asked]
        if not asked:
            return "Check STS regions" if self._regions else ACCOUNT_SETTINGS
        return asked[0] if len(asked) == 1 else "Do several tasks in one go"

    def compose_body(self) -> ComposeResult:
        path = PathField(str(self._start["path"]), id="path", select_on_focus=False)
        yield FieldRow("Project folder", path)
        yield Lines(id="found", whole_paths=False)
        yield from (self._question(kind) for kind in QUESTIONS if kind in self._asked)
        yield Horizontal(Text("In which accounts?"), MarkList(id="layers"), id="layers-row")
        yield Text(_LAYERS_ARE, id="layers-are")
        label = "and their account alias and password policy"
        yield MarkBox(label, self._account_wanted, id="account-wanted")
        yield MarkBox("Continue without asking the upstream", id="without-upstream")
        yield ButtonRow(
            Button("Add another task", id="more", key="^o"),
            Button("Use the previous folder", id="previous", key="^g"),
        )
        yield Lines(id="remarks")

    def _question(self, kind: str) -> Question:
        entered = "account_wanted" in self.opening.draft or "project_root" in self.context.facts
        proposed = self.context.environment.sandbox and not entered  # typing replaces it
        value = ", ".join(self._start[kind])
        self._questions[kind] = Question(kind, value, self._suggesters.get(kind), select_on_focus=proposed)
        return self._questions[kind]

    def primary(self) -> Primary:
        request = self.request()
        people = {name for kind in KINDS for name in getattr(request, kind)}
        if not self._found:
            wrong = bool(self._wrong) and request.path == self._wrong
            return Primary("Look again" if wrong else "Find the project", act=self._find_project)
        if not (people or request.account_wanted or request.regions_wanted):
            return Primary(project.MISSING[request.asked[0]], ready=False)
        if kind := next(filter(self._unknown, QUESTIONS), ""):
            spaced = " " in self._unknown(kind)[0]
            first = "A user name has no spaces" if spaced else "Enter a name from the list"
            return Primary(first, ready=False, act=partial(self._look_again, kind))
        if not request.layers:
            return Primary("Select at least one account", ready=False)
        return Primary(f"Continue in {_where(request.layers)}" if self._in_accounts else "Continue")

    @property
    def inside(self) -> bool:
        """Whether there are fields that Escape removes."""
        return not self.settled and self._asked > self._lasting

    @property
    def _lasting(self) -> set[str]:
        """The questions that stay: the original ones, and those with an answer."""
        return self._first_asked | {name for name in QUESTIONS if self._value(name).strip()}

    def go_back(self) -> None:
        """Hide the added fields that are empty."""
        self._ask_only(self._first_asked)

    @property
    def _in_accounts(self) -> bool:
        """Whether the selected accounts matter."""
        return bool(self._asked) or self.query_one("#account-wanted", MarkBox).value

    @on(Button.Pressed, "#more")
    async def action_more(self) -> None:
        """Ask about every kind of work, for several in one go; again, only about those with names."""
        if self.settled:
            return
        below: Widget = self.query_one("#layers-row")
        for kind in reversed([*QUESTIONS]):
            if kind not in self._questions:
                await self.mount(self._question(kind), before=below)
                self._show_known(kind)
            below = self._questions[kind]
        self._ask_only(self._first_asked if self._asked == set(QUESTIONS) else set(QUESTIONS))

    def _ask_only(self, wanted: set[str]) -> None:
        self._show_asked(wanted)
        self._go_to_names()
        self.keep_draft()

    def _show_asked(self, wanted: set[str]) -> None:
        """Ask these questions, and those that have an answer."""
        request, account = self.request(), self.query_one("#account-wanted", MarkBox)
        self._asked = wanted | {name for name in QUESTIONS if getattr(request, name)}
        account.value = account.value or not (self._asked or self._regions)
        self._show_found()
        for name, question in self._questions.items():
            question.set_class(name not in self._asked, "-unasked")
            question.set_class(self._asked == {name}, "-only")
        nobody = _NOBODY_NAMED if self._regions else _NO_PERSON
        self.query_one(".pane-purpose", Text).update(self.opening.step.purpose if self._asked else nobody)
        every = self._asked == set(QUESTIONS)
        self.set_class(every, "-every")  # that many questions leave no space for anything else in 80×24
        account.set_class(not (every or (account.value and self._asked)), "-unasked")
        button = self.query_one("#more", Button)
        button.label = "Hide empty fields" if every else "Add another task"
        button.display = self._first_asked != set(QUESTIONS)

    def on_mount(self) -> None:
        self.query_one("#without-upstream").display = False
        self._show_asked(self._asked)
        self._find_project()
        self._go_to_names()  # text typed meanwhile is a name

    def _go_to_names(self) -> None:
        asked = self.request().asked
        if asked and not self.settled:
            self.screen.set_focus(self._questions[asked[0]].field)
        else:
            self.focus_primary()

    @on(Input.Submitted)
    def _names_entered(self, event: Input.Submitted) -> None:
        """After the names, go to the primary action; the only way to complete one counts as typed."""
        kind = (event.input.id or "").replace("-", "_")
        if (suggester := self._suggesters.get(kind)) and len(only := suggester.completions(event.value)) == 1:
            event.input.value = only[0]
        if kind in QUESTIONS and self._found and self._unknown(kind):
            self._look_again(kind)
        elif kind in QUESTIONS:
            self.focus_primary()

    @on(Input.Submitted, "#path")
    def _find_project(self) -> None:
        self._look(self._surveyed)

    def _look(self, then: Callable[[project.Survey], None]) -> None:
        path = self._looked_at = self._path.value
        self.run_move("survey", lambda report: project.survey(path, self.context, report), then, looks=True)

    def _look_again(self, kind: str) -> None:
        """Read the files once more for a wrong name, which may be in them by now; then show what is wrong."""

        def seen(found: project.Survey) -> None:
            self._surveyed(found)
            if self._unknown(kind):
                self._show_known(kind, whole=True)
                self._questions[kind].field.focus()
            else:
                self.focus_primary()

        self._look(seen)

    def _surveyed(self, found: project.Survey) -> None:
        same = self._survey is not None and self._survey.project.root == found.project.root
        before, first, self._survey = self._marked(), self._survey is None, found
        for kind, suggester in self._suggesters.items():
            suggester.people = found.people(kind)
        for kind in self._questions:
            self._show_known(kind)
        if self._path.value == self._looked_at:
            self._path.value = self._root_text(found)
            if self._path.has_focus:
                self._go_to_names()
        self._proposed = self._proposal(found)
        self._show_layers(found, before if same else self._start["layers"] or self._proposed)
        self._show_found()
        if first:
            self._begin_with(found)

    def _show_layers(self, found: project.Survey, marked: Collection[str]) -> None:
        """List the accounts, each with the named people that it lacks."""
        accounts, named = [layer.location.account for layer in found.layers], self._named(found)
        lines = aligned([(layer.location.account, _counts(layer, named)) for layer in found.layers])
        self.query_one("#layers", MarkList).show(zip(lines, accounts, strict=True), marked)

    def _named(self, found: project.Survey) -> list[str]:
        """Return the people named in the fields who already exist."""
        there, kinds = found.people(), (kind for kind in KINDS if kind != "joining")
        return [name for kind in kinds for name in names_in(self._value(kind)) if name in there]

    def _proposal(self, found: project.Survey) -> tuple[str, ...]:
        request = self.request()
        others = bool(request.joining) or request.account_wanted or request.regions_wanted
        return found.proposed_for(self._named(found), others=others)

    def _propose_accounts(self) -> None:
        """Propose the accounts of the people named, unless the user has changed the selection."""
        if (found := self._survey) is None or self.settled:
            return
        before, self._proposed = self._proposed, self._proposal(found)
        marked = self._marked()
        self._show_layers(found, self._proposed if marked == before else marked)

    def _begin_with(self, found: project.Survey) -> None:
        """Treat the findings as the initial input; text typed meanwhile is the user's."""
        if not self.opened:
            self._remember()
        elif self._opened_with.path == self._looked_at.strip():
            self._opened_with = replace(self._opened_with, path=self._root_text(found), layers=self._marked())

    @on(StepPane.MoveFailed)
    def _not_found(self, message: StepPane.MoveFailed) -> None:
        if message.name == "survey":
            message.handled = not isinstance(message.error, Cancelled)
            self._wrong = self._path.value.strip() if message.handled else ""
            why = joined((f"✗ {message.error.what}", message.error.next))
            self._why = self.context.environment.readable(why)
            self._show_found()
            self._path.focus()
        elif isinstance(message.error, UpstreamUnreachable):
            self.query_one("#without-upstream").display = True

    @property
    def _found(self) -> bool:
        """Whether the findings are for the folder in the field."""
        typed = self._path.value.strip()
        return self._survey is not None and typed == self._root_text(self._survey)

    @on(Input.Changed, "#path, #rekeying")
    @on(MarkList.SelectedChanged, "#layers")
    def _show_found(self) -> None:
        """Describe the folder in the field, or what is wrong with it."""
        line, wrong, remarks = self.query_one("#found", Lines), False, list[Sentence]()
        if self._survey is not None and self._found:
            asking = [name for name in self._survey.asking if name not in self.request().rekeying]
            works = self._asked | (
                {"account_wanted"} if self.query_one("#account-wanted", MarkBox).value else set()
            )
            remarks = _remarks(self._survey, works, asking, self._marked())
            line.show_lines([_survey_text(self._survey, len(remarks))])
        elif self._wrong and self._path.value.strip() == self._wrong:
            wrong = True
            line.show_lines([self._why])
        else:
            line.show_lines(["" if self.running_move else "Enter finds the project in this folder."])
        line.set_class(wrong, "-wrong")
        self.query_one("#remarks", Lines).show_lines([f"! {remark}" for remark in remarks])
        self.query("#layers-row, #layers-are").set_class(not (self._found and self._in_accounts), "-unasked")
        self.query_one("#previous").display = self._survey is not None and not self._found

    @on(Button.Pressed, "#previous")
    def action_previous(self) -> None:
        """Restore the folder in which the project was found."""
        if self._survey is not None and not self._found and not self.running_move:
            self._path.value = self._root_text(self._survey)
            self._path.action_end()
            self._path.focus()

    @on(Input.Changed)
    def _offer_names(self, event: Input.Changed) -> None:
        """List, below a field, the known people who match the text."""
        kind = (event.input.id or "").replace("-", "_")
        if kind in QUESTIONS:
            event.input.select_on_focus = False
            self._show_known(kind)
            self._propose_accounts()

    def _show_known(self, kind: str, *, whole: bool = False) -> None:
        """Show possible completions of the last name; a `whole` one must match somebody."""
        *named, typed = [part.strip() for part in self._value(kind).split(",")]
        suggester = self._suggesters.get(kind)
        people = [person for person in suggester.people if person not in named] if suggester else []
        fitting = [person for person in people if person.casefold().startswith(typed.casefold())]
        wrong = [name for name in self._unknown(kind) if whole or name != typed or not fitting]
        known = listed(people if typed in people else fitting, _NAMES_SHOWN)
        here = f"Users here: {known}" if known else ""
        lines: list[Sentence] = [_SEVERAL if suggester is None else here]
        if wrong and " " in wrong[0]:
            lines = [joined(("✗", project.spaced(wrong[0], alone=not named)))]
        elif wrong and self._survey is not None:
            next_ = project.nobody(wrong[0], self._survey.layers, kind).next
            lines = [joined((f"✗ Nobody here is called {short(wrong[0])}.", next_))]
        below = self.query_one(f"#known-{_id(kind)}", Text)
        below.show_lines(list(filter(text_of, lines)))
        below.set_class(bool(wrong), "-wrong")

    def _unknown(self, kind: str) -> list[str]:
        """Return names in a field that are invalid, or unknown now and before this session's removals."""
        names = names_in(self._value(kind))
        if self._survey is None or kind == "joining":
            return [name for name in names if " " in name]
        there = {*self._survey.people(), *self.context.decisions.leaving}
        return [name for name in names if name not in there]

    def _value(self, kind: str) -> str:
        return self._questions[kind].field.value if kind in self._questions else ""

    def _root_text(self, found: project.Survey) -> str:
        return self.context.environment.readable(found.project.root)

    def _marked(self) -> tuple[str, ...]:
        """Return the ticked layers, in the order of the list."""
        selected = self.query_one("#layers", MarkList).selected
        accounts = [layer.location.account for layer in self._survey.layers] if self._survey else []
        return tuple(account for account in accounts if account in selected)

    def request(self) -> project.Request:
        fields = {name: names_in(self._value(name)) for name in KINDS}
        asked = [kind for kind in QUESTIONS if kind in self._asked]
        asked.sort(key=lambda kind: kind not in self._first_asked)  # the user's original question comes first
        return project.Request(
            path=self._path.value.strip(),
            layers=self._marked(),
            without_upstream=self.query_one("#without-upstream", MarkBox).value,
            account_wanted=self.query_one("#account-wanted", MarkBox).value,
            regions_wanted=self._regions,
            asked=tuple(asked),
            **fields,
        )

    def likely(self) -> Facts:
        """Return the kinds of work with names; without any, the chosen one."""
        request = self.request()
        wanted = dict.fromkeys([name for name in KINDS if getattr(request, name)] or request.asked[:1], True)
        others = {"account_wanted": request.account_wanted, "regions_wanted": request.regions_wanted}
        return {**wanted, **others, **({"layers": list(request.layers)} if request.layers else {})}

    def draft(self) -> Mapping[str, Any]:
        request = self.request()
        path = existing_path(request.path, self.context.environment.home)
        return {
            **({"path": path} if path else {}),
            "layers": list(request.layers) if self._survey else self._start["layers"],
            "account_wanted": request.account_wanted,
            "kinds": [*request.asked, *(["regions_wanted"] if self._regions else [])],
            **{name: list(getattr(request, name)) for name in KINDS},
        }


def _id(kind: str) -> str:
    return kind.replace("_", "-")


def _counts(layer: Layer, named: Iterable[str]) -> str:
    """Return which of `named` a layer lacks, and the number of its people and groups."""
    machines = len(layer.people) - len(layer.humans)
    counted = [count(len(layer.humans), "person", "people"), count(len(layer.groups), "group")]
    lacking = [name for name in named if not layer.person(name)]
    without = [f"without {listed(lacking, 1)}"] if lacking else []
    machine_users = [count(machines, "machine user")] if machines else []
    return ", ".join([*without, *counted[:1], *machine_users, *counted[1:]])


def _where(accounts: Sequence[str]) -> str:
    """List accounts, naming as many as fit on a button."""
    names = [short(account) for account in accounts]
    for most in (3, 2):
        if len(words := listed(names, most)) <= _WHERE_WIDTH:
            return words
    return listed(names, 1)


def _survey_text(found: project.Survey, remarks: int) -> str:
    """Describe the findings, and say if there are remarks."""
    name = f"{found.project.name} ({found.project.long_name})"
    below = f", {count(remarks, 'note')} below" if remarks else ""
    return f"✓ {name}, {count(len(found.layers), 'account')} with IAM users{below}"


def _remarks(
    found: project.Survey, asked: Collection[str], asking: Iterable[str], accounts: Collection[str]
) -> list[Sentence]:
    """Return the remarks; those on files only if files will be edited or planned.

    Args:
        asked: the kinds of work on the page.
        asking: people who request another key and aren't named yet.
    """
    where = "" if "rekeying" in asked else " (^o shows it)"
    edits = {*asked} - {"mfa_reset"}
    goes = f"that goes under “Whose PGP key?”{where}"
    new_keys = [f"{name} asks for a new key (in the mailbox): {goes}." for name in asking]
    planned = (*found.without_program(accounts), *found.to_be_planned(accounts))
    return [*found.remarks, *new_keys, *((*planned, *found.of_the_files) if edits else ())]
