from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tui.environments import SandboxEnvironments
from tui.host import Machine


@pytest.mark.parametrize("there", [False, True])
def test_an_admin_is_offered_to_bring_in_jane_doe_unless_a_layer_has_her(tmp_path: Path, there: bool) -> None:
    keys = tmp_path / "security" / "global" / "base-identities" / "keys"
    keys.mkdir(parents=True)
    (keys / ("jane.doe" if there else "alex.kim")).write_text("KEY")
    source = SandboxEnvironments(Machine.this(), tmp_path)
    source._sandbox = SimpleNamespace(project_root=tmp_path)
    draft = source.drafts("admin")["project"]
    assert draft == {"path": str(tmp_path), "joining": [] if there else ["jane.doe"]}
