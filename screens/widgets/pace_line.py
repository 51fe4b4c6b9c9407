"""How long an apply has been running, and about how long it will take yet; it ticks between events too."""

from __future__ import annotations

from collections.abc import Callable

from screens.widgets.text import Text


def remaining_seconds(done: int, total: int, elapsed: float) -> float | None:
    """About how long the rest takes at the pace so far; None while too little is done to tell.

    Args:
        done: operations that are finished.
        total: operations in all.
        elapsed: seconds so far.
    """
    if done < 3 or total <= 0 or elapsed <= 0:
        return None
    return elapsed / done * max(0, total - done)


class PaceLine(Text):
    """One line: done of all, elapsed, and the estimate.

    Args:
        now: the clock, in seconds since the epoch.
    """

    DEFAULT_CSS = """
    PaceLine { height: 1; display: none; color: $text-muted; }
    PaceLine.-shown { display: block; }
    """

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__("", id="pace")
        self._now = now
        self._began_at: float | None = None
        self._done = self._total = 0

    def on_mount(self) -> None:
        """Tick once a second."""
        self.set_interval(1, self._tell)

    def begin(self, began_at: float | None) -> None:
        """Count from a moment; None counts from the first progress on."""
        self._began_at = began_at

    def show(self, done: int, total: int) -> None:
        """Take in how far it is."""
        self._done, self._total = done, total
        if self._began_at is None:
            self._began_at = self._now()
        self.add_class("-shown")
        self._tell()

    def rest(self) -> None:
        """It is over."""
        self._began_at = None
        self.remove_class("-shown")

    def _tell(self) -> None:
        if self._began_at is None or not self.has_class("-shown"):
            return
        elapsed = max(0.0, self._now() - self._began_at)
        left = remaining_seconds(self._done, self._total, elapsed)
        estimate = f" · about {_told(left)} left" if left else ""
        self.update(f"{self._done} of {self._total} done · {_told(elapsed)} so far{estimate}")


def _told(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02} min" if minutes else f"{rest} s"
