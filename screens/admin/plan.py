"""The plan's screen: make it, read it by person, acknowledge foreign changes, accept it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, ClassVar

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.geometry import Size
from textual.strip import Strip
from textual.widgets import Input

from screens.step.page import YOURS, Opening, Primary, StepPane, Turn
from screens.step.terraform import COMPARE, STYLES, PlanTable, RunLog, TerraformPane, cut
from screens.widgets.dialogs import NameDialog, ask
from screens.widgets.fields import CodeField, FilterField
from screens.widgets.line_list import GUTTER, Line, LineList, across
from screens.widgets.lists import MarkList, TextDialog
from screens.widgets.parts import Part
from screens.widgets.text import Button, ButtonRow, Text, segment
from workflows.core.secret import Secret
from workflows.core.sentences import (
    Cancelled,
    OnboardError,
    Sentence,
    count,
    joined,
    listed,
    moment_text,
    text_of,
)
from workflows.steps.admin import judged_plan, plan, terraform_runs
from workflows.steps.admin.accepted_plan import ChangeLine, Planned, Sent, is_applied, marks_in
from workflows.steps.admin.other_sessions import push_command
from workflows.steps.admin.plan_resources import SIGNS, WORDS, Difference, Resource
from workflows.steps.shared.module import Context, Progress, Report
from workflows.terraform.events import ResourceEvent
from workflows.terraform.plan import Action, Line as Change, Sort
from workflows.terraform.runner import Update

_KINDS = {"+": "added", "~": "altered", "-": "removed", "±": "replaced"}
_HEAD = "Resources: enter opens one, → shows the rest, / filters"
_SO_FAR = "What Terraform has read and planned so far"
_READS = {"refresh_start": ("…", "is read"), "refresh_complete": ("✓", "was read")}
"""The sign and text for a resource that Terraform reads."""


@dataclass(frozen=True)
class Inside:
    """A line inside a resource.

    Attributes:
        resource: the key of the resource's line.
        number: its number in the resource.
    """

    resource: str
    number: int


class PlanTree(LineList):
    """Shows a plan, or what Terraform is reading while it makes one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter", "open", "Open", id="plan.open", show=False, tooltip="Show or hide what changes inside"
        ),
        Binding(
            "a", "open_all", "Open all", id="plan.open-all", show=False, tooltip="Open all, or close all"
        ),
        Binding("slash", "filter", "Filter", id="plan.filter", show=False, tooltip="Find a resource"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"lines--{name}" for name in ("added", "altered", "removed", "replaced")),
    }
    DEFAULT_CSS = """
    PlanTree { height: 1fr; min-height: 3; scrollbar-size-horizontal: 0; }
    PlanTree > .lines--added { color: $text-success; }
    PlanTree > .lines--altered { color: $text-warning; }
    PlanTree > .lines--removed, PlanTree > .lines--replaced { color: $text-warning; text-style: bold; }
    """

    def __init__(self) -> None:
        super().__init__((_HEAD,), id="resources")
        self._resources: Sequence[Resource] = ()
        self._haystacks: list[str] = []
        self._words: tuple[str, ...] = ()
        self._opened: set[str] = set()
        self._live: dict[str, tuple[str, str]] = {}
        self.found = 0

    # -- display -----------------------------------------------------------------------------------

    @property
    def total(self) -> int:
        """The number of resources, regardless of the filter."""
        return len(self._resources) or len(self._live)

    def show_plan(self, resources: Sequence[Resource]) -> None:
        """Show the resources of a finished plan."""
        self._live.clear()
        self._resources = resources
        self._haystacks = [_haystack(resource) for resource in resources]
        self._opened &= {_line_key(resource) for resource in resources}
        self._lay_out()

    def filter(self, words: Sequence[str]) -> None:
        """Show only resources that contain all of these words, anywhere."""
        self._words = tuple(word.casefold() for word in words)
        self._lay_out()

    def take(self, update: Update) -> None:
        """Add what Terraform reported since the last update."""
        before = dict(self._live)
        for event in update.events:
            if isinstance(event, ResourceEvent) and event.kind in _READS:
                self._live[event.address] = _READS[event.kind]
        for address, action in update.progress.planned.items():
            self._live[address] = _planned(action)
        if self._live != before:
            self._lay_out()

    def _lay_out(self) -> None:
        lines = self._live_lines() if self._live else self._plan_lines()
        self._columns = (_SO_FAR if self._live else _HEAD,)
        self.found = sum(isinstance(line.key, str) for line in lines)
        self.show(lines)
        widest = max((cell_len(_GAP.join(line.cells)) for line in lines), default=0)
        self.virtual_size = Size(widest + GUTTER, len(lines) + 1)

    def _live_lines(self) -> list[Line]:
        lines = (
            Line((f"{sign} {address}  {words}",), address, _KINDS.get(sign, "quiet"))
            for address, (sign, words) in reversed(self._live.items())  # the most recent first
        )
        return [line for line in lines if all(word in line.text for word in self._words)]

    def _plan_lines(self) -> list[Line]:
        lines: list[Line] = []
        heading = ""
        chosen = self._chosen()
        sizes = Counter(map(_about, chosen))
        for resource in chosen:
            if _about(resource) != heading:
                heading = _about(resource)
                lines.append(Line((f"{heading}  {count(sizes[heading], 'resource')}",)))
            key, mark = _line_key(resource), f"{resource.sign} {'! ' if resource.foreign else ''}"
            cells = (f"{mark}{resource.words}", resource.address)
            lines.append(Line(cells, key, _KINDS.get(resource.sign, "")))
            if key in self._opened:
                inside = enumerate(resource.details or ("no details",))
                lines += [Line((f"    {text}",), Inside(key, number), "quiet") for number, text in inside]
        return lines

    def _chosen(self) -> Sequence[Resource]:
        if not self._words:
            return self._resources
        pairs = zip(self._resources, self._haystacks, strict=True)
        return [resource for resource, text in pairs if all(word in text for word in self._words)]

    # -- actions -----------------------------------------------------------------------------------

    def action_open(self) -> None:
        """Show or hide what changes inside the selected resource."""
        if (line := self.marked) is None:
            return
        key = line.key.resource if isinstance(line.key, Inside) else line.key
        self._opened ^= {key}
        if isinstance(line.key, Inside):  # this line disappears, so select its resource
            self.row = next(row for row, candidate in enumerate(self._lines) if candidate.key == key)
        self._lay_out()

    def action_open_all(self) -> None:
        """Open every filtered resource; close all if all are open."""
        every = {_line_key(resource) for resource in self._chosen()}
        self._opened = set() if every <= self._opened else self._opened | every
        self._lay_out()

    def action_filter(self) -> None:
        self.post_message(self.LeftUpwards())

    # -- drawing -----------------------------------------------------------------------------------

    def _drawn(self, cells: Sequence[str], width: int, style: Style) -> Strip:
        left = 0 if cells == self._columns else round(self.scroll_x)
        text = _GAP.join(cells) if left else _with_its_end(cells, width)
        return across(Strip([segment(text, style)]), left, width, style)


