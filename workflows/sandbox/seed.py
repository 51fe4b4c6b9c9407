"""What exists in the sandbox's AWS before layers are applied: keys, state backends, members' roles."""

from __future__ import annotations

import json
import secrets
import string
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflows.aws.clients import AwsClient, ClientFactory
from workflows.aws.errors import AwsError, calling_aws
from workflows.core.errors import OnboardError
from workflows.core.files import private_folder, write_atomically
from workflows.core.secret import Credentials, Secret
from workflows.sandbox.layout import PROJECT, BootstrapKey, Directory
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
        _key_id(): BootstrapKey(account_id=account_id, secret=secrets.token_hex(20), principal=ADMINISTRATOR)
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


def _key_id() -> str:
    return "AKIA" + "".join(secrets.choice(string.ascii_uppercase + "234567") for _ in range(16))
