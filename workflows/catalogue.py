"""The workflows: their declarations, without the steps' code (`step_modules`)."""

from __future__ import annotations

from workflows.admin import ADMIN
from workflows.machine.declaration import Workflow
from workflows.new_user import NEW_USER
from workflows.rotation import ROTATION

WORKFLOWS: tuple[Workflow, ...] = (ADMIN, NEW_USER, ROTATION)
