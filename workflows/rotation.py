"""The rotation of an access key: a workflow of its own, for anybody who keeps a key on this computer."""

from __future__ import annotations

from workflows.machine.declaration import Workflow
from workflows.steps.rotation.declarations import RETIREMENT, ROTATE

ROTATION = Workflow(
    "rotation",
    "Rotate access keys",
    (
        ROTATE,  # a new key in place of the kept one; the old one is deactivated
        RETIREMENT,  # days later: the old one is deleted
    ),
)
