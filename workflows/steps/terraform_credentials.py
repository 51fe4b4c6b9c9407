"""The AWS credentials that a layer's Terraform gets, and the account that they answer for.

Terraform reads the project's own profile files as they are. A profile that wants an MFA code is the
exception: Terraform cannot ask for one, so the role is taken on over STS first, and its temporary credentials
are in a private pair of files for as long as Terraform runs with them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workflows.errors import OnboardError
from workflows.layer.discover import LayerLocation, Project
from workflows.secret import Secret
from workflows.services.clients import ClientFactory, Credentials, ProfileFiles, profile_map
from workflows.services.kept_credentials import keep_credentials, kept_credentials, write_pair
from workflows.services.sts import CodeMemory, assume_role, caller_identity
from workflows.services.vault import Vault, VaultUnavailable
from workflows.steps.base import Context, Progress, Report
from workflows.steps.left_behind import credentials_folder, release_credentials


class CodeWanted(OnboardError):  # noqa: N818 - it says what is needed
    """The layer's profile needs an MFA code, and none was given."""

    def __init__(self, profile: str, serial: str) -> None:
        super().__init__(
            "An MFA code is needed",
            f"The profile {profile} takes on its role only with a code of {serial}.",
            next="Enter the six digits that the device shows now, and press Next again.",
        )


class WrongAccount(OnboardError):  # noqa: N818 - it says what is wrong
    """The credentials answer for another account than the layer's."""


@dataclass(frozen=True)
class MfaRole:
    """A profile that takes on a role with an MFA code.

    Attributes:
        profile: its name.
        serial: the device.
        settings: the profile's own settings.
    """

    profile: str
    serial: str
    settings: Mapping[str, Any]


def project_files(context: Context, project: Project) -> ProfileFiles:
    """The project's profile files in the person's home."""
    folder = context.world.home / ".aws" / project.name
    return ProfileFiles(folder / "config", folder / "credentials")


def layer_profile(location: LayerLocation) -> str:
    """The profile that a layer's backend names.

    Raises:
        OnboardError: it names none.
    """
    profile = location.backend.get("profile", "")
    if not profile:
        raise OnboardError(
            "The layer names no profile",
            f"{location.backend_config} has no `profile`.",
            why="It says with which credentials the state is read and the account is changed.",
            next='Add a line such as  profile = "bb-security-devops"  to it.',
        )
    return profile


def mfa_role(context: Context, project: Project, location: LayerLocation) -> MfaRole | None:
    """The role that wants a code before Terraform can use the layer's profile; None if it needs none.

    Raises:
        OnboardError: the profile is not there, or the files cannot be parsed.
    """
    files, profile = project_files(context, project), layer_profile(location)
    settings = profile_map(files).get(profile)
    if settings is None:
        raise OnboardError(
            "The layer's profile is missing",
            f"There is no profile {profile} in {files.config_file} or {files.credentials_file}.",
            why=f"{location.relative} is planned and applied with it.",
            next="Add the profile to these files, or ask a colleague how it is set up.",
        )
    if settings.get("role_arn") and settings.get("mfa_serial"):
        return MfaRole(profile, str(settings["mfa_serial"]), settings)
    return None


def code_needed(context: Context, project: Project, location: LayerLocation) -> str:
    """The device that a code is needed of now, or "": none is wanted, or the role was taken on before.

    Raises:
        OnboardError: as `mfa_role`.
    """
    role = mfa_role(context, project, location)
    if role is None:
        return ""
    kept = kept_credentials(keyring_of(context), _vault_name(project, role), context.world.now())
    if kept is None:
        return role.serial
    kept.drop()
    return ""


@contextlib.contextmanager
def credential_files(
    context: Context, project: Project, location: LayerLocation, code: Secret | None, report: Report
) -> Iterator[ProfileFiles]:
    """The profile files for Terraform, which answer for the layer's account: checked before anything runs.

    Args:
        context: what the step may read.
        project: the project.
        location: the layer.
        code: the MFA code, if the profile wants one; it is dropped.
        report: takes the progress.

    Yields:
        The project's own files, or a temporary private pair. That is gone afterwards, unless the wizard was
        left and Terraform goes on: then it stays for as long as Terraform runs (see `left_behind`).

    Raises:
        CodeWanted: a code is needed and was not given.
        WrongAccount: the profile answers for another account.
        OnboardError: AWS refuses, or cannot be reached.
    """
    role = mfa_role(context, project, location)
    with contextlib.ExitStack() as stack:
        files = project_files(context, project)
        if role is not None:
            temporary = credentials_folder(context.folder, location.account)
            stack.callback(release_credentials, context.folder, location.account)
            report(Progress(f"Taking on the role of {role.profile}"))
            credentials = _role_credentials(context, project, role, code)
            try:
                region = str(role.settings.get("region") or "")
                files = write_pair(temporary, role.profile, region, credentials)
            finally:
                credentials.drop()
        report(Progress(f"Asking AWS which account {layer_profile(location)} is for"))
        check_account(context, project, location, files)
        yield files


def check_account(context: Context, project: Project, location: LayerLocation, files: ProfileFiles) -> None:
    """Compare the account that answers with the one that the layer is for.

    Raises:
        WrongAccount: they differ.
        OnboardError: the project does not know the layer's account, or AWS does not answer.
    """
    profile = layer_profile(location)
    if not location.account_id:
        raise OnboardError(
            "The account is not known",
            f"The project does not say which account {location.account} is.",
            why="Without its id nobody can tell whether the credentials are for the right account.",
            next=f"Add {location.account} with its id to `accounts` in config/common.tfvars.",
        )
    with _factory(context, project).profile_client("sts", files, profile) as sts:
        identity = caller_identity(sts)
    if identity.account != location.account_id:
        raise WrongAccount(
            "Wrong account",
            f"The profile {profile} answers for the account {identity.account}, and {location.account} is "
            f"{location.account_id}.",
            why="Planning with it would compare this layer with the wrong account.",
            next=f"Put the credentials of {location.account} under {profile} in {files.credentials_file}.",
        )


def _factory(context: Context, project: Project) -> ClientFactory:
    world = context.world
    return ClientFactory(
        world.endpoint_url, project.region_primary or "us-east-1", environment=world.environment
    )


def _role_credentials(context: Context, project: Project, role: MfaRole, code: Secret | None) -> Credentials:
    vault = keyring_of(context)
    name = _vault_name(project, role)
    kept = kept_credentials(vault, name, context.world.now())
    if kept is not None:
        return kept
    if not code:
        raise CodeWanted(role.profile, role.serial)
    settings, source = role.settings, str(role.settings.get("source_profile") or role.profile)
    duration = settings.get("duration_seconds")
    try:
        with _factory(context, project).profile_client("sts", project_files(context, project), source) as sts:
            credentials, _ = assume_role(
                sts,
                str(settings["role_arn"]),
                session_name=str(settings.get("role_session_name") or "iam-onboard"),
                external_id=settings.get("external_id"),
                seconds=int(duration) if duration else None,
                mfa=(role.serial, code.reveal()),
                memory=CodeMemory(),
            )
    finally:
        code.drop()
    if vault is not None:
        keep_credentials(vault, name, credentials)
    return credentials


def _vault_name(project: Project, role: MfaRole) -> str:
    return f"{project.name}/terraform/{role.profile}"


def keyring_of(context: Context) -> Vault | None:
    """Where temporary credentials are kept until they expire; without a keyring a code is asked for again."""
    try:
        return context.world.vault("").vault
    except VaultUnavailable:
        return None
