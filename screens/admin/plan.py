"""The plan's screen: make it, read it by person, acknowledge what nobody chose, accept it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical

from screens.step.page import Opening, StepPane
from screens.step.terraform import TerraformPane
from screens.widgets.code_field import CodeField
from screens.widgets.dialogs import Dialog, NameDialog, ask
from screens.widgets.lists import Log, MarkList
from screens.widgets.plan_tree import ResourceBrowser
from screens.widgets.run_log import RunLog
from screens.widgets.text import Button, Text
from workflows.core.errors import OnboardError
from workflows.core.secret import Secret
from workflows.core.sentences import Sentence, count, joined, text_of
from workflows.steps.admin import judged_plan, plan, terraform_runs
from workflows.steps.admin.accepted_plan import Planned, Told
from workflows.steps.admin.judged_plan import Return
from workflows.steps.admin.plan import Request
from workflows.steps.admin.plan_resources import Difference
from workflows.steps.shared.module import Progress, Report
from workflows.terraform.runner import Update

_LABEL = "! Not about what you chose. Space marks what may happen:"


class ForeignList(Vertical):
    """Shows nothing where there is nothing foreign."""

    DEFAULT_CSS = """
    ForeignList { height: auto; display: none; }
    ForeignList.-shown { display: block; }
    ForeignList Static { height: auto; }
    ForeignList #foreign-label { color: $text-warning; }
    ForeignList #foreign { max-height: 8; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._changes: Sequence[Told] = ()

    def compose(self) -> ComposeResult:
        yield Text(_LABEL, id="foreign-label")
        yield MarkList(id="foreign")
        yield Text("", id="foreign-words")

    def show(self, changes: Sequence[Told], acknowledged: Collection[str]) -> None:
        """Show these changes; those that are acknowledged are marked."""
        self._changes = changes
        self.set_class(bool(changes), "-shown")
        self.query_one(MarkList).show([(one.words, one.address) for one in changes], acknowledged)
        self.query_one("#foreign-words", Text).update("")

    @property
    def marked(self) -> set[str]:
        """The addresses that are marked."""
        return set(self.query_one(MarkList).selected)

    @on(MarkList.SelectionHighlighted)
    def _tell_whole(self, event: MarkList.SelectionHighlighted[str]) -> None:
        """Show all words of the line that the cursor is on, and the resource; the list cuts them off."""
        lines = [
            one.words if one.named else f"{one.words}\n{one.address}"
            for one in self._changes
            if one.address == event.selection.value
        ]
        self.query_one("#foreign-words", Text).update(text_of(joined(lines, "\n")))


EXPORT = (
    "Markdown for a pull request: what is done, without account ids, ARNs, keys and encrypted texts. "
    "A path in your home folder:"
)
"""What the export asks for."""
_MOST_LINES = 6
_NO_PLAN = (
    "No plan yet. Next (^n) lets Terraform make one.\nApplied already, by a pull request? Then press e."
)
_ELSEWHERE = "✓ Applied elsewhere: the state holds what was decided. Next (^n) goes on."


def _key(key: str, action: str, words: str, tooltip: str) -> Binding:
    name = f"plan.{action.replace('_', '-')}"
    return Binding(key, action, words, id=name, show=False, tooltip=tooltip)


class TextDialog(Dialog[bool]):
    """Shows a text to read, however long it is, whose lines can begin with a mark.

    Args:
        title: what it is.
        text: the text.
    """

    AUTO_FOCUS = "#text"
    DEFAULT_CSS = """
    TextDialog > Vertical { width: 96; }
    TextDialog Log { height: 1fr; background: $surface; scrollbar-size: 1 1; }
    """
    _STYLES: ClassVar[dict[str, str]] = {"+": "green", "-": "red", "~": "yellow"}

    def __init__(self, title: Sentence, text: str) -> None:
        super().__init__(title, classes="-tall")
        self._text = text

    def body(self) -> ComposeResult:
        yield Log(id="text", auto_scroll=False)

    def on_mount(self) -> None:
        """Write the text."""
        log = self.query_one(Log)
        for line in self._text.splitlines():
            log.add(line, self._STYLES.get(line.strip()[:1], ""), scroll_end=False)


