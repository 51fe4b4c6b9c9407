"""Find the profiles in a project's two files, and verify them at the end: ask AWS for each one's identity.

They are asked in parallel, with one MFA code for all.

The SDK would ask for a code for each role profile, and AWS accepts each code only once: twenty profiles would
take ten minutes. Here one session starts with the code (GetSessionToken) and assumes the roles, which
satisfies every policy that requires MFA, in the user's account and in the roles' trust policies.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import Enum, unique
from threading import Event
from typing import Any

from workflows.aws import sts
from workflows.aws.clients import AwsClient, ClientFactory, ProfileFiles, profile_map
from workflows.aws.errors import UNREACHABLE, AwsError, AwsFailure
from workflows.core.secret import Credentials
from workflows.core.sentences import Cancelled, OnboardError, Sentence, joined
from workflows.profiles.plan import region_problems

# IAM User Guide, "IAM identifiers": the path is a part of the name here.
_ROLE_ARN = re.compile(r"arn:[a-z-]+:iam::(?P<account>[0-9]{12}):role/(?P<name>[\x21-\x7e]+)")


@dataclass(frozen=True)
class RoleProfile:
    """A profile that assumes a role with another one's credentials.

    Attributes:
        name: the profile's name.
        role_arn: the role's ARN.
        source: the profile whose credentials are used.
        region: its own region, or None.
        mfa_serial: the device, or None.
        external_id: the external id for the role's trust policy, or None.
    """

    name: str
    role_arn: str
    source: str
    region: str | None
    mfa_serial: str | None
    external_id: str | None

    @property
    def account(self) -> str:
        """The role's account; "" if its ARN is invalid."""
        match = _ROLE_ARN.fullmatch(self.role_arn)
        return match["account"] if match else ""

    @property
    def role_name(self) -> str:
        """The role's name with its path, for the switch-role page; "" if its ARN is invalid."""
        match = _ROLE_ARN.fullmatch(self.role_arn)
        return match["name"] if match else ""


def base_profiles(files: ProfileFiles) -> tuple[str, ...]:
    """Return the profiles with their own keys, in the files or from a `credential_process`; sorted.

    Raises:
        AwsError: a file cannot be parsed.
    """
    keys = {"aws_access_key_id", "credential_process"}
    return tuple(sorted(name for name, settings in profile_map(files).items() if keys & settings.keys()))


def role_profiles(files: ProfileFiles, base: str) -> tuple[RoleProfile, ...]:
    """Return the profiles whose `source_profile` is this base profile; sorted by name.

    Raises:
        AwsError: a file cannot be parsed.
    """
    found = [
        _role_profile(name, settings)
        for name, settings in profile_map(files).items()
        if "role_arn" in settings and settings.get("source_profile") == base
    ]
    return tuple(sorted(found, key=lambda profile: profile.name))


def orphan_roles(files: ProfileFiles) -> tuple[RoleProfile, ...]:
    """Return the role profiles whose `source_profile` has no keys and is no role itself; sorted by name.

    Raises:
        AwsError: a file cannot be parsed.
    """
    profiles, bases = profile_map(files), set(base_profiles(files))
    found = [
        _role_profile(name, settings)
        for name, settings in profiles.items()
        if "role_arn" in settings
        and (source := settings.get("source_profile"))
        and source not in bases
        and "role_arn" not in profiles.get(str(source), {})
    ]
    return tuple(sorted(found, key=lambda profile: profile.name))


def other_profiles(files: ProfileFiles, asked: Collection[str]) -> tuple[str, ...]:
    """Return the profiles not among `asked`, which use neither a key nor a role based on one; sorted.

    Raises:
        AwsError: a file cannot be parsed.
    """
    return tuple(sorted(profile_map(files).keys() - set(asked)))


