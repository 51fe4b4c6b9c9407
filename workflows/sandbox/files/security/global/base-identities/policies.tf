#
# The role of the administrators in the accounts where it exists
#
data "aws_iam_policy_document" "assume_admin_role" {
  statement {
    sid     = "AssumeAdminRole"
    effect  = "Allow"
    actions = ["sts:AssumeRole"]

    resources = [
      "arn:aws:iam::${var.accounts.shared.id}:role/Admin",
      "arn:aws:iam::${var.accounts.apps-devstg.id}:role/Admin",
      "arn:aws:iam::${var.accounts.apps-prd.id}:role/Admin",
    ]
  }
}

resource "aws_iam_policy" "assume_admin_role" {
  name        = "assume_admin_role"
  description = "Assume the role of the administrators in the accounts where it exists"
  policy      = data.aws_iam_policy_document.assume_admin_role.json
}

#
# The role of the auditors in the accounts where it exists
#
data "aws_iam_policy_document" "assume_auditor_role" {
  statement {
    sid     = "AssumeAuditorRole"
    effect  = "Allow"
    actions = ["sts:AssumeRole"]

    resources = [
      "arn:aws:iam::${var.accounts.security.id}:role/Auditor",
      "arn:aws:iam::${var.accounts.shared.id}:role/Auditor",
      "arn:aws:iam::${var.accounts.apps-devstg.id}:role/Auditor",
      "arn:aws:iam::${var.accounts.apps-prd.id}:role/Auditor",
    ]
  }
}

resource "aws_iam_policy" "assume_auditor_role" {
  name        = "assume_auditor_role"
  description = "Assume the role of the auditors in the accounts where it exists"
  policy      = data.aws_iam_policy_document.assume_auditor_role.json
}

#
# The role of the deploying machines in the accounts where it exists
#
data "aws_iam_policy_document" "assume_deploymaster_role" {
  statement {
    sid     = "AssumeDeployMasterRole"
    effect  = "Allow"
    actions = ["sts:AssumeRole"]

    resources = [
      "arn:aws:iam::${var.accounts.shared.id}:role/DeployMaster",
      "arn:aws:iam::${var.accounts.apps-devstg.id}:role/DeployMaster",
      "arn:aws:iam::${var.accounts.apps-prd.id}:role/DeployMaster",
    ]
  }
}

resource "aws_iam_policy" "assume_deploymaster_role" {
  name        = "assume_deploymaster_role"
  description = "Assume the role of the deploying machines in the accounts where it exists"
  policy      = data.aws_iam_policy_document.assume_deploymaster_role.json
}

#
# The role of DevOps in the accounts where it exists
#
data "aws_iam_policy_document" "assume_devops_role" {
  statement {
    sid     = "AssumeDevOpsRole"
    effect  = "Allow"
    actions = ["sts:AssumeRole"]

    resources = [
      "arn:aws:iam::${var.accounts.security.id}:role/DevOps",
      "arn:aws:iam::${var.accounts.shared.id}:role/DevOps",
      "arn:aws:iam::${var.accounts.apps-devstg.id}:role/DevOps",
      "arn:aws:iam::${var.accounts.apps-prd.id}:role/DevOps",
    ]
  }
}

resource "aws_iam_policy" "assume_devops_role" {
  name        = "assume_devops_role"
  description = "Assume the role of DevOps in the accounts where it exists"
  policy      = data.aws_iam_policy_document.assume_devops_role.json
}
