from __future__ import annotations

import pytest

from workflows.layer.names import (
    check_account_alias,
    check_name,
    check_password_policy,
)


@pytest.mark.parametrize("name", ["a", "jane.doe", "A+b=c,d.e@f-g_h", "x" * 64])
def test_names_that_iam_takes(name: str) -> None:
    assert not check_name(name, "user")
    assert not check_name(name, "group")


@pytest.mark.parametrize("name", ["", "x" * 65, "jane doe", "josé", "a/b", "a\n", "a:b", '"', "${x}", "日本"])
def test_names_that_iam_refuses(name: str) -> None:
    (problem,) = check_name(name, "user")
    assert problem.fatal
    assert problem.field == "name"


def test_names_are_unique_without_regard_to_case() -> None:
    (problem,) = check_name("Jane.Doe", "user", ["a.b", "jane.doe"])
    assert (problem.fatal, problem.field) == (True, "name")
    assert "jane.doe" in problem.message
    assert "already" in check_name("ops", "group", ["ops"])[0].message


@pytest.mark.parametrize("alias", ["abc", "bb-security", "a1-b2", "1234567890123", "x" * 63])
def test_aliases_that_iam_takes(alias: str) -> None:
    assert check_account_alias(alias) == []


@pytest.mark.parametrize(
    "alias", ["ab", "x" * 64, "Abc", "-abc", "abc-", "a--b", "a.b", "123456789012", "a b", ""]
)
def test_aliases_that_iam_refuses(alias: str) -> None:
    assert check_account_alias(alias)[0].fatal


@pytest.mark.parametrize(
    ("attribute", "value", "fatal"),
    [
        ("minimum_password_length", 14, None),
        ("minimum_password_length", 6, False),
        ("minimum_password_length", 5, True),
        ("minimum_password_length", 129, True),
        ("minimum_password_length", True, True),
        ("password_reuse_prevention", 24, None),
        ("password_reuse_prevention", 25, True),
        ("max_password_age", 1095, None),
        ("max_password_age", 0, False),
        ("password_reuse_prevention", 0, False),
        ("minimum_password_length", 0, True),
        ("max_password_age", False, True),
        ("hard_expiry", True, None),
        ("hard_expiry", 1, True),
        ("no_such_thing", 1, True),
    ],
)
def test_password_policy_limits(attribute: str, value: int, fatal: bool | None) -> None:
    found = check_password_policy(attribute, value)
    assert [problem.fatal for problem in found] == ([] if fatal is None else [fatal])
