"""The account's password policy in words.

Rules and defaults are those of the IAM user guide, "Set an account password policy for IAM users". A policy
comes as IAM answers it (`MinimumPasswordLength`) or as Terraform writes it (`minimum_password_length`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LONGEST = 128
SYMBOLS = "!@#$%^&*()_+-=[]{}|'"
DEFAULT_LENGTH = 8
DEFAULT_KINDS = 3
_KINDS = {
    "RequireUppercaseCharacters": "an upper-case letter (A to Z)",
    "RequireLowercaseCharacters": "a lower-case letter (a to z)",
    "RequireNumbers": "a digit (0 to 9)",
    "RequireSymbols": f"a symbol out of  {SYMBOLS}",
}


def describe_password_policy(policy: Mapping[str, Any]) -> list[str]:
    """The rules, one short line each, as somebody who has to choose a password wants them.

    Args:
        policy: the account's; an empty one means AWS's default.
    """
    if not policy:
        return [
            f"at least {DEFAULT_LENGTH} characters, at most {LONGEST}",
            f"at least {DEFAULT_KINDS} of: upper case, lower case, digits, symbols ({SYMBOLS})",
            "not your user name",
        ]
    rules = _canonical(policy)
    lines = [f"at least {_length(rules)} characters, at most {LONGEST}"]
    lines += [rule for key, rule in _KINDS.items() if _flag(rules.get(key))]
    reuse = int(rules.get("PasswordReusePrevention") or 0)
    if reuse:
        lines.append("not your last password" if reuse == 1 else f"not one of your last {reuse} passwords")
    age = int(rules.get("MaxPasswordAge") or 0)
    if age:
        lines.append(f"to be changed every {age} days")
    if age and _flag(rules.get("HardExpiry")):
        lines.append("once expired, only an administrator can set a new one")
    if not _flag(rules.get("AllowUsersToChangePassword", True)):
        lines.append("changed by yourself only if one of your groups allows it")
    return lines


def _canonical(policy: Mapping[str, Any]) -> dict[str, Any]:
    """Terraform's names as IAM's, without what is not set."""
    return {
        "".join(part[:1].upper() + part[1:] for part in key.split("_")): value
        for key, value in policy.items()
        if value is not None
    }


def _length(rules: Mapping[str, Any]) -> int:
    """IAM takes 6 to 128, and 6 where a policy says nothing (API reference, UpdateAccountPasswordPolicy)."""
    return int(rules.get("MinimumPasswordLength") or 6)


def _flag(value: object) -> bool:
    """Terraform's state and tfvars may carry booleans as text."""
    return value.strip().lower() in {"true", "1"} if isinstance(value, str) else bool(value)