class PlanPane(TerraformPane):
    """Next makes the plan; once it is shown, Next accepts it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "plan_again", "Plan again", id="plan.again", show=False, tooltip="Make a new plan"),
        _key("l", "log", "Log", "Show or hide Terraform's own words"),
        _key("x", "export", "Export", "Markdown for a pull request, redacted"),
        _key("e", "elsewhere", "Applied elsewhere", "See in the state that it is"),
        _key("d", "differences", "Differences", "What changed from the plan before"),
        _key("c", "check", "Check", "Ask whether files, branch and state are as they were planned"),
    ]
    LOG = "plan"
    DEFAULT_CSS = """
    PlanPane Static { height: auto; }
    PlanPane #destroys { color: $text-error; }
    PlanPane #since, PlanPane #difference { color: $text-warning; }
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
        self._found = Return()
        self._asks = opening.asks

    def compose_body(self) -> ComposeResult:
        yield CodeField(self.context.world.now)
        yield Text("", id="standing")
        yield Text("", id="since", classes="hidden")
        yield Text("", id="difference", classes="hidden")
        yield Text("", id="destroys", classes="hidden")
        yield Text("", id="summary")
        yield ForeignList()
        yield Text("", id="drift", classes="hidden")
        with Horizontal(id="buttons"):
            yield Button("Plan again (p)", id="again")
            yield Button("Log (l)", id="show-log")
            yield Button("Export (x)", id="export")
            yield Button("Elsewhere (e)", id="elsewhere")
        yield RunLog()
        yield ResourceBrowser()

    def on_mount(self) -> None:
        self._show()
        if self.opening.interrupted and self._planned is not None:
            self.query(".pane-note").set(display=False)  # it was made, and waits to be accepted
        self.run_move("look", self._look, self._looked, looks=True)

    def _look(self, report: Report) -> tuple[str, Return]:
        report(Progress("Looking at the layer and its profile"))
        found = judged_plan.look(self._planned, self.context)
        return terraform_runs.code_wanted(self.context), found

    # -- what is shown -----------------------------------------------------------------------------

    def _show(self) -> None:
        made, found = self._planned, self._found
        listed = bool(found.resources)
        words = _standing(
            made, found.refusal, elsewhere=self._elsewhere, facts=self.context.facts, asks=self._asks
        )
        self.query_one("#standing", Text).update(words)
        self._fill("#since", [f"! {one}" for one in found.since])
        self._fill("#difference", _told_differences(found.differences) if made else [])
        self._fill("#destroys", _told_destroys(made.destroys) if made else [])
        lines = _told_summary(made.summary, listed=listed) if made else []
        self.query_one("#summary", Text).update("\n".join(lines))
        self._fill("#drift", _told_drift(made.drift, listed=listed) if made else [])
        self.query_one(ForeignList).show(made.foreign if made else (), self._acknowledged)
        self.query_one(ResourceBrowser).show_plan(found.resources if made else ())
        self.query_one("#export", Button).disabled = made is None
        again = self.query_one("#again", Button)
        again.label = "Plan (p)" if made is None else "Plan again (p)"
        again.refresh(layout=True)  # the label alone would keep its width

    def _fill(self, selector: str, lines: list[str]) -> None:
        widget = self.query_one(selector, Text)
        widget.update("\n".join(lines))
        widget.set_class(not lines, "hidden")

    # -- what comes back ---------------------------------------------------------------------------

    def progressed(self, progress: Progress) -> None:
        if isinstance(progress.payload, Return):
            self._found = progress.payload
            self._planned = None if self._found.gone else self._planned
        elif isinstance(progress.payload, Update):
            self.query_one(RunLog).take(progress.payload)
            if self.running_move == "plan":
                self.query_one(ResourceBrowser).take(progress.payload)

    async def _looked(self, looked: tuple[str, Return]) -> None:
        wanted, self._found = looked
        await self.query_one(CodeField).want(wanted)
        self._show()
        if self._found.old and not self._found.refusal and not wanted:
            self._check()

    def _take(self, result: tuple[Planned, Return]) -> None:
        (made, found), self._elsewhere, self._asks = result, False, False
        self._planned, self._found = made, found
        self._acknowledged = set()
        self._show()
        self.keep_draft()
        if made.empty and not made.drift:
            self.notify(f"{self.context.item}: no changes, nothing to apply.")
            self.advance()
        elif made.foreign:
            self.query_one("#foreign").focus()
        elif found.resources:
            self.query_one(ResourceBrowser).go()

    @on(StepPane.MoveFailed)
    def _failed(self, message: StepPane.MoveFailed) -> None:
        if message.name == "plan":
            self._show()
        elif message.name == "check":
            message.told = True
            words = f"{message.error.title}: {message.error.what}"
            self.notify(f"The state could not be asked. {words}", severity="warning")

    # -- what the person does ----------------------------------------------------------------------

    def advance(self) -> None:
        if self._elsewhere or (self._planned is not None and not self._found.refusal):
            self.post_message(self.Submitted(self.request()))
        else:
            self._plan()

    def try_again(self, move: str) -> None:
        """Plan again, or look at the state again, after a lock or an init was dealt with."""
        if move == "perform":
            self.action_elsewhere()
        elif move == "check":
            self._check()
        else:
            self._plan()

    def _plan(self) -> None:
        self.query_one(RunLog).clear()
        browser = self.query_one(ResourceBrowser)
        browser.begin()
        before = self._planned

        def work(report: Report, code: Secret | None) -> tuple[Planned, Return]:
            try:
                made = plan.make(self.context, report, code)
            except OnboardError:
                if before is not None:
                    left = judged_plan.left(before, self.context)
                    report(Progress("Looking at the plan before", payload=left))
                raise
            return made, judged_plan.look(made, self.context)

        self.run_coded("plan", work, self._take, journaled=True)
        self.call_after_refresh(browser.scroll_visible, animate=False)

    @on(Button.Pressed, "#again")
    def action_plan_again(self) -> None:
        """Make a new plan; the one before is removed."""
        if not self.running_move:
            self._plan()

    @on(Button.Pressed, "#export")
    def action_export(self) -> None:
        """Ask for a file, write the redacted Markdown into it, and copy it."""
        if self._planned is None:
            return

        def export(target: str) -> None:
            self.run_told(lambda _report: plan.export(target, self.context))

        target = plan.proposed_target(self.context)
        ask(self, NameDialog("Export the plan", EXPORT, target), export)

    def action_differences(self) -> None:
        """Show what changed from the plan before."""
        text = _all_differences(self._found.differences)
        self.app.push_screen(TextDialog("This plan and the one before", text))

    def action_check(self) -> None:
        """Ask whether the files, the branch and the state are still what was planned."""
        if self._planned is None or self.context.facts.get("applied"):
            self.notify("There is no plan that waits to be applied.", severity="warning")
        else:
            self._check()

    def _check(self) -> None:
        def checked(found: Return) -> None:
            self._found = found
            self._show()
            self.notify(text_of(found.refusal or "The files and the state are still what was planned."))

        if self._planned is not None:
            self.run_coded("check", partial(judged_plan.check, self._planned, self.context), checked)

    @on(Button.Pressed, "#elsewhere")
    def action_elsewhere(self) -> None:
        """See in the state that it was applied, and go on to Hand over."""
        if not self.running_move:
            code = self.query_one(CodeField).take()
            self.post_message(self.Submitted(Request(elsewhere=True, code=code)))

    def changed(self) -> bool:
        """A plan that was accepted and still fits its files is left alone."""
        return bool(self._found.refusal) or bool(super().changed())

    @on(MarkList.SelectedChanged, "#foreign")
    def _mark(self) -> None:
        self._acknowledged = self.query_one(ForeignList).marked

    def request(self) -> Request:
        if self._elsewhere:
            return Request(elsewhere=True)
        return Request(self._planned, tuple(sorted(self._acknowledged)))

    def draft(self) -> Mapping[str, Any]:
        if self._planned is None:
            return {}
        return {"planned": self._planned.as_facts(), "acknowledged": sorted(self._acknowledged)}


