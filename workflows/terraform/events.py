"""Terraform's `-json` lines as typed events, read from a growing stream of bytes, and a run's progress.

The format is Terraform's machine-readable UI
(developer.hashicorp.com/terraform/internals/machine-readable-ui), the same in OpenTofu. Anything else (other
types, a type in another version's shape, a crash report, a credential helper's chatter) is still a line for
people: `message_of` handles every line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from copy import copy
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
"""Terraform's types of events about one resource or data source."""


@dataclass(frozen=True)
class ResourceEvent:
    """An event about one resource, or about a data source, whose action is "read".

    Attributes:
        kind: a planned change, or Terraform's progress; the reason for `apply_errored` follows as a
            `Diagnostic`.
        address: the resource's address.
        action: Terraform's name of the action ("create", "read").
        seconds: how long the action has been running.
    """

    kind: ResourceKind
    address: str
    action: str
    seconds: float = 0.0


@dataclass(frozen=True)
class ChangeSummary:
    """The end of a successful plan or apply; `operation` is plan, apply or destroy."""

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
        """Whether it is an error rather than a warning."""
        return self.severity == "error"

    def as_text(self) -> str:
        """Return the whole diagnostic as a terminal would show it, without frames."""
        lines = [f"{self.severity.capitalize()}: {self.summary}"]
        if where := ", ".join(part for part in (self.address, self.place) if part):
            lines.append(f"  with {where}" + (f":  {self.code.strip()}" if self.code.strip() else ""))
        if self.detail:
            lines += ["", self.detail]
        return "\n".join(lines)


Event: TypeAlias = ResourceEvent | ChangeSummary | Diagnostic


def parse_line(line: str) -> Event | None:
    """Parse the event in one line of a `-json` run; None for any other line."""
    try:
        return _event(parse_json(line)) if line.startswith("{") else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # not JSON, or an unknown version's shape


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
    """Return a line for people: an event's own message, or the line itself."""
    with suppress(ValueError, AttributeError):
        message = parse_json(line).get("@message")
        return message if isinstance(message, str) else line
    return line


def moment_of(line: str) -> datetime | None:
    """Return the time of a resource event or change summary, with time zone; None for any other line."""
    if not isinstance(parse_line(line), ResourceEvent | ChangeSummary):
        return None
    try:
        return datetime.fromisoformat(str(parse_json(line).get("@timestamp"))).astimezone(UTC)
    except ValueError:
        return None


def whole_lines(data: bytes) -> tuple[tuple[str, ...], bytes]:
    """Split a growing stream into its complete lines, without newlines, and the incomplete rest."""
    *lines, rest = data.split(b"\n")
    return tuple(map(decoded, lines)), rest


def decoded(line: bytes) -> str:
    """Decode one line, without a carriage return."""
    return line.decode("utf-8", errors="replace").rstrip("\r")


OPERATIONS: Mapping[str, int] = {"create": 1, "update": 1, "delete": 1, "replace": 2}
"""How many ends Terraform reports for a planned action; others (move, import, forget, no-op) have none."""


@dataclass
class Progress:
    """The state of a plan or an apply after the events so far. Data-source reads are not counted.

    Its memory grows with the resources, not the events.

    Attributes:
        planned: address -> action (create, update, delete, replace, …) of every planned change.
        running: address -> seconds since its start, in starting order.
        done: finished addresses in order, each once.
        failed: failed addresses in order.
        diagnostics: errors and warnings so far.
        summary: the last summary, or None; for an apply it only comes after a complete one.
        begun: started addresses in order, as keys.
        ends: how many ends of each address were reported.
    """

    planned: dict[str, str] = field(default_factory=dict)
    running: dict[str, float] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    summary: ChangeSummary | None = None
    begun: dict[str, None] = field(default_factory=dict)
    ends: Counter[str] = field(default_factory=Counter)

    def add(self, event: Event) -> None:
        """Add an event; reads change nothing."""
        match event:
            case ChangeSummary():
                self.summary = event
            case Diagnostic():
                self.diagnostics.append(event)
            case ResourceEvent(action="read"):
                pass
            case ResourceEvent("planned_change", address, action) if action not in {"noop", "no-op"}:
                self.planned[address] = action
            case ResourceEvent("apply_start" | "apply_progress", address):
                self.begun[address] = None
                self.running[address] = event.seconds
            case ResourceEvent("apply_complete", address):
                self.running.pop(address, None)
                self.ends[address] += 1
                if self.ends[address] == OPERATIONS.get(self.planned.get(address, ""), 1):
                    self.done.append(address)
            case ResourceEvent("apply_errored", address):
                self.running.pop(address, None)
                self.failed.append(address)

    def snapshot(self) -> Progress:
        """Return a copy that later events don't change."""
        return Progress(**{name: copy(value) for name, value in vars(self).items()})

    @property
    def total(self) -> int:
        """How many resources the apply changes."""
        return sum(action in OPERATIONS for action in self.planned.values())

    @property
    def errors(self) -> list[Diagnostic]:
        """The diagnostics that are errors."""
        return [diagnostic for diagnostic in self.diagnostics if diagnostic.is_error]

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
        """Whether the apply reported that it is complete, without an error."""
        return self.summary is not None and self.summary.operation in {"apply", "destroy"} and not self.errors
