"""The profiles of a project's two files that have keys, and those that assume a role with these keys."""

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
        """The account of the role; "" where its ARN is none."""
        match = _ROLE_ARN.fullmatch(self.role_arn)
        return match["account"] if match else ""

    @property
    def role_name(self) -> str:
        """The role's name with its path, as the switch-role page takes it; "" where its ARN is none."""
        match = _ROLE_ARN.fullmatch(self.role_arn)
        return match["name"] if match else ""


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


def orphan_roles(files: ProfileFiles) -> tuple[RoleProfile, ...]:
    """The role profiles whose `source_profile` has no keys and is no role itself; sorted by name.

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
    """The profiles that are none of these: what they sign with is neither a key nor a role on one; sorted.

    Raises:
        AwsError: a file cannot be parsed.
    """
    return tuple(sorted(profile_map(files).keys() - set(asked)))


def needs_code(files: ProfileFiles, base: str) -> str | None:
    """The serial of the device whose code the roles on this base profile need; None where none needs one.

    Raises:
        AwsError: a file cannot be parsed.
    """
    roles = role_profiles(files, base)
    own = profile_map(files).get(base, {}).get("mfa_serial") if roles else None
    return next((str(serial) for serial in (own, *(role.mfa_serial for role in roles)) if serial), None)


def _role_profile(name: str, settings: Mapping[str, Any]) -> RoleProfile:
    optional = {key: settings.get(key) or None for key in ("region", "mfa_serial", "external_id")}
    return RoleProfile(name, str(settings["role_arn"]), str(settings["source_profile"]), **optional)
