"""One line with the current work, its progress and how to stop it."""

from __future__ import annotations

from time import monotonic

from rich.cells import cell_len

from screens.widgets.text import Text
from workflows.steps.shared.module import Progress

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_BAR_CELLS = 20
_SECONDS_BEFORE_CANCEL_IS_TOLD = 1.0


class ProgressLine(Text):
    """The progress of background work; takes no space without any.

    Args:
        stoppable: whether Esc stops it, so that the line says so.

    Attributes:
        counts: whether it shows how far it is and how long it takes; not if the page has its own counter.
    """

    counts = True

    DEFAULT_CSS = """
    ProgressLine {
        display: none; height: auto; color: $text-accent; text-wrap: nowrap; text-overflow: ellipsis;
    }
    ProgressLine.-running { display: block; }
    """

    def __init__(self, *, stoppable: bool = True) -> None:
        super().__init__("")
        self._stoppable = stoppable
        self._progress = Progress("Working")
        self._since = 0.0
        self._frame = 0
        self._stopping = False

    def on_mount(self) -> None:
        """Turn the spinner while something runs."""
        self._timer = self.set_interval(0.1, self._turn, pause=True)

    def begin(self) -> None:
        """Show that work begins."""
        self._progress = Progress("Working")
        self._since = monotonic()
        self._stopping = False
        self.add_class("-running")
        self._timer.resume()
        self._turn()

    def show(self, progress: Progress) -> None:
        if progress.words:
            self._progress = progress

    def stopping(self) -> None:
        """Show that the work was asked to stop."""
        self._stopping = True
        self._turn()

    def rest(self) -> None:
        """Show that the work has ended."""
        self._timer.pause()
        self.remove_class("-running")

    def _turn(self) -> None:
        self._frame = (self._frame + 1) % len(_FRAMES)
        seconds = monotonic() - self._since
        words = "Stopping as soon as it is safe" if self._stopping else self._progress.words
        amount = ""
        if self.counts and self._progress.total:
            full = _BAR_CELLS * self._progress.done // self._progress.total
            bar = "━" * full + "─" * (_BAR_CELLS - full)
            amount += f"  {bar} {self._progress.done}/{self._progress.total}"
        if seconds > _SECONDS_BEFORE_CANCEL_IS_TOLD:
            amount += f"  {seconds:.0f} s" if self.counts else ""
            amount += "  (esc stops it)" if self._stoppable and not self._stopping else ""
        line, width = f"{_FRAMES[self._frame]} {words}", self.content_size.width
        # if both don't fit, cut long words at the end, but never the progress
        apart = "" if not width or cell_len(line + amount) <= width else "\n"
        self.update(f"{line}{apart}{amount}")
