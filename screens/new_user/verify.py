"""The last screen: every profile is tested; then the lines for the shell, and a run of the aws command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from screens.step.asking import OwnPassphrase, UnlockingPane
from screens.step.console_steps import SandboxPhone
from screens.step.page import TALL, YOURS, Opening, Primary, StepPane, Turn
from screens.widgets.dialogs import Notice
from screens.widgets.fields import CodeField, Wanted
from screens.widgets.lists import Table
from screens.widgets.text import LINE_CELLS, Button, ButtonRow, Text
from workflows.aws.verify import Result
from workflows.core.installation import how_to_install
from workflows.core.sentences import (
    Problem,
    Sentence,
    count,
    enumerated,
    joined,
    listed,
    moment_text,
    text_of,
)
from workflows.machine.events import Observation, StepKey, Verdict
from workflows.profiles.shell_lines import Shell
from workflows.steps.new_user import verify
from workflows.steps.shared.module import Looks, Progress
from workflows.steps.shared.own_identity import NEW_HANDOFF

_WAITS, _WORKS, _FAILS = "·", "✓", "✗"
_HERE = {"access-keys": "Access keys", "profiles": "Profiles"}
"""The steps whose outcome is on this computer."""
_STEPS = {**_HERE, "mfa": "MFA"}
_DEVICE = {
    "profiles": "Correct the MFA device in Profiles ({account}).",
    "mfa": "AWS no longer has your MFA device: register one in MFA ({account}).",
}
"""What to do about a profile's MFA device, by the step that does it."""
_NOT_YET = verify.Survey((), has_aws=False)
"""Before anything was looked at."""


class ProfileAnswers(Table):
    """Shows for each profile who it is, or in a few words why it doesn't work."""

    DEFAULT_CSS = (
        "ProfileAnswers { height: auto; max-height: 1000vh; }  /* the page scrolls, not the table */"
    )

    def show(self, profiles: Sequence[str], results: Iterable[Result]) -> None:
        """Show these profiles, with the answers so far."""
        marked = self.cursor_row
        self.clear(columns=True)
        self.add_column("", key="mark")
        self.add_column("Profile", key="profile")
        self.add_column("Signed in as", key="who")
        for profile in profiles:
            self.add_row(_WAITS, profile, "", key=profile)
        self.move_cursor(row=marked)
        for result in results:
            self.show_result(result)

    def show_result(self, result: Result) -> None:
        """Show a profile's answer, if it is in the table."""
        if result.profile in self.rows:
            self.update_cell(result.profile, "mark", _FAILS if result.problem else _WORKS)
            who = text_of(result.title or "fails; Enter shows why") if result.problem else _short(result.arn)
            self.update_cell(result.profile, "who", who, update_width=True)

    @property
    def marked(self) -> str:
        """The selected profile; "" while the table is empty."""
        if not self.row_count:
            return ""
        return str(self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value)


def _proof(results: Sequence[Result], written: Sequence[str], *, why: bool, when: str = "") -> str:
    """Say how many profiles work or worked earlier and, if wanted, why the first failing one doesn't."""
    broken = [result for result in results if result.problem]
    tested = {result.profile for result in results}
    untested = [name for name in written if name not in tested]
    working, total = len(results) - len(broken), len(results) + len(untested)
    words = f"{verify.how_many_work(working, total, f'worked {when}' if when else '')}."
    words += f" Not tested: {listed(untested, 2)}." if untested else ""
    if not broken:
        return f"{'○' if when else '✓'} {words}"
    if not why:
        return words
    if all(result.for_admin for result in broken):
        names = listed([result.profile for result in broken], 2)
        refused = f"Ask your admin: AWS doesn't let you use {names}. {NEW_HANDOFF}"
        return f"{refused}\n{words} Press Enter on a line to see why."
    short = broken[0].title if when or len(broken) > 1 else ""  # the table leads to the rest
    said = short or broken[0].problem
    more = " Press Enter on a line of the table to see why." if when or len(broken) > 1 else ""
    return f"{words}{more}\n✗ {broken[0].profile}: {text_of(said)}"


