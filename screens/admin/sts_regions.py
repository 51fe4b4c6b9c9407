"""The screen of the STS regions: a table for each account, what to click in the console, and one setting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from screens.step.page import Opening, Primary, StepPane
from screens.widgets.fields import CodeField, Wanted
from screens.widgets.lists import MarkBox, Table, TextDialog, cell
from screens.widgets.text import Button, ButtonRow, Option, OptionList, Text, aligned
from workflows.aws.sts_regions.answers import (
    SOURCE,
    AccountAnswer,
    Audit,
    RegionAnswer,
    StsState,
    Verdict,
    by_urgency,
    changes,
    counted,
    instructions,
    settings_page,
    to_do,
    token_words,
)
from workflows.core.grouping import by_key
from workflows.core.secret import Secret
from workflows.core.sentences import Sentence, count, listed, moment_text, text_of
from workflows.layer.discover import find_project
from workflows.steps.admin import sts_regions
from workflows.steps.shared.module import Report

_MOST_REASONS, _MOST_NAMED = 3, 4
MARKS: Mapping[Verdict, str] = {
    Verdict.NEEDED: "✗",
    Verdict.UNUSED: "!",
    Verdict.OPEN: "?",
    Verdict.NAMED: "✓",
    Verdict.ALLOWED: "✓",
    Verdict.OFF: "·",
}
SHORT: Mapping[StsState, str] = {
    StsState.ACTIVE: "active",
    StsState.FIXED: "always on",
    StsState.DEACTIVATED: "deactivated",
    StsState.NOT_OPTED_IN: "not opted in",
    StsState.UNREACHABLE: "unreachable",
    StsState.DENIED: "denied",
    StsState.UNKNOWN: "unknown",
}
_TOLD_CHANGES = 3
_PRETEND = "AWS's console switches them. A sandbox has no such page: leave the real one alone."


class StsRegionsPane(StepPane):
    """Asks AWS when Next is pressed, never automatically; the following Next keeps the answers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "i",
            "clicks",
            "What to click",
            id="regions.clicks",
            show=False,
            tooltip="The clicks in the console",
        ),
        Binding("r", "ask", "Look again", id="regions.ask", show=False, tooltip="Ask every region again"),
        Binding(
            "x",
            "export",
            "Export",
            id="regions.export",
            show=False,
            tooltip="Write Markdown and JSON, copy it",
        ),
        Binding(
            "o", "open", "Open page", id="regions.open", show=False, tooltip="Open the console's page for STS"
        ),
    ]
    FITS = True
    DEFAULT_CSS = """
    StsRegionsPane Static { height: auto; }
    StsRegionsPane #standing { margin-bottom: 1; }
    StsRegionsPane #accounts { height: auto; max-height: 5; margin-bottom: 1; scrollbar-size: 0 1; }
    StsRegionsPane.-asked #standing, StsRegionsPane.-asked #accounts { margin-bottom: 0; }
    StsRegionsPane.-asked #accounts { max-height: 3; scrollbar-size: 0 0; text-wrap: nowrap; }
    StsRegionsPane.-asked.-tall #accounts { max-height: 5; }
    StsRegionsPane #table { height: 1fr; min-height: 3; scrollbar-size: 0 1; }
    StsRegionsPane #to-do, StsRegionsPane #with-ids { display: none; }
    StsRegionsPane.-full ButtonRow { margin-top: 0; }
    StsRegionsPane.-asked #with-ids { display: block; }
    StsRegionsPane.-tall.-asked #to-do { display: block; margin-top: 1; }
    StsRegionsPane .hidden { display: none; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._survey: sts_regions.Survey | None = None
        kept = opening.draft.get("audit") or opening.context.facts.get("sts_regions")
        self._audit = Audit.from_facts(str(opening.context.facts.get("project", "")), kept) if kept else None
        self._changes: tuple[Sentence, ...] = ()

    def compose_body(self) -> ComposeResult:
        yield CodeField(self.context.environment.now)
        yield Text("", id="standing")
        yield OptionList(id="accounts")
        yield Table(id="table", cursor_type="row", classes="hidden")
        yield Text("", id="detail", classes="-empty")
        yield ButtonRow(
            Button("What to click", id="clicks", key="i"),
            *(() if self.context.environment.sandbox else [Button("Open page", id="open", key="o")]),
            Button("Look again", id="again", key="r"),
            Button("Export", id="export", key="x"),
            id="buttons",
            classes="hidden",
        )
        yield MarkBox(
            "Export account ids too",
            bool(self.opening.draft.get("with_ids")),
            id="with-ids",
        )
        yield Button("Skip", id="skip", key="^s")
        yield Text("", id="to-do")

    def on_mount(self) -> None:
        self.query_one("#table", Table).add_columns("Region", "STS", "For the project", "Opt-in")
        self._show()
        self.run_move("look", self._survey_project, self._surveyed, looks=True)

    def _survey_project(self, report: Report) -> sts_regions.Survey:
        return sts_regions.survey(find_project(self.context.root), self.context, report)

    # -- display -----------------------------------------------------------------------------------

    def _show(self) -> None:
        audit, survey = self._audit, self._survey
        now = self.context.environment.now()
        self.query_one("#standing", Text).update(
            _standing(audit, survey, self._changes, now, sandbox=self.context.environment.sandbox)
        )
        self.query_one("#accounts", OptionList).set_options(
            Option(line, name) for name, line in _account_lines(audit, survey).items()
        )
        self.set_class(audit is not None, "-asked")
        self.query_one("#buttons").set_class(audit is None, "hidden")
        self.query_one("#skip").set_class(audit is not None, "hidden")
        self._show_account()

    def primary(self) -> Primary:
        if self._audit is None:
            return Primary("Ask every region", act=self.action_ask)
        return Primary("Keep the answers")

    @property
    def _chosen(self) -> AccountAnswer | None:
        """The answer of the account selected in the list."""
        option = self.query_one("#accounts", OptionList).highlighted_option
        return self._audit.account(option.id or "") if self._audit and option else None

    @on(OptionList.OptionHighlighted, "#accounts")
    def _show_account(self) -> None:
        answer, table = self._chosen, self.query_one("#table", Table)
        table.clear()
        regions = len(answer.regions) if answer else 0
        table.ordered_columns[0].label = cell(f"Region ({regions})")  # most of them are out of view
        table.set_class(answer is None or not answer.regions, "hidden")
        if answer is None or self._audit is None:
            self.show_texts(to_do=[], detail=_reasons(self._audit)[:_MOST_REASONS])
            return
        for region, verdict in by_urgency(answer, self._audit.allowed):
            row = (region.region, SHORT[region.sts], f"{MARKS[verdict]} {verdict}", str(region.opt_in))
            table.add_row(*row, key=region.region)
        self.show_texts(to_do=[_to_do_text(answer, self._audit.allowed)], detail=[])

    @on(Table.RowSelected, "#table")
    def _explain(self, event: Table.RowSelected) -> None:
        answer = self._chosen
        region = str(event.row_key.value)
        found = [candidate for candidate in answer.regions if candidate.region == region] if answer else []
        if answer and self._audit and found:
            self.query_one("#detail", Text).show_lines([_region_text(found[0])])

    # -- results -----------------------------------------------------------------------------------

    async def _surveyed(self, survey: sts_regions.Survey) -> None:
        self._survey = survey
        serials = enumerate(survey.devices)
        wanted = [Wanted(f"code-{place}", hint=_device(serial)) for place, serial in serials]
        await self.query_one(CodeField).ask(wanted)
        self._show()

    async def _take(self, answers: tuple[Audit, sts_regions.Survey]) -> None:
        audit, survey = answers
        self._changes = changes(self._audit, audit) if self._audit else ()
        self._audit = audit
        await self._surveyed(survey)
        self.query_one("#accounts").focus()
        self.keep_draft()

    # -- actions -----------------------------------------------------------------------------------

    def _codes(self) -> dict[str, Secret]:
        """Return the entered codes by device, emptying the fields, since each works once."""
        field = self.query_one(CodeField)
        serials = enumerate(self._survey.devices if self._survey else ())
        codes = {serial: field.take(f"code-{place}") for place, serial in serials}
        return {serial: code for serial, code in codes.items() if code}

    @on(Button.Pressed, "#again")
    def action_ask(self) -> None:
        """Ask every region about every account."""
        survey = self._survey
        if survey is None or self.running_move:
            return
        codes = self._codes()

        def work(report: Report) -> tuple[Audit, sts_regions.Survey]:
            """Return the answers, and the devices that need a code next time."""
            return sts_regions.ask(survey, codes, self.context, report), self._survey_project(report)

        self.run_move("ask", work, self._take)

    @on(Button.Pressed, "#clicks")
    def action_clicks(self) -> None:
        """Show what to click in the console."""
        answer = self._chosen
        if answer is not None and self._audit is not None:
            pretend = f"! {_PRETEND}\n" if self.context.environment.sandbox else ""
            text = pretend + _to_do_text(answer, self._audit.allowed)
            self.app.push_screen(TextDialog(f"What to click for {answer.account}", text))
        elif reasons := _reasons(self._audit):
            self.app.push_screen(TextDialog("Why they weren't asked", "\n".join(reasons)))

    @on(Button.Pressed, "#export")
    def action_export(self) -> None:
        """Write the answers into two files, and copy the Markdown."""
        audit, ids = self._audit, self.query_one("#with-ids", MarkBox).value
        if audit is not None:
            self.show_result_of(
                lambda report: sts_regions.export(audit, with_ids=ids, context=self.context, report=report),
            )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Let a key open a page only if its button does."""
        return action != "open" or bool(self.query("#open"))

    @on(Button.Pressed, "#open")
    def action_open(self) -> None:
        """Open the account settings of the console."""
        answer = self._chosen
        page = settings_page(answer.partition) if answer else ""
        if page:
            self.open_in_browser(page)

    def request(self) -> sts_regions.Request:
        return sts_regions.Request(self._audit)

    def draft(self) -> Mapping[str, Any]:
        if self._audit is None:
            return {}
        return {"audit": self._audit.as_facts(), "with_ids": self.query_one("#with-ids", MarkBox).value}


