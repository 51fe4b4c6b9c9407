"""The proof at the end: every profile is asked who it is, in parallel, with one MFA code for all.

The SDK would ask for a code for each role profile, and AWS takes each code once: twenty profiles would
take ten minutes. Here one session begins with the code (GetSessionToken), and assumes the roles: that
satisfies every policy that asks for MFA, in the user's account and in the roles' trust policies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Any

from workflows.errors import Cancelled, OnboardError
from workflows.services import sts
from workflows.services.aws_errors import AwsError, AwsFailure
from workflows.services.clients import AwsClient, ClientFactory, Credentials, ProfileFiles, profile_map
from workflows.services.shell_lines import Shell, export_lines, switch_role_url

__all__ = [
    "RoleProfile",
    "Shell",
    "Verification",
    "base_profiles",
    "export_lines",
    "needs_code",
    "role_profiles",
    "switch_role_url",
    "verify_profiles",
]

MOST_THREADS = 16


@dataclass(frozen=True)
class Verification:
    """What one profile answered.

    Attributes:
        profile: its name.
        arn: who it is; None if it does not work.
        problem: why it does not work; None if it does.
    """

    profile: str
    arn: str | None
    problem: OnboardError | None = None


@dataclass(frozen=True)
class RoleProfile:
    """A profile that assumes a role with another one's credentials.

    Attributes:
        name: of the profile.
        role_arn: the role.
        source: the profile whose credentials are used.
        region: its own region, or None.
        mfa_serial: the device, or None.
        external_id: what the role's trust policy may ask for, or None.
    """

    name: str
    role_arn: str
    source: str
    region: str | None
    mfa_serial: str | None
    external_id: str | None

    @property
    def account(self) -> str:
        """The account of the role."""
        return self.role_arn.split(":")[4]

    @property
    def role_name(self) -> str:
        """The role's name with its path, as the switch-role page takes it."""
        return self.role_arn.split(":", 5)[5].removeprefix("role/")


def base_profiles(files: ProfileFiles) -> tuple[str, ...]:
    """The profiles that have keys of their own, in the files or behind a `credential_process`; sorted.

    Raises:
        AwsError: a file cannot be parsed.
    """
    keys = {"aws_access_key_id", "credential_process"}
    return tuple(sorted(name for name, settings in profile_map(files).items() if keys & settings.keys()))


def role_profiles(files: ProfileFiles, base: str) -> tuple[RoleProfile, ...]:
    """The profiles whose `source_profile` is this base profile; sorted by name.

    Raises:
        AwsError: a file cannot be parsed.
    """
    found = [
        _role_profile(name, settings)
        for name, settings in profile_map(files).items()
        if "role_arn" in settings and settings.get("source_profile") == base
    ]
    return tuple(sorted(found, key=lambda profile: profile.name))


def needs_code(files: ProfileFiles, base: str) -> str | None:
    """The serial of the device whose code verifying this base profile needs; None where no profile names one.

    Raises:
        AwsError: a file cannot be parsed.
    """
    own = profile_map(files).get(base, {}).get("mfa_serial")
    serials = [own, *(profile.mfa_serial for profile in role_profiles(files, base))]
    return next((str(serial) for serial in serials if serial), None)


def verify_profiles(
    factory: ClientFactory,
    files: ProfileFiles,
    base: str,
    *,
    code: str | None,
    memory: sts.CodeMemory,
    report: Callable[[Verification], None],
    cancelled: Event,
    only: Sequence[str] | None = None,
    keys: Credentials | None = None,
) -> tuple[Verification, ...]:
    """Ask the base profile and all that build on it who they are.

    Args:
        factory: makes the clients.
        files: the project's profile files.
        base: the profile with the keys.
        code: the six digits of the device that `needs_code` names; None tries without.
        memory: the codes given to AWS so far.
        report: called with each answer as it comes, from the thread that called this function.
        cancelled: no further question is begun once it is set.
        only: names of profiles to ask; None for all.
        keys: the base profile's access key where the caller has it (from the vault); it is dropped at the
            end. None has it read from the files, or from the command that they name.

    Returns:
        All answers: the base profile's first, then the roles' by name.

    Raises:
        WrongCode, RepeatedCode: the code cannot be used; nothing was asked with it but that.
        AwsError: the files cannot be read, or no MFA session can be had.
        Cancelled: it was stopped.
    """
    settings = profile_map(files)
    region = str(settings.get(base, {}).get("region") or factory.region)
    serial = needs_code(files, base)
    roles = [profile for profile in role_profiles(files, base) if only is None or profile.name in only]
    results: dict[str, Verification] = {}

    def answered(result: Verification) -> None:
        results[result.profile] = result
        report(result)

    with _dropping(keys or factory.profile_credentials(files, base)) as own, ExitStack() as stack:
        with factory.client("sts", own, region) as client:
            first = _verified_base(client, base)
            if only is None or base in only or first.problem is not None:
                answered(first)
            if first.problem is not None:
                for profile in roles:
                    answered(Verification(profile.name, None, _blocked(profile, first.problem)))
                return _in_order(results, base)
            session = own
            if serial is not None and code is not None:
                session = sts.session_token(client, serial, code, memory=memory)
                stack.callback(session.drop)
        _ask_roles(factory, session, roles, region, answered, cancelled, with_mfa=session is not own)
    return _in_order(results, base)


