locals {
  users = [
    "ann.one",
    "cat.two",
  ]
}

module "user" {
  source   = "../modules/iam-user"
  for_each = toset(local.users)

  name                          = each.key
  create_iam_user_login_profile = true
  create_iam_access_key         = false

  pgp_key = file("keys/${each.key}")
}

module "iam_group_ops" {
  source = "../modules/iam-group-with-policies"
  name   = "ops"

  group_users = [
    module.user["ann.one"].iam_user_name,
    module.user["cat.two"].iam_user_name,
  ]
}

/* never closed
