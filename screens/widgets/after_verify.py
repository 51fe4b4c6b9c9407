"""What comes after the proof: the lines for the person's shell, and the aws command tried right here."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from screens.widgets.text import Button, Text
from workflows.core.sentences import text_of
from workflows.services.installation import how_to_install
from workflows.services.shell_lines import Shell
from workflows.steps.aws_command import COMMAND, Tried

_MOST_LINES = 12


class AfterVerify(Vertical):
    """Hidden until a profile works; the buttons are the pane's to answer.

    Args:
        sandbox: whether the lines lead into a sandbox, so that they are for one terminal alone.
    """

    DEFAULT_CSS = """
    AfterVerify { height: auto; display: none; }
    AfterVerify.-shown { display: block; }
    AfterVerify #shell, AfterVerify #tried { height: auto; margin-top: 1; }
    """

    def __init__(self, *, sandbox: bool) -> None:
        super().__init__(id="after")
        self._sandbox = sandbox

    def compose(self) -> ComposeResult:
        yield Text("", id="shell")
        with Horizontal(classes="buttons"):
            yield Button("Copy the lines", id="copy-lines")
            yield Button("Other shell", id="other-shell")
            yield Button(f"Run {COMMAND}", id="try")
        yield Text("", id="tried")

    def show(self, shell: Shell, lines: Sequence[str], *, has_aws: bool) -> None:
        """Show the lines of a shell; without any, nothing is shown."""
        self.set_class(bool(lines), "-shown")
        self.query_one("#try").display = has_aws
        before = f"For {shell.value}, in its start file or typed:"
        after = f"Then open a new terminal and type  {COMMAND}"
        if self._sandbox:  # these lines change the home, and lead to an AWS that ends with the wizard
            before = (
                f"For {shell.value}, typed in a new terminal while the wizard is open; the last ones lead to "
                "the sandbox's AWS and its home:"
            )
            after = f"Then type  {COMMAND}  there, and close that terminal afterwards."
        words = [before, *lines, after]
        if not has_aws:
            words += ["The aws command is not here. To install it:", *how_to_install("aws").splitlines()]
        self.query_one("#shell", Text).update("\n".join(words))

    def show_tried(self, tried: Tried) -> None:
        """Show what came of running the command."""
        lines = tried.output.splitlines()
        more = [f"… and {len(lines) - _MOST_LINES} more"] if len(lines) > _MOST_LINES else []
        told = self.query_one("#tried", Text)
        told.update("\n".join([f"$ {COMMAND}", *lines[:_MOST_LINES], *more, text_of(tried.words)]))
        self.call_after_refresh(told.scroll_visible, animate=False)
