"""The profiles that a layer names, and the account that a profile's name suggests."""

from __future__ import annotations

from pathlib import Path

import pytest

from workflows.layer.discover import find_project
from workflows.layer.mentioned import NamedProfile, Use, account_in_name, named_profiles
from workflows.layer.model import LayerLocation

CONFIG = """
provider "aws" {
  region  = var.region
  profile = var.profile
}

provider "aws" {
  alias   = "shared"
  profile = "${var.project}-shared-${local.role}"
}

locals {
  role    = "devops"
}

data "terraform_remote_state" "identities" {
  backend = "s3"
  config = {
    bucket  = "state"
    profile = "${var.project}-management-oaar"
    key     = "management/identities/terraform.tfstate"
  }
}

data "terraform_remote_state" "vpcs" {
  for_each = local.vpcs
  backend  = "s3"
  config = {
    profile = lookup(each.value, "profile")
  }
}

data "terraform_remote_state" "computed" {
  backend = "s3"
  config  = merge(local.common, { key = "x" })
}

terraform {
  backend "s3" {
    key = "security/identities/terraform.tfstate"
  }
}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in {
        "config/common.tfvars": (
            'project = "bb"\nproject_long = "binbash"\nregion_primary = "us-east-1"\n'
            'accounts = { security = { email = "", id = "222222222222" }\n'
            'apps = { email = "", id = "333333333333" }\n"apps-prd" = { email = "", id = "444444444444" } }\n'
        ),
        "build.env": "PROJECT=bb\n",
        "security/config/account.tfvars": 'environment = "security"\n',
        "security/config/backend.tfvars": 'profile = "bb-security-devops"\nregion = "us-east-1"\n',
        "security/global/base-identities/config.tf": CONFIG,
        "security/global/base-identities/users.tf": (
            'module "user" {\n  create_iam_user_login_profile = true\n}\n'
        ),
    }.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def layer(root: Path) -> LayerLocation:
    found = find_project(root).layer("security")
    assert found is not None
    return found


def test_the_states_the_providers_and_other_states_profiles_are_found_with_their_places(root: Path) -> None:
    assert named_profiles(layer(root)) == (
        NamedProfile("bb-security-devops", Use.STATE, "security/config/backend.tfvars"),
        NamedProfile("bb-security-devops", Use.PROVIDER, "config.tf:4"),
        NamedProfile("bb-shared-devops", Use.OTHER_PROVIDER, "config.tf:9", certain=False),
        NamedProfile("bb-management-oaar", Use.OTHER_STATE, "config.tf:20"),
        NamedProfile("", Use.OTHER_STATE, "config.tf:29", certain=False),
        NamedProfile("", Use.OTHER_STATE, "config.tf:35"),
    )


def test_the_backend_block_is_read_where_the_backend_file_names_none(root: Path) -> None:
    (root / "security/config/backend.tfvars").write_text('region = "us-east-1"\n')
    file = root / "security/global/base-identities/config.tf"
    file.write_text('terraform {\n  backend "s3" {\n    key = "x"\n    profile = "bb-own"\n  }\n}\n')
    assert named_profiles(layer(root)) == (NamedProfile("bb-own", Use.STATE, "config.tf:4"),)


def test_an_override_file_and_a_variables_default_count(root: Path) -> None:
    folder = root / "security/global/base-identities"
    (folder / "a_variables.tf").write_text('variable "mine" {\n  default = "bb-mine"\n}\n')
    (folder / "zz_override.tf").write_text('provider "aws" {\n  profile = var.mine\n}\n')
    providers = [
        named_profile for named_profile in named_profiles(layer(root)) if named_profile.use is Use.PROVIDER
    ]
    assert providers == [NamedProfile("bb-mine", Use.PROVIDER, "zz_override.tf:2")]


def test_what_an_override_file_replaces_is_not_needed(root: Path) -> None:
    (root / "security/global/base-identities/override.tf").write_text(
        'provider "aws" {\n  profile = null\n}\n'
        'provider "aws" {\n  alias   = "shared"\n  profile = "bb-own"\n}\n'
        'data "terraform_remote_state" "identities" {\n  backend = "local"\n  config = {\n'
        '    path = "state"\n  }\n}\n'
        'data "terraform_remote_state" "computed" {\n  count = 0\n}\n'
        'terraform {\n  backend "local" {\n    path = "state"\n  }\n}\n'
    )
    location = layer(root)
    assert (location.backend, location.backend_configs, location.region) == ({}, (), "us-east-1")
    assert named_profiles(location) == (
        NamedProfile("bb-own", Use.OTHER_PROVIDER, "override.tf:6", certain=False),
        NamedProfile("", Use.OTHER_STATE, "config.tf:29", certain=False),
        NamedProfile("", Use.OTHER_STATE, "config.tf:35", certain=False),
    )


def test_a_backend_of_the_same_kind_in_an_override_file_keeps_the_backend_file(root: Path) -> None:
    (root / "security/global/base-identities/a_override.tf").write_text(
        'terraform {\n  backend "s3" {\n    key = "other"\n  }\n}\n'
    )
    location = layer(root)
    assert location.backend_configs == (location.backend_config,)
    assert named_profiles(location)[0].name == "bb-security-devops"


@pytest.mark.parametrize(
    ("profile", "account"),
    [
        ("bb-apps-prd-devops", "apps-prd"),
        ("bb-apps-devops", "apps"),
        ("bb-security", "security"),
        ("bb-securityx-devops", None),
        ("other-security-devops", None),
    ],
)
def test_the_account_in_a_profiles_name_is_the_longest_that_fits(
    root: Path, profile: str, account: str | None
) -> None:
    found = account_in_name(find_project(root), profile)
    assert (found.name if found else None) == account