def _with_its_end(cells: Sequence[str], width: int) -> str:
    """Cut a line that is too long before its end, where the addresses of a module's resources differ.

    An address gives way to the text before it.
    """
    text = _GAP.join(cells)
    begin = max(width - _END, cell_len(text) - cell_len(cells[-1]) + 1)
    end = width - begin
    return text if cell_len(text) <= width or end < 1 else f"{set_cell_size(text, begin - 1)}…{text[-end:]}"


def _line_key(resource: Resource) -> str:
    """Return the key of a resource's line, unique even if the resource also changed outside Terraform."""
    return f"outside {resource.address}" if resource.drift else resource.address


def _about(resource: Resource) -> str:
    return f"Changed outside of Terraform: {resource.about}" if resource.drift else resource.about


def _haystack(resource: Resource) -> str:
    foreign = "foreign ! not chosen" if resource.foreign else ""
    drift = "outside drift" if resource.drift else ""
    action = WORDS[Action(resource.action)]
    parts = (resource.sign, action, resource.about, text_of(resource.words), resource.address, foreign, drift)
    return " ".join(parts).casefold()


def _planned(action: str) -> tuple[str, str]:
    if action not in set(Action):
        return "=", f"({action})"
    return SIGNS.get(Action(action), "="), f"will be {WORDS[Action(action)]}"


