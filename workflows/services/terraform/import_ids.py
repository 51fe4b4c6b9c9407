"""By which id an identity resource that exists in AWS is imported, and which ones cannot or need not be.

The rules are those of the AWS provider's documentation (section "Import" of each resource). Group
memberships, attachments and the password policy are left out on purpose: AWS takes the same one twice, so an
apply never fails over one that is there already.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ACCOUNT_ID = "{account}"
"""Stands in an import id for the account's id, which a plan does not tell."""

_BY = {
    "aws_iam_user": "name",
    "aws_iam_user_login_profile": "user",
    "aws_iam_group": "name",
    "aws_iam_role": "name",
    "aws_iam_account_alias": "account_alias",
    "aws_iam_instance_profile": "name",
}

NOT_IMPORTABLE = {
    "aws_iam_access_key": (
        "An access key cannot be imported with its secret: nobody will ever know the secret of the one that "
        "is there."
    ),
}
"""Types that are made anew although one is there, and why."""


def import_id(kind: str, values: Mapping[str, Any]) -> str:
    """The id for `terraform import`, or "" where there is none or it is not known before the apply.

    Args:
        kind: the resource's type.
        values: its planned values that are known.

    Returns:
        The id; it may hold `ACCOUNT_ID`.
    """
    if kind == "aws_iam_policy" and values.get("name"):
        path = str(values.get("path") or "/")
        return f"arn:aws:iam::{ACCOUNT_ID}:policy{path}{values['name']}"
    value = values.get(_BY.get(kind, ""))
    return value if isinstance(value, str) else ""
