from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import Any

import pytest

from workflows.core.files import cause_of
from workflows.core.sentences import OnboardError, text_of
from workflows.layer.discover import ProjectError, find_project, read_build_env

COMMON = """
project          = "bb"
project_long     = "binbash"
region_primary   = "us-east-1"
region_secondary = "us-west-2"
regions_allowed  = ["us-east-1", "us-gov-west-1"]
sso_enabled      = true

# external_accounts = { other = { id = "999999999999" } }
accounts = {
  security = { email = "security@example.org", id = "000000000002" }
  root     = { email = "root@example.org", id = 12345 }
  "apps-devstg" = { email = "apps@example.org", id = "000000000003" }
}
"""
LOCK = """provider "registry.opentofu.org/hashicorp/aws" {
  version     = "4.67.0"
  constraints = "~> 4.10"
}
"""


def make(
    root: Path, ending: str = "tfvars", layers: tuple[str, ...] = ("security/global/base-identities",)
) -> Path:
    (root / "config").mkdir(parents=True)
    (root / "build.env").write_text(
        "# build\nPROJECT=bb\nexport TF_BINARY=\"tofu\"\nMFA_ENABLED=true # yes\nTERRAFORM_IMAGE_TAG='1.6'\n"
    )
    (root / "config" / f"common.{ending}").write_text(COMMON)
    for relative in layers:
        layer = root / relative
        layer.mkdir(parents=True)
        (layer / "config.tf").write_text('terraform {\n  required_version = "~> 1.6"\n}\n')
        account = root / relative.split("/")[0]
        (account / "config").mkdir(exist_ok=True)
        (account / "config" / f"account.{ending}").write_text(f'environment = "{account.name}"\n')
        (account / "config" / f"backend.{ending}").write_text(
            f'profile = "bb-{account.name}-devops"\nbucket = "state"\nencrypt = true\n'
        )
    return root


def test_a_project_is_found_from_any_folder_in_it(tmp_path: Path) -> None:
    root = make(tmp_path / "p", layers=("security/global/base-identities", "root/global/base-identities"))
    (root / "security/global/base-identities/.terraform.lock.hcl").write_text(LOCK)
    project = find_project(root / "security" / "global")
    assert project == find_project(root)
    assert (project.root, project.name, project.long_name) == (root.resolve(), "bb", "binbash")
    assert (project.region_primary, project.region_secondary) == ("us-east-1", "us-west-2")
    assert project.regions_allowed == ("us-east-1", "us-gov-west-1")
    assert [(account.name, account.id) for account in project.accounts] == [
        ("security", "000000000002"),
        ("root", "000000012345"),
        ("apps-devstg", "000000000003"),
    ]
    assert (project.binary, project.mfa_enabled, project.sso_enabled) == ("tofu", True, True)
    assert [view.account for view in project.layers] == ["root", "security"]
    layer = project.layers[1]
    assert layer.relative == "security/global/base-identities"
    assert (layer.account_id, layer.required_version) == ("000000000002", "~> 1.6")
    assert layer.backend == {"profile": "bb-security-devops", "bucket": "state", "encrypt": True}
    assert layer.locked is not None
    assert (layer.locked.version, layer.locked.registry) == ("4.67.0", "opentofu")
    assert [var_file.relative_to(project.root).as_posix() for var_file in layer.var_files] == [
        "config/common.tfvars",
        "security/config/account.tfvars",
        "security/config/backend.tfvars",
    ]
    assert project.warnings == ()


def test_the_older_names_are_found_too(tmp_path: Path) -> None:
    root = make(
        tmp_path / "p", ending="config", layers=("shared/base-identities", "security/base-identities")
    )
    project = find_project(root)
    assert [layer.relative for layer in project.layers] == [
        "security/base-identities",
        "shared/base-identities",
    ]
    assert project.layers[0].backend_config.name == "backend.config"
    assert any("shared" in warning for warning in project.warnings)


@pytest.mark.parametrize("ending", ["tfvars", "config"])
def test_a_project_without_a_region_takes_that_of_a_backend_file(tmp_path: Path, ending: str) -> None:
    layers = ("shared/base-identities", "security/base-identities")
    root = make(tmp_path / "p", ending=ending, layers=layers)
    common = root / "config" / f"common.{ending}"
    common.write_text(COMMON.replace('region_primary   = "us-east-1"', "").replace("regions_allowed", "# "))
    assert find_project(root).region_primary == ""
    assert any("region" in warning for warning in find_project(root).warnings)
    with (root / "shared" / "config" / f"backend.{ending}").open("a") as file:
        file.write('region = "eu-west-1"\n')
    project = find_project(root)
    assert [layer.region for layer in project.layers] == ["", "eu-west-1"]
    assert (project.region_primary, project.region_secondary) == ("eu-west-1", "us-west-2")
    block = 'terraform {\n  backend "s3" {\n    region = "eu-central-1"\n  }\n}\n'
    (root / "security/base-identities/config.tf").write_text(block)
    project = find_project(root)
    assert project.region_of("security") == project.region_primary == "eu-central-1"
    assert project.region_of("shared") == "eu-west-1"


FILE = {"profile": "bb-security-devops", "bucket": "state", "encrypt": True}


