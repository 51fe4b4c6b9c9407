"""Why a role profile does not work, in words that tell whom to ask for what."""

from __future__ import annotations

from workflows.core.errors import OnboardError
from workflows.core.sentences import joined
from workflows.services.aws_errors import AwsError, AwsFailure
from workflows.services.profiles.plan import region_problems
from workflows.services.role_profiles import RoleProfile


class MfaNeeded(OnboardError):  # noqa: N818 - as the other refusals are named
    """The role wants a session that began with an MFA code, and no code was given."""


def unusable_role(profile: RoleProfile) -> OnboardError | None:
    """Why a role need not be asked about: what the profile names is no role at all; None if it is one."""
    if profile.account:
        return None
    return OnboardError(
        "No role is named",
        f"Its role_arn “{profile.role_arn}” is not the ARN of a role.",
        why="A role's ARN looks like arn:aws:iam::123456789012:role/DevOps.",
        next="Correct role_arn in the project's `config`, or write the profile again.",
    )


def unusable_region(region: str) -> OnboardError | None:
    """Why a region need not be asked: AWS does not have it; None if it does."""
    if not (problems := region_problems(region)):
        return None
    return OnboardError(
        "No such region",
        joined(problem.message for problem in problems),
        next="Correct the profile's region in the project's `config`, or write the profile again.",
    )


def role_refusal(
    error: AwsError, profile: RoleProfile, *, with_mfa: bool, elsewhere: bool = False
) -> OnboardError:
    """Why a role cannot be assumed. AWS says AccessDenied for all of it; newer messages tell who denies.

    Args:
        error: what AWS said.
        profile: the role's profile.
        with_mfa: whether the session that asked began with an MFA code.
        elsewhere: whether the profile's region is another one than that in which the key was proved; a
            region that is not enabled says of a good key that it does not know it.
    """
    if error.failure is AwsFailure.REGION_DISABLED or (elsewhere and error.failure is AwsFailure.KEY_UNKNOWN):
        return _region_off(error, profile)
    if error.failure not in {AwsFailure.DENIED, AwsFailure.DENIED_EXPLICITLY}:
        return error
    what = f"AWS does not let you assume {profile.role_arn}."
    if not with_mfa and (profile.mfa_serial is not None or error.failure is AwsFailure.DENIED_EXPLICITLY):
        return MfaNeeded(
            "MFA is needed",
            what,
            why="The role wants a session that began with an MFA code, and this one did not.",
            next="Verify again with a code from your device.",
            detail=error.detail,
        )
    why, remedy = _denied(error.message.lower(), profile, with_mfa=with_mfa)
    return OnboardError("The role cannot be assumed", what, why=why, next=remedy, detail=error.detail)


def not_asked(profile: RoleProfile, problem: OnboardError) -> OnboardError:
    """A role whose base profile has a key that does not work."""
    return OnboardError(
        "Not asked",
        f"It uses the access key of {profile.source}, which does not work.",
        why=problem.what,
        next=problem.next,
    )


def _region_off(error: AwsError, profile: RoleProfile) -> OnboardError:
    place = f"region {profile.region}" if profile.region else "the region"
    return OnboardError(
        "The region is switched off",
        f"AWS has {place} switched off for this account.",
        why="The region is not enabled, or its STS endpoint is deactivated.",
        next=f"Give the profile one of the project's regions, or have {place} activated.",
        detail=error.detail,
    )


def _denied(message: str, profile: RoleProfile, *, with_mfa: bool) -> tuple[str, str]:
    """Cause and remedy of a denial, as far as AWS's message tells them apart."""
    role = f"{profile.role_name} in {profile.account}"
    if "no identity-based policy" in message:
        return (
            "None of your groups allows this role.",
            f"Ask your administrator for a group that may assume {role}.",
        )
    if "no resource-based policy" in message or "trust policy" in message:
        return (
            "The role's trust policy does not name your account.",
            f"Ask your administrator to let your account assume {role}.",
        )
    causes = [
        f"account {profile.account} has no role named {profile.role_name}",
        "its trust policy does not name your account",
        "none of your groups allows it",
        *([] if with_mfa else ["it asks for an MFA code"]),
    ]
    return (
        f"One of these: {'; '.join(causes)}.",
        "Compare the role's name with the other profiles, then ask your administrator.",
    )