def needs_code(files: ProfileFiles, base: str) -> str | None:
    """Return the serial of the MFA device for roles on this base profile; None if no role needs a code.

    Raises:
        AwsError: a file cannot be parsed.
    """
    roles = role_profiles(files, base)
    own = profile_map(files).get(base, {}).get("mfa_serial") if roles else None
    return next((str(serial) for serial in (own, *(role.mfa_serial for role in roles)) if serial), None)


def _role_profile(name: str, settings: Mapping[str, Any]) -> RoleProfile:
    optional = {key: settings.get(key) or None for key in ("region", "mfa_serial", "external_id")}
    return RoleProfile(name, str(settings["role_arn"]), str(settings["source_profile"]), **optional)


MOST_THREADS = 16
_NO_ANSWER = UNREACHABLE | {
    AwsFailure.PROCESS,
    AwsFailure.CLOCK,
    AwsFailure.THROTTLED,
    AwsFailure.UNAVAILABLE,
}
"""Failures that say nothing about a profile."""


@unique
class Hindrance(Enum):
    """Why a profile doesn't work, if more is known than AWS's error; the value is the title."""

    NO_ROLE = "No role is named"
    NO_REGION = "No such region"
    REGION_OFF = "The region is switched off"
    NO_DEVICE = "The profile has no MFA device"
    CODE = "The role needs MFA"
    ROLE = "Can't assume the role"
    KEY = "Not asked"


class Hindered(OnboardError):  # noqa: N818 - as the other refusals are named
    """A profile that does not work.

    Attributes:
        hindrance: why.
        for_admin: whether only an admin can change that.
    """

    def __init__(
        self, hindrance: Hindrance, what: Sentence, *, for_admin: bool = False, **texts: Sentence
    ) -> None:
        super().__init__(hindrance.value, what, **texts)
        self.hindrance, self.for_admin = hindrance, for_admin


class MfaNeeded(Hindered):
    """The role requires a session with an MFA code, and there was no code."""


@dataclass(frozen=True)
class Result:
    """One profile's answer.

    Attributes:
        profile: its name.
        arn: its identity; "" if it doesn't work.
        problem: why it doesn't work and what to do, or "".
        title: a short title for the problem, or "".
        for_admin: whether only an admin can make it work.
        error: the problem itself, unless it was recorded.
    """

    profile: str
    arn: str
    problem: Sentence = ""
    title: Sentence = ""
    for_admin: bool = False
    error: OnboardError | None = field(default=None, compare=False)

    @property
    def wants_code(self) -> bool:
        """Whether another code is all that is missing, as far as known."""
        return isinstance(self.error, sts.WrongCode | sts.RepeatedCode | MfaNeeded)

    @property
    def stopped_working(self) -> bool:
        """Whether AWS rejected it now: no code is missing, and AWS did answer."""
        unanswered = isinstance(self.error, AwsError) and self.error.failure in _NO_ANSWER
        return self.error is not None and not self.wants_code and not unanswered

    @property
    def wants_device(self) -> bool:
        """Whether the profile names no MFA device, or another than AWS knows."""
        if isinstance(self.error, Hindered):
            return self.error.hindrance is Hindrance.NO_DEVICE
        return isinstance(self.error, AwsError) and self.error.failure is AwsFailure.MFA_DEVICE

    @classmethod
    def failed(cls, profile: str, error: OnboardError) -> Result:
        """Create the result of a profile that doesn't work."""
        for_admin = isinstance(error, Hindered) and error.for_admin
        for_admin |= isinstance(error, AwsError) and error.failure is AwsFailure.DENIED_FROM_ABOVE
        return cls(profile, "", error.sentences, error.title, for_admin, error)


