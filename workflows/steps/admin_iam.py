"""IAM as the administrator: with the same profile, role and MFA session that Terraform uses in a layer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from workflows.core.secret import Secret
from workflows.layer.project import LayerLocation, Project
from workflows.services.clients import AwsClient, ProfileFiles
from workflows.steps.base import Context, Report
from workflows.steps.terraform_credentials import credential_files, device_of, factory_for
from workflows.steps.terraform_profiles import layer_profile
from workflows.steps.terraform_runs import located


@contextlib.contextmanager
def administrator(context: Context, report: Report, code: Secret | None = None) -> Iterator[AwsClient]:
    """An IAM client in the account of the step's layer, which was checked to be that account.

    Args:
        context: what the step may read.
        report: takes the progress.
        code: an MFA code, where the layer's profile wants one.

    Yields:
        The client; temporary credentials are gone afterwards.

    Raises:
        CodeWanted, WrongAccount: as `credential_files`.
        OnboardError: the layer or its profile is not there, or AWS does not answer.
    """
    project, location = located(context)
    with (
        credential_files(context, project, location, code, report) as files,
        iam_client(context, project, location, files) as client,
    ):
        yield client


@contextlib.contextmanager
def iam_client(
    context: Context, project: Project, location: LayerLocation, files: ProfileFiles
) -> Iterator[AwsClient]:
    """An IAM client that signs as a layer's profile of these files.

    Raises:
        AwsError: the profile cannot be used.
    """
    with factory_for(context, project).profile_client("iam", files, layer_profile(location)) as client:
        yield client


def own_device(context: Context) -> str:
    """The MFA device that the layer's profile itself asks a code of, or "".

    Raises:
        OnboardError: the layer or its profile is not there.
    """
    return device_of(context, *located(context))
