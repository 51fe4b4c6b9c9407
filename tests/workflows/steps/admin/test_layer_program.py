"""The program that runs a layer: what the project, the layer and the user ask for."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.fakes import fake_environment

from workflows.core.sentences import OnboardError
from workflows.environment import Environment
from workflows.layer.discover import find_project
from workflows.layer.model import LayerLocation, LockedProvider, Project
from workflows.sandbox.project import lay_out
from workflows.steps.admin.layer_program import find_layer_program, layer_binary, wanted_binary
from workflows.terraform.binary import BinaryMissing, Product, VersionExcluded, Wanted


@pytest.fixture
def project(tmp_path: Path) -> Project:
    lay_out(tmp_path / "bb")
    return replace(
        find_project(tmp_path / "bb"), binary="tofu", build_env={"TERRAFORM_IMAGE_TAG": "1.9.1-tofu-0.3.0"}
    )


def location_of(project: Project, **changes: Any) -> LayerLocation:
    location = project.layer("security")
    assert location is not None
    return replace(location, **changes)


def environment_with(folder: Path, *programs: str) -> Environment:
    """Return an environment whose PATH has these programs, each of version 1.9.1."""
    folder.mkdir()
    for name in programs:
        product = "OpenTofu" if name == "tofu" else "Terraform"
        (folder / name).write_text(f"#!/bin/sh\necho {product} v1.9.1\n")
        (folder / name).chmod(stat.S_IRWXU)
    return fake_environment(folder, {"PATH": str(folder)})


def test_a_layers_wishes_come_from_project_layer_and_user(project: Project, tmp_path: Path) -> None:
    location = location_of(project, locked=LockedProvider("5.1.0", "opentofu"), required_version="~> 1.9")
    environment = fake_environment(tmp_path, {}, binary="mine")
    wanted = wanted_binary(project, location, environment)
    assert wanted.trusted is not None
    assert replace(wanted, trusted=None) == Wanted(
        layer="security/global/base-identities",
        explicit="mine",
        build_env="tofu",
        registry="opentofu",
        required_version="~> 1.9",
        toolbox_image="1.9.1-tofu-0.3.0",
        project=project.root,
    )
    assert wanted_binary(project, location_of(project, locked=None), environment).registry is None


def test_a_missing_program_is_noticed_without_running_one(project: Project, tmp_path: Path) -> None:
    location = location_of(project)
    with pytest.raises(BinaryMissing):
        find_layer_program(project, location, environment_with(tmp_path / "none"))
    environment = environment_with(tmp_path / "there", "tofu")
    (tmp_path / "there" / "tofu").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    find_layer_program(project, location, environment)
    assert not (tmp_path / "ran").exists()


def test_the_program_has_to_fit_the_layer_and_gets_no_partial_plans(project: Project, tmp_path: Path) -> None:
    environment = environment_with(tmp_path / "bin", "tofu", "terraform")
    found = layer_binary(project, location_of(project, locked=None), environment)
    assert (found.product, found.version) == (Product.OPENTOFU, "1.9.1")
    with pytest.raises(VersionExcluded):
        layer_binary(project, location_of(project, locked=None, required_version="< 1.9"), environment)
    partial = {**environment.variables, "TF_CLI_ARGS_plan": "-target=x"}
    with pytest.raises(OnboardError, match="TF_CLI_ARGS_plan"):
        layer_binary(project, location_of(project), replace(environment, variables=partial))
