"""The files that a plan depends on, and the cases in which a layer must be initialised."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from workflows.core.shapes import plain, read
from workflows.terraform.record import PlanRecord, changed_since, hash_sources, local_modules
from workflows.terraform.state import init_needed


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    layer = tmp_path / "security" / "global" / "base-identities"
    (layer / "keys").mkdir(parents=True)
    (layer / "keys" / "a.b").write_text("key\n")
    (layer / "users.tf").write_text('module "user" {\n  source = "../../../modules/user"\n}\n')
    (layer / ".terraform.lock.hcl").write_text(
        'provider "registry.terraform.io/hashicorp/aws" {\n  version = "3.39.0"\n}\n'
    )
    (layer / "terraform.tfstate").write_text("{}")
    (layer / ".users.tf.swp").write_text("editor")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "common-variables.tf").write_text('variable "x" {}\n')
    (tmp_path / "config" / "common.tfvars").write_text('project = "bb"\n')
    (layer / "common-variables.tf").symlink_to("../../../config/common-variables.tf")
    module = tmp_path / "modules" / "user"
    module.mkdir(parents=True)
    (module / "main.tf").write_text("")
    return layer


def install(layer: Path, *, backend: dict[str, object] | None = None) -> None:
    """Write the files that `terraform init` would."""
    data = layer / ".terraform"
    (data / "modules").mkdir(parents=True)
    modules = [
        {"Key": "", "Source": "", "Dir": "."},
        {"Key": "user", "Source": "../../../modules/user", "Dir": "../../../modules/user"},
        {
            "Key": "far",
            "Source": "registry.terraform.io/x/y/z",
            "Version": "5.60.0",
            "Dir": ".terraform/modules/far",
        },
    ]
    (data / "modules" / "modules.json").write_text(json.dumps({"Modules": modules}))
    (data / "modules" / "far").mkdir()
    (data / "providers" / "registry.terraform.io" / "hashicorp" / "aws" / "3.39.0").mkdir(parents=True)
    if backend is not None:
        (data / "terraform.tfstate").write_text(json.dumps({"version": 3, "backend": backend}))


def record_of(layer: Path) -> PlanRecord:
    inputs = (layer.parents[2] / "config" / "common.tfvars",)
    sources = hash_sources(layer, inputs)
    return PlanRecord(
        layer / "p", "", layer, inputs, sources, "", "Terraform 1.15.5", "2026-02-03T10:20:30+00:00"
    )


def test_every_source_counts_and_nothing_else(layer: Path) -> None:
    install(layer)
    root = layer.parents[2]
    names = {
        str(Path(path).relative_to(root))
        for path in hash_sources(layer, (root / "config" / "common.tfvars",))
    }
    assert names == {
        "config/common.tfvars",
        "modules/user/main.tf",
        "security/global/base-identities/.terraform.lock.hcl",
        "security/global/base-identities/common-variables.tf",
        "security/global/base-identities/keys/a.b",
        "security/global/base-identities/users.tf",
    }
    assert local_modules(layer) == (root / "modules" / "user",)


def test_without_what_init_noted_the_modules_are_where_they_were(layer: Path) -> None:
    install(layer)
    record = record_of(layer)
    shutil.rmtree(layer / ".terraform")
    assert changed_since(record) == []
    module = layer.parents[2] / "modules" / "user" / "main.tf"
    module.write_text("changed\n")
    assert changed_since(record) == [str(module)]
    module.unlink()
    assert changed_since(record) == [str(module)]


def test_a_change_anywhere_is_found_by_its_path(layer: Path) -> None:
    install(layer)
    root = layer.parents[2]
    record = record_of(layer)
    assert changed_since(record) == []
    assert changed_since(read(PlanRecord, json.loads(json.dumps(plain(record))))) == []

    (layer / "keys" / "a.b").write_text("another key\n")
    (layer / "keys" / "c.d").write_text("new\n")
    (layer / "users.tf").unlink()
    (root / "config" / "common-variables.tf").write_text("changed where the symlink leads\n")
    (root / "config" / "common.tfvars").unlink()
    (root / "modules" / "user" / "main.tf").write_text("changed\n")
    (layer / "terraform.tfstate").write_text("not a source")
    assert changed_since(record) == sorted(
        map(
            str,
            [
                layer / "keys" / "a.b",
                layer / "keys" / "c.d",
                layer / "users.tf",
                layer / "common-variables.tf",
                root / "config" / "common.tfvars",
                root / "modules" / "user" / "main.tf",
            ],
        )
    )


def test_a_symlink_that_points_elsewhere_is_a_change_even_to_the_same_content(layer: Path) -> None:
    record = record_of(layer)
    link = layer / "common-variables.tf"
    (layer / "keys" / "copy").write_bytes(link.read_bytes())
    link.unlink()
    link.symlink_to("keys/copy")
    assert str(link) in changed_since(record)
    link.unlink()
    link.symlink_to("nowhere")
    assert str(link) in changed_since(record)


def test_folders_that_link_to_each_other_end(layer: Path) -> None:
    (layer / "loop").symlink_to(".")
    (layer / "linked").symlink_to("../../../modules")
    names = {Path(path).name for path in hash_sources(layer, ())}
    assert "main.tf" in names


def test_init_is_needed_once_and_again_where_its_backend_files_ask_for_another_place(layer: Path) -> None:
    data, wanted = layer / ".terraform", {"profile": "bb-security-devops", "bucket": "bb", "encrypt": "true"}
    assert init_needed(data, wanted)
    config = {"key": "x", "profile": "bb-security-devops", "bucket": "bb", "encrypt": True, "acl": None}
    install(layer, backend={"type": "s3", "config": config})
    assert not init_needed(data, wanted)
    assert init_needed(data, {**wanted, "profile": "bb-security-other"})
    assert init_needed(data, {**wanted, "dynamodb_table": "lock"})
    (data / "terraform.tfstate").write_text("{")
    assert init_needed(data, wanted)


@pytest.mark.parametrize(
    ("written", "needed"),
    [
        ({"endpoints": {"s3": "http://x"}}, False),
        ({"endpoints": {"s3": "http://y"}}, True),
        ({"endpoints": {}}, True),
        ({"endpoints": {"s3": "http://x", "sts": "http://z"}}, True),
        ({"assume_role": {"role_arn": "arn:a", "policy_arns": ["b", "a"], "duration": None}}, False),
        ({"assume_role": {"role_arn": "arn:a", "policy_arns": ["a"]}}, True),
        ({"assume_role": "arn:a"}, True),
        ({"max_retries": 5, "encrypt": True}, False),
    ],
)
def test_the_maps_of_a_backend_file_are_compared_as_init_notes_them(
    layer: Path, written: dict[str, object], needed: bool
) -> None:
    role = {"role_arn": "arn:a", "duration": None, "policy_arns": ["a", "b"], "tags": None}
    noted = {
        "endpoints": {"s3": "http://x", "sts": None},
        "assume_role": role,
        "max_retries": 5,
        "encrypt": True,
    }
    install(layer, backend={"type": "s3", "config": {"bucket": "bb", **noted}})
    assert init_needed(layer / ".terraform", {"bucket": "bb", **written}) is needed


def test_init_is_needed_where_it_left_the_backend_out(layer: Path) -> None:
    install(layer)
    assert init_needed(layer / ".terraform", {"bucket": "bb"})
    assert not init_needed(layer / ".terraform", {})
