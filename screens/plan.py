"""The plan's screen: make it, read it by person, acknowledge what nobody chose, accept it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, Static
from textual.widgets.selection_list import Selection

from screens.base import Opening, StepPane
from screens.terraform_pane import TerraformPane
from screens.widgets.code_field import CodeField
from screens.widgets.marks import MarkList
from screens.widgets.run_log import RunLog
from workflows.services.terraform.outcome import Update
from workflows.steps import plan, planned, terraform_runs
from workflows.steps.base import Progress
from workflows.steps.plan import Request
from workflows.steps.planned import Planned


class PlanPane(TerraformPane):
    """Next makes the plan; once it is shown, Next accepts it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "plan_again", "Plan again", id="plan.again", show=False, tooltip="Make a new plan"),
        Binding("l", "log", "Log", id="plan.log", show=False, tooltip="Show or hide Terraform's own words"),
        Binding(
            "x",
            "export",
            "Export",
            id="plan.export",
            show=False,
            tooltip="Markdown for a pull request, redacted",
        ),
        Binding(
            "e",
            "elsewhere",
            "Applied elsewhere",
            id="plan.elsewhere",
            show=False,
            tooltip="See in the state that it is",
        ),
    ]
    DEFAULT_CSS = """
    PlanPane Static { height: auto; }
    PlanPane #destroys { color: $text-error; }
    PlanPane #foreign-label { color: $text-warning; }
    PlanPane #foreign { max-height: 8; }
    PlanPane .hidden { display: none; }
    PlanPane #buttons { height: auto; margin-top: 1; }
    PlanPane #buttons Button { margin-right: 0; min-width: 8; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        facts: Any = opening.context.facts.get("plan") or {}
        drafted = opening.draft.get("planned")
        self._elsewhere = bool(facts.get("elsewhere")) and not drafted
        kept = drafted or (None if self._elsewhere else facts)
        self._planned = Planned.from_facts(kept) if kept else None
        self._acknowledged = set(opening.draft.get("acknowledged") or facts.get("acknowledged") or ())
        self._refusal = ""

    def compose_body(self) -> ComposeResult:
        yield CodeField()
        yield Static("", id="standing", markup=False)
        yield Static("", id="destroys", classes="hidden", markup=False)
        yield Static("", id="summary", markup=False)
        words = "! Not about what you chose. Space marks what may happen:"
        yield Static(words, id="foreign-label", classes="hidden")
        yield MarkList(id="foreign", classes="hidden", compact=True)
        yield Static("", id="foreign-words", classes="hidden", markup=False)
        yield Static("", id="drift", classes="hidden", markup=False)
        with Horizontal(id="buttons"):
            yield Button("Plan again (p)", id="again", compact=True)
            yield Button("Log (l)", id="show-log", compact=True)
            yield Button("Export (x)", id="export", compact=True)
            yield Button("Elsewhere (e)", id="elsewhere", compact=True)
        yield RunLog()

    def on_mount(self) -> None:
        super().on_mount()
        self._show()
        self.run_move("look", self._look)

    def _look(self, report: Any) -> tuple[str, str]:
        report(Progress("Looking at the layer and its profile"))
        refusal = ""
        if self._planned is not None and not self.context.facts.get("applied"):
            refusal = planned.staleness(self._planned, self.context)
        return terraform_runs.code_wanted(self.context), refusal

    # -- what is shown -----------------------------------------------------------------------------

    def _show(self) -> None:
        planned = self._planned
        self.query_one("#standing", Static).update(self._standing())
        self._fill("#destroys", [f"- {one.words}" for one in planned.destroys] if planned else [])
        lines = list(planned.summary) if planned else []
        self.query_one("#summary", Static).update("\n".join(lines))
        drift = [f"  {words}" for words in planned.drift] if planned else []
        self._fill("#drift", ["Changed outside of Terraform since the last apply:", *drift] if drift else [])
        self._show_foreign()
        self.query_one("#export", Button).disabled = planned is None
        again = self.query_one("#again", Button)
        again.label = "Plan (p)" if planned is None else "Plan again (p)"
        again.refresh(layout=True)  # the label alone would keep its width

    def _fill(self, selector: str, lines: list[str]) -> None:
        widget = self.query_one(selector, Static)
        widget.update("\n".join(lines))
        widget.set_class(not lines, "hidden")

    def _show_foreign(self) -> None:
        foreign = self._planned.foreign if self._planned else ()
        box = self.query_one("#foreign", MarkList)
        box.clear_options()
        for one in foreign:
            box.add_option(Selection(one.words, one.address, one.address in self._acknowledged))
        if not foreign:
            self._fill("#foreign-words", [])
        for widget in (box, self.query_one("#foreign-label")):
            widget.set_class(not foreign, "hidden")

    def _standing(self) -> str:
        if self._elsewhere:
            return "✓ Applied elsewhere: the state holds what was decided. Next (^n) goes on."
        planned = self._planned
        if planned is None:
            return (
                "No plan yet. Next (^n) lets Terraform make one.\n"
                "Applied already, by a pull request? Then press e."
            )
        counts = planned.counts
        words = f"{counts['add']} to add, {counts['change']} to change, {counts['destroy']} to destroy"
        if planned.empty:
            words = "No changes: this account is already as the files say."
        if self._refusal:
            return f"! {self._refusal}\n  Next (^n) plans again.  The plan was: {words}"
        return f"✓ {words}\n  Next (^n) accepts exactly this plan; then comes Apply."

    # -- what comes back ---------------------------------------------------------------------------

    def progressed(self, progress: Progress) -> None:
        if isinstance(progress.payload, Update):
            self.query_one(RunLog).take(progress.payload)

    @on(StepPane.MoveDone)
    def _moved(self, message: StepPane.MoveDone) -> None:
        match message.name:
            case "look":
                wanted, self._refusal = message.result
                self.query_one(CodeField).want(wanted)
                self._show()
            case "plan":
                self._take(message.result)
            case "log":
                self.query_one(RunLog).show_text(message.result)
            case "export":
                self.notify(message.result)

    def _take(self, planned: Planned) -> None:
        self._planned, self._refusal, self._elsewhere = planned, "", False
        self._acknowledged = set()
        self.query_one(RunLog).remove_class("-shown")
        self._show()
        self.keep_draft()
        if planned.empty and not planned.drift:
            self.notify(f"{self.context.item}: no changes, nothing to apply.")
            self.call_later(self.advance)
        elif planned.foreign:
            self.query_one("#foreign").focus()

    @on(StepPane.MoveFailed)
    def _failed(self, message: StepPane.MoveFailed) -> None:
        if message.name == "plan":
            self._planned = None
            self._show()

    # -- what the person does ----------------------------------------------------------------------

    def advance(self) -> None:
        if self._elsewhere or (self._planned is not None and not self._refusal):
            self.post_message(self.Submitted(self.request()))
        else:
            self._plan()

    def try_again(self, move: str) -> None:
        """Plan again, or look at the state again, after a lock or an init was dealt with."""
        if move == "perform":
            self.action_elsewhere()
        else:
            self._plan()

    def _plan(self) -> None:
        code = self.query_one(CodeField).take()
        log = self.query_one(RunLog)
        log.clear()
        log.add_class("-shown")
        self.run_move("plan", lambda report: plan.make(self.context, report, code), journaled=True)
        self.call_after_refresh(log.scroll_visible, animate=False)

    @on(Button.Pressed, "#again")
    def action_plan_again(self) -> None:
        """Make a new plan; the one before is removed."""
        if not self.running_move:
            self._plan()

    @on(Button.Pressed, "#show-log")
    def action_log(self) -> None:
        """Show or hide Terraform's own words."""
        log = self.query_one(RunLog)
        log.toggle_class("-shown")
        if log.has_class("-shown"):
            log.focus()
            self.call_after_refresh(log.scroll_visible, animate=False)
            if not log.lines and not self.running_move:
                self.run_move("log", lambda _report: plan.log_text(self.context, "plan"))

    @on(Button.Pressed, "#export")
    def action_export(self) -> None:
        """Write the redacted Markdown into a file, and copy it."""
        if self._planned is not None:
            target = f"~/plan-{self.context.facts.get('project', 'project')}-{self.context.item}.md"
            self.run_move("export", lambda _report: plan.export(target, self.context))

    @on(Button.Pressed, "#elsewhere")
    def action_elsewhere(self) -> None:
        """See in the state that it was applied, and go on to Hand over."""
        if not self.running_move:
            code = self.query_one(CodeField).take()
            self.post_message(self.Submitted(Request(elsewhere=True, code=code)))

    def changed(self) -> bool:
        """A plan that was accepted and still fits its files is left alone."""
        return bool(self._refusal) or bool(super().changed())

    @on(MarkList.SelectionHighlighted, "#foreign")
    def _tell_whole(self, event: MarkList.SelectionHighlighted[str]) -> None:
        """Show all words of the line that the cursor is on; the list cuts them off."""
        foreign = self._planned.foreign if self._planned else ()
        self._fill("#foreign-words", [one.words for one in foreign if one.address == event.selection.value])

    @on(MarkList.SelectedChanged, "#foreign")
    def _mark(self) -> None:
        self._acknowledged = set(self.query_one("#foreign", MarkList).selected)

    def request(self) -> Request:
        if self._elsewhere:
            return Request(elsewhere=True)
        return Request(self._planned, tuple(sorted(self._acknowledged)))

    def draft(self) -> Mapping[str, Any]:
        if self._planned is None:
            return {}
        return {"planned": self._planned.as_facts(), "acknowledged": sorted(self._acknowledged)}
