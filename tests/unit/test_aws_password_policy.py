from __future__ import annotations

from typing import Any

import pytest

from workflows.secret import Secret
from workflows.services.iam import check_password, describe_password_policy

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


def messages(password: str, policy: dict[str, Any], user: str = "juan.delacruz") -> list[str]:
    return [problem.message for problem in check_password(Secret(password), policy, user)]


def test_a_policy_reads_the_same_from_iam_and_from_terraform() -> None:
    assert describe_password_policy(STRICT) == describe_password_policy(TERRAFORM)
    assert describe_password_policy(STRICT) == [
        "at least 14 characters, at most 128",
        "an upper-case letter (A to Z)",
        "a lower-case letter (a to z)",
        "a digit (0 to 9)",
        "a symbol out of  !@#$%^&*()_+-=[]{}|'",
        "not one of your last 5 passwords",
        "to be changed every 90 days",
        "once expired, only an administrator can set a new one",
    ]


def test_what_a_policy_does_not_ask_for_is_not_told() -> None:
    assert describe_password_policy({"MinimumPasswordLength": 10, "RequireSymbols": False}) == [
        "at least 10 characters, at most 128"
    ]


def test_a_good_password_has_no_problem() -> None:
    assert messages("Correct-Horse-7", STRICT) == []
    assert messages("Correct-Horse-7", TERRAFORM) == []
    assert messages("Correct7", {}) == []


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("Short-1a", "at least 14"),
        ("correct-horse-7", "upper-case letter"),
        ("CORRECT-HORSE-7", "lower-case letter"),
        ("Correct-Horse-x", "digit"),
        ("CorrectHorse777", "symbol"),
        ("Correct-Horse-7" * 10, "at most 128"),
        ("Correct-Horse-7✓", "does not allow"),
    ],
)
def test_each_broken_rule_is_told_alone(password: str, said: str) -> None:
    found = messages(password, STRICT)
    assert len(found) == 1
    assert said in found[0]


def test_the_default_wants_three_kinds_of_characters() -> None:
    assert any("at least 3" in message for message in messages("onlyletters", {}))
    assert any("at least 8" in message for message in messages("Ab1", {}))


def test_the_user_name_is_refused_as_a_password_and_warned_of_inside_one() -> None:
    policy = {"MinimumPasswordLength": 6}
    same = check_password(Secret("Juan.DelaCruz"), policy, "juan.delacruz")
    assert [problem.fatal for problem in same] == [True]
    inside = check_password(Secret("my-juan.delacruz-1"), policy, "juan.delacruz")
    assert [problem.fatal for problem in inside] == [False]


def test_no_message_holds_the_password() -> None:
    assert not any("canary" in message for message in messages(" canary ", STRICT))
