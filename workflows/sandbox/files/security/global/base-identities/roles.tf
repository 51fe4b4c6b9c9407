#
# The roles of this account. Whoever takes one must have signed in with MFA.
#
data "aws_iam_policy_document" "trust_own_users_with_mfa" {
  statement {
    effect  = "Allow"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${var.accounts.security.id}:root"]
    }

    condition {
      test     = "Bool"
      variable = "aws:MultiFactorAuthPresent"
      values   = ["true"]
    }
  }
}

resource "aws_iam_role" "auditor" {
  name               = "Auditor"
  description        = "Read everything, change nothing"
  assume_role_policy = data.aws_iam_policy_document.trust_own_users_with_mfa.json
  tags               = local.tags
}

resource "aws_iam_role_policy_attachment" "auditor" {
  role       = aws_iam_role.auditor.name
  policy_arn = "arn:aws:iam::aws:policy/SecurityAudit"
}

resource "aws_iam_role" "devops" {
  name               = "DevOps"
  description        = "Build and run what this account holds"
  assume_role_policy = data.aws_iam_policy_document.trust_own_users_with_mfa.json
  tags               = local.tags
}

resource "aws_iam_role_policy_attachment" "devops" {
  role       = aws_iam_role.devops.name
  policy_arn = "arn:aws:iam::aws:policy/PowerUserAccess"
}
