"""The AWS credentials that a layer's Terraform gets, and the accounts that they answer for.

Terraform reads the project's own profile files as they are, unless a profile that the layer names wants an
MFA code or signs in through SSO. Terraform cannot ask for the one and does not always know the other, so the
wizard takes on the role, and what that gives is in a private pair of files for as long as Terraform runs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import timedelta

from workflows.core.errors import OnboardError
from workflows.core.secret import Secret
from workflows.layer.project import LayerLocation, Project
from workflows.services.clients import Credentials, ProfileFiles
from workflows.services.kept_credentials import SHORTEST_REST, write_pair
from workflows.steps.account_check import CodeWanted, WrongAccount, check_account, factory_for
from workflows.steps.assumed_roles import assumed
from workflows.steps.base import Context, Progress, Report
from workflows.steps.kept_roles import keep_roles, kept_role, keyring_of
from workflows.steps.left_behind import credentials_folder, release_credentials
from workflows.steps.terraform_profiles import (
    LayerProfile,
    Source,
    profiles_of,
    project_files,
    settings_without_code,
)

__all__ = [
    "CodeWanted",
    "WrongAccount",
    "code_needed",
    "credential_files",
    "device_of",
    "factory_for",
    "keyring_of",
]


def device_of(context: Context, project: Project, location: LayerLocation) -> str:
    """The MFA device that the profile of the layer itself asks a code of, or "".

    Raises:
        OnboardError: a profile is not there, or the files cannot be parsed.
    """
    own, *_ = profiles_of(context, project, location)
    return own.serial


def code_needed(
    context: Context, project: Project, location: LayerLocation, rest: timedelta = SHORTEST_REST
) -> str:
    """The device that a code is needed of now, or "": none is wanted, or the roles were taken on before.

    Args:
        context: what the step may read.
        project: the project.
        location: the layer.
        rest: how long credentials have to last at least.

    Raises:
        OnboardError: a profile is not there, or the files cannot be parsed.
    """
    for one in profiles_of(context, project, location):
        if one.source is Source.CODE:
            kept = kept_role(context, project, one, rest)
            if kept is None:
                return one.serial
            kept.drop()
    return ""


@contextlib.contextmanager
def credential_files(
    context: Context,
    project: Project,
    location: LayerLocation,
    code: Secret | None,
    report: Report,
    rest: timedelta = SHORTEST_REST,
) -> Iterator[ProfileFiles]:
    """The profile files for Terraform, each of whose profiles was asked which account it is for.

    Args:
        context: what the step may read.
        project: the project.
        location: the layer.
        code: the MFA code, if a profile wants one; it is dropped.
        report: takes the progress.
        rest: how long temporary credentials have to last at least.

    Yields:
        The project's own files, or a temporary private pair. That is gone afterwards, unless the wizard was
        left and Terraform goes on: then it stays for as long as Terraform runs (see `left_behind`).

    Raises:
        CodeWanted: a code is needed and was not given.
        WrongAccount: a profile answers for another account.
        OnboardError: AWS refuses, or cannot be reached.
    """
    profiles = profiles_of(context, project, location)
    with contextlib.ExitStack() as stack:
        files = project_files(context, project)
        if any(one.source is not Source.FILES for one in profiles):
            folder = credentials_folder(context.folder, location.account)
            stack.callback(release_credentials, context.folder, location.account)
            with _given(context, project, profiles, code, report, rest) as given:
                settings = dict(settings_without_code(context, project, location))
                settings |= {one.name: _region_of(one) for one in profiles if one.name in given}
                files = write_pair(folder, settings, given)
        for one in profiles:
            report(Progress(f"Asking AWS which account {one.name} is for"))
            check_account(context, project, one, files)
        yield files


@contextlib.contextmanager
def _given(
    context: Context,
    project: Project,
    profiles: Sequence[LayerProfile],
    code: Secret | None,
    report: Report,
    rest: timedelta,
) -> Iterator[dict[str, Credentials]]:
    """The temporary credentials of the profiles that need some, by name; they are dropped afterwards."""
    given: dict[str, Credentials] = {}
    try:
        for one in profiles:
            if one.source is Source.SSO:
                report(Progress(f"Asking SSO for the credentials of {one.name}"))
                files = project_files(context, project)
                given[one.name] = factory_for(context, project).profile_credentials(files, one.name)
        devices = dict.fromkeys(one.serial for one in profiles if one.source is Source.CODE)
        if len(devices) > 1 and keyring_of(context) is None:
            raise _several_devices(tuple(devices))
        for serial in devices:
            group = [one for one in profiles if one.serial == serial]
            given |= _with_code(context, project, group, code, report, rest)
        yield given
    finally:
        for credentials in given.values():
            credentials.drop()
        if code is not None:
            code.drop()


def _several_devices(serials: Sequence[str]) -> OnboardError:
    """Their codes are asked for one after the other, and what the first gave has to be kept meanwhile."""
    return OnboardError(
        "Two MFA devices, and no keyring",
        f"The profiles that the layer names want codes of {' and '.join(serials)}.",
        why="One is asked for after the other, and there is no keyring to keep what the first one gives.",
        next="Unlock or install the system's keyring (`iam-onboard doctor` tells), then try again.",
    )


def _with_code(
    context: Context,
    project: Project,
    group: Sequence[LayerProfile],
    code: Secret | None,
    report: Report,
    rest: timedelta,
) -> dict[str, Credentials]:
    """The credentials of the profiles of one device: those that are kept, and new ones with the code."""
    found = {one.name: kept_role(context, project, one, rest) for one in group}
    missing = [one for one in group if found[one.name] is None]
    given = {name: kept for name, kept in found.items() if kept is not None}
    if missing:
        if not code:
            raise CodeWanted(missing[0].name, missing[0].serial)
        report(Progress(f"Taking on the role of {', '.join(one.name for one in missing)}"))
        new = assumed(factory_for(context, project), project_files(context, project), missing, code, context)
        given |= new
        keep_roles(context, project, new, report)
    return given


def _region_of(one: LayerProfile) -> dict[str, str]:
    region = str(one.settings.get("region") or "")
    return {"region": region} if region else {}
