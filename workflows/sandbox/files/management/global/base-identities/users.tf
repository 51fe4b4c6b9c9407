#
# People
#
module "user" {
  source = "../../../modules/iam-user"

  for_each = toset(local.users)

  name                          = each.key
  force_destroy                 = true
  password_reset_required       = true
  password_length               = 30
  create_iam_user_login_profile = true
  create_iam_access_key         = false
  pgp_key                       = file("keys/${each.key}")

  tags = local.tags
}

#
# Machines
#
module "machine_user" {
  source = "../../../modules/iam-user"

  for_each = local.machine_users

  name                          = each.key
  force_destroy                 = true
  create_iam_user_login_profile = false
  create_iam_access_key         = true
  pgp_key                       = file("keys/${each.value}")

  tags = local.tags
}
