"""The record of a plan whose file and layer are there, and a layer with people and machine users."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.sample_plan import MADE_AT
from support.styles import layer_with

from workflows.layer.model import Layer
from workflows.terraform.record import PlanRecord, file_sha256, hash_sources


@pytest.fixture
def record(tmp_path: Path) -> PlanRecord:
    layer = tmp_path / "layer"
    layer.mkdir()
    (layer / "users.tf").write_text("# people\n")
    file = tmp_path / "plan.tfplan"
    file.write_bytes(b"a plan")
    return PlanRecord(
        file, file_sha256(file), layer, (), hash_sources(layer, ()), "abc", "Terraform 1.15.5", MADE_AT
    )


@pytest.fixture
def layer() -> Layer:
    return layer_with("keys/machine.a")
