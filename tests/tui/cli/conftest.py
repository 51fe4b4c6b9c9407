"""The machine of an admin, and the name of a plan file."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.admin_project import AdminProject
from support.own_machine import admins_machine

from tui.host import Machine


@pytest.fixture
def machine(admin_project: AdminProject, tmp_path: Path) -> Machine:
    return admins_machine(admin_project, tmp_path / "state")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "kept.tfplan"
