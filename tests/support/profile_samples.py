"""The profiles of a person in security who may assume the role DevOps in some accounts."""

from __future__ import annotations

from collections.abc import Mapping

from workflows.profiles.plan import BaseProfile, KeySource, WantedProfiles, profiles_for, role_arn

SERIAL = "arn:aws:iam::222222222222:mfa/jane.doe"
ACCOUNTS = {"security": "222222222222", "shared": "333333333333"}


def devops(
    key: KeySource = None,
    serial: str | None = SERIAL,
    accounts: Mapping[str, str] = ACCOUNTS,
    *,
    region: str = "us-east-1",
    mfa_names: bool = False,
) -> WantedProfiles:
    """Return the profiles."""
    roles = {f"bb-{name}-devops": role_arn("aws", number, "DevOps") for name, number in accounts.items()}
    base = BaseProfile("bb-security", region, key, serial)
    return profiles_for(base, roles, mfa_names=mfa_names)