@pytest.mark.parametrize(
    ("blocks", "named"),
    [
        ([], {"type": "local"}),
        (['backend "s3" {\n    key = "x"\n    bucket = "y"\n  }'], {"type": "s3", "key": "x", **FILE}),
        (['backend "s3" {}', 'backend "local" {\n    path = "z"\n  }'], {"type": "local", "path": "z"}),
        (['backend "s3" {}', "cloud {}"], {"type": "cloud"}),
    ],
)
def test_a_layers_backend_is_that_of_its_block_and_its_backend_file(
    tmp_path: Path, blocks: list[str], named: dict[str, object]
) -> None:
    root = make(tmp_path / "p", layers=("security/base-identities",))
    for name, block in zip(("config.tf", "override.tf"), blocks, strict=False):
        (root / "security/base-identities" / name).write_text(f"terraform {{\n  {block}\n}}\n")
    assert find_project(root).layers[0].named_backend == named


def test_a_link_to_a_folder_of_the_project_is_followed(tmp_path: Path) -> None:
    root = make(tmp_path / "p")
    link = tmp_path / "link"
    link.symlink_to(root / "security")
    assert find_project(link).root == root.resolve()


def test_a_folder_that_is_no_project_says_what_marks_one(tmp_path: Path) -> None:
    with pytest.raises(OnboardError) as failure:
        find_project(tmp_path)
    assert str(tmp_path) in failure.value.what
    assert "build.env" in failure.value.why
    with pytest.raises(OnboardError, match=re.escape(str(tmp_path / "nowhere"))):
        find_project(tmp_path / "nowhere")


def test_missing_common_variables_name_the_example(tmp_path: Path) -> None:
    root = make(tmp_path / "p")
    (root / "config/common.tfvars").rename(root / "config/common.tfvars.example")
    with pytest.raises(OnboardError) as failure:
        find_project(root)
    assert "common.tfvars.example" in failure.value.next


@pytest.mark.parametrize(("name", "named"), [("account", "environment"), ("backend", r"backend\.tfvars")])
def test_missing_account_variables_are_named(tmp_path: Path, name: str, named: str) -> None:
    root = make(tmp_path / "p")
    (root / f"security/config/{name}.tfvars").unlink()
    with pytest.raises(OnboardError, match=named):
        find_project(root)


@pytest.mark.parametrize("name", ["account", "backend"])
def test_a_layer_with_missing_variables_is_left_out_and_the_others_are_there(
    tmp_path: Path, name: str
) -> None:
    root = make(tmp_path / "p", layers=("security/global/base-identities", "root/global/base-identities"))
    (root / f"root/config/{name}.tfvars").unlink()
    project = find_project(root)
    assert [layer.account for layer in project.layers] == ["security"]
    assert [*project.left_out] == ["root"]
    assert any("root" in warning for warning in project.warnings)


def test_two_accounts_with_one_id_are_remarked_on(tmp_path: Path) -> None:
    root = make(tmp_path / "p")
    common = root / "config/common.tfvars"
    common.write_text(COMMON.replace("000000000003", "000000000002"))
    (warning,) = find_project(root).warnings
    assert {"security", "apps-devstg", "000000000002"} <= set(re.findall(r"[\w-]+", text_of(warning)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('project = "bb"\n', "accounts"),
        ('project = "bb"\naccounts = {}\n', "accounts"),
        ("accounts = { a = { id = 1 } }\n", "project"),
        ('project = "bb\n', "can't parse"),
    ],
)
def test_incomplete_or_broken_common_variables_are_told(tmp_path: Path, text: str, words: str) -> None:
    root = make(tmp_path / "p")
    (root / "config/common.tfvars").write_text(text)
    with pytest.raises(OnboardError, match=words):
        find_project(root)


def test_build_env_lines_are_read_as_a_shell_would(tmp_path: Path) -> None:
    path = tmp_path / "build.env"
    path.write_text("A=1\n#B=2\n\n export C = 'x # y' \nD=z # note\nnonsense\n")
    assert read_build_env(path) == {"A": "1", "C": "x # y", "D": "z"}


def forbid(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Make reading a path fail as without permission, because root may read everything."""
    scandir, opened = os.scandir, os.open

    def refuse(at: Path) -> None:
        if at == path or path in at.parents:
            raise PermissionError(13, "Permission denied", str(path))

    def scan(at: Any) -> Any:
        refuse(Path(at))
        return scandir(at)

    def read(at: Path, flags: int, *more: Any) -> int:
        refuse(Path(at))
        return opened(at, flags, *more)

    monkeypatch.setattr(os, "scandir", scan)
    monkeypatch.setattr(os, "open", read)


@pytest.mark.parametrize(
    "name",
    [
        "security/global/base-identities/config.tf",
        "security/global/base-identities",
        "security/global/base-identities/.terraform.lock.hcl",
    ],
)
def test_what_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    root = make(tmp_path / "p").resolve()
    (root / "security/global/base-identities/.terraform.lock.hcl").write_text(LOCK)
    forbid(monkeypatch, root / name)
    with pytest.raises(ProjectError) as caught:
        find_project(root)
    assert str(root / name) in caught.value.what
    assert caught.value.why == cause_of(OSError(errno.EACCES, ""))


def test_a_folder_of_no_account_that_may_not_be_read_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make(tmp_path / "p").resolve()
    (root / "scratch").mkdir()
    forbid(monkeypatch, root / "scratch")
    project = find_project(root)
    assert [layer.account for layer in project.layers] == ["security"]
    (warning,) = project.warnings
    assert str(root / "scratch") in warning
