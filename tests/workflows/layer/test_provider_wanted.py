from __future__ import annotations

from pathlib import Path

import pytest

from workflows.layer.discover import ProjectError, provider_wanted

LOCK_FILE = ".terraform.lock.hcl"

MODERN = """
terraform {
  required_version = "~> 1.6"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 4.10"
    }
  }
}
"""
OLD = """
provider "aws" {
  version = "~> 2.69"
  region  = var.region
}
provider "aws" {
  alias   = "other"
  version = "~> 2.69"
}
"""
LOCK = """
provider "registry.opentofu.org/hashicorp/aws" {
  version     = "4.67.0"
  constraints = "~> 4.10"
  hashes = [
    "h1:x",
  ]
}
"""


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({"config.tf": MODERN, LOCK_FILE: LOCK}, "4.67.0"),
        ({"config.tf": MODERN}, "~> 4.10"),
        ({"config.tf": OLD}, "~> 2.69"),
        ({"a.tf": MODERN, "b.tf": OLD}, "~> 4.10, ~> 2.69"),
        ({"config.tf": 'terraform {\n  required_providers {\n    aws = "~> 2.0"\n  }\n}\n'}, "~> 2.0"),
        ({"users.tf": 'module "a" {\n  source = "x"\n}\n', LOCK_FILE: "# empty\n"}, None),
        ({}, None),
    ],
)
def test_the_locked_version_comes_before_what_the_layer_asks_for(
    files: dict[str, str], wanted: str | None, tmp_path: Path
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert provider_wanted(tmp_path) == wanted


def test_a_file_that_cannot_be_parsed_is_told(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).write_text("provider {{{")
    with pytest.raises(ProjectError):
        provider_wanted(tmp_path)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.tf").symlink_to(tmp_path / "config.tf")
    (tmp_path / "users.tf").mkdir()
    assert provider_wanted(tmp_path) is None
    (tmp_path / LOCK_FILE).write_bytes(b"x" * 6_000_000)
    with pytest.raises(ProjectError):
        provider_wanted(tmp_path)
