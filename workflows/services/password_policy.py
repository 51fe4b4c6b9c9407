"""The account's password policy in words, and a new password checked against it before AWS sees it.

Rules and defaults are those of the IAM user guide, "Set an account password policy for IAM users". A policy
comes as IAM answers it (`MinimumPasswordLength`) or as Terraform writes it (`minimum_password_length`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from workflows.errors import Problem
from workflows.secret import Secret

LONGEST = 128
SYMBOLS = "!@#$%^&*()_+-=[]{}|'"
DEFAULT_LENGTH = 8
DEFAULT_KINDS = 3
_ALLOWED = re.compile(r"[\t\n\r\x20-\xff]*")  # the pattern of ChangePassword's NewPassword


@dataclass(frozen=True)
class _Kind:
    rule: str
    lacking: str
    has: Callable[[str], bool]


_KINDS = {
    "RequireUppercaseCharacters": _Kind(
        "an upper-case letter (A to Z)",
        "upper-case letter",
        lambda text: any("A" <= char <= "Z" for char in text),
    ),
    "RequireLowercaseCharacters": _Kind(
        "a lower-case letter (a to z)",
        "lower-case letter",
        lambda text: any("a" <= char <= "z" for char in text),
    ),
    "RequireNumbers": _Kind(
        "a digit (0 to 9)", "digit", lambda text: any("0" <= char <= "9" for char in text)
    ),
    "RequireSymbols": _Kind(
        f"a symbol out of  {SYMBOLS}", "symbol", lambda text: any(char in SYMBOLS for char in text)
    ),
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
    lines += [kind.rule for key, kind in _KINDS.items() if _flag(rules.get(key))]
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


def check_password(password: Secret, policy: Mapping[str, Any], user: str) -> list[Problem]:
    """What is wrong with a new password under the policy; empty if nothing is. No message holds any of it.

    Args:
        password: the new one.
        policy: as for `describe_password_policy`.
        user: the IAM user's name.
    """
    text = password.reveal()
    rules = _canonical(policy)
    problems = []
    least = _length(rules) if rules else DEFAULT_LENGTH
    if len(text) < least:
        problems.append(Problem(f"It has {len(text)} characters; at least {least} are needed.", "password"))
    if len(text) > LONGEST:
        problems.append(Problem(f"It has {len(text)} characters; AWS allows at most {LONGEST}.", "password"))
    if not _ALLOWED.fullmatch(text):
        problems.append(
            Problem(
                "It has a character that AWS does not allow (beyond Western European letters).", "password"
            )
        )
    if rules:
        missing = [kind for key, kind in _KINDS.items() if _flag(rules.get(key)) and not kind.has(text)]
        problems += [
            Problem(f"It has no {kind.lacking}; needed is {kind.rule}.", "password") for kind in missing
        ]
    elif sum(kind.has(text) for kind in _KINDS.values()) < DEFAULT_KINDS:
        mix = "upper-case letters, lower-case letters, digits, symbols"
        problems.append(Problem(f"It needs at least {DEFAULT_KINDS} of these: {mix}.", "password"))
    if user and text.casefold() == user.casefold():
        problems.append(Problem("It is the user name.", "password"))
    elif len(user) >= 4 and user.casefold() in text.casefold():
        problems.append(Problem("It holds the user name, which is easy to guess.", "password", fatal=False))
    if text != text.strip():
        problems.append(
            Problem(
                "It begins or ends with a blank, which is easily lost when it is copied.",
                "password",
                fatal=False,
            )
        )
    return problems


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
