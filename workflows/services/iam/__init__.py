"""IAM users: what a user does for itself, and what an administrator does when one is locked out or leaves.

Each function is one API operation with its facts made plain. `user=None` means the one who signs, which IAM
finds out by the access key; the self-management policy allows no other.
"""

from __future__ import annotations

from workflows.services.iam.access_keys import (
    OLD_KEY_DAYS,
    AccessKey,
    create_access_key,
    delete_access_key,
    list_access_keys,
    set_access_key_active,
    wait_until_usable,
)
from workflows.services.iam.holdings import (
    Holding,
    HoldingKind,
    Holdings,
    has_console_password,
    list_holdings,
    remove_holding,
)
from workflows.services.iam.mfa_devices import (
    DeviceExists,
    MfaDevice,
    MfaDeviceKind,
    create_virtual_mfa_device,
    enable_mfa_device,
    list_mfa_devices,
    remove_mfa_device,
    unused_mfa_devices,
)
from workflows.services.iam.users import (
    User,
    account_alias,
    change_password,
    find_user,
    get_account_password_policy,
    get_user,
    must_change_password,
    password_last_used,
)
from workflows.services.password_policy import describe_password_policy

__all__ = [
    "OLD_KEY_DAYS",
    "AccessKey",
    "DeviceExists",
    "Holding",
    "HoldingKind",
    "Holdings",
    "MfaDevice",
    "MfaDeviceKind",
    "User",
    "account_alias",
    "change_password",
    "create_access_key",
    "create_virtual_mfa_device",
    "delete_access_key",
    "describe_password_policy",
    "enable_mfa_device",
    "find_user",
    "get_account_password_policy",
    "get_user",
    "has_console_password",
    "list_access_keys",
    "list_holdings",
    "list_mfa_devices",
    "must_change_password",
    "password_last_used",
    "remove_holding",
    "remove_mfa_device",
    "set_access_key_active",
    "unused_mfa_devices",
    "wait_until_usable",
]
