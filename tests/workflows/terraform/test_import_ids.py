from __future__ import annotations

from typing import Any

import pytest

from workflows.terraform.plan import ACCOUNT_ID, import_id, read_plan


@pytest.mark.parametrize(
    ("kind", "values", "wanted"),
    [
        ("aws_iam_user", {"name": "jane.doe"}, "jane.doe"),
        ("aws_iam_user_login_profile", {"user": "jane.doe"}, "jane.doe"),
        ("aws_iam_group", {"name": "admins"}, "admins"),
        ("aws_iam_account_alias", {"account_alias": "bb-security"}, "bb-security"),
        ("aws_iam_role", {"name": "Auditor"}, "Auditor"),
        ("aws_iam_policy", {"name": "assume", "path": "/x/"}, f"arn:aws:iam::{ACCOUNT_ID}:policy/x/assume"),
        ("aws_iam_policy", {"name": "assume"}, f"arn:aws:iam::{ACCOUNT_ID}:policy/assume"),
        ("aws_iam_policy", {"name_prefix": "assume-"}, ""),
        ("aws_iam_user", {"name": None}, ""),
        ("aws_iam_group_membership", {"name": "admins", "group": "admins"}, ""),
        ("aws_iam_access_key", {"user": "machine.ci"}, ""),
        ("terraform_data", {"name": "x"}, ""),
    ],
)
def test_the_id_is_that_of_the_providers_documentation(
    kind: str, values: dict[str, Any], wanted: str
) -> None:
    assert import_id(kind, values) == wanted


@pytest.mark.parametrize(
    ("actions", "wanted"), [(["create"], "jane.doe"), (["update"], ""), (["delete"], "")]
)
def test_a_plan_tells_it_of_what_it_creates(actions: list[str], wanted: str) -> None:
    values = {"name": "jane.doe", "tags": {"a": "1"}}
    change = {"actions": actions, "before": {"name": "jane.doe"}, "after": values}
    entry = {"address": "aws_iam_user.jane", "mode": "managed", "type": "aws_iam_user", "change": change}
    (found,) = read_plan({"resource_changes": [entry]}).changes
    assert found.import_id == wanted
