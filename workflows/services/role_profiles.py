"""The profiles of a project's two files that have keys, and those that assume a role with these keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workflows.services.clients import ProfileFiles, profile_map


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


def needs_code(files: ProfileFiles, base: str) -> str | None:
    """The serial of the device whose code verifying this base profile needs; None where no profile names one.

    Raises:
        AwsError: a file cannot be parsed.
    """
    own = profile_map(files).get(base, {}).get("mfa_serial")
    serials = [own, *(profile.mfa_serial for profile in role_profiles(files, base))]
    return next((str(serial) for serial in serials if serial), None)


def _role_profile(name: str, settings: Mapping[str, Any]) -> RoleProfile:
    optional = {key: settings.get(key) or None for key in ("region", "mfa_serial", "external_id")}
    return RoleProfile(name, str(settings["role_arn"]), str(settings["source_profile"]), **optional)
