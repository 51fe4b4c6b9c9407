"""Finding statements that deny the first change of a password, in the forms that teams use."""

from __future__ import annotations

import pytest
from support.layers import layer_of

from workflows.layer.read.findings import dangling_members, mfa_denials

STATEMENT = """data "aws_iam_policy_document" "mfa" {
  statement {
    effect = "Deny"
    ACTIONS
    resources = ["*"]
    condition {
      test     = "BoolIfExists"
      variable = "aws:MultiFactorAuthPresent"
      values   = ["false"]
    }
  }
}
"""
DYNAMIC = STATEMENT.replace("statement {", 'dynamic "statement" {\n  for_each = [1]\n  content {').replace(
    "    }\n  }", "    }\n  }\n  }"
)
HEREDOC = """resource "aws_iam_policy" "mfa" {
  policy = <<EOF
{
  "Statement": [{
    "Effect": "Deny", ACTIONS, "Resource": "arn:aws:iam::${var.account}:user/*",
    "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}
  }]
}
EOF
}
"""
ENCODED = """resource "aws_iam_policy" "mfa" {
  policy = jsonencode({
    Statement = [{
      Effect = "Deny", ACTIONS
      Resource = "*"
      Condition = { BoolIfExists = { "aws:MultiFactorAuthPresent" = false } }
    }]
  })
}
"""


@pytest.mark.parametrize(
    ("text", "actions", "line"),
    [
        (STATEMENT, 'not_actions = ["iam:GetUser", "sts:GetSessionToken"]', 2),
        (STATEMENT, 'actions = ["*"]', 2),
        (STATEMENT, 'not_actions = ["iam:GetUser", "iam:ChangePassword"]', 0),
        (STATEMENT, 'not_actions = ["iam:*"]', 0),
        (STATEMENT, 'actions = ["ec2:*"]', 0),
        (STATEMENT.replace('"Deny"', '"Allow"'), 'actions = ["*"]', 0),
        (STATEMENT.replace('"false"', '"true"'), 'actions = ["*"]', 0),
        (STATEMENT, "not_actions = var.actions", 0),
        (STATEMENT, 'not_actions = ["iam:GetUser", var.action]', 0),
        (DYNAMIC, 'not_actions = ["iam:GetUser"]', 4),
        (HEREDOC, '"NotAction": ["iam:GetUser"]', 2),
        (HEREDOC, '"NotAction": ["iam:changepassword"]', 0),
        (ENCODED, 'NotAction = ["iam:GetUser"]', 2),
        (ENCODED, 'Action = "iam:Change*"', 2),
    ],
)
def test_a_statement_that_denies_the_first_password_change_is_found(
    text: str, actions: str, line: int
) -> None:
    places = mfa_denials(layer_of({"policies.tf": text.replace("ACTIONS", actions)}).files)
    assert [(place.file, place.line) for place in places] == ([("policies.tf", line)] if line else [])


USERS = """module "user" {
  source   = "./modules/iam-user"
  for_each = toset(LIST)
  name     = each.key
}
"""
GROUP = """module "devops" {
  source      = "./modules/iam-group"
  name        = "devops"
  group_users = [module.user["jane.doe"].iam_user_name, module.user["sam"].iam_user_name, "alex"]
}
"""


@pytest.mark.parametrize(
    ("listed", "lines"),
    [
        ('["jane.doe"]', [4]),
        ('["jane.doe", "sam"]', []),
        ("var.unknown", []),
        ('["jane.doe",\n<<<<<<< HEAD', []),
    ],
)
def test_a_member_dangles_only_where_everybody_is_known(listed: str, lines: list[int]) -> None:
    layer = layer_of({"users.tf": USERS.replace("LIST", listed), "groups.tf": GROUP})
    assert [finding.place.line for finding in dangling_members(layer)] == lines
