data "aws_partition" "current" {}

data "aws_caller_identity" "current" {
  count = var.aws_account_id == "" ? 1 : 0
}

locals {
  partition      = data.aws_partition.current.partition
  aws_account_id = try(data.aws_caller_identity.current[0].account_id, var.aws_account_id)

  own_user = [
    "arn:${local.partition}:iam::${local.aws_account_id}:user/$${aws:username}",
  ]
}

#
# AWS's example "allows IAM users to manage their own password, access keys and MFA device":
# until somebody has signed in with MFA, little more than registering a device is allowed.
#
data "aws_iam_policy_document" "iam_self_management" {
  statement {
    sid    = "AllowViewAccountInfo"
    effect = "Allow"

    actions = [
      "iam:GetAccountPasswordPolicy",
      "iam:GetAccountSummary",
      "iam:ListAccountAliases",
      "iam:ListUsers",
      "iam:ListVirtualMFADevices",
    ]

    resources = ["*"]
  }

  statement {
    sid    = "AllowManageOwnPasswords"
    effect = "Allow"

    actions = [
      "iam:ChangePassword",
      "iam:GetLoginProfile",
      "iam:GetUser",
      "iam:UpdateLoginProfile",
    ]

    resources = local.own_user
  }

  statement {
    sid    = "AllowManageOwnAccessKeys"
    effect = "Allow"

    actions = [
      "iam:CreateAccessKey",
      "iam:DeleteAccessKey",
      "iam:GetAccessKeyLastUsed",
      "iam:ListAccessKeys",
      "iam:UpdateAccessKey",
    ]

    resources = local.own_user
  }

  statement {
    sid    = "AllowManageOwnVirtualMFADevice"
    effect = "Allow"

    actions = [
      "iam:CreateVirtualMFADevice",
      "iam:DeleteVirtualMFADevice",
    ]

    resources = ["arn:${local.partition}:iam::${local.aws_account_id}:mfa/*"]
  }

  statement {
    sid    = "AllowManageOwnUserMFA"
    effect = "Allow"

    actions = [
      "iam:DeactivateMFADevice",
      "iam:EnableMFADevice",
      "iam:GetMFADevice",
      "iam:ListMFADevices",
      "iam:ResyncMFADevice",
    ]

    resources = local.own_user
  }

  dynamic "statement" {
    for_each = var.enable_mfa_enforcement ? [true] : []

    content {
      sid    = "DenyAllExceptListedIfNoMFA"
      effect = "Deny"

      not_actions = [
        "iam:ChangePassword",
        "iam:CreateVirtualMFADevice",
        "iam:EnableMFADevice",
        "iam:GetMFADevice",
        "iam:GetUser",
        "iam:ListMFADevices",
        "iam:ListVirtualMFADevices",
        "iam:ResyncMFADevice",
        "sts:GetSessionToken",
      ]

      resources = ["*"]

      condition {
        test     = "BoolIfExists"
        variable = "aws:MultiFactorAuthPresent"
        values   = ["false"]
      }
    }
  }
}
