"""Which accounts the sandbox has, and the keys with which everything in them is first made.

Plain data, shared by the process that makes a sandbox and the one that serves it.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class BootstrapKey:
    """The access key of an account's first administrator, who exists before any IAM user does.

    Attributes:
        account_id: the account's 12 digits.
        secret: the secret access key.
        principal: the IAM user name that the key acts as.
    """

    account_id: str
    secret: str = field(repr=False)
    principal: str


@dataclass(frozen=True)
class Directory:
    """The sandbox's accounts and their bootstrap keys.

    Attributes:
        accounts: account name -> its 12 digit id.
        region: the region that the project calls its primary one.
        bootstrap_keys: access key id (20 characters) -> the key.
    """

    accounts: dict[str, str]
    region: str = "us-east-1"
    bootstrap_keys: dict[str, BootstrapKey] = field(default_factory=dict)
