# ann.one
module "user_ann_one" {
  source = "../modules/iam-user"

  name = "ann.one"

  create_iam_user_login_profile = true
  create_iam_access_key         = false

  pgp_key = file("${path.module}/keys/ann.one")
}

# cat.two
module "user_cat_two" {
  source = "../modules/iam-user"

  name = "cat.two"

  create_iam_user_login_profile = true
  create_iam_access_key         = false

  pgp_key = file("${path.module}/keys/cat.two")
}

module "iam_group_ops" {
  source = "../modules/iam-group-with-policies"
  name   = "ops"

  group_users = ["ann.one", "cat.two"]
}
