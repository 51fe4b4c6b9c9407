"""Which profiles a person needs: one for their user, and one for each role that they may assume."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from workflows.core.errors import Problem
from workflows.core.secret import Secret

# IAM API reference, SerialNumber: 9-256 of [\w+=/:,.@-]; a virtual device has an ARN.
_MFA_SERIAL = re.compile(r"[A-Za-z0-9_+=/:,.@-]{9,256}")
_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,128}")
_ACCOUNT_ID = re.compile(r"[0-9]{12}")


class RoleLike(Protocol):
    """What is needed of a role in a handoff."""

    @property
    def profile(self) -> str:
        """The profile's name."""

    @property
    def role(self) -> str:
        """The role's name."""

    @property
    def account_id(self) -> str:
        """The twelve digits of the account that the role is in."""


class IdentityLike(Protocol):
    """What is needed of an identity in a handoff."""

    @property
    def account_name(self) -> str:
        """The name of the account that the IAM user is in."""

    @property
    def region(self) -> str:
        """The project's primary region."""

    @property
    def partition(self) -> str:
        """The AWS partition."""

    @property
    def profiles(self) -> Iterable[RoleLike]:
        """The roles that the user may assume."""


@dataclass(frozen=True)
class KeyInFile:
    """The access key in plain text in `credentials`, as AWS's documentation does it.

    Attributes:
        access_key_id: its id.
        secret_access_key: its secret.
    """

    access_key_id: str
    secret_access_key: Secret


@dataclass(frozen=True)
class KeyFromProcess:
    """A command in `config` that prints the access key; nothing in `credentials`.

    Attributes:
        command: the whole `credential_process` line, quoted where its words need it.
    """

    command: str


KeySource = KeyInFile | KeyFromProcess | None
"""Where a base profile's key is; None leaves it as it is in the files."""


@dataclass(frozen=True)
class BaseProfile:
    """The profile of the IAM user itself.

    Attributes:
        name: for example "bb-security".
        region: its region.
        key: where its access key is.
        mfa_serial: of the person's code device, or None.
        only_missing: whether a region, an output format and a device that it has already stay.
    """

    name: str
    region: str
    key: KeySource = None
    mfa_serial: str | None = None
    only_missing: bool = False


@dataclass(frozen=True)
class AssumedRole:
    """A profile that assumes a role.

    Attributes:
        name: for example "bb-apps-devstg-devops".
        role_arn: the role's ARN.
        source_profile: the base profile's name.
        region: its region.
        mfa_serial: of the person's code device, or None.
    """

    name: str
    role_arn: str
    source_profile: str
    region: str
    mfa_serial: str | None = None


@dataclass(frozen=True)
class WantedProfiles:
    """What has to be in the files. Add two of them to write the profiles of two identities at once."""

    bases: tuple[BaseProfile, ...]
    roles: tuple[AssumedRole, ...]

    def __add__(self, other: WantedProfiles) -> WantedProfiles:
        return WantedProfiles(self.bases + other.bases, self.roles + other.roles)

    @property
    def names(self) -> tuple[str, ...]:
        """All profile names, bases first."""
        return tuple(profile.name for profile in self._all)

    @property
    def _all(self) -> tuple[BaseProfile | AssumedRole, ...]:
        return (*self.bases, *self.roles)

    def problems(self) -> list[Problem]:
        """What is wrong with them. Asks botocore for the regions, so the first call takes some 50 ms."""
        found = [
            Problem(f"“{name}” is not a profile name (letters, digits and + = , . @ _ -).", "name")
            for name in self.names
            if not _NAME.fullmatch(name)
        ]
        names = self.names
        found += [
            Problem(f"The profile {name} is there twice.", "name")
            for name in sorted(set(names))
            if names.count(name) > 1
        ]
        serials = {profile.mfa_serial for profile in self._all} - {None}
        found += [
            Problem(f"“{serial}” is not the serial number or ARN of an MFA device.", "mfa_serial")
            for serial in serials
            if serial is not None and not _MFA_SERIAL.fullmatch(serial)
        ]
        for base in self.bases:
            if isinstance(base.key, KeyFromProcess) and not (
                base.key.command.strip() and base.key.command.isprintable()
            ):
                found.append(
                    Problem(f"The command for the key of {base.name} is not one line of text.", "key")
                )
        regions = {(profile.region, _partition_of(profile)) for profile in self._all}
        for region, partition in sorted(regions):
            found += region_problems(region, partition or None)
        return list({problem.message: problem for problem in found}.values())


def region_problems(region: str, partition: str | None = None) -> list[Problem]:
    """Whether botocore knows a region, and in that partition.

    Args:
        region: for example "us-gov-west-1".
        partition: the partition that it has to be in, or None for any.
    """
    actual = partition_of_region(region)
    if not actual:
        return [Problem(f"AWS has no region “{region}”.", "region")]
    if partition is not None and actual != partition:
        return [Problem(f"The region {region} is in the partition {actual}, not in {partition}.", "region")]
    return []


def partition_of_region(region: str) -> str:
    """The partition that a region is in, as botocore knows it; "" for a region that it does not know."""
    import botocore.exceptions  # noqa: PLC0415 - start-up time: only when profiles are written
    import botocore.session  # noqa: PLC0415

    try:
        found: str = botocore.session.get_session().get_partition_for_region(region)
    except botocore.exceptions.UnknownRegionError:
        return ""
    return found


def from_identity(
    project: str,
    identity: IdentityLike,
    *,
    key: KeySource,
    mfa_serial: str | None,
    mfa_names: bool = False,
) -> WantedProfiles:
    """The profiles of one identity of a handoff: its base profile and its roles, named as there.

    Args:
        project: the project's short name.
        identity: one identity.
        key: where its access key is.
        mfa_serial: of the person's code device, or None for none; the same for every profile.
        mfa_names: True adds a `-mfa` twin of every role profile (where build.env says MFA_ENABLED=true).
    """
    base = BaseProfile(base_name(project, identity.account_name), identity.region, key, mfa_serial)
    roles = [
        AssumedRole(
            role.profile,
            role_arn(identity.partition, role.account_id, role.role),
            base.name,
            identity.region,
            mfa_serial,
        )
        for role in identity.profiles
    ]
    return WantedProfiles((base,), _with_twins(roles) if mfa_names else tuple(roles))


def base_name(project: str, account_name: str) -> str:
    """The name of the profile of an IAM user: "bb-management", "bb-security"."""
    return f"{project}-{account_name}"


def role_arn(partition: str, account_id: str, role: str) -> str:
    """The ARN of a role.

    Raises:
        ValueError: the account id is not twelve digits or the role's name breaks IAM's rule.
    """
    if not _ACCOUNT_ID.fullmatch(account_id):
        raise ValueError(f"not an account id: {account_id!r}")
    if not _NAME.fullmatch(role) or len(role) > 64:
        raise ValueError(f"not a role name: {role!r}")
    return f"arn:{partition}:iam::{account_id}:role/{role}"


def _with_twins(roles: list[AssumedRole]) -> tuple[AssumedRole, ...]:
    """Every role profile, followed by its `-mfa` twin that Leverage CLI 3.1 reads."""
    names = {role.name for role in roles}
    result = []
    for role in roles:
        result.append(role)
        twin = f"{role.name}-mfa"
        if not role.name.endswith("-mfa") and twin not in names:
            result.append(AssumedRole(twin, role.role_arn, role.source_profile, role.region, role.mfa_serial))
    return tuple(result)


def _partition_of(profile: BaseProfile | AssumedRole) -> str:
    return profile.role_arn.split(":")[1] if isinstance(profile, AssumedRole) else ""
