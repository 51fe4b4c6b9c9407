module "user_cat_two" {
    source = "../modules/iam-user"

    name = "cat.two"

    create_iam_user_login_profile = true
    create_iam_access_key        = false

    pgp_key = "${file("keys/cat.two")}"
}

module "user_ann_one" {
    source = "../modules/iam-user"

    name = "ann.one"

    create_iam_user_login_profile = true
    create_iam_access_key        = false

    pgp_key = "${file("keys/ann.one")}"
}

module "iam_group_ops" {
  source = "../modules/iam-group-with-policies"
  name   = "ops"

  group_users = ["${module.user_cat_two.this_iam_user_name}", "${module.user_ann_one.this_iam_user_name}"]
}

output "user_cat_two_name" {
  description = "The user's name"
  value       = "${module.user_cat_two.this_iam_user_name}"
}

output "user_ann_one_name" {
  description = "The user's name"
  value       = "${module.user_ann_one.this_iam_user_name}"
}
