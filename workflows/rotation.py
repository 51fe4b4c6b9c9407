"""The rotation of an access key: a workflow of its own, for whoever keeps a key on this computer."""

from __future__ import annotations

from workflows.machine.declaration import Workflow
from workflows.steps.rotation import delete_old_key as retirement
from workflows.steps.rotation import rotate as rotation
from workflows.steps.shared.module import StepModule

STEPS: tuple[StepModule, ...] = (
    rotation,  # a new key in place of the kept one; the old one is deactivated
    retirement,  # days later: the old one is deleted
)

ROTATION = Workflow("rotation", "Rotate access keys", tuple(module.STEP for module in STEPS))
