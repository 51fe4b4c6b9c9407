"""What the sandbox's AWS has before a layer is applied: keys, state backends, member accounts' roles."""

from __future__ import annotations

import json
import secrets
import string
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflows.core.errors import OnboardError
from workflows.core.files import private_folder, write_atomically
from workflows.core.processes import own_module
from workflows.sandbox.layout import PROJECT, BootstrapKey, Directory, Record
from workflows.sandbox.project import ACCOUNTS, REGION

ADMINISTRATOR = "sandbox.administrator"
# The accounts that hold layers, with the profile that each one's backend.tfvars names.
PROFILES = {"management": f"{PROJECT}-management-administrator", "security": f"{PROJECT}-security-devops"}

_MANAGED = "arn:aws:iam::aws:policy/"


@dataclass(frozen=True)
class Role:
    """A role of a member account: its name, the account whose users may take it, and what it may do."""

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
    """The sandbox's accounts, each with a bootstrap key made up now."""
    keys = {
        _key_id(): BootstrapKey(account_id=account_id, secret=secrets.token_hex(20), principal=ADMINISTRATOR)
        for account_id in ACCOUNTS.values()
    }
    return Directory(accounts=dict(ACCOUNTS), region=REGION, bootstrap_keys=keys)


def write_profiles(home: Path, directory: Directory) -> None:
    """Give the administrator the profiles that the project's backend.tfvars files name."""
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
    """The id and the key of an account's first administrator."""
    account_id = directory.accounts[account]
    return next(
        (key_id, key) for key_id, key in directory.bootstrap_keys.items() if key.account_id == account_id
    )


def fill(endpoint_url: str, record: Path, environment: Mapping[str, str]) -> None:
    """Make the state backends and the member accounts' roles, as the organization's founder did.

    A child with the sandbox's environment does it: boto3 would mind the real one's profiles and proxies.

    Raises:
        OnboardError: AWS refused something; its own words are the detail.
    """
    done = subprocess.run(
        [*own_module("workflows.sandbox.seed"), endpoint_url, str(record)],
        env=dict(environment),
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise OnboardError(
            "The sandbox could not be prepared",
            "Its AWS refused to make the accounts' first buckets, tables or roles.",
            next="Start the demo again; if it fails the same way, report it with the text below.",
            detail=done.stderr.strip(),
        )


def make_everything(endpoint_url: str, directory: Directory) -> None:
    """Make the state backends and the member accounts' roles, from this process."""
    import boto3  # noqa: PLC0415 - heavy, and only the first sandbox needs it

    def client(account: str, service: str) -> Any:
        key_id, key = bootstrap_key(directory, account)
        return boto3.Session(
            aws_access_key_id=key_id, aws_secret_access_key=key.secret, region_name=directory.region
        ).client(service, endpoint_url=endpoint_url)

    for account in PROFILES:
        _make_state_backend(account, client)
    for account in ACCOUNTS:
        if account not in PROFILES:
            _make_roles(client(account, "iam"), directory, _MEMBER_ROLES)
        if account != "management":
            _make_roles(client(account, "iam"), directory, (_ORGANIZATION_ROLE,))


def _make_state_backend(account: str, client: Callable[[str, str], Any]) -> None:
    name = f"{PROJECT}-{account}-terraform-backend"
    storage = client(account, "s3")
    storage.create_bucket(Bucket=name)
    storage.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    client(account, "dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def _make_roles(iam: Any, directory: Directory, roles: tuple[Role, ...]) -> None:
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
        iam.attach_role_policy(RoleName=role.name, PolicyArn=_MANAGED + role.policy)


def _needs_mfa(role: Role) -> dict[str, Any]:
    """Every person's role asks for MFA; machines have none to give."""
    if role.name == "DeployMaster":
        return {}
    return {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}


def _key_id() -> str:
    return "AKIA" + "".join(secrets.choice(string.ascii_uppercase + "234567") for _ in range(16))


if __name__ == "__main__":
    make_everything(sys.argv[1], Record.read(Path(sys.argv[2])).directory)