class ResourceBrowser(Part):
    """The resources of a plan, with a filter above."""

    DEFAULT_CSS = """
    ResourceBrowser { display: block; height: 1fr; min-height: 4; margin-top: 1; }
    ResourceBrowser #look { height: 1; }
    ResourceBrowser.-none-yet > * { display: none; }
    ResourceBrowser FilterField { width: 1fr; }
    ResourceBrowser #count { width: auto; margin-left: 2; color: $text-muted; }
    """

    def __init__(self) -> None:
        hint = "Filter by name, address or action"
        self._field, self._found = (
            FilterField(placeholder=hint, id="filter", compact=True),
            Text("", id="count"),
        )
        self._tree = PlanTree()
        super().__init__(Horizontal(self._field, self._found, id="look"), self._tree)

    def show_plan(self, resources: Sequence[Resource]) -> None:
        """Show the resources of a finished plan; a plan in progress has none yet."""
        self._tree.show_plan(resources)
        self._count()

    def take(self, update: Update) -> None:
        """Add what Terraform reported since the last update."""
        self._tree.take(update)
        self._count()

    @on(FilterField.Left)
    def go(self) -> None:
        """Focus the list."""
        self.fill()
        self._tree.focus()

    def _count(self) -> None:
        tree, words = self._tree, self._field.terms
        found = f"{tree.found:,} of {tree.total:,}" if words else count(tree.total, "resource")
        self._found.update(found)
        self.set_class(not tree.total, "-none-yet")

    @on(Input.Changed, "#filter")
    def _filter(self) -> None:
        self._tree.filter(self._field.terms)
        self._count()

    @on(LineList.LeftUpwards)
    def _to_the_filter(self) -> None:
        self._field.focus()


class ForeignList(Part):
    """Foreign changes; hidden if there are none."""

    DEFAULT_CSS = """
    ForeignList Static { height: auto; }
    ForeignList #foreign-label { color: $text-warning; }
    ForeignList #foreign { max-height: 4; }
    ForeignList #foreign-words { color: $text-muted; }
    """

    def __init__(self, *, classes: str | None = None) -> None:
        super().__init__(
            Text("", id="foreign-label"),
            MarkList(id="foreign"),
            Text("", id="foreign-words"),
            classes=classes,
        )
        self._changes: Sequence[ChangeLine] = ()

    def show(
        self, changes: Sequence[ChangeLine], acknowledged: Collection[str], *, fixed: bool = False
    ) -> None:
        """Show these changes, ticking the acknowledged ones; `fixed` in an accepted plan."""
        self._changes = changes
        self.reveal(shown=bool(changes))
        if not changes:
            return
        words = f"! {count(len(changes), 'change')} that this session didn't ask for."
        how = "You accepted this:" if fixed else "Space accepts one:"
        self.query_one("#foreign-label", Text).update(f"{words} {how}")
        self.query_one(MarkList).disabled = fixed
        self.query_one(MarkList).show([(change.words, change.address) for change in changes], acknowledged)
        self.query_one("#foreign-words", Text).update("")

    @property
    def marked(self) -> set[str]:
        """The ticked addresses."""
        return set(self.query_one(MarkList).selected)

    @on(MarkList.SelectionHighlighted)
    def _tell_whole(self, event: MarkList.SelectionHighlighted[str]) -> None:
        """Show what the list cuts off of the selected line, and the resource."""
        self.call_after_refresh(self._tell_rest, event.selection.value)  # the list has its width then

    def _tell_rest(self, address: str) -> None:
        room = self.query_one(MarkList).scrollable_content_region.width - _BOX_WIDTH
        lines: list[str] = []
        for change in self._changes:
            if change.address == address:
                words = text_of(change.words)
                lines += [words] if cell_len(words) > room else []
                lines += [] if change.named else [address]
        self.query_one("#foreign-words", Text).update("\n".join(lines))


