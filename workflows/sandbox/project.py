"""The sandbox's project: an infrastructure repository in Leverage's layout, with some people in it.

`files/` contains the repository's files. This module makes those that cannot be packaged (links, dot files)
and those that depend on the sandbox (the address of its AWS).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path

from workflows.core.files import load_file, write_atomically
from workflows.core.sentences import OnboardError
from workflows.hcl.parsing import MAX_HCL

ACCOUNTS = {
    "management": "111111111111",
    "security": "222222222222",
    "shared": "333333333333",
    "apps-devstg": "444444444444",
    "apps-prd": "555555555555",
}
REGION = "us-east-1"

_OVERRIDE = """\
#
# Written by the sandbox, never committed: AWS is on loopback here.
#
provider "aws" {{
  s3_force_path_style    = true
  skip_get_ec2_platforms = true

  endpoints {{
    dynamodb      = "{url}"
    ec2           = "{url}"
    iam           = "{url}"
    organizations = "{url}"
    s3            = "{url}"
    sts           = "{url}"
  }}
}}

terraform {{
  backend "s3" {{
    key = "{account}/base-identities/terraform.tfstate"

    use_path_style              = true
    skip_credentials_validation = true
    skip_metadata_api_check     = true
    skip_region_validation      = true
    skip_requesting_account_id  = true

    endpoints = {{
      dynamodb = "{url}"
      iam      = "{url}"
      s3       = "{url}"
      sts      = "{url}"
    }}
  }}
}}
"""


def email_of(account: str) -> str:
    """Return the email address of an account in `config/common.tfvars`."""
    return f"aws+{account}@example.com"


def layers(root: Path) -> tuple[Path, ...]:
    """Return the identities layers of the project, management first."""
    return tuple(root / account / "global" / "base-identities" for account in ("management", "security"))


def account_of(layer: Path) -> str:
    """Return the name of the account whose identities a layer defines."""
    return layer.parent.parent.name


def lay_out(root: Path) -> None:
    """Write the project's files into a folder that does not exist yet."""
    with as_file(files("workflows.sandbox") / "files") as source:
        shutil.copytree(source, root, copy_function=shutil.copyfile)
    (root / "gitignore").rename(root / ".gitignore")
    for layer in layers(root):
        link = layer / "common-variables.tf"
        link.symlink_to(Path(os.path.relpath(root / "config" / "common-variables.tf", layer)))


def point_at(root: Path, endpoint_url: str) -> None:
    """Make every layer's provider and state backend use the sandbox's AWS, in files that git ignores.

    An initialised layer records where its state is; when that changes, it must be initialised again. Layers
    that were moved away are skipped.
    """
    for layer in filter(Path.is_dir, layers(root)):
        override = layer / "zz_override.tf"
        text = _OVERRIDE.format(url=endpoint_url, account=account_of(layer))
        if override.exists() and load_file(override, MAX_HCL).decode() == text:
            continue
        write_atomically(override, text.encode())
        shutil.rmtree(layer / ".terraform", ignore_errors=True)


def git(arguments: list[str], *, folder: Path, environment: Mapping[str, str]) -> None:
    """Run a git command.

    Raises:
        OnboardError: git is not installed, or the command failed; git's error message is the detail.
    """
    try:
        subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env=dict(environment),
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
    except FileNotFoundError as error:
        raise OnboardError(
            "git is missing",
            "The sandbox keeps its project in a git repository, but there is no git command.",
            next="Install git (apt install git; on a Mac xcode-select --install) and try again.",
        ) from error
    except subprocess.CalledProcessError as error:
        raise OnboardError(
            "git failed in the sandbox",
            f"`git {arguments[0]}` ended with exit code {error.returncode}.",
            next="Delete the sandbox's session and try again.",
            detail=error.stderr.strip(),
        ) from error


def publish(root: Path, upstream: Path, environment: Mapping[str, str]) -> None:
    """Turn the project into a repository with one commit, and push that to a new bare repository."""
    settings = {
        "user.name": "Sandbox Administrator",
        "user.email": "administrator@example.com",
        "commit.gpgsign": "false",
    }
    for arguments in (
        ["init", "--quiet", "--bare", "--initial-branch=main", str(upstream)],
        ["init", "--quiet", "--initial-branch=main"],
        *(["config", "--local", name, value] for name, value in settings.items()),
        ["remote", "add", "origin", str(upstream)],
        ["add", "--all"],
        ["commit", "--quiet", "--message", "Add the accounts and their people"],
        ["push", "--quiet", "--set-upstream", "origin", "main"],
    ):
        git(arguments, folder=root, environment=environment)


def repoint(root: Path, upstream: Path, environment: Mapping[str, str]) -> None:
    """Set the address of a copied repository's upstream."""
    git(["remote", "set-url", "origin", str(upstream)], folder=root, environment=environment)
