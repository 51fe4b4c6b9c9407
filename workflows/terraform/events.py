"""Terraform's `-json` lines as typed events, read from a growing stream of bytes, and how far a run is.

The format is Terraform's machine-readable UI
(developer.hashicorp.com/terraform/internals/machine-readable-ui), in OpenTofu the same. What is no event that
counts here (another type, a type in the shape of another version, a crash report, a credential helper's
chatter) is still a line for people: `message_of` gives every line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias, get_args

from workflows.core.parsing import parse_json

ResourceKind: TypeAlias = Literal[
    "planned_change",
    "refresh_start",
    "refresh_complete",
    "apply_start",
    "apply_progress",
    "apply_complete",
    "apply_errored",
]
"""Terraform's types of what is said about one resource, or about a data source."""


@dataclass(frozen=True)
class ResourceEvent:
    """Something about one resource, or about a data source, whose action is "read".

    Attributes:
        kind: the change that the plan holds, or what Terraform is at; the reason of `apply_errored` comes as
            a `Diagnostic`.
        address: of the resource.
        action: what is done to it, in Terraform's word ("create", "read").
        seconds: how long Terraform has been at it.
    """

    kind: ResourceKind
    address: str
    action: str
    seconds: float = 0.0


@dataclass(frozen=True)
class ChangeSummary:
    """The end of a plan or of an apply that went through; `operation` is plan, apply or destroy."""

    operation: str


@dataclass(frozen=True)
class Diagnostic:
    """An error or a warning in Terraform's own words.

    Attributes:
        severity: "error" or "warning".
        summary: its headline.
        detail: the rest, often several lines, or "".
        address: the resource it is about, or "".
        place: file and line ("users.tf:12"), or "".
        code: the source line it is about, or "".
    """

    severity: str
    summary: str
    detail: str
    address: str
    place: str
    code: str

    @property
    def is_error(self) -> bool:
        """Whether it stopped what it is about."""
        return self.severity == "error"

    def as_text(self) -> str:
        """The whole diagnostic, as the terminal would show it, without frames."""
        lines = [f"{self.severity.capitalize()}: {self.summary}"]
        if where := ", ".join(part for part in (self.address, self.place) if part):
            lines.append(f"  with {where}" + (f":  {self.code.strip()}" if self.code.strip() else ""))
        if self.detail:
            lines += ["", self.detail]
        return "\n".join(lines)


Event: TypeAlias = ResourceEvent | ChangeSummary | Diagnostic


def parse_line(line: str) -> Event | None:
    """The event in one line of a `-json` run; None for any other line."""
    try:
        return _event(parse_json(line)) if line.startswith("{") else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # no JSON, or the shape of a version that is not known


def _event(record: dict[str, Any]) -> Event | None:
    kind = record["type"]
    if kind in get_args(ResourceKind):
        about = record.get("hook") or record["change"]
        address, seconds = about["resource"]["addr"], float(about.get("elapsed_seconds", 0))
        return ResourceEvent(kind, address, str(about.get("action", "read")), seconds)
    if kind == "change_summary":
        return ChangeSummary(str(record["changes"]["operation"]))
    return _diagnostic(record["diagnostic"]) if kind == "diagnostic" else None


def _diagnostic(diagnostic: dict[str, Any]) -> Diagnostic:
    place = diagnostic.get("range") or {}
    start = place.get("start") or {}
    snippet = diagnostic.get("snippet") or {}
    return Diagnostic(
        severity=str(diagnostic["severity"]),
        summary=str(diagnostic["summary"]),
        detail=str(diagnostic.get("detail") or ""),
        address=str(diagnostic.get("address") or ""),
        place=f"{place['filename']}:{start.get('line', '?')}" if place.get("filename") else "",
        code=str(snippet.get("code") or ""),
    )


def message_of(line: str) -> str:
    """The line as a person reads it: an event's own message, or the line itself."""
    with suppress(ValueError, AttributeError):
        message = parse_json(line).get("@message")
        return message if isinstance(message, str) else line
    return line


def moment_of(line: str) -> datetime | None:
    """When an event about a resource or a count was written, aware; None for any other line."""
    if not isinstance(parse_line(line), ResourceEvent | ChangeSummary):
        return None
    try:
        return datetime.fromisoformat(str(parse_json(line).get("@timestamp"))).astimezone(UTC)
    except ValueError:
        return None


def whole_lines(data: bytes) -> tuple[tuple[str, ...], bytes]:
    """The lines that are whole in a growing stream, without their ends, and the torn rest."""
    *lines, rest = data.split(b"\n")
    return tuple(map(decoded, lines)), rest


def decoded(line: bytes) -> str:
    """The text of one line, without its end."""
    return line.decode("utf-8", errors="replace").rstrip("\r")


OPERATIONS: Mapping[str, int] = {"create": 1, "update": 1, "delete": 1, "replace": 2}
"""How often Terraform reports an end for a planned action; others (move, import, forget, no-op) have none."""


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
        begun: addresses that Terraform began with, in order.
    """

    planned: Mapping[str, str] = field(default_factory=dict)
    running: Mapping[str, float] = field(default_factory=dict)
    done: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    summary: ChangeSummary | None = None
    begun: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """How many resources the apply changes."""
        return sum(action in OPERATIONS for action in self.planned.values())

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
        self._begun: dict[str, None] = {}
        self._finished: Counter[str] = Counter()
        self._done: dict[str, None] = {}
        self._failed: dict[str, None] = {}
        self._diagnostics: list[Diagnostic] = []
        self._summary: ChangeSummary | None = None

    def add(self, event: Event) -> None:
        """Take one more event into account; reads change nothing."""
        match event:
            case ChangeSummary():
                self._summary = event
            case Diagnostic():
                self._diagnostics.append(event)
            case ResourceEvent(action="read"):
                pass
            case ResourceEvent("planned_change", address, action) if action not in {"noop", "no-op"}:
                self._planned[address] = action
            case ResourceEvent("apply_start" | "apply_progress", address):
                self._begun[address] = None
                self._running[address] = event.seconds
            case ResourceEvent("apply_complete", address):
                self._running.pop(address, None)
                self._finished[address] += 1
                if self._finished[address] >= OPERATIONS.get(self._planned.get(address, ""), 1):
                    self._done[address] = None
            case ResourceEvent("apply_errored", address):
                self._running.pop(address, None)
                self._failed[address] = None

    def progress(self) -> Progress:
        """The state after the events so far, as a value of its own."""
        return Progress(
            planned=dict(self._planned),
            running=dict(self._running),
            done=tuple(self._done),
            failed=tuple(self._failed),
            diagnostics=tuple(self._diagnostics),
            summary=self._summary,
            begun=tuple(self._begun),
        )