def _ask_roles(
    factory: ClientFactory,
    session: Credentials,
    roles: Sequence[RoleProfile],
    region: str,
    answered: Callable[[Verification], None],
    cancelled: Event,
    *,
    with_mfa: bool,
) -> None:
    """Ask every role profile in threads, with one client for each region: they share them safely."""
    if not roles:
        return
    with ExitStack() as stack:
        clients: dict[str, AwsClient | OnboardError] = {}
        for place in {profile.region or region for profile in roles}:
            try:
                clients[place] = stack.enter_context(factory.client("sts", session, place))
            except AwsError as error:
                clients[place] = error
        pool = stack.enter_context(
            ThreadPoolExecutor(min(MOST_THREADS, len(roles)), thread_name_prefix="verify")
        )
        waiting = [
            pool.submit(
                _verified_role,
                factory,
                clients[profile.region or region],
                profile,
                region,
                with_mfa,
                cancelled,
            )
            for profile in roles
        ]
        for future in as_completed(waiting):
            if cancelled.is_set():
                pool.shutdown(wait=False, cancel_futures=True)
                raise Cancelled(
                    "Stopped", "The check of the profiles was stopped.", next="Start it again when you like."
                )
            answered(future.result())


def _verified_base(client: AwsClient, base: str) -> Verification:
    try:
        return Verification(base, sts.caller_identity(client).arn)
    except OnboardError as error:
        return Verification(base, None, error)


def _verified_role(
    factory: ClientFactory,
    client: AwsClient | OnboardError,
    profile: RoleProfile,
    region: str,
    with_mfa: bool,  # noqa: FBT001 - passed on by the pool
    cancelled: Event,
) -> Verification:
    """Assume the role and ask, as it, who one is."""
    if cancelled.is_set():
        return Verification(profile.name, None, Cancelled("Stopped", "It was not asked."))
    if isinstance(client, OnboardError):
        return Verification(profile.name, None, client)
    try:
        assumed, _ = sts.assume_role(client, profile.role_arn, external_id=profile.external_id)
        with _dropping(assumed) as role, factory.client("sts", role, profile.region or region) as own:
            return Verification(profile.name, sts.caller_identity(own).arn)
    except AwsError as error:
        return Verification(profile.name, None, _explained(error, profile, with_mfa=with_mfa))
    except OnboardError as error:
        return Verification(profile.name, None, error)


def _explained(error: AwsError, profile: RoleProfile, *, with_mfa: bool) -> OnboardError:
    """Why a role cannot be assumed. AWS says AccessDenied for all of it; newer messages tell who denies."""
    if error.failure is AwsFailure.REGION_DISABLED:
        place = profile.region or "the region"
        return OnboardError(
            "The region is switched off",
            f"{profile.name}: {place} is not active for this account.",
            why="The region is not enabled, or its STS endpoint is deactivated.",
            next=f"Give the profile one of the project's regions, or have {place} activated.",
            detail=error.detail,
        )
    if error.failure not in {AwsFailure.DENIED, AwsFailure.DENIED_EXPLICITLY}:
        return error
    what = f"{profile.name}: AWS does not let you assume {profile.role_arn}."
    message = error.detail.lower()
    if not with_mfa and (profile.mfa_serial is not None or error.failure is AwsFailure.DENIED_EXPLICITLY):
        return OnboardError(
            "MFA is needed",
            what,
            why="The role wants a session that began with an MFA code, and this one did not.",
            next="Verify again with a code from your device.",
            detail=error.detail,
        )
    if "no identity-based policy" in message:
        why = "None of your groups allows this role."
        remedy = (
            f"Ask your administrator for a group that may assume {profile.role_name} in {profile.account}."
        )
    elif "no resource-based policy" in message or "trust policy" in message:
        why = "The role's trust policy does not name your account."
        remedy = (
            f"Ask your administrator to let your account assume {profile.role_name} in {profile.account}."
        )
    else:
        causes = [
            f"account {profile.account} has no role named {profile.role_name}",
            "its trust policy does not name your account",
            "none of your groups allows it",
            *([] if with_mfa else ["it asks for an MFA code"]),
        ]
        why = f"One of these: {'; '.join(causes)}."
        remedy = "Compare the role's name with the other profiles, then ask your administrator."
    return OnboardError("The role cannot be assumed", what, why=why, next=remedy, detail=error.detail)


def _blocked(profile: RoleProfile, problem: OnboardError) -> OnboardError:
    return OnboardError(
        "Not asked",
        f"{profile.name} uses the access key of {profile.source}, which does not work.",
        why=problem.what,
        next=problem.next,
    )


@contextmanager
def _dropping(credentials: Credentials) -> Iterator[Credentials]:
    """Credentials that are forgotten at the block's end."""
    try:
        yield credentials
    finally:
        credentials.drop()


def _role_profile(name: str, settings: Mapping[str, Any]) -> RoleProfile:
    optional = {key: settings.get(key) or None for key in ("region", "mfa_serial", "external_id")}
    return RoleProfile(name, str(settings["role_arn"]), str(settings["source_profile"]), **optional)


def _in_order(results: Mapping[str, Verification], base: str) -> tuple[Verification, ...]:
    return tuple(sorted(results.values(), key=lambda result: (result.profile != base, result.profile)))