@dataclass(frozen=True)
class _Roles:
    """Verifies the role profiles.

    Attributes:
        factory: makes the clients.
        session: the credentials that assume the roles.
        with_mfa: whether that session started with a code.
        region: the region of profiles without one.
        cancelled: once set, no further request is started.
    """

    factory: ClientFactory
    session: Credentials
    with_mfa: bool
    region: str
    cancelled: Event

    def ask(self, profiles: Sequence[RoleProfile], answered: Callable[[Result], None]) -> None:
        """Verify every role profile in threads, which share one client per region safely."""
        if not profiles:
            return
        with ExitStack() as stack:
            clients = self._clients({profile.region or self.region for profile in profiles}, stack)
            threads = min(MOST_THREADS, len(profiles))
            pool = stack.enter_context(ThreadPoolExecutor(threads, thread_name_prefix="verify"))
            waiting = [
                pool.submit(self._one, clients[profile.region or self.region], profile)
                for profile in profiles
            ]
            try:
                for future in as_completed(waiting):
                    self._stop_if_cancelled()
                    answered(future.result())
            except BaseException:  # Ctrl-C too: start no further requests
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _stop_if_cancelled(self) -> None:
        if self.cancelled.is_set():
            raise Cancelled(
                "Stopped", "The check of the profiles was stopped.", next="Start it again when you like."
            )

    def _clients(self, regions: set[str], stack: ExitStack) -> dict[str, AwsClient | OnboardError]:
        """Return a client for each region, or why there is none."""
        clients: dict[str, AwsClient | OnboardError] = {}
        for region in regions:
            try:
                if problems := region_problems(region):
                    raise Hindered(
                        Hindrance.NO_REGION,
                        joined(problem.message for problem in problems),
                        next="Correct the profile's region in the project's `config`, or write the profile "
                        "again.",
                    )
                clients[region] = stack.enter_context(self.factory.client("sts", self.session, region))
            except OnboardError as error:
                clients[region] = error
        return clients

    def _one(self, client: AwsClient | OnboardError, profile: RoleProfile) -> Result:
        """Assume the role and ask AWS for its identity."""
        if self.cancelled.is_set():
            return Result.failed(profile.name, Cancelled("Stopped", "iam-onboard didn't ask it."))
        if isinstance(problem := _unusable_role(profile) or client, OnboardError):
            return Result.failed(profile.name, problem)
        region = profile.region or self.region
        try:
            assumed, _ = sts.assume_role(client, profile.role_arn, external_id=profile.external_id)
            with assumed, self.factory.client("sts", assumed, region) as own:
                return Result(profile.name, sts.caller_identity(own).arn)
        except AwsError as error:
            elsewhere = profile.region not in {None, self.region}
            refusal = _refusal(error, profile, with_mfa=self.with_mfa, elsewhere=elsewhere)
            return Result.failed(profile.name, refusal)
        except OnboardError as error:
            return Result.failed(profile.name, error)


def verify_profiles(
    factory: ClientFactory,
    files: ProfileFiles,
    base: str,
    *,
    code: str | None,
    memory: sts.CodeMemory,
    report: Callable[[Result], None],
    cancelled: Event,
    only: Sequence[str] | None = None,
    keys: Credentials | None = None,
) -> None:
    """Verify the base profile and all profiles that build on it.

    Args:
        files: the project's profile files.
        base: the profile with the keys.
        code: six digits of the device from `needs_code`; None tries without.
        memory: the codes sent to AWS so far.
        report: called with each result as it arrives, the base profile's first, in the calling thread.
        cancelled: once set, no further request is started.
        only: names of profiles to verify; None for all.
        keys: the base profile's access key, if the caller has it (from the vault); it is dropped at the
            end. None reads it from the files, or from their `credential_process`.

    Raises:
        WrongCode, RepeatedCode: the code cannot be used; no role was asked.
        AwsError: the files cannot be read, or the MFA session failed.
        Cancelled: it was stopped.
    """
    region = str(profile_map(files).get(base, {}).get("region") or factory.region)
    roles = [profile for profile in role_profiles(files, base) if only is None or profile.name in only]
    with keys or factory.profile_credentials(files, base) as own, ExitStack() as stack:
        client = stack.enter_context(factory.client("sts", own, region))
        first = _verified_base(client, base)
        if only is None or base in only or first.error is not None:
            report(first)
        if first.error is not None:
            for profile in roles:
                what = f"It uses the access key of {profile.source}, which doesn't work."
                refused = Hindered(Hindrance.KEY, what, why=first.error.what, next=first.error.next)
                report(Result.failed(profile.name, refused if first.stopped_working else first.error))
            return
        session, serial = own, needs_code(files, base)
        if serial is not None and code is not None:
            session = stack.enter_context(sts.session_token(client, serial, code, memory=memory))
        _Roles(factory, session, session is not own, region, cancelled).ask(roles, report)


