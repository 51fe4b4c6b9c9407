"""What is not right with the input, at the foot of the screen, so that the field stays in view."""

from __future__ import annotations

from collections.abc import Sequence

from screens.widgets.text import Text
from workflows.core.errors import Problem


class ProblemList(Text):
    """A list of problems; takes no room while there are none."""

    DEFAULT_CSS = """
    ProblemList { display: none; height: auto; border-left: thick $warning; padding: 0 1; }
    ProblemList.-shown { display: block; }
    ProblemList.-fatal { border-left: thick $error; }
    """

    def __init__(self) -> None:
        super().__init__("")

    def show(self, problems: Sequence[Problem]) -> None:
        """Show these problems in place of the ones before; none hides the list."""
        fatal = any(problem.fatal for problem in problems)
        lines = [
            f"{'✗ Not accepted' if problem.fatal else '! Note'}: {problem.message}" for problem in problems
        ]
        if problems and not fatal:
            lines.append("Press Next (^n) again to continue anyway.")
        self.update("\n".join(lines))
        self.set_class(bool(problems), "-shown")
        self.set_class(fatal, "-fatal")
