"""The rotation of an access key: a workflow of its own, for whoever keeps a key on this computer."""

from __future__ import annotations

from workflows.machine.declaration import Workflow
from workflows.steps import retirement, rotation
from workflows.steps.base import StepModule

STEPS: tuple[StepModule, ...] = (
    rotation,  # a new key in place of the kept one; the old one is deactivated
    retirement,  # days later: the old one is deleted
)

ROTATION = Workflow("rotation", "Rotate access keys", tuple(module.STEP for module in STEPS))