EXPORT = (
    "iam-onboard writes Markdown for a pull request, without account ids, ARNs, keys or secrets. Which "
    "file in your home folder?"
)
"""The question of the export."""
_EXPORTED = "After the pull request is applied, press e."
_MOST_LINES = 3
_GAP = "  "
_END = 24
"""The columns of a cut line's end."""
_MORE = "d lists all resources"
_BOX_WIDTH = 7
"""Columns before a line in a list: the cursor's bar and the box, with blanks."""
_NO_PLAN = "Planning compares your files with the account. This can take a minute."
_PULL_REQUEST = "Has a pull request already applied these changes? e checks that."
_HANDS_OVER = "After the apply, Hand over sends the new handoff."
_ELSEWHERE = "✓ Applied elsewhere: the state has what you decided."


def _key(key: str, action: str, words: str, tooltip: str) -> Binding:
    return Binding(key, action, words, id=f"plan.{action.replace('_', '-')}", show=False, tooltip=tooltip)


class PlanPane(TerraformPane):
    """Next makes the plan; once it is shown, Next accepts it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("d", "resources", "All resources", "Show every resource of the plan, with what changes inside"),
        _key("l", "log", "Log", "Show or hide Terraform's output"),
        _key("x", "export", "Export", "Markdown for a pull request, redacted"),
        Binding(
            "p",
            "plan_again",
            "Plan again",
            id="plan.again",
            show=False,
            tooltip="Plan again, from the files as they are now",
        ),
        _key("e", "elsewhere", "Already applied", "Check in the state that a pull request applied it"),
        _key("v", "differences", "What changed", "Compare this plan with the previous one"),
        _key("k", "compare", "Compare", COMPARE),
        _key("c", "check", "Check", "Check that files, branch and state are still as planned"),
    ]
    FITS = True
    LOG = "plan"
    DEFAULT_CSS = """
    PlanPane { max-width: 100%; }
    PlanPane.-full #counts, PlanPane.-full ButtonRow { margin: 0; }
    PlanPane.-packed #foreign { max-height: 2; }
    PlanPane > Text { max-width: 92; }
    PlanPane Static { height: auto; }
    PlanPane #since, PlanPane #difference, PlanPane #destroys,
    PlanPane #not-compared { color: $text-warning; }
    PlanPane #verdict { color: $text-success; }
    PlanPane #made { color: $text-muted; }
    PlanPane .hidden { display: none; }
    PlanPane.-tall PlanTable ScrollBody { max-height: 12; }
    PlanPane ResourceBrowser { display: none; }
    PlanPane.-planning > ResourceBrowser, PlanPane.-tall.-planned > ResourceBrowser { display: block; }
    PlanPane.-planning #show-resources, PlanPane.-planning #export, PlanPane.-planning #again,
    PlanPane.-planning #elsewhere, PlanPane.-planning > .summary { display: none !important; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        known = opening.done or opening.asks  # repeating the step starts with another plan
        facts: Any = (known and opening.context.facts.get("plan")) or {}
        drafted = opening.draft.get("planned")
        self._elsewhere = bool(facts.get("elsewhere")) and not drafted
        kept = drafted or (None if self._elsewhere else facts)
        self._planned = Planned.from_facts(kept) if kept else None
        self._accepted = None if drafted else self._planned
        self._acknowledged = set(opening.draft.get("acknowledged") or facts.get("acknowledged") or ())
        self._found = judged_plan.Return()
        self._asks = opening.asks
        self._cause: Sentence = ""  # of the last plan's failure

    def compose_body(self) -> ComposeResult:
        yield CodeField(self.context.environment.now)
        yield Text("", id="standing", classes="summary -standing -empty")
        for name in ("since", "difference"):
            yield Text("", id=name, classes="summary -empty")
        yield PlanTable(classes="summary")
        yield Text("", id="destroys", classes="summary -empty")
        yield ForeignList(classes="summary")
        yield Text("", id="roles", classes="summary -empty")
        yield Text("", id="verdict", classes="summary -empty")
        yield Text("", id="not-compared", classes="summary -empty")
        yield Button("Compare", id="compare", key="k", classes="summary")
        for name in ("drift", "made"):
            yield Text("", id=name, classes="summary -empty")
        yield ButtonRow(
            Button("Resources", id="show-resources", key="d"),
            Button("Log", id="show-log", key="l"),
            Button("Export", id="export", key="x"),
            Button("Plan again", id="again", key="p"),
            Button("Already applied", id="elsewhere", key="e"),
        )
        yield RunLog()
        yield ResourceBrowser()

    def on_mount(self) -> None:
        self._show()
        self.look_again()

    def look_again(self) -> None:
        self.run_move("look", self._read_layer, self._layer_read, looks=True)

    def _read_layer(self, report: Report) -> tuple[str, judged_plan.Return]:
        report(Progress("Reading the layer and its profile"))
        if self._planned is None:
            with suppress(OnboardError, OSError):  # the next plan replaces it
                plan.forget(self.context)
        found = judged_plan.survey(self._planned, self.context)
        # the wizard asks about an earlier one
        new = None if self._planned is self._accepted else self._planned
        if new is not None and not found.refusal:
            with suppress(OnboardError):  # what can't be asked here is asked before the apply
                found = replace(found, refusal=plan.state_moved_on(new, self.context))
        return terraform_runs.code_wanted(self.context), found

    def primary(self) -> Primary:
        if self._elsewhere:
            return Primary("Continue", act=self.action_elsewhere)
        if self._planned is None:
            return Primary(f"Plan {self.context.item}", act=self._plan)
        if self._found.rejected:  # another plan would be rejected, too
            if self.context.decisions.keys.keys().isdisjoint(self._found.rejected):
                return Primary("Compare again", act=self.action_compare)
            return Primary("Go to PGP keys", act=self.go_to_keys)
        if self._found.refusal:
            return Primary(f"Plan {self.context.item} again", act=self._plan)
        if self._left:
            return Primary(f"Accept {count(len(self._left), 'change')} first", ready=False)
        return Primary("Continue" if self._planned.empty else "Accept this plan")

    @property
    def _left(self) -> set[str]:
        """The changes that this session didn't ask for and nobody has accepted yet."""
        foreign = self._planned.foreign if self._planned else ()
        return {change.address for change in foreign} - self._acknowledged

    def doubted(self) -> Collection[str]:
        return self._found.doubts.keys()

    def turn(self) -> Turn:
        over = (
            self._planned is None
            or self._planned.empty
            or self._elsewhere
            or self.opening.done
            or self._asks
            or self._left
            or is_applied(self._planned, self.context)
        )
        return YOURS if over else Turn("This plan isn't applied yet")

    # -- display -----------------------------------------------------------------------------------

    def _show(self) -> None:
        made, found = self._planned, self._found
        self.set_class(made is not None, "-planned")
        standing = _standing(made, found.refusal, elsewhere=self._elsewhere, asks=self._asks)
        if self._cause:
            standing = [f"✗ {self._cause}", *(standing if made else ())]
        elif made is None and not self._elsewhere:
            standing += [_PULL_REQUEST] if self.context.facts.get("changed_files") and self._in_state else []
            standing += _pushing(self.context.facts.get("commit"))
        notes = (*(made.notes if made else ()), *found.since)
        differ = f"≠ {count(len(found.differences), 'difference')} from the previous plan: v lists them."
        self.query_one(PlanTable).show(made, _MOST_LINES if made and not made.foreign else 1, _MORE)
        fixed = self.settled and made is self._accepted
        self.query_one(ForeignList).show(made.foreign if made else (), self._acknowledged, fixed=fixed)
        decided = made if made and not (made.foreign or made.empty) else None
        self.show_texts(
            standing=standing,
            since=[f"! {sentence}" for sentence in notes],
            difference=[differ] if found.differences else [],
            destroys=_destroy_lines(made) if made else [],
            roles=_role_lines(made, self.context) if made and made.roles and not made.empty else [],
            verdict=["✓ Nothing else changes."] if decided else [],
            drift=_drift_lines(made.drift) if made else [],
            made=[_made_text(decided, self.context.environment.now())] if decided else [],
        )
        self.offer_comparison(found.doubts.values())
        self.query_one(ResourceBrowser).show_plan(found.resources)
        number = len(found.resources)
        every = f"All {number:,} resources" if number > 1 else "1 resource"
        self.query_one("#show-resources", Button).label = every
        offered = {
            "#export": made,
            "#again": made,
            "#show-resources": number,
            "#elsewhere": self._in_state and not (made or self._elsewhere),
        }
        for selector, shown in offered.items():
            self.query_one(selector).set_class(not shown, "hidden")
        self.make_room()

    # -- results -----------------------------------------------------------------------------------

    def progressed(self, progress: Progress) -> None:
        if isinstance(progress.payload, judged_plan.Return):
            self._found = progress.payload
            self._planned = None if self._found.gone else self._planned
        elif isinstance(progress.payload, Update):
            self.query_one(RunLog).take(progress.payload)
            if self.running_move == "plan":
                self.query_one(ResourceBrowser).take(progress.payload)
                self.add_class("-planning")

    async def _layer_read(self, looked: tuple[str, judged_plan.Return]) -> None:
        wanted, self._found = looked
        if self.opening.interrupted and self._planned and not self._found.refusal:
            self.drop_note()  # ^n accepts this plan instead of starting another
        self.post_message(self.Looked("plan", bool(self._found.refusal)))
        self._show()
        await self.query_one(CodeField).want(wanted)
        if self._found.old and not self._found.refusal and not wanted:
            self._check()
        elif not wanted and not (self._planned and self._planned.foreign):
            self.focus_primary()

    def _take(self, result: tuple[Planned, judged_plan.Return]) -> None:
        (made, found), self._elsewhere, self._asks = result, False, False
        self.remove_class("-planning")
        self._planned, self._found = made, found
        self._acknowledged = set()
        self._show()
        self.keep_draft()
        if made.empty and not made.drift:
            self.notify(f"{self.context.item}: no changes, nothing to apply.")
            self.advance()
        elif made.foreign:
            self.query_one("#foreign").focus()
        else:
            self.focus_primary()

    @on(StepPane.MoveFailed)
    def _failed(self, message: StepPane.MoveFailed) -> None:
        if message.name == "plan":
            self.remove_class("-planning")
            stopped = isinstance(message.error, Cancelled)
            self._cause = "" if stopped else message.error.what
            self._show()
            if stopped:
                self.focus_primary()  # the hidden resource list had the focus
        elif message.error.field == "elsewhere":  # its button is hidden if there is a plan
            message.handled = True
            self.show_failure(message.error)
        elif message.name == "perform":
            self.call_later(self.look_again)  # the plan shown can't be accepted any more
        elif message.name == "look":
            message.handled = message.shown = True
            self.show_failure(message.error)
        elif message.name == "check":
            message.handled = True
            words = f"{message.error.title}: {message.error.what}"
            self.notify(f"iam-onboard couldn't read the state. {words}", severity="warning")

    # -- actions -----------------------------------------------------------------------------------

    def _plan(self) -> None:
        self._cause = ""
        self.show_problems([])
        self.query_one(RunLog).clear()
        self.query_one(ResourceBrowser).show_plan(())
        before = self._planned

        def work(report: Report, code: Secret | None) -> tuple[Planned, judged_plan.Return]:
            try:
                made = plan.make(self.context, report, code)
            except OnboardError:
                if before is not None:
                    left = judged_plan.left(before, self.context)
                    report(Progress("Reading the previous plan", payload=left))
                raise
            return made, judged_plan.survey(made, self.context)

        self.run_coded("plan", work, self._take, journaled=True)
        self.run_again = self._plan  # with an empty log

    @on(Button.Pressed, "#again")
    def action_plan_again(self) -> None:
        """Make a new plan; the previous one is removed."""
        if not self.running_move:
            self._plan()

    @on(Button.Pressed, "#export")
    def action_export(self) -> None:
        """Ask for a file, write the redacted Markdown into it, and copy it."""
        if self._planned is not None:
            ask(
                self,
                NameDialog("Export the plan", EXPORT, plan.proposed_target(self.context), accept="Export"),
                lambda target: self.show_result_of(
                    lambda _report: joined((plan.export(target, self.context), _EXPORTED))
                ),
            )

    @on(Button.Pressed, "#show-resources")
    def action_resources(self) -> None:
        """Show every resource; in a tall terminal the page has them."""
        browser = self.query_one(ResourceBrowser)
        if self._planned is not None and (self.has_class("-tall") or self.cover(browser)):
            self.call_after_refresh(browser.go)

    def action_differences(self) -> None:
        """Show the changes from the previous plan."""
        text = _all_differences(self._found.differences)
        self.app.push_screen(TextDialog("This plan and the previous one", text, styles=STYLES))

    def action_check(self) -> None:
        """Check whether files, branch and state are still those of the plan."""
        if self._planned is None or is_applied(self._planned, self.context):
            self.notify("No plan is waiting to be applied.", severity="warning")
        else:
            self._check()

    def _check(self) -> None:
        def checked(found: judged_plan.Return) -> None:
            self._found = found
            self.post_message(self.Looked("plan", bool(found.refusal)))
            self._show()
            self.notify(text_of(found.refusal or "Files and state are still as planned."))

        if self._planned is not None:
            self.run_coded("check", partial(judged_plan.check, self._planned, self.context), checked)

    @property
    def _in_state(self) -> bool:
        """Whether the state shows everything that was decided for the account."""
        here = self.context.decisions.of(self.context.item)
        return bool(here.people) and not here.beside_people

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Ask no state about a pull request that it doesn't show."""
        return action != "elsewhere" or self._in_state

    @on(Button.Pressed, "#elsewhere")
    def action_elsewhere(self) -> None:
        """Check in the state that it was applied, and continue to Hand over; otherwise nothing happens."""
        if not self.running_move:
            self.show_problems([])
            self.run_coded(
                "elsewhere",
                partial(plan.applied_elsewhere, self.context),
                lambda fact: self.post_message(self.Submitted(plan.Request(elsewhere=fact))),
            )

    def changed(self) -> bool:
        """Return False for an accepted plan that still fits its files, so that it is left alone."""
        return bool(self._found.refusal) or bool(super().changed())

    @on(MarkList.SelectedChanged, "#foreign")
    def _mark(self) -> None:
        self._acknowledged = self.query_one(ForeignList).marked

    def request(self) -> plan.Request:
        if self._elsewhere:
            return plan.Request(elsewhere=self.context.facts.get("plan"))
        return plan.Request(self._planned, tuple(sorted(self._acknowledged)), undoing=self._found.undoing)

    def draft(self) -> Mapping[str, Any]:
        if self._planned is None or self._planned is self._accepted:
            return {}
        return {"planned": self._planned.as_facts(), "acknowledged": sorted(self._acknowledged)}


