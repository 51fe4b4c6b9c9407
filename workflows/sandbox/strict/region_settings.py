"""Each account's regions: opted into or not, STS endpoints switched off, the global endpoint's tokens."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from botocore.session import Session

# Enabled in every account and cannot be disabled:
# https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
ENABLED_BY_DEFAULT = frozenset(
    (
        *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"),
        *(
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-northeast-3",
            "ap-south-1",
            "ap-southeast-1",
            "ap-southeast-2",
        ),
        *("eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3"),
    )
)
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_region-endpoints.html
_NEVER_OFF = "us-east-1"


@cache
def all_regions() -> tuple[str, ...]:
    """The regions of the commercial partition, sorted."""
    return tuple(sorted(Session().get_available_regions("ec2")))


@dataclass
class _Account:
    off: set[str] = field(default_factory=set)
    opted_in: set[str] = field(default_factory=set)
    token_version: int = 1


class RegionSettings:
    """The settings of all accounts; safe to use from several threads."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Account] = {}
        self._lock = threading.Lock()

    def uses(self, account_id: str, region: str) -> bool:
        """Whether an account uses a region: by default, or because it opted in."""
        with self._lock:
            return region in ENABLED_BY_DEFAULT or region in self._of(account_id).opted_in

    def gives_tokens(self, account_id: str, region: str) -> bool:
        """Whether the STS endpoint of a region gives credentials of an account."""
        with self._lock:
            own = self._of(account_id)
            return region in own.opted_in or (region in ENABLED_BY_DEFAULT and region not in own.off)

    def opt_in(self, account_id: str, region: str) -> None:
        """Opt into a region."""
        with self._lock:
            self._of(account_id).opted_in.add(region)

    def switch(self, account_id: str, region: str, *, active: bool) -> None:
        """Activate or deactivate an STS endpoint, as the console's page does.

        Raises:
            ValueError: nobody can switch this one.
        """
        if region not in ENABLED_BY_DEFAULT or region == _NEVER_OFF:
            raise ValueError(f"the STS endpoint of {region} cannot be switched")
        with self._lock:
            off = self._of(account_id).off
            off.discard(region) if active else off.add(region)

    def token_version(self, account_id: str) -> int:
        """Of the tokens that the global endpoint gives: 1 or 2."""
        with self._lock:
            return self._of(account_id).token_version

    def set_token_version(self, account_id: str, version: int) -> None:
        """Let the global endpoint give tokens of another version."""
        with self._lock:
            self._of(account_id).token_version = version

    def dump(self) -> dict[str, Any]:
        """Everything, as a JSON object."""
        with self._lock:
            return {
                account_id: {
                    "off": sorted(own.off),
                    "opted_in": sorted(own.opted_in),
                    "token_version": own.token_version,
                }
                for account_id, own in self._accounts.items()
            }

    def load(self, data: dict[str, Any]) -> None:
        """Take over what `dump` gave, in place of what is here."""
        accounts = {
            account_id: _Account(set(own["off"]), set(own["opted_in"]), own["token_version"])
            for account_id, own in data.items()
        }
        with self._lock:
            self._accounts = accounts

    def _of(self, account_id: str) -> _Account:
        return self._accounts.setdefault(account_id, _Account())