def _standing(
    planned: Planned | None,
    refusal: Sentence,
    *,
    elsewhere: bool,
    facts: Mapping[str, Any],
    asks: bool = False,
) -> str:
    """How things stand with the plan, and what Next does.

    Args:
        planned: the plan, or None.
        refusal: why it cannot be accepted any more, or "".
        elsewhere: whether it was seen to be applied elsewhere.
        facts: the step's facts, for the commit that waits to be pushed.
        asks: whether Next asks how to continue, instead of what it does otherwise.
    """
    if elsewhere:
        return "" if asks else _ELSEWHERE
    if planned is None:
        return "\n".join([_NO_PLAN, *_pushing(facts.get("commit"))])
    counts = planned.counts
    words = f"{counts['add']} to add, {counts['change']} to change, {counts['destroy']} to destroy"
    if planned.empty:
        words = "No changes: this account is already as the files say."
    if asks:
        return f"≠ The plan was: {words}"
    if refusal:
        return f"! {refusal}\n  Next (^n) plans again.  The plan was: {words}"
    return f"✓ {words}\n  Next (^n) accepts exactly this plan; then comes Apply."


def _pushing(commit: Mapping[str, Any] | None) -> list[str]:
    """That a commit was made, and the command that takes it to the others; the push is the person's own."""
    if not commit:
        return []
    if not commit["branch"]:
        return [f"Committed as {commit['sha'][:8]}, on no branch: pushing it is up to you."]
    return [f"Committed as {commit['sha'][:8]}. Yours to push: git push -u origin {commit['branch']}"]


