from __future__ import annotations

import re

from workflows.aws.iam import SYMBOLS, describe_password_policy

STRICT = {
    "MinimumPasswordLength": 14,
    "RequireSymbols": True,
    "RequireNumbers": True,
    "RequireUppercaseCharacters": True,
    "RequireLowercaseCharacters": True,
    "AllowUsersToChangePassword": True,
    "MaxPasswordAge": 90,
    "PasswordReusePrevention": 5,
    "HardExpiry": True,
}
TERRAFORM = {
    "minimum_password_length": "14",
    "require_symbols": "true",
    "require_numbers": True,
    "require_uppercase_characters": True,
    "require_lowercase_characters": True,
    "allow_users_to_change_password": True,
    "max_password_age": 90,
    "password_reuse_prevention": 5,
    "hard_expiry": True,
}


def test_a_policy_reads_the_same_from_iam_and_from_terraform() -> None:
    assert describe_password_policy(STRICT) == describe_password_policy(TERRAFORM)
    length, kinds, reuse, age, _expired = describe_password_policy(STRICT)
    assert all(kind in kinds for kind in ("A-Z", "a-z", "0-9", SYMBOLS))
    assert [re.findall(r"\d+", line) for line in (length, reuse, age)] == [["14", "128"], ["5"], ["90"]]


def test_what_a_policy_does_not_ask_for_is_not_told() -> None:
    (length,) = describe_password_policy({"MinimumPasswordLength": 10, "RequireSymbols": False})
    assert re.findall(r"\d+", length) == ["10", "128"]