def _short(arn: str) -> str:
    """Return who an ARN identifies: `222222222222 jane.doe`, or the role for a role's session."""
    parts = arn.split(":", 5)
    if len(parts) != 6:
        return arn
    kind, _, path = parts[5].partition("/")
    name = path.split("/")[0] if kind == "assumed-role" else path.rsplit("/", 1)[-1]
    return f"{parts[4]} {name}"


_MOST_LINES = 12


def _after(shell: Shell) -> Shell:
    """Return the next shell to show the lines for."""
    shells: list[Shell] = [*Shell]
    return shells[(shells.index(shell) + 1) % len(shells)]


class AfterVerify(Vertical):
    """Hidden until a profile works; the pane handles the buttons.

    Args:
        sandbox: whether the lines lead into a sandbox, so that they are for one terminal only.
    """

    DEFAULT_CSS = """
    AfterVerify { height: auto; display: none; }
    AfterVerify.-shown { display: block; }
    AfterVerify #shell, AfterVerify #tried { height: auto; }
    """

    def __init__(self, *, sandbox: bool) -> None:
        super().__init__(
            ButtonRow(
                Button("Copy lines", id="copy-lines", key="l"),
                Button("Show", id="show-lines", key="v"),
                Button("", id="other-shell", key="h"),
                Button("Try it here", id="try", key="x"),
                Button(
                    "Install aws…",
                    id="install",
                    act=lambda: self.app.push_screen(
                        Notice("How to install the aws command", how_to_install("aws"))
                    ),
                ),
            ),
            Text("", id="shell"),
            Text("", id="tried", classes="-empty"),
            id="after",
        )
        self._sandbox = sandbox
        self._before = ""

    def show(self, shell: Shell, lines: Sequence[str], what_they_do: Sentence, *, has_aws: bool) -> None:
        """Show a shell's lines, if they fit, and their effect; without lines, show nothing."""
        self.set_class(bool(lines), "-shown")
        self.query_one("#tried", Text).show_lines([])
        self.query_one("#other-shell", Button).label = f"Use {_after(shell).value}"
        self.query_one("#try").display = has_aws
        self.query_one("#install").display = not has_aws
        short = self.app.size.height >= TALL and all(cell_len(line) <= LINE_CELLS for line in lines)
        self.query_one("#show-lines").display = not short
        before = f"These lines are for {shell.value}: type them, or add them to its start file."
        after = f"Then open a new terminal and type  {verify.COMMAND}"
        if self._sandbox:  # these lines change the home, and use an AWS that ends with the wizard
            before = f"Paste the {len(lines)} lines into a new {shell.value} shell while the wizard is open."
            after = f"Type  {verify.COMMAND}  there. Close that shell afterwards: it uses the sandbox."
        self._before = before
        words = [before, *(lines if short else ()), after, what_they_do]
        words += [] if has_aws else [verify.NOT_INSTALLED]
        self.query_one("#shell", Text).show_lines(words)

    def show_tried(self, tried: verify.Tried) -> None:
        """Show the result of running the command; in a small terminal in few lines, after where to paste."""
        lines, tries = tried.output.splitlines(), self.query_one("#tried", Text)
        more = [f"… and {len(lines) - _MOST_LINES} more"] if len(lines) > _MOST_LINES else []
        shown: list[Sentence] = [f"$ {verify.COMMAND}", *lines[:_MOST_LINES], *more, tried.words]
        if self.app.size.height < TALL:
            self.query_one("#shell", Text).show_lines([self._before])
            shown = [f"$ {verify.COMMAND}  {tried.words}", *filter(None, [" ".join(tried.output.split())])]
        tries.show_lines(shown)
        self.call_after_refresh(tries.scroll_visible, animate=False)


