"""The last screen: every profile says who it is; then the lines for the shell, and the aws command tried."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, DataTable, Input, Label, Static

from screens.base import Opening, StepPane
from screens.browsing import BrowsingPane
from screens.unlocking import Locked
from screens.widgets.countdown import Countdown
from screens.widgets.field_row import FieldRow
from workflows.numbers import count
from workflows.steps import aws_command, verify
from workflows.steps.base import Progress
from workflows.steps.verify import IdentityView, Request, Result, Survey

_WAITS, _WORKS, _FAILS = "·", "✓", "✗"


class VerifyPane(BrowsingPane):
    """The first Next asks all profiles; when they have answered, the next one ends the workflow."""

    DEFAULT_CSS = """
    VerifyPane #codes { height: auto; }
    VerifyPane #table { height: auto; max-height: 12; margin-top: 1; }
    VerifyPane #answer, VerifyPane #shell { height: auto; margin-top: 1; }
    VerifyPane Horizontal.buttons { height: 1; margin-top: 1; }
    VerifyPane Button { margin-right: 2; }
    VerifyPane #after { height: auto; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._survey = Survey((), has_aws=False)
        known = opening.context.facts.get("verified") or {}
        recorded = known.get("results", []) if opening.done else []
        self._results = {
            one["profile"]: Result(one["profile"], one["arn"] or "", one["problem"] or "") for one in recorded
        }

    def compose_body(self) -> ComposeResult:
        yield Vertical(id="codes")
        yield DataTable(id="table", cursor_type="row", zebra_stripes=True)
        yield Static("", id="answer", markup=False)
        with Horizontal(classes="buttons"):
            yield Button("Ask again", id="again", compact=True)
            yield Button("Switch role", id="switch", compact=True)
            yield Button("Copy its link", id="copy-switch", compact=True)
        with Vertical(id="after"):
            yield Static("", id="shell", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Copy the lines", id="copy-lines", compact=True)
                yield Button("Try the aws command here", id="try", compact=True)

    def on_mount(self) -> None:
        super().on_mount()
        table = self.query_one("#table", DataTable)
        table.add_column("", key="mark")
        table.add_column("Profile", key="profile")
        table.add_column("Who it is", key="who")
        self.query_one("#after").display = False
        self.run_move("survey", lambda report: verify.survey(self.context, report))

    # -- what there is -----------------------------------------------------------------------------

    async def _show_survey(self, survey: Survey) -> None:
        self._survey = survey
        codes = self.query_one("#codes")
        await codes.remove_children()
        await codes.mount(*self._code_rows(survey))
        table = self.query_one("#table", DataTable)
        table.clear()
        for profile in self._profiles():
            table.add_row(_WAITS, profile, "", key=profile)
        for result in self._results.values():
            self._show_result(result)
        self.query_one("#try").display = survey.has_aws
        self._show_shell()
        self._remember()
        fields = self.query("#codes Input")
        (fields.first() if fields else table).focus()

    def _code_rows(self, survey: Survey) -> list[Static | Label | FieldRow | Countdown]:
        if not survey.identities:
            return [Static("No profiles were written, so there is nothing to verify: ^s skips this step.")]
        with_device = [view for view in survey.identities if view.serial is not None]
        if not with_device:
            return [Static("No MFA code is needed. Next (^n) asks every profile who it is.")]
        rows: list[Static | Label | FieldRow | Countdown] = [
            Static("Type the code that the app shows now; each device has its own. Next (^n) asks.")
        ]
        for view in with_device:
            field = Input(placeholder="six digits", id=f"code-{view.account}", max_length=9, compact=True)
            rows.append(FieldRow(view.account, field, _device(view)))
        return [*rows, Countdown(self.context.world.now)]

    def _profiles(self) -> list[str]:
        return [
            name
            for view in self._survey.identities
            for name in (view.base, *(role.profile for role in view.roles))
        ]

    # -- asking ------------------------------------------------------------------------------------

    def advance(self) -> None:
        if self._results and not self.running_move:
            self.post_message(self.Submitted(self.request()))
        else:
            self._ask()

    @on(Button.Pressed, "#again")
    def _ask(self) -> None:
        if not self._survey.identities:
            self.post_message(self.Submitted(Request()))
            return
        codes = self._codes()
        problems = verify.code_problems(codes, self._survey.identities)
        self.show_problems(problems)
        if problems or self.running_move:
            return
        self._results = {}
        table = self.query_one("#table", DataTable)
        for profile in self._profiles():
            table.update_cell(profile, "mark", _WAITS)
            table.update_cell(profile, "who", "")
        self.query_one("#answer", Static).update("")
        self.run_unlocked("verify", lambda report: verify.verify(codes, self.context, report))

    def _codes(self) -> dict[str, str]:
        found = {view.account: self.query(f"#code-{view.account}") for view in self._survey.identities}
        return {account: field.first(Input).value for account, field in found.items() if field}

    def progressed(self, progress: Progress) -> None:
        """An answer came."""
        if isinstance(progress.payload, Result):
            self._show_result(progress.payload)

    def _show_result(self, result: Result) -> None:
        table = self.query_one("#table", DataTable)
        if result.profile in table.rows:
            table.update_cell(result.profile, "mark", _FAILS if result.problem else _WORKS)
            who = "fails; Enter tells why" if result.problem else _short(result.arn)
            table.update_cell(result.profile, "who", who, update_width=True)

    @on(StepPane.MoveDone)
    async def _moved(self, message: StepPane.MoveDone) -> None:
        if isinstance(message.result, Locked):
            return
        match message.name:
            case "survey":
                await self._show_survey(message.result)
            case "verify":
                self._finish(message.result)
            case "aws":
                self.query_one("#answer", Static).update(f"$ aws sts get-caller-identity\n{message.result}")
            case "switch" if not message.result:
                self.notify("No browser opens from here; copy the link instead.", severity="warning")

    def _finish(self, results: tuple[Result, ...]) -> None:
        self._results = {result.profile: result for result in results}
        for field in self.query("#codes Input").results(Input):
            field.clear()  # each code is good once
        broken = [result for result in results if result.problem]
        working = len(results) - len(broken)
        words = f"{working} of {count(len(results), 'profile')} {'works' if working == 1 else 'work'}."
        if broken:
            words += f"\n✗ {broken[0].problem}"
        else:
            words += " Next (^n) ends this."
        answer = self.query_one("#answer", Static)
        answer.update(words)
        self._show_shell()
        self.call_after_refresh(answer.scroll_visible, animate=False)

    @on(DataTable.RowSelected)
    def _explain(self) -> None:
        result = self._results.get(self._selected())
        if result is not None:
            self.query_one("#answer", Static).update(result.problem or f"{result.profile} is {result.arn}")

    def _selected(self) -> str:
        table = self.query_one("#table", DataTable)
        if not table.row_count:
            return ""
        return str(table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value)

    # -- what comes after --------------------------------------------------------------------------

    def _lines(self) -> tuple[str, ...]:
        known = self._results
        working = [name for name in self._profiles() if name in known and not known[name].problem]
        bases = {view.base for view in self._survey.identities}
        roles = [name for name in working if name not in bases]
        chosen = [*roles, *working][:1]
        return aws_command.shell_lines(self.context, chosen[0]) if chosen else ()

    def _show_shell(self) -> None:
        lines = self._lines()
        self.query_one("#after").display = bool(lines)
        if not lines:
            return
        words = [
            "Put these lines into your shell's start file, or type them:",
            *lines,
            "Then open a new terminal and type  aws s3 ls",
            "It asks for a code of your device where a role wants one.",
        ]
        self.query_one("#shell", Static).update("\n".join(words))

    @on(Button.Pressed, "#copy-lines")
    def _copy_lines(self) -> None:
        self.told_by(lambda: self.context.world.clipboard.copy("\n".join(self._lines()) + "\n"))

    @on(Button.Pressed, "#try")
    def _try(self) -> None:
        bases = [view.base for view in self._survey.identities]
        selected = self._selected()
        base = selected if selected in bases else bases[0]
        self.run_unlocked("aws", lambda report: aws_command.run_aws(base, self.context, report))

    def _switch_url(self) -> str:
        selected = self._selected()
        for view in self._survey.identities:
            for role in view.roles:
                if role.profile == selected:
                    return role.switch_url
        return ""

    @on(Button.Pressed, "#switch")
    def _switch(self) -> None:
        url = self._switch_url()
        if not url:
            self.notify("Choose the profile of a role in the table first.", severity="warning")
            return
        self.run_move("switch", lambda _report: self.context.world.browser.open(url))

    @on(Button.Pressed, "#copy-switch")
    def _copy_switch(self) -> None:
        url = self._switch_url()
        if not url:
            self.notify("Choose the profile of a role in the table first.", severity="warning")
            return
        world = self.context.world
        self.told_by(lambda: world.clipboard.copy(world.open_page(url)))

    def request(self) -> Request:
        return Request(tuple(self._results.values()))


def _device(view: IdentityView) -> str:
    return (view.serial or "").rsplit("/", 1)[-1]


def _short(arn: str) -> str:
    """The parts of an ARN that tell who it is: `222222222222 jane.doe`, or the role for a role's session."""
    parts = arn.split(":", 5)
    if len(parts) != 6:
        return arn
    kind, _, path = parts[5].partition("/")
    name = path.split("/")[0] if kind == "assumed-role" else path.rsplit("/", 1)[-1]
    return f"{parts[4]} {name}"