def _standing(
    audit: Audit | None,
    survey: sts_regions.Survey | None,
    changed: Sequence[Sentence],
    now: datetime,
    *,
    sandbox: bool,
) -> str:
    """Describe the step's status, and what comes next."""
    if audit is None:
        used = f"The project uses {', '.join(survey.allowed)}.\n" if survey and survey.allowed else ""
        return (
            f"{used}iam-onboard requests credentials in each region and discards them;\n"
            "CloudTrail records that."
        )
    used = ", ".join(audit.allowed) or "no region is named"
    asked, every = sum(not account.problem for account in audit.accounts), len(audit.accounts)
    many = count(every, "account") if asked == every else f"{asked} of {count(every, 'account')}"
    lines = [
        f"{many}, asked {moment_text(audit.asked_at, now)}. In use: {used}.",
        _PRETEND if sandbox else "You switch them in the console. Opt-in regions are off until enabled.",
    ]
    if changed:
        more = len(changed) - _TOLD_CHANGES
        lines += [f"Changed: {change}" for change in changed[:_TOLD_CHANGES]]
        lines += [f"and {more} more"] if more > 0 else []
    return "\n".join(lines)


def _account_lines(audit: Audit | None, survey: sts_regions.Survey | None) -> dict[str, str]:
    """Return a line for each account, by name."""
    if audit is not None:
        asked = _by_account(
            _account_row(account, audit.allowed) for account in audit.accounts if not account.problem
        )
        missed = [account.account for account in audit.accounts if account.problem]
        return asked | ({"": f"– Not asked: {listed(missed, _MOST_NAMED)}"} if missed else {})
    if survey is None:
        return {}
    return _by_account(("○", way.account, way.profile or "no profile") for way in survey.ways)


