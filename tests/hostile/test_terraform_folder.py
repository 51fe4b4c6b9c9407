"""What lies in `.terraform`, which a checkout can bring along: read, or refused by its name, and no more."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hostile.kinds import KINDS, put

from workflows.core.files import FileError
from workflows.terraform.record import hash_sources
from workflows.terraform.state import init_needed, place_of

pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["terraform.tfstate", "environment", "modules/modules.json"])
def test_what_init_noted_may_be_anything(name: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        'module "a" {\n  source = "./a"\n}\nterraform {\n  backend "s3" {}\n}\n'
    )
    put(kind, tmp_path / ".terraform" / name)
    with contextlib.suppress(OSError):
        assert isinstance(place_of(tmp_path, {"type": "s3"}, {}), Path | None)
    assert isinstance(init_needed(tmp_path / ".terraform", {"bucket": "b"}), bool)


@pytest.mark.parametrize("kind", KINDS)
def test_a_plan_is_made_from_files_alone(kind: str, tmp_path: Path) -> None:
    put(kind, tmp_path / "main.tf")
    with contextlib.suppress(FileError):
        assert isinstance(hash_sources(tmp_path, []), dict)
