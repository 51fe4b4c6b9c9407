"""The workflows with their step modules, for whoever opens a session of one."""

from __future__ import annotations

from collections.abc import Mapping

from workflows import admin, new_user, rotation
from workflows.machine.declaration import Workflow
from workflows.steps.shared.module import StepModule

WORKFLOWS: tuple[Workflow, ...] = (admin.ADMIN, new_user.NEW_USER, rotation.ROTATION)
MODULES: Mapping[str, tuple[StepModule, ...]] = {
    admin.ADMIN.id: admin.STEPS,
    new_user.NEW_USER.id: new_user.STEPS,
    rotation.ROTATION.id: rotation.STEPS,
}
