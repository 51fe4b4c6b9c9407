"""The sessions of a test."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.machine_samples import sessions_in

from workflows.machine.sessions import Sessions


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    return sessions_in(tmp_path / "state")