def _standing(planned: Planned | None, refusal: Sentence, *, elsewhere: bool, asks: bool) -> list[str]:
    """Describe the plan's status; nothing if the plan itself says everything.

    Args:
        planned: the plan, or None.
        refusal: why it can't be accepted any more, or "".
        elsewhere: whether it was found applied elsewhere.
        asks: whether Next asks how to continue, instead of its usual action.
    """
    if elsewhere:
        return [] if asks else [_ELSEWHERE]
    if planned is None:
        return [_NO_PLAN]
    if asks:
        return ["≠ This was the plan:"]
    if refusal:
        return [f"! {refusal}"]
    return ["✓ No changes: the account matches your files."] if planned.empty else []


def _pushing(commit: Mapping[str, Any] | None) -> list[str]:
    """Say that there is a commit, and how to push it if it wasn't."""
    if not (commit and commit.get("sha")):
        return []
    committed = f"You committed {commit['sha'][:8]}"
    if command := push_command(commit):
        return ["", f"{committed}. If you haven't pushed it yet:", command]
    if not commit.get("branch"):
        return ["", f"{committed} on no branch. Push it yourself."]
    return ["", f"{committed} to {commit['branch']}. This checkout has no remote to push it to."]


def _destroy_lines(made: Planned) -> list[Sentence]:
    """Return what stops working, and what is removed or replaced beyond the table and the foreign changes."""
    named, foreign = {person.name for person in made.people}, {change.address for change in made.foreign}
    elsewhere = {name for change in made.foreign for name in change.people}
    reset = [name for name in made.reset if name not in elsewhere]
    stops = [f"! {listed(reset, 2)}: the console password in use stops working."] if reset else []
    destroys = [
        destroy
        for destroy in made.destroys
        if destroy.address not in foreign and not named.intersection(destroy.people)
    ]
    lines = [Change(Sort.RESOURCE, f"- {destroy.words}") for destroy in destroys]
    return [*stops, *cut(lines, _MOST_LINES, _MORE)]


