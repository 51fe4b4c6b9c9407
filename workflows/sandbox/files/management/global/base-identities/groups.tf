#
# Administrators: everything here, and the administrator's role of every member account
#
module "iam_group_admins" {
  source = "../../../modules/iam-group-with-policies"

  name = "admins"

  group_users = [
    module.user["dana.lopez"].iam_user_name,
  ]

  custom_group_policy_arns = [
    "arn:aws:iam::aws:policy/AdministratorAccess",
    aws_iam_policy.assume_organization_account_access_role.arn,
  ]

  tags = local.tags
}

#
# Auditors: read everything, change nothing
#
module "iam_group_auditors" {
  source = "../../../modules/iam-group-with-policies"

  name = "auditors"

  group_users = [
    module.user["alex.kim"].iam_user_name,
    module.user["sam.okafor"].iam_user_name,
  ]

  custom_group_policy_arns = [
    "arn:aws:iam::aws:policy/SecurityAudit",
  ]

  tags = local.tags
}

#
# Finance: bills and budgets
#
module "iam_group_finops" {
  source = "../../../modules/iam-group-with-policies"

  name = "finops"

  group_users = [
    module.user["dana.lopez"].iam_user_name,
  ]

  custom_group_policy_arns = [
    "arn:aws:iam::aws:policy/job-function/Billing",
  ]

  tags = local.tags
}

#
# Machines: no console, no self-management
#
module "iam_group_github_automation" {
  source = "../../../modules/iam-group-with-policies"

  name                              = "github-automation"
  attach_iam_self_management_policy = false

  group_users = [
    module.machine_user["machine.github.actions"].iam_user_name,
  ]

  custom_group_policy_arns = [
    "arn:aws:iam::aws:policy/IAMReadOnlyAccess",
  ]

  tags = local.tags
}
