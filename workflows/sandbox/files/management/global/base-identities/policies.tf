#
# The administrator's role of every member account
#
data "aws_iam_policy_document" "assume_organization_account_access_role" {
  statement {
    sid     = "AssumeOrganizationAccountAccessRole"
    effect  = "Allow"
    actions = ["sts:AssumeRole"]

    resources = [
      "arn:aws:iam::${var.accounts.security.id}:role/OrganizationAccountAccessRole",
      "arn:aws:iam::${var.accounts.shared.id}:role/OrganizationAccountAccessRole",
      "arn:aws:iam::${var.accounts.apps-devstg.id}:role/OrganizationAccountAccessRole",
      "arn:aws:iam::${var.accounts.apps-prd.id}:role/OrganizationAccountAccessRole",
    ]
  }
}

resource "aws_iam_policy" "assume_organization_account_access_role" {
  name        = "assume_organization_account_access_role"
  description = "Assume the administrator's role of every member account"
  policy      = data.aws_iam_policy_document.assume_organization_account_access_role.json
}
