variable "users" {
  # who
  default = {
    # Ann
    ann_one = { # first }
      name = "ann.one" # "ann.one"
      login = true, key = false
      pgp_key = "keys/ann.one"
    },

    # Cat
    "cat_two" = {
      name    = "cat.two"
      login   = true
      key     = false
      pgp_key = "./keys/machine.cat.two"
    }

    /* "old_one" = { name = "old.one" } */
  }
}

module "user" {
  source   = "../modules/iam-user"
  for_each = var.users

  name                          = each.value.name
  create_iam_user_login_profile = each.value.login
  create_iam_access_key         = each.value.key
  pgp_key                       = file(each.value.pgp_key)
}

module "iam_group_ops" {
  source = "../modules/iam-group-with-policies"
  name   = "ops"

  group_users = [
    module.user["ann_one"].iam_user_name,
    module.user["cat_two"].iam_user_name,
  ]
}
