"""The rotation of an access key: a separate workflow for everyone with a key on this computer."""

from __future__ import annotations

from workflows.core.shapes import reading
from workflows.machine.declaration import Condition, Step, Workflow

ROTATE = Step(
    id="rotation",
    title="Rotate",
    heading="Rotate an access key",
    purpose="Your old key keeps working until the new one works.",
    needs=(),
    gives=("rotated",),
    reads=reading(
        rotated={
            "project": str,
            "profile": str,
            "id": str,
            "old_id": str,
            "kept": str | None,
            "mfa": bool | None,
            "told": list[str] | None,
        }
    ),
)

RETIREMENT = Step(
    id="retirement",
    title="Delete the old key",
    heading="Delete the old access key",
    purpose="Once deleted, it can't be restored.",
    needs=("rotated",),
    gives=("retired",),
    applies=Condition(
        "an old key was deactivated", lambda facts: bool((facts.get("rotated") or {}).get("old_id"))
    ),
    blocked_words="Create and test the new key first",
    reads=reading(retired={"id": str, "told": list[str] | None}),
)

ROTATION = Workflow(
    "rotation",
    "Rotate access keys",
    (
        ROTATE,  # replace the key, and deactivate the old one
        RETIREMENT,  # days later: delete the old one
    ),
)
