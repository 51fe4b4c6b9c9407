"""Terraform's `-json` lines as typed events, read from a growing stream of bytes.

The format is Terraform's machine-readable UI
(developer.hashicorp.com/terraform/internals/machine-readable-ui), in OpenTofu the same. What is no event that
counts here (another type, a type in the shape of another version, a crash report, a credential helper's
chatter) is still a line for people: `message_of` gives every line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from workflows.core.parsing import parse_json


@dataclass(frozen=True)
class ResourceEvent:
    """Something about one resource, or about a data source.

    Attributes:
        address: of the resource.
        action: what is done to it, in Terraform's word ("create", "read").
        seconds: how long Terraform has been at it.
    """

    address: str
    action: str
    seconds: float = 0.0

    @property
    def is_read(self) -> bool:
        """Whether it only reads a data source, which changes nothing."""
        return self.action == "read"


class PlannedChange(ResourceEvent):
    """A resource that the plan will change."""


class RefreshStart(ResourceEvent):
    """A resource is being read, to compare it with the state."""


class RefreshComplete(ResourceEvent):
    """A resource was read."""


class ApplyStart(ResourceEvent):
    """Terraform began with a resource. Data sources come as well: see `is_read`."""


class ApplyProgress(ResourceEvent):
    """Terraform is still at a resource."""


class ApplyComplete(ResourceEvent):
    """Terraform is done with a resource."""


class ApplyErrored(ResourceEvent):
    """Terraform failed at a resource; the reason comes as a `Diagnostic`."""


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
        where = ", ".join(part for part in (self.address, self.place) if part)
        if where:
            lines.append(f"  with {where}" + (f":  {self.code.strip()}" if self.code.strip() else ""))
        if self.detail:
            lines += ["", self.detail]
        return "\n".join(lines)


Event: TypeAlias = ResourceEvent | ChangeSummary | Diagnostic

_ABOUT_A_RESOURCE: Final[Mapping[str, type[ResourceEvent]]] = {
    "planned_change": PlannedChange,
    "refresh_start": RefreshStart,
    "refresh_complete": RefreshComplete,
    "apply_start": ApplyStart,
    "apply_progress": ApplyProgress,
    "apply_complete": ApplyComplete,
    "apply_errored": ApplyErrored,
}


def parse_line(line: str) -> Event | None:
    """The event in one line of a `-json` run; None for any other line."""
    try:
        return _event(parse_json(line)) if line.startswith("{") else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # no JSON, or the shape of a version that is not known


def _event(record: dict[str, Any]) -> Event | None:
    kind = record["type"]
    if kind in _ABOUT_A_RESOURCE:
        about = record.get("hook") or record["change"]
        address, seconds = about["resource"]["addr"], float(about.get("elapsed_seconds", 0))
        return _ABOUT_A_RESOURCE[kind](address, str(about.get("action", "read")), seconds)
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
    if line.startswith("{"):
        try:
            record = parse_json(line)
        except ValueError:
            return line
        if isinstance(record, dict) and isinstance(record.get("@message"), str):
            return str(record["@message"])
    return line


def moment_of(line: str) -> datetime | None:
    """When an event about a resource or a count was written, aware; None for any other line."""
    if not isinstance(parse_line(line), ResourceEvent | ChangeSummary):
        return None
    try:
        return datetime.fromisoformat(str(parse_json(line).get("@timestamp"))).astimezone(UTC)
    except ValueError:
        return None


class LineSplitter:
    """Cuts a growing stream of bytes into whole lines and holds the torn rest until it is whole."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[str]:
        """Yield every line that became whole with these bytes, without its line end."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            yield line.decode("utf-8", errors="replace").rstrip("\r")

    def end(self) -> Iterator[str]:
        """Yield what is left when nothing more will come: a line that a killed process tore off."""
        rest, self._rest = self._rest, b""
        if rest:
            yield rest.decode("utf-8", errors="replace").rstrip("\r")