class VerifyPane(UnlockingPane):
    """The first Next asks all profiles; after their answers, the next one ends the workflow."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key, action, words, id=f"verify.{action}", show=False, tooltip=tooltip)
        for key, action, words, tooltip in (
            ("x", "try", "Try it here", "Run the aws command here with the chosen profile"),
            ("l", "copy_lines", "Copy lines", "Copy the lines for your shell"),
            ("v", "show_lines", "Show lines", "Show the whole lines for your shell"),
            ("h", "other_shell", "Other shell", "Show the lines for bash, zsh or fish"),
            ("a", "again", "Test all again", "Ask AWS about every profile again"),
            ("o", "switch", "Switch role", "Open the console's page that switches to the chosen role"),
            ("c", "copy_switch", "Copy role link", "Copy the address of that page"),
        )
    ]
    FITS = True
    DEFAULT_CSS = """
    VerifyPane #answer { height: auto; }
    VerifyPane.-settled CodeField, VerifyPane.-settled SandboxPhone, VerifyPane.-codeless SandboxPhone {
        display: none;
    }
    VerifyPane CodeField Input { max-width: 20; }
    VerifyPane CodeField, VerifyPane SandboxPhone, VerifyPane OwnPassphrase { margin-bottom: 1; }
    VerifyPane .of-the-table { margin-bottom: 1; }
    VerifyPane.-some-fail .of-the-table { margin-top: 0; }
    VerifyPane.-full CodeField, VerifyPane.-full SandboxPhone, VerifyPane.-full OwnPassphrase,
    VerifyPane.-full ButtonRow { margin: 0; }
    VerifyPane.-some-fail #shell { display: none; }
    VerifyPane Button { margin-right: 2; }
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._survey = _NOT_YET
        self._kept: Mapping[str, Any] = opening.draft
        self._at = str((opening.context.facts.get("verified") or {}).get("at") or "")
        self._results = verify.recorded_results(opening.context) if opening.done else {}
        chosen = (shell for shell in Shell if shell.value == opening.draft.get("shell"))
        self._shell = next(chosen, verify.own_shell(opening.context))
        self._code_for = ""  # the button whose work waits for a code
        self._changed = set(opening.context.contradicted)
        self._gone: dict[StepKey, Sentence] = {}  # steps whose outcome this computer no longer has

    def compose_body(self) -> ComposeResult:
        yield Text("", id="answer")
        yield CodeField(self.context.environment.now)
        yield SandboxPhone(self.context.environment)
        yield AfterVerify(sandbox=self.context.environment.sandbox)
        yield ButtonRow(
            Button("Test all again", id="again", key="a"),
            Button("Finish without them", id="finish", act=self.submit),
            Button("Switch role", id="switch", key="o"),
            Button("Copy role link", id="copy-switch", key="c"),
            classes="of-the-table",
        )
        yield ProfileAnswers(id="table", cursor_type="row")

    def on_mount(self) -> None:
        self._answer("")
        self.run_move(
            "survey", lambda report: verify.survey(self.context, report), self._show_survey, looks=True
        )

    async def _show_survey(self, survey: verify.Survey) -> None:
        self._survey = survey
        fresh = verify.kept_results(self._kept, survey, self.context)
        known = fresh or self._results
        lost = {*self._gone, *(key for key in self._changed if key.step == "access-keys")}
        of_lost = {key.item for key in lost}
        rejected = {name for view in survey.identities if view.account in of_lost for name in view.names}
        self._results = {
            name: result
            for name, result in known.items()
            if name in survey.names and (result.problem or name not in rejected)
        }
        wanted = [
            Wanted(f"code-{view.account}", view.account, view.entry)
            for view in (self._to_ask if self._to_correct else survey.identities)
            if view.serial is not None
        ]
        self.set_class(not wanted, "-codeless")
        await self.query_one(CodeField).ask(wanted, self._hint(survey.identities))
        table = self.query_one(ProfileAnswers)
        table.show(list(self._survey.names), self._results.values())
        table.display = bool(self._survey.names)
        self._show_shell()
        self._remember()
        if self._results:
            self._at = str(self._kept["at"]) if fresh else self._at
            now = self.context.environment.now()
            when = moment_text(self._at, now) if self._at else "when they were last asked"
            self._answer(_proof(tuple(self._results.values()), survey.written, why=True, when=when))
        failed = self.opening.done and bool(self._failing) and not self._changed  # it confirmed nothing
        if failed or (fresh and (self._settled or self.opening.asks)):
            self.drop_note()  # they have been asked since, whatever the note is about
        if self._all_work:
            self.query_one("#copy-lines").focus()
        elif self._needless:
            self.focus_primary()
        elif self._settled or not wanted:
            table.focus()
        else:  # so that no code ages while gpg asks for a passphrase
            self.run_unlocked(
                "open-keys",
                lambda report: verify.open_keys(self.context, report, asks=bool(self.query(OwnPassphrase))),
                lambda _: None,
                looks=True,
            )

    def _hint(self, views: Sequence[verify.IdentityView]) -> str:
        """Return what to do first."""
        if self._to_correct:
            gone = f"✗ {text_of(joined(self._gone.values()))}" if self._gone else ""
            return text_of(joined((gone, self._still()), "\n"))
        keyless = self._survey.keyless
        lacking = f"You kept no access key for {enumerated(keyless)}" if keyless else ""
        if not self._survey.identities:
            lacking = lacking or "You wrote no profiles"
            return f"{lacking}, so there is nothing to test.\nThe console needs none."
        lacking = f"\n{lacking}: the profiles there aren't tested." if lacking else ""
        coded = [view for view in views if view.serial is not None]
        if not coded:
            return f"No MFA code is needed. iam-onboard tests every profile.{lacking}"
        more = " Each device has its own." if len(coded) > 1 else ""
        return f"Enter the code your app shows now.{more}{lacking}"

    def _still(self) -> Sentence:
        """Say which accounts a code can still test while an earlier step waits; "" for none."""
        coded = [view.account for view in self._to_ask if view.serial is not None]
        return f"You can still test {enumerated(coded)}: enter the code shown now." if coded else ""

    @on(Button.Pressed, "#again")
    def action_again(self) -> None:
        """Ask again, if the button is there."""
        if self.query_one("#again").display:
            self._ask()

    def _ask(self) -> None:
        """Ask what doesn't work and what needs no code, or everything again."""
        if not (views := self._to_ask):
            self.submit()
            return
        codes = self._codes()
        problems = verify.code_problems(codes, views)
        before, self._code_for = self._code_for, "#again" if self._settled and problems else ""
        self._want(views, self._hint(views))
        self.show_problems(problems if before == self._code_for else ())  # no code was asked for before
        self._show_shell()
        if problems or self.running_move:
            return
        asked = {name for view in views for name in view.names}
        self._results = {name: result for name, result in self._results.items() if name not in asked}
        self.query_one(ProfileAnswers).show(list(self._survey.names), self._results.values())
        self._answer("")
        accounts = {view.account for view in views}
        self._gone = {key: words for key, words in self._gone.items() if key.item not in accounts}
        self.run_unlocked(
            "verify",
            lambda report: verify.verify(codes, self.context, report, accounts=accounts),
            self._finish,
        )

    def _codes(self) -> dict[str, str]:
        codes = self.query_one(CodeField).codes
        return {view.account: codes.get(f"code-{view.account}", "") for view in self._survey.identities}

    def progressed(self, progress: Progress) -> None:
        """Show an answer that came."""
        if isinstance(progress.payload, Result):
            self.query_one(ProfileAnswers).show_result(progress.payload)
        elif isinstance(progress.payload, Looks):
            looks = progress.payload.by_step
            self._gone |= {key: look.words for key, look in looks.items() if key.step in _HERE}
            self._learn(looks)

    def _learn(self, looks: Mapping[StepKey, Observation]) -> None:
        """Remember which steps before have changed: while one has, nothing can be finished."""
        self._changed |= {key for key, look in looks.items() if look.contradicts}
        self._changed -= {key for key, look in looks.items() if look.verdict is Verdict.AS_DECIDED}

    def _finish(self, results: tuple[Result, ...]) -> None:
        found = {**self._results, **{result.profile: result for result in results}}
        self._results = {name: found[name] for name in self._survey.names if name in found}
        self._kept = verify.kept(self._results.values(), self._survey, self.context)
        self._at = str(self._kept["at"])
        self.keep_draft()
        self.drop_note()
        self.query_one(CodeField).clear()
        seen = verify.keys_seen(results, self._survey, self.context)
        self._learn(seen)
        self._want(self._to_ask, self._still() if self._to_correct else "")
        refused = self._refused_codes()
        proof = _proof(tuple(self._results.values()), self._survey.written, why=not refused)
        steps = map(self._step_of_device, self._misnamed)
        correct = next((_DEVICE[key.step].format(account=key.item) for key in steps), "")
        self._answer(joined((proof, correct), "\n"))
        self.show_problems(refused)
        again = verify.tested_again(self._results.values(), self.context)
        self.post_message(self.Observed({**seen, StepKey(self.opening.step.id): again}))
        self._show_shell()
        if self._all_work:
            self.query_one("#copy-lines").focus()
        elif not refused:
            self.query_one(ProfileAnswers).focus(scroll_visible=False)

    def _refused_codes(self) -> list[Problem]:
        """Return why a device's code doesn't work, once for all profiles that wait for it."""
        problems = []
        for view in self._survey.identities:
            refused = [self._results[name] for name in view.names if name in self._results]
            errors = [result.error for result in refused if result.error is not None and result.wants_code]
            if errors and view.serial is not None:
                words = joined((f"{errors[0].title}.", errors[0].next))
                problems.append(Problem(words, f"code-{view.account}"))
        return problems

    @on(Table.RowSelected)
    def _explain(self) -> None:
        if (result := self._results.get(self.query_one(ProfileAnswers).marked)) is not None:
            self._answer(result.problem or f"{result.profile} is {result.arn}")

    def _answer(self, said: Sentence) -> None:
        answer = self.query_one("#answer", Text)
        answer.show_lines([said] if said else [])
        self.make_room()
        self.call_after_refresh(answer.scroll_visible, animate=False)

    # -- action bar --------------------------------------------------------------------------------

    @property
    def _failing(self) -> list[Result]:
        return [result for result in self._results.values() if result.problem]

    @property
    def _all_work(self) -> bool:
        """Whether every profile answered who it is."""
        return self._settled and not self._failing

    @property
    def _settled(self) -> bool:
        """Whether no test shows more: every profile works, or only an admin can make it work."""
        answered = bool(self._results) and self._results.keys() >= set(self._survey.names)
        failing = self._failing
        changed = bool(self._gone or (failing and self._changed))
        return answered and all(result.for_admin for result in failing) and not changed

    @property
    def _needless(self) -> bool:
        """Whether there is nothing to test."""
        return not self._survey.identities and self._survey is not _NOT_YET

    @property
    def _misnamed(self) -> list[str]:
        """The accounts whose profiles name no MFA device, or one unknown to AWS."""
        answers = {view.account: map(self._results.get, view.names) for view in self._survey.identities}
        return [
            account for account, all_ in answers.items() if any(each and each.wants_device for each in all_)
        ]

    @property
    def _to_correct(self) -> tuple[StepKey, ...]:
        """The earlier steps that have to be done again before a test of their accounts can succeed."""
        rejected = sorted(key for key in self._changed if key.step == "access-keys" and self._failing)
        return (*self._gone, *rejected, *map(self._step_of_device, self._misnamed))

    def _step_of_device(self, account: str) -> StepKey:
        """Return the step to correct an account's MFA device: MFA if AWS doesn't have it any more."""
        registered = StepKey("mfa", account)
        return registered if registered in self._changed else StepKey("profiles", account)

    @property
    def _to_ask(self) -> tuple[verify.IdentityView, ...]:
        """The identities that the next test asks, if their codes are there."""
        return self._survey.to_ask(self._results, {key.item or "" for key in self._to_correct})

    def _tests_others(self) -> bool:
        """Return whether a test is to come before an earlier step is done again: something new, or a code."""
        return not self._code_lacks() and any(
            view.serial or not self._results.keys() >= {*view.names} for view in self._to_ask
        )

    def _code_lacks(self) -> bool:
        """Return whether a code must be entered before anything is asked."""
        codes = self._codes()
        if self._code_for == "#try":
            return not codes[self._owner().account]
        return any(view.serial and not codes[view.account] for view in self._to_ask)

    def primary(self) -> Primary:
        command_waits = self._code_for == "#try"
        if self._to_correct and not (command_waits or self._tests_others()):
            key = self._to_correct[0]
            wanted = self.StepWanted(str(key), returns=True)
            return Primary(f"Go to {_STEPS[key.step]} ({key.item})", act=partial(self.post_message, wanted))
        if not self._survey.identities:
            act = self._skip if self._needless else self._ask
            return Primary("Finish without a test", ready=self._needless, act=act)
        if self._settled and not self.inside:
            failing = len(self._failing)
            return Primary(f"Finish without {count(failing, 'profile')}" if failing else "Finish")
        act = self.action_try if command_waits else self._ask
        if self._code_lacks():
            return Primary("Enter the code first", ready=False, act=act)
        if command_waits:
            return Primary("Try it here", act=act)
        first = "Test the others" if self._to_correct else "Test every profile"
        return Primary("Test again" if self._results and not self._to_correct else first, act=act)

    def turn(self) -> Turn:
        if self._settled and not self.inside:
            return Turn("Your admin's turn", yours=False) if self._failing else YOURS
        asks = self._code_lacks() and not self._to_correct
        return Turn("Your turn: a code from your app") if asks else YOURS

    # -- after the test ----------------------------------------------------------------------------

    def _chosen(self) -> str:
        """Return the profile to use: the selected role if it works, else another that does, else a base."""
        working, marked = self._survey.working(self._results), self.query_one(ProfileAnswers).marked
        bases = {view.base for view in self._survey.identities}
        return marked if marked in working and marked not in bases else next(iter(working), "")

    def _owner(self) -> verify.IdentityView:
        """Return the identity of the chosen profile."""
        return next(view for view in self._survey.identities if self._chosen() in view.names)

    def _lines(self) -> tuple[str, ...]:
        chosen = self._chosen()
        return verify.shell_lines(self.context, chosen, self._shell) if chosen else ()

    def _effect(self) -> Sentence:
        """Describe the effect of the lines, and what else the command needs."""
        chosen, owner = self._chosen(), self._owner()
        code = ""  # a base profile is only the key: it needs no code and keeps no session
        if chosen in owner.roles and verify.keeps_session(chosen, owner.serial, self.context):
            code = " The command needs no code for up to an hour."
        elif owner.serial and chosen in owner.roles:
            code = " The command asks for an MFA code once an hour."
        return f"The lines select {chosen}.{code}"

    @on(Table.RowHighlighted)
    def _show_shell(self) -> None:
        lines = () if self.problems or self.inside else self._lines()  # a code comes first
        effect = self._effect() if lines else ""
        self.query_one(AfterVerify).show(self._shell, lines, effect, has_aws=self._survey.has_aws)
        self.set_class(self._settled and not self.inside, "-settled")
        self.set_class(bool(self._results) and not self._all_work, "-some-fail")
        finish = self.has_class("-some-fail") and not (self._settled or self._changed)
        self.show_parts(again=self._settled, finish=finish)
        self.query_one(".of-the-table").display = bool(self._results)
        self.query("#switch, #copy-switch").set(display=any(view.roles for view in self._survey.identities))

    @on(Button.Pressed, "#copy-lines")
    def action_copy_lines(self) -> None:
        if lines := self._lines():
            self.copy_text("\n".join(lines) + "\n")

    @on(Button.Pressed, "#show-lines")
    def action_show_lines(self) -> None:
        """Show the lines for the shell in full."""
        if lines := self._lines():
            self.show_text(f"For {self._shell.value}", "\n".join(lines) + "\n", wrap=False)

    @on(Button.Pressed, "#other-shell")
    def action_other_shell(self) -> None:
        """Show the lines for the next shell."""
        self._shell = _after(self._shell)
        self._show_shell()

    @on(Button.Pressed, "#try")
    def action_try(self) -> None:
        """Run the aws command with the chosen profile, and with the typed code."""
        chosen = self._chosen()
        if not chosen or not self._survey.has_aws:
            self.notify("You need a profile that works, and the aws command.", severity="warning")
            return
        code = self._codes().get(self._owner().account, "")
        self.run_unlocked(
            "aws",
            lambda report: verify.try_aws(chosen, code, self.context, report),
            self._show_tried,
        )

    @on(StepPane.MoveFailed)
    def _doubt(self, message: StepPane.MoveFailed) -> None:
        """Drop what is known of a profile that the command failed with, and ask for another test."""
        error = message.error
        if isinstance(error, verify.CommandError) and error.profile in self._results:
            del self._results[error.profile]
            self._code_for = ""
            self._kept = {**verify.kept(self._results.values(), self._survey, self.context), "at": self._at}
            self.keep_draft()
            self._answer("")
            self.query_one(ProfileAnswers).show(list(self._survey.names), self._results.values())
            self._want(self._to_ask, "")
            self._show_shell()

    def _show_tried(self, tried: verify.Tried) -> None:
        self._code_for = "#try" if tried.needs_code else ""
        if tried.needs_code:
            owner = self._owner()
            self._want(
                [owner], f"{verify.COMMAND} needs a code of its own: the next one for {owner.account}."
            )
        else:
            self._hide_code()
            self.query_one("#copy-lines").focus()  # the field that had it is gone
        self.query_one(AfterVerify).show_tried(tried)

    def _hide_code(self) -> None:
        self.query_one(CodeField).clear()
        self._show_shell()  # without the fields

    @property
    def decides(self) -> bool:
        """Always true, since only a new test settles what another one showed."""
        return True

    @property
    def inside(self) -> bool:
        """Whether the command being tried, or another test of what works, waits for a code."""
        return bool(self._code_for)

    def go_back(self) -> None:
        """Give up trying the command, or testing again."""
        button, self._code_for = self._code_for, ""
        self.show_problems([])
        self._hide_code()
        self.query_one(button).focus()

    def _want(self, views: Sequence[verify.IdentityView], words: Sentence) -> None:
        """Ask only for the codes of these identities."""
        self.remove_class("-settled")  # otherwise the fields are hidden
        self.query_one(CodeField).narrow([f"code-{view.account}" for view in views], words)

    def _switch_url(self) -> str:
        """Return the page that switches to the selected role, else to the lines' role; or ""."""
        marked = self.query_one(ProfileAnswers).marked
        urls = {name: url for view in self._survey.identities for name, url in view.roles.items()}
        url = urls.get(marked) or urls.get(self._chosen(), "")
        if not url:
            self.notify("Select a role's profile in the table first.", severity="warning")
        return url

    @on(Button.Pressed, "#switch")
    def action_switch(self) -> None:
        """Open the page that switches to the selected role."""
        if url := self._switch_url():
            self.open_in_browser(url)

    @on(Button.Pressed, "#copy-switch")
    def action_copy_switch(self) -> None:
        """Copy that page's link."""
        if url := self._switch_url():
            self.copy_text(self.context.environment.open_page(url))

    def request(self) -> verify.Request:
        return verify.Request(tuple(self._results.values()), self._chosen(), self._at)

    def draft(self) -> Mapping[str, Any]:
        return (
            {**self._kept, "shell": self._shell.value}
            if self._kept and not self.opening.done  # which would look edited
            else self._kept
        )

    def changed(self) -> bool:
        """Return whether there are codes or new answers; the selected line changes nothing."""
        news = self.inside or bool(self.query_one(CodeField).codes)
        return self.opened and (news or self.request().results != self._opened_with.results)
