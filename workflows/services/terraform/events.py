"""Terraform's `-json` lines as typed events.

The format is Terraform's machine-readable UI
(developer.hashicorp.com/terraform/internals/machine-readable-ui), in OpenTofu the same. An event type that
is not known here is kept whole, and so is a line that is not JSON (a crash report, a credential helper's
chatter): a reader that drops what it does not know hides failures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Version:
    """The first line: which Terraform speaks."""

    terraform: str
    ui: str
    product: str


@dataclass(frozen=True)
class PlannedChange:
    """A resource that the plan will change; `reason` is Terraform's word for it, or ""."""

    address: str
    resource_type: str
    action: str
    reason: str

    @property
    def is_read(self) -> bool:
        """Whether it only reads a data source, which changes nothing."""
        return self.action == "read"


@dataclass(frozen=True)
class ResourceDrift:
    """A resource that was changed outside of Terraform."""

    address: str
    resource_type: str
    action: str


@dataclass(frozen=True)
class ChangeSummary:
    """The count at the end of a plan or apply; `operation` is plan, apply or destroy."""

    operation: str
    add: int
    change: int
    remove: int
    imported: int


@dataclass(frozen=True)
class ApplyStart:
    """Terraform began with a resource. Data sources come as well: see `is_read`."""

    address: str
    resource_type: str
    action: str

    @property
    def is_read(self) -> bool:
        """Whether it only reads a data source, which changes nothing."""
        return self.action == "read"


@dataclass(frozen=True)
class ApplyProgress:
    """Terraform is still at a resource, `elapsed_seconds` after it began."""

    address: str
    action: str
    elapsed_seconds: float

    @property
    def is_read(self) -> bool:
        """Whether it only reads a data source, which changes nothing."""
        return self.action == "read"


@dataclass(frozen=True)
class ApplyComplete:
    """Terraform is done with a resource."""

    address: str
    action: str
    elapsed_seconds: float

    @property
    def is_read(self) -> bool:
        """Whether it only reads a data source, which changes nothing."""
        return self.action == "read"


@dataclass(frozen=True)
class ApplyErrored:
    """Terraform failed at a resource; the reason comes as a `Diagnostic`."""

    address: str
    action: str
    elapsed_seconds: float

    @property
    def is_read(self) -> bool:
        """Whether it only reads a data source, which changes nothing."""
        return self.action == "read"


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


@dataclass(frozen=True)
class Outputs:
    """The names of the outputs. Values are dropped when the line is read: they may be passwords."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Unknown:
    """An event type that is not known here, kept by its type, message and fields."""

    type: str
    message: str
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Text:
    """A line that is not an event."""

    line: str


Event: TypeAlias = (
    Version
    | PlannedChange
    | ResourceDrift
    | ChangeSummary
    | ApplyStart
    | ApplyProgress
    | ApplyComplete
    | ApplyErrored
    | Diagnostic
    | Outputs
    | Unknown
    | Text
)
