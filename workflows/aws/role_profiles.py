"""The profiles in a project's two files that have keys, and those that assume a role with them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from workflows.aws.clients import ProfileFiles, profile_map

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
