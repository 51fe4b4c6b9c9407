"""A set of file changes as bytes that outlive the process, so that one cut off between two files is known.

Public keys and HCL only: nothing in a change set is secret.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

from workflows.layer.change_set import ChangeSet, FileChange


def as_records(change_set: ChangeSet) -> list[dict[str, Any]]:
    """The changes as plain JSON values, in their order."""
    return [
        {
            "layer": one.layer,
            "name": one.name,
            "path": str(one.path),
            "before": _encoded(one.before),
            "after": _encoded(one.after),
        }
        for one in change_set.changes
    ]


def from_records(records: list[dict[str, Any]]) -> ChangeSet:
    """The set that `as_records` was given."""
    return ChangeSet(
        tuple(
            FileChange(
                one["layer"], one["name"], Path(one["path"]), _decoded(one["before"]), _decoded(one["after"])
            )
            for one in records
        )
    )


def as_bytes(change_set: ChangeSet, request: list[str]) -> bytes:
    """A set with the words that asked for it."""
    return json.dumps({"request": request, "changes": as_records(change_set)}).encode()


def from_bytes(data: bytes) -> tuple[ChangeSet, list[str]]:
    """What `as_bytes` was given."""
    record = json.loads(data)
    return from_records(record["changes"]), record["request"]


def reversed_set(change_set: ChangeSet) -> ChangeSet:
    """The set that takes another one back."""
    return ChangeSet(
        tuple(
            FileChange(one.layer, one.name, one.path, one.after, one.before)
            for one in reversed(change_set.changes)
        )
    )


def _encoded(data: bytes | None) -> str | None:
    return None if data is None else b64encode(data).decode()


def _decoded(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text)
