"""Attributes of a changed resource that are shown, and those that never are."""

from __future__ import annotations

import json
from typing import Any

from workflows.terraform.plan import attribute_lines

CANARY = "canary-value"


def lines(before: Any, after: Any, **more: Any) -> tuple[str, ...]:
    return attribute_lines({"before": before, "after": after, **more})


def test_what_comes_goes_and_becomes_another_is_a_line_each() -> None:
    assert lines({"path": "/", "name": "a", "tags": None}, {"path": "/x/", "name": "a", "force": True}) == (
        "+ force = true",
        '~ path = "/" → "/x/"',
    )
    assert lines({"name": "a"}, None) == ('- name = "a"',)
    assert lines(None, {"name": "a", "tags": {}}, after_unknown={"id": True}) == (
        "+ id = (known after apply)",
        '+ name = "a"',
    )


def test_members_are_told_by_name() -> None:
    assert lines({"users": ["a", "b"]}, {"users": ["b", "c"]}) == ("~ users", '  - "a"', '  + "c"')
    (line,) = lines({"users": ["a", "b"]}, {"users": ["b", "a"]})
    assert line.startswith("~ users ")
    assert lines({"tags": {"x": "1"}}, {"tags": {"x": "2"}}) == ("~ tags", '  ~ x = "1" → "2"')


def test_a_policy_is_compared_line_by_line() -> None:
    before = json.dumps({"Statement": [{"Action": "s3:Get*", "Effect": "Allow"}]})
    after = json.dumps({"Statement": [{"Action": "s3:*", "Effect": "Allow"}]})
    told = lines({"policy": before}, {"policy": after})
    assert told[0] == "~ policy"
    assert [line.split() for line in told[1:]] == [
        ["-", '"Action":', '"s3:Get*",'],
        ["+", '"Action":', '"s3:*",'],
    ]


def test_no_secret_is_in_any_line() -> None:
    told = lines(
        {
            "encrypted_password": CANARY,
            "pgp_key": CANARY,
            "ses_smtp_password_v4": CANARY,
            "plain": CANARY,
            "block": [{"inner": CANARY}],
            "nested": [{"client_secret": CANARY}],
            "document": json.dumps({"db_password": CANARY, "user": "a"}),
            "map": {"auth_token": CANARY},
            "gone_secret": CANARY,
            "encrypted_secret": CANARY,
        },
        {
            "encrypted_password": CANARY + "2",
            "pgp_key": CANARY + "2",
            "ses_smtp_password_v4": CANARY + "2",
            "plain": CANARY + "2",
            "block": [{"inner": CANARY + "2"}],
            "nested": [{"client_secret": CANARY + "2"}],
            "document": json.dumps({"db_password": CANARY + "2", "user": "b"}),
            "map": {"auth_token": CANARY + "2"},
        },
        after_unknown={"encrypted_secret": True},
        before_sensitive={"plain": True, "block": [{"inner": True}]},
        after_sensitive={"plain": True},
    )
    assert CANARY not in "\n".join(told)
    assert "~ plain = (sensitive) → (sensitive)" in told
    assert "- gone_secret = (sensitive)" in told
    assert "~ encrypted_secret = (sensitive) → (known after apply)" in told
    assert any('"user": "b"' in line for line in told)


def test_the_settings_of_a_password_policy_are_no_secrets() -> None:
    assert lines({"minimum_password_length": 8}, {"minimum_password_length": 14}) == (
        "~ minimum_password_length = 8 → 14",
    )
    assert lines(None, {"password_reset_required": True}) == ("+ password_reset_required = true",)


def test_account_ids_are_redacted_also_where_a_line_is_cut() -> None:
    (line,) = lines(None, {"arn": "x" * 140 + " 123456789012 arn:aws:iam::123456789012:user/a"})
    assert "12345" not in line
    assert line.endswith("…")