def _by_account(rows: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    """Return an aligned line with mark and text for each account."""
    every = list(rows)
    lines = aligned([(f"{mark} {account}", words) for mark, account, words in every])
    return {account: line for (_mark, account, _words), line in zip(every, lines, strict=True)}


def _account_row(answer: AccountAnswer, allowed: tuple[str, ...]) -> tuple[str, str, str]:
    """Return an account's mark, name and amount of work."""
    wanted = to_do(answer, allowed)
    parts = [f"{number} {words}" for number, words in counted(wanted)]
    mark = "✗" if wanted.activate or wanted.enable or wanted.missing else "!" if parts else "✓"
    return mark, answer.account, ", ".join(parts) or "as the project needs it"


def _to_do_text(answer: AccountAnswer, allowed: tuple[str, ...]) -> str:
    """Say what to do in an account, and what couldn't be read."""
    wanted = to_do(answer, allowed)
    clicks = [line.replace("  ", "– ", 1) for line in instructions(answer, wanted)]
    lines = [*clicks, *map(text_of, answer.remarks)]
    if wanted.missing:
        lines.append(
            f"The partition {answer.partition} has no {', '.join(wanted.missing)}: see common.tfvars."
        )
    if wanted.deactivate or wanted.activate:
        lines.append("Then press r to check that it worked.")
    tokens = token_words(answer.token_version)
    lines.append(f"Programs that name no region get tokens from sts.amazonaws.com: {tokens}.")
    return "\n".join(lines)


def _reasons(audit: Audit | None) -> list[str]:
    """Say why accounts couldn't be asked, one line per reason."""
    missed = by_key(
        (text_of(account.problem), account.account)
        for account in (audit.accounts if audit else ())
        if account.problem
    )
    return [f"{listed(names, _MOST_NAMED)}: {why}" for why, names in missed.items()]


def _region_text(answer: RegionAnswer) -> str:
    """Describe a region in full."""
    opt_in = f", {answer.opt_in}" if str(answer.opt_in) != str(answer.sts) else ""
    lines = [f"{answer.region}: {answer.sts}{opt_in}."]
    if answer.sts is StsState.FIXED:
        lines.append(f"It is active, and nobody can switch it off: {SOURCE}")
    if answer.detail:
        lines.append(text_of(answer.detail))
    return "\n".join(lines)


def _device(serial: str) -> str:
    """Return a device's name with its account: `jane.doe 222222222222`."""
    parts = serial.split(":")
    return f"{serial.rpartition('/')[2]} {parts[4]}" if len(parts) > 5 else serial