def _told_destroys(destroys: Sequence[Told]) -> list[str]:
    """Every destroy and replace by name, as far as there is room; the list of resources has them all."""
    lines = [f"- {one.words}" for one in destroys]
    if len(lines) <= _MOST_LINES:
        return lines
    return [*lines[:_MOST_LINES], f"  and {len(lines) - _MOST_LINES} more: look for - or ± in the list below"]


def _told_summary(summary: Sequence[Sentence], *, listed: bool) -> list[str]:
    """The plan by person, as far as there is room where the list of resources has it all."""
    lines = [text_of(one) for one in summary]
    if not listed or len(lines) <= _MOST_LINES:
        return lines
    return [*lines[:_MOST_LINES], f"and {len(lines) - _MOST_LINES} more lines; all are in the list below"]


def _told_drift(drift: Sequence[Sentence], *, listed: bool) -> list[str]:
    """What was changed outside of Terraform."""
    if not drift:
        return []
    lines = [f"  {words}" for words in drift]
    if listed and len(lines) > _MOST_LINES:
        lines = [*lines[:_MOST_LINES], f"  and {len(lines) - _MOST_LINES} more; look for “outside” below"]
    return ["Changed outside of Terraform since the last apply:", *lines]


def _told_differences(differences: Sequence[Difference]) -> list[str]:
    """That this plan is not the one from before, with the first of what is otherwise."""
    if not differences:
        return []
    head = f"≠ {count(len(differences), 'difference')} to the plan before (d shows all of it):"
    few = [f"  {one.sign} {one.words}" for one in differences[:2]]
    more = [f"  and {len(differences) - 2} more"] if len(differences) > 2 else []
    return [head, *few, *more]


def _all_differences(differences: Sequence[Difference]) -> str:
    """What changed from the plan before, resource by resource, with the lines inside."""
    if not differences:
        return "There is no plan before this one, or both do the same."
    signs = {sign: sum(one.sign == sign for one in differences) for sign in "+-~"}
    head = (
        f"{signs['+']} only in the new plan (+), {signs['-']} only in the one before (-), "
        f"{signs['~']} in both, but otherwise (~)."
    )
    return "\n\n".join([head, *(one.as_text() for one in differences)])
