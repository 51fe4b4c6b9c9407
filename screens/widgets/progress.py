"""One line that says what is being done, how far it is and how to stop it."""

from __future__ import annotations

from time import monotonic

from rich.cells import cell_len

from screens.widgets.text import Text
from workflows.steps.shared.module import Progress

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_BAR_CELLS = 20
_SECONDS_BEFORE_CANCEL_IS_TOLD = 1.0


class ProgressLine(Text):
    """The progress of what runs in the background; takes no room while nothing does.

    Args:
        stoppable: whether esc stops it, so that it can be shown.

    Attributes:
        counts: whether it shows how far it is and how long it takes; not where the page has its own counter.
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
        """Something runs from now on."""
        self._progress = Progress("Working")
        self._since = monotonic()
        self._stopping = False
        self.add_class("-running")
        self._timer.resume()
        self._turn()

    def show(self, progress: Progress) -> None:
        """How far it is."""
        if progress.words:
            self._progress = progress

    def stopping(self) -> None:
        """It was asked to stop."""
        self._stopping = True
        self._turn()

    def rest(self) -> None:
        """Nothing runs any more."""
        self._timer.pause()
        self.remove_class("-running")

    def _turn(self) -> None:
        self._frame = (self._frame + 1) % len(_FRAMES)
        seconds = monotonic() - self._since
        words = "Stopping, as soon as it is safe" if self._stopping else self._progress.words
        amount = ""
        if self.counts and self._progress.total:
            full = _BAR_CELLS * self._progress.done // self._progress.total
            bar = "━" * full + "─" * (_BAR_CELLS - full)
            amount += f"  {bar} {self._progress.done}/{self._progress.total}"
        if seconds > _SECONDS_BEFORE_CANCEL_IS_TOLD:
            amount += f"  {seconds:.0f} s" if self.counts else ""
            amount += "  (esc stops it)" if self._stoppable and not self._stopping else ""
        line, width = f"{_FRAMES[self._frame]} {words}", self.content_size.width
        # where not both fit, long words are cut at their end, how far it is never is
        apart = "" if not width or cell_len(line + amount) <= width else "\n"
        self.update(f"{line}{apart}{amount}")