def _role_lines(made: Planned, context: Context) -> list[Sentence]:
    """Return whose roles change, and who still gets a handoff about that."""
    marks = marks_in(context.item, context) if made.roles_since else {}
    sent = {name for name in made.roles_since if marks.get(name, Sent()).sent_at}
    sent |= made.roles.keys() if is_applied(made, context) else set()
    return [
        f"~ {joined((change.sentence(name), '' if name in sent else _HANDS_OVER))}"
        for name, change in made.roles.items()
    ]


def _drift_lines(drift: Sequence[Sentence]) -> list[Sentence]:
    """Return the changes made outside Terraform."""
    lines = cut([Change(Sort.RESOURCE, f"  {words}") for words in drift], _MOST_LINES, _MORE)
    return ["! Changed outside of Terraform since the last apply:", *lines] if lines else []


def _made_text(made: Planned, now: datetime) -> str:
    """Say when and from what the plan was made."""
    record = made.record
    files = f" from {count(len(record.sources), 'file')}" if record.sources else ""
    return f"Made {moment_text(record.made_at, now)}{files} with {record.binary}."


def _all_differences(differences: Sequence[Difference]) -> str:
    """Return the changes from the previous plan, resource by resource, with the lines inside."""
    if not differences:
        return "There is no previous plan, or both do the same."
    signs = {sign: sum(difference.sign == sign for difference in differences) for sign in "+-~"}
    head = (
        f"{signs['+']} only in the new plan (+), {signs['-']} only in the previous one (-), "
        f"{signs['~']} in both but different (~)."
    )
    return "\n\n".join([head, *(difference.as_text() for difference in differences)])
