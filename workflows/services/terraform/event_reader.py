"""Reads Terraform's `-json` lines from a growing stream of bytes.

A reader that drops what it does not know hides failures: a torn line, a line that is not JSON and an event in
the shape of another version are all kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from workflows.services.terraform.events import (
    ApplyComplete,
    ApplyErrored,
    ApplyProgress,
    ApplyStart,
    ChangeSummary,
    Diagnostic,
    Event,
    Outputs,
    PlannedChange,
    ResourceDrift,
    Text,
    Unknown,
    Version,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


def parse_line(line: str) -> Event | None:
    """Read one line of a `-json` run.

    Returns:
        The event; `Text` for a line that is not a JSON object with a `type`; None for a blank line.
    """
    stripped = line.strip()
    if not stripped:
        return None
    if not stripped.startswith("{"):
        return Text(line.rstrip("\r\n"))
    try:
        record = json.loads(stripped)
    except (ValueError, RecursionError):
        return Text(line.rstrip("\r\n"))
    if not isinstance(record, dict) or not isinstance(record.get("type"), str):
        return Text(line.rstrip("\r\n"))
    return _event(record)


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


def _event(record: dict[str, Any]) -> Event:
    try:
        reader = _READERS[record["type"]]
    except KeyError:
        return _unknown(record)
    try:
        return reader(record)
    except (KeyError, TypeError, ValueError, AttributeError):
        # A known type in a shape of a version that is not known: kept, like an unknown type.
        return _unknown(record)


def _unknown(record: dict[str, Any]) -> Unknown:
    fields = {name: value for name, value in record.items() if not name.startswith("@") and name != "type"}
    return Unknown(record["type"], str(record.get("@message", "")), fields)


def _version(record: dict[str, Any]) -> Version:
    for name, product in (("tofu", "OpenTofu"), ("terraform", "Terraform")):
        if name in record:
            return Version(str(record[name]), str(record.get("ui", "")), product)
    raise KeyError("terraform")


def _planned_change(record: dict[str, Any]) -> PlannedChange:
    change = record["change"]
    resource = change["resource"]
    return PlannedChange(
        resource["addr"], resource.get("resource_type", ""), change["action"], str(change.get("reason") or "")
    )


def _resource_drift(record: dict[str, Any]) -> ResourceDrift:
    change = record["change"]
    return ResourceDrift(
        change["resource"]["addr"], change["resource"].get("resource_type", ""), change["action"]
    )


def _change_summary(record: dict[str, Any]) -> ChangeSummary:
    changes = record["changes"]
    return ChangeSummary(
        str(changes["operation"]),
        int(changes["add"]),
        int(changes["change"]),
        int(changes["remove"]),
        int(changes.get("import", 0)),
    )


def _apply_start(record: dict[str, Any]) -> ApplyStart:
    hook = record["hook"]
    return ApplyStart(hook["resource"]["addr"], hook["resource"].get("resource_type", ""), hook["action"])


def _apply_progress(record: dict[str, Any]) -> ApplyProgress:
    hook = record["hook"]
    return ApplyProgress(hook["resource"]["addr"], hook["action"], float(hook.get("elapsed_seconds", 0)))


def _apply_complete(record: dict[str, Any]) -> ApplyComplete:
    hook = record["hook"]
    return ApplyComplete(hook["resource"]["addr"], hook["action"], float(hook.get("elapsed_seconds", 0)))


def _apply_errored(record: dict[str, Any]) -> ApplyErrored:
    hook = record["hook"]
    return ApplyErrored(hook["resource"]["addr"], hook["action"], float(hook.get("elapsed_seconds", 0)))


def _diagnostic(record: dict[str, Any]) -> Diagnostic:
    diagnostic = record["diagnostic"]
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


def _outputs(record: dict[str, Any]) -> Outputs:
    return Outputs(tuple(record["outputs"]))


_READERS: Mapping[str, Callable[[dict[str, Any]], Event]] = {
    "version": _version,
    "planned_change": _planned_change,
    "resource_drift": _resource_drift,
    "change_summary": _change_summary,
    "apply_start": _apply_start,
    "apply_progress": _apply_progress,
    "apply_complete": _apply_complete,
    "apply_errored": _apply_errored,
    "diagnostic": _diagnostic,
    "outputs": _outputs,
}


def message_of(line: str) -> str:
    """The line as a person reads it: an event's own message, or the line itself."""
    if line.startswith("{"):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            return line
        if isinstance(record, dict) and isinstance(record.get("@message"), str):
            return str(record["@message"])
    return line
