"""The profiles of somebody in security who may assume DevOps in some accounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workflows.profiles.plan import BaseProfile, KeySource, WantedProfiles, profiles_for

SERIAL = "arn:aws:iam::222222222222:mfa/jane.doe"
ACCOUNTS = {"security": "222222222222", "shared": "333333333333"}


@dataclass(frozen=True)
class Role:
    """A role of a handoff."""

    profile: str
    role: str
    account_id: str


def devops(
    key: KeySource = None,
    serial: str | None = SERIAL,
    accounts: Mapping[str, str] = ACCOUNTS,
    *,
    region: str = "us-east-1",
    mfa_names: bool = False,
) -> WantedProfiles:
    """Those profiles."""
    roles = tuple(Role(f"bb-{name}-devops", "DevOps", number) for name, number in accounts.items())
    base = BaseProfile("bb-security", region, key, serial)
    return profiles_for(base, roles, partition="aws", mfa_names=mfa_names)
