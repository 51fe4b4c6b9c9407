"""The wizard's top line: which project and account, how far, whether a sandbox or too small a terminal."""

from __future__ import annotations

from screens.widgets.text import Text
from workflows.machine.events import StepKey
from workflows.machine.state import SETTLED
from workflows.numbers import count
from workflows.walk import Walk


class TopLine(Text):
    """One line; the sandbox is told first, in any width."""

    DEFAULT_CSS = """
    TopLine {
        height: 1; background: $primary; color: $text; padding: 0 1;
        text-wrap: nowrap; text-overflow: ellipsis;
    }
    """

    def __init__(self) -> None:
        super().__init__("", id="top")

    def show(self, walk: Walk, current: StepKey | None, *, tiny: bool) -> None:
        """Show where a session stands.

        Args:
            walk: the session.
            current: the step that is shown, or None.
            tiny: whether there is less room than the wizard needs.
        """
        line = _where(walk, current)
        if tiny:
            width, height = self.screen.size
            line = f"{width}×{height} is small; 80×24 is enough"
        self.update(f"SANDBOX, not AWS   {line}" if walk.world.sandbox else line)


def _where(walk: Walk, current: StepKey | None) -> str:
    session = walk.session
    expected = session.state.expected()
    settled = sum(session.status(key) in SETTLED for key in expected)
    parts = ["iam-onboard", str(session.facts().get("project", "")), current.item if current else ""]
    words = " · ".join(part for part in parts if part)
    return f"{words}   {settled} of {count(len(expected), 'step')}"
