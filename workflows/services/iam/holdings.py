"""What a user has that stands in the way of its deletion: IAM answers DeleteConflict until all of it is gone.

The list is that of the API reference, DeleteUser. Terraform removes what is in its state; what was made by
hand (a second access key, an MFA device, an SSH key for CodeCommit, an inline policy) is found here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from workflows.core.sentences import Sentence
from workflows.services.aws_errors import AwsError, AwsFailure, calling_aws
from workflows.services.clients import AwsClient
from workflows.services.iam.access_keys import delete_access_key
from workflows.services.iam.mfa_devices import list_mfa_devices, remove_mfa_device


class HoldingKind(Enum):
    """What it is, in words."""

    ACCESS_KEY = "access key"
    MFA_DEVICE = "MFA device"
    SSH_KEY = "SSH key"
    SERVICE_CREDENTIAL = "service-specific credential"
    CERTIFICATE = "signing certificate"
    INLINE_POLICY = "inline policy"
    ATTACHED_POLICY = "attached policy"
    GROUP = "membership of the group"


@dataclass(frozen=True)
class Holding:
    """One thing that a user has.

    Attributes:
        kind: what it is.
        id: the id, serial, ARN or name that IAM knows it by.
        note: a few words more, or "".
    """

    kind: HoldingKind
    id: str
    note: Sentence = ""

    @property
    def words(self) -> Sentence:
        """As a person is told of it."""
        return f"{self.kind.value} {self.id}" + (f" ({self.note})" if self.note else "")


@dataclass(frozen=True)
class Holdings:
    """All that a user has, as far as it may be asked.

    Attributes:
        found: what there is, by kind.
        denied: the kinds that the caller may not list.
    """

    found: tuple[Holding, ...]
    denied: tuple[HoldingKind, ...] = ()


def list_holdings(iam: AwsClient, user: str) -> Holdings:
    """What a user has beside its access keys (`list_access_keys` tells more of those) and its password.

    Raises:
        AwsError: IAM could not be asked, for another reason than a missing permission.
    """
    found: list[Holding] = []
    denied: list[HoldingKind] = []
    for kind, ask in _LISTED.items():
        try:
            with calling_aws(f"asking what {user} has ({kind.value})"):
                found += ask(iam, user)
        except AwsError as error:
            if not error.denied:
                raise
            denied.append(kind)
    return Holdings(tuple(found), tuple(denied))


def remove_holding(iam: AwsClient, user: str, holding: Holding) -> None:
    """Take one thing away from a user for good.

    Raises:
        AwsError: IAM refuses, or it is gone already.
    """
    if holding.kind is HoldingKind.ACCESS_KEY:
        delete_access_key(iam, holding.id, user)
        return
    if holding.kind is HoldingKind.MFA_DEVICE:
        remove_mfa_device(iam, user, holding.id)
        return
    operation, argument = _REMOVED[holding.kind]
    with calling_aws(f"removing the {holding.words} of {user}"):
        getattr(iam, operation)(**{"UserName": user, argument: holding.id})


def has_console_password(iam: AwsClient, user: str) -> bool:
    """Whether a user has a console password.

    Raises:
        AwsError: it could not be asked.
    """
    try:
        with calling_aws(f"asking whether {user} has a console password"):
            iam.get_login_profile(UserName=user)
    except AwsError as error:
        if error.failure is AwsFailure.NOT_FOUND:
            return False
        raise
    return True


def _devices(iam: AwsClient, user: str) -> list[Holding]:
    devices = list_mfa_devices(iam, user)
    return [Holding(HoldingKind.MFA_DEVICE, one.serial, one.kind.value) for one in devices]


def _credentials(iam: AwsClient, user: str) -> list[Holding]:
    answer = iam.list_service_specific_credentials(UserName=user)
    return [
        Holding(
            HoldingKind.SERVICE_CREDENTIAL, one["ServiceSpecificCredentialId"], one.get("ServiceName", "")
        )
        for one in answer["ServiceSpecificCredentials"]
    ]


def _pages(
    kind: HoldingKind, operation: str, field: str, identifier: str = "", note: str = ""
) -> Callable[[AwsClient, str], list[Holding]]:
    """Asks with a paginator.

    Args:
        kind: what is listed.
        operation: the client's method.
        field: where an answer holds its entries.
        identifier: where an entry holds its id; "" where the entry is the id itself.
        note: where an entry holds what is told beside it, or "".
    """

    def ask(iam: AwsClient, user: str) -> list[Holding]:
        pages = iam.get_paginator(operation).paginate(UserName=user)
        return [_holding(entry) for page in pages for entry in page[field]]

    def _holding(entry: Any) -> Holding:
        if not identifier:
            return Holding(kind, str(entry))
        return Holding(kind, str(entry[identifier]), str(entry.get(note, "")) if note else "")

    return ask


_LISTED: Mapping[HoldingKind, Callable[[AwsClient, str], list[Holding]]] = {
    HoldingKind.MFA_DEVICE: _devices,
    HoldingKind.SSH_KEY: _pages(
        HoldingKind.SSH_KEY, "list_ssh_public_keys", "SSHPublicKeys", "SSHPublicKeyId", "Status"
    ),
    HoldingKind.SERVICE_CREDENTIAL: _credentials,
    HoldingKind.CERTIFICATE: _pages(
        HoldingKind.CERTIFICATE, "list_signing_certificates", "Certificates", "CertificateId", "Status"
    ),
    HoldingKind.INLINE_POLICY: _pages(HoldingKind.INLINE_POLICY, "list_user_policies", "PolicyNames"),
    HoldingKind.ATTACHED_POLICY: _pages(
        HoldingKind.ATTACHED_POLICY, "list_attached_user_policies", "AttachedPolicies", "PolicyArn"
    ),
    HoldingKind.GROUP: _pages(HoldingKind.GROUP, "list_groups_for_user", "Groups", "GroupName"),
}
_REMOVED: Mapping[HoldingKind, tuple[str, str]] = {
    HoldingKind.SSH_KEY: ("delete_ssh_public_key", "SSHPublicKeyId"),
    HoldingKind.SERVICE_CREDENTIAL: ("delete_service_specific_credential", "ServiceSpecificCredentialId"),
    HoldingKind.CERTIFICATE: ("delete_signing_certificate", "CertificateId"),
    HoldingKind.INLINE_POLICY: ("delete_user_policy", "PolicyName"),
    HoldingKind.ATTACHED_POLICY: ("detach_user_policy", "PolicyArn"),
    HoldingKind.GROUP: ("remove_user_from_group", "GroupName"),
}