def _verified_base(client: AwsClient, base: str) -> Result:
    try:
        return Result(base, sts.caller_identity(client).arn)
    except OnboardError as error:
        return Result.failed(base, error)


def _unusable_role(profile: RoleProfile) -> OnboardError | None:
    """Return why a profile's role can't be asked about: its ARN isn't a role's; or None."""
    if profile.account:
        return None
    return Hindered(
        Hindrance.NO_ROLE,
        f"Its role_arn “{profile.role_arn}” isn't the ARN of a role.",
        why="A role's ARN looks like arn:aws:iam::123456789012:role/DevOps.",
        next="Correct role_arn in the project's `config`, or write the profile again.",
    )


def _refusal(error: AwsError, profile: RoleProfile, *, with_mfa: bool, elsewhere: bool) -> OnboardError:
    """Return why a role cannot be assumed, and what to ask for.

    Args:
        with_mfa: whether the session started with an MFA code.
        elsewhere: whether the profile's region differs from the one in which the key was verified; a
            region that is not enabled reports a good key as unknown.
    """
    if error.failure is AwsFailure.REGION_DISABLED or (elsewhere and error.failure is AwsFailure.KEY_UNKNOWN):
        place = f"region {profile.region}" if profile.region else "the region"
        return Hindered(
            Hindrance.REGION_OFF,
            f"AWS has {place} switched off for this account.",
            why="The region isn't enabled, or its STS endpoint is deactivated.",
            next=f"Give the profile one of the project's regions, or have {place} activated.",
            detail=error.detail,
        )
    if not error.denied or error.failure is AwsFailure.DENIED_FROM_ABOVE:
        return error
    what = f"AWS doesn't let you assume {profile.role_arn}."
    if not with_mfa and profile.mfa_serial is None and error.failure is AwsFailure.DENIED_EXPLICITLY:
        return Hindered(
            Hindrance.NO_DEVICE,
            what,
            why=f"A policy denies it, as many do without MFA. The profile {profile.name} names no device.",
            next="Add the device on Profiles, then verify again.",
            detail=error.detail,
        )
    if not with_mfa and profile.mfa_serial is not None:
        return MfaNeeded(
            Hindrance.CODE,
            what,
            why="The role needs a session started with an MFA code, and this one wasn't.",
            next="Verify again with a code from your device.",
            detail=error.detail,
        )
    role = f"{profile.role_name} in {profile.account}"
    match error.failure:
        case AwsFailure.NOT_GRANTED:
            why = "None of your groups allows this role."
            remedy = f"Ask your admin for a group that may assume {role}."
        case AwsFailure.NOT_TRUSTED:
            why = "The role's trust policy doesn't name your account."
            remedy = f"Ask your admin to let your account assume {role}."
        case _:
            causes = [
                f"account {profile.account} has no role named {profile.role_name}",
                "its trust policy doesn't name your account",
                "none of your groups allows it",
                *([] if with_mfa else ["it asks for an MFA code"]),
            ]
            why = f"One of these is true: {'; '.join(causes)}."
            remedy = "Compare the role's name with the other profiles, then ask your admin."
    known = error.failure in {AwsFailure.NOT_GRANTED, AwsFailure.NOT_TRUSTED}
    return Hindered(
        Hindrance.ROLE, what, why=why, next=remedy, detail=error.detail, for_admin=known or with_mfa
    )
