"""How far a run is, as a value made from its events: what a bar, a list and a summary are drawn from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from workflows.terraform.events import (
    ApplyComplete,
    ApplyErrored,
    ApplyProgress,
    ApplyStart,
    ChangeSummary,
    Diagnostic,
    Event,
    PlannedChange,
)

OPERATIONS: Mapping[str, int] = {"create": 1, "update": 1, "delete": 1, "replace": 2}
"""How many operations of the apply a planned action takes; others (move, import, forget, no-op) take none."""


@dataclass(frozen=True)
class Progress:
    """The state of a plan or an apply after the events so far. Data-source reads are not counted.

    Attributes:
        planned: address -> action (create, update, delete, replace, …) of every change that the plan holds.
        running: address -> seconds since Terraform began with it, in the order they began.
        done: addresses that are finished, in order, each once.
        failed: addresses that failed, in order.
        diagnostics: errors and warnings so far.
        summary: the last count, or None; of an apply it comes only when it went through to its end.
        operations: single operations that are finished; a replacement is two.
    """

    planned: Mapping[str, str] = field(default_factory=dict)
    running: Mapping[str, float] = field(default_factory=dict)
    done: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    summary: ChangeSummary | None = None
    operations: int = 0

    @property
    def total(self) -> int:
        """How many single operations the apply will make."""
        return sum(OPERATIONS.get(action, 0) for action in self.planned.values())

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that are errors."""
        return tuple(diagnostic for diagnostic in self.diagnostics if diagnostic.is_error)

    @property
    def remaining(self) -> tuple[str, ...]:
        """Planned addresses that are neither done nor failed, in the plan's order."""
        over = {*self.done, *self.failed}
        return tuple(
            address
            for address, action in self.planned.items()
            if action in OPERATIONS and address not in over
        )

    @property
    def applied(self) -> bool:
        """Whether the apply itself said that it went through to its end, without an error."""
        return self.summary is not None and self.summary.operation in {"apply", "destroy"} and not self.errors


class ProgressTracker:
    """Collects events; `progress()` is the state so far. Memory grows with the resources, not the events."""

    def __init__(self) -> None:
        self._planned: dict[str, str] = {}
        self._running: dict[str, float] = {}
        self._finished: Counter[str] = Counter()
        self._done: dict[str, None] = {}
        self._failed: dict[str, None] = {}
        self._diagnostics: list[Diagnostic] = []
        self._summary: ChangeSummary | None = None

    def add(self, event: Event) -> None:
        """Take one more event into account; reads change nothing."""
        match event:
            case PlannedChange() if not event.is_read and event.action not in {"noop", "no-op"}:
                self._planned[event.address] = event.action
            case ChangeSummary():
                self._summary = event
            case Diagnostic():
                self._diagnostics.append(event)
            case ApplyStart() if not event.is_read:
                self._running[event.address] = 0.0
            case ApplyProgress() if not event.is_read:
                self._running[event.address] = event.seconds
            case ApplyComplete() if not event.is_read:
                self._complete(event.address)
            case ApplyErrored() if not event.is_read:
                self._running.pop(event.address, None)
                self._failed[event.address] = None
            case _:
                pass

    def _complete(self, address: str) -> None:
        self._running.pop(address, None)
        self._finished[address] += 1
        if self._finished[address] >= OPERATIONS.get(self._planned.get(address, ""), 1):
            self._done[address] = None

    def progress(self) -> Progress:
        """The state after the events so far, as a value of its own."""
        return Progress(
            planned=dict(self._planned),
            running=dict(self._running),
            done=tuple(self._done),
            failed=tuple(self._failed),
            diagnostics=tuple(self._diagnostics),
            summary=self._summary,
            operations=self._finished.total(),
        )
