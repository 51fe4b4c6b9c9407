"""Which account a profile answers for, held against the one that it is for, before Terraform runs with it."""

from __future__ import annotations

from workflows.core.errors import OnboardError
from workflows.layer.project import Project
from workflows.services.aws_errors import AwsError, AwsFailure, about_key_of
from workflows.services.client_settings import USUAL_REGION
from workflows.services.clients import ClientFactory, ProfileFiles
from workflows.services.sts import caller_identity
from workflows.steps.base import Context
from workflows.steps.kept_roles import forget_role
from workflows.steps.terraform_profiles import LayerProfile, Source, project_files


class CodeWanted(OnboardError):  # noqa: N818 - it says what is needed
    """A profile of the layer needs an MFA code, and none was given; `serial` is the device."""

    def __init__(self, profile: str, serial: str) -> None:
        super().__init__(
            "An MFA code is needed",
            f"The profile {profile} takes on its role only with a code of {serial}.",
            next="Enter the six digits that the device shows now, and press Next again.",
        )
        self.serial = serial


class WrongAccount(OnboardError):  # noqa: N818 - it says what is wrong
    """Credentials answer for another account than the one that they are for."""


def check_account(context: Context, project: Project, profile: LayerProfile, files: ProfileFiles) -> None:
    """Compare the account that answers with the one that the profile is for.

    Raises:
        WrongAccount: they differ.
        CodeWanted: AWS does not take the kept credentials any more; they are forgotten.
        OnboardError: the project does not know the layer's account, or AWS does not answer.
    """
    if profile.account and not profile.account_id:
        raise OnboardError(
            "The account is not known",
            f"The project does not say which account {profile.account} is.",
            why="Without its id nobody can tell whether the credentials are for the right account.",
            next=f"Add {profile.account} with its id to `accounts` in config/common.tfvars.",
        )
    try:
        client = factory_for(context, project).profile_client("sts", files, profile.name)
        with about_key_of(profile.base), client as sts:
            identity = caller_identity(sts)
    except AwsError as error:
        if error.failure not in {AwsFailure.EXPIRED, AwsFailure.KEY_UNKNOWN}:
            raise
        raise _over(error, context, project, profile) from error
    if profile.account_id and identity.account != profile.account_id:
        raise WrongAccount(
            "Wrong account",
            f"The profile {profile.name} answers for the account {identity.account}, and {profile.account} "
            f"is {profile.account_id}.",
            why=f"Planning with it would compare this layer with the wrong account ({profile.place}).",
            next=f"Put the credentials of {profile.account} under {profile.name} in the project's files, "
            f"{project_files(context, project).config_file.parent}.",
        )


def _over(error: AwsError, context: Context, project: Project, profile: LayerProfile) -> OnboardError:
    """What to do about credentials that AWS does not take any more."""
    if profile.source is Source.CODE:
        forget_role(context, project, profile.name)
        return CodeWanted(profile.name, profile.serial)
    file = project_files(context, project).credentials_file
    if error.failure is AwsFailure.KEY_UNKNOWN:
        return OnboardError(
            error.title,
            f"AWS does not accept the access key of {profile.name} ({file}).",
            why=error.why,
            next=f"Wait a moment and try again. If it stays, put a key that works under {profile.name}.",
            detail=error.detail,
        )
    if error.failure is AwsFailure.EXPIRED:
        return OnboardError(
            "The credentials have expired",
            f"The temporary credentials of {profile.name} in {file} are no longer valid.",
            why="They end after some hours, and whatever wrote them there has to write new ones.",
            next="Renew them as you got them (for example by `leverage aws sso login`), then try again.",
            detail=error.detail,
        )
    return error


def factory_for(context: Context, project: Project) -> ClientFactory:
    """What makes the clients for a project's profiles."""
    world = context.world
    return ClientFactory(
        world.endpoint_url, project.region_primary or USUAL_REGION, environment=world.environment
    )
