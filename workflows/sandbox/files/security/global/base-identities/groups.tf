#
# Administrators of this account
#
module "iam_group_admins" {
  source = "../../../modules/iam-group-with-policies"

  name = "admins"

  group_users = [
    module.user["dana.lopez"].iam_user_name,
  ]

  custom_group_policy_arns = [
    "arn:aws:iam::aws:policy/AdministratorAccess",
    aws_iam_policy.assume_admin_role.arn,
  ]

  tags = local.tags
}

#
# Auditors: read everything, everywhere
#
module "iam_group_auditors" {
  source = "../../../modules/iam-group-with-policies"

  name = "auditors"

  group_users = [
    module.user["sam.okafor"].iam_user_name,
  ]

  custom_group_policy_arns = [
    aws_iam_policy.assume_auditor_role.arn,
  ]

  tags = local.tags
}

#
# DevOps: the people who build and run the member accounts
#
module "iam_group_devops" {
  source = "../../../modules/iam-group-with-policies"

  name = "devops"

  group_users = [
    module.user["alex.kim"].iam_user_name,
    module.user["dana.lopez"].iam_user_name,
  ]

  custom_group_policy_arns = [
    aws_iam_policy.assume_devops_role.arn,
  ]

  tags = local.tags
}

#
# Machines that deploy: no console, no self-management
#
module "iam_group_deploymaster" {
  source = "../../../modules/iam-group-with-policies"

  name                              = "deploymaster"
  attach_iam_self_management_policy = false

  group_users = [
    module.machine_user["machine.github.actions"].iam_user_name,
  ]

  custom_group_policy_arns = [
    aws_iam_policy.assume_deploymaster_role.arn,
  ]

  tags = local.tags
}
