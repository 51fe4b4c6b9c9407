#
# Users
#

#==================#
# User: Cat Two    #
#==================#
module "user_cat_two" {
  source = "../modules/iam-user"

  name = "cat.two"

  create_iam_user_login_profile = true
  create_iam_access_key         = false

  pgp_key = file("keys/cat.two")
}

#==================#
# User: Ann One    #
#==================#
module "user_ann_won" {
  source = "../modules/iam-user"

  name = "ann.one"

  create_iam_user_login_profile = true
  create_iam_access_key         = false

  pgp_key = file("keys/ann.one")
}

#==================#
# User: Cat Two    #
#==================#
module "user_mark_paint" {
  source = "../modules/iam-user"

  name = "mark.pain"

  create_iam_user_login_profile = true
  create_iam_access_key         = false

  pgp_key = file("keys/mark.pain")
}

#
# Machines
#
#==================#
# User: BeeCI      #
#==================#
module "user_bee_ci" {
  source = "../modules/iam-user"

  name = "bee.ci"

  create_iam_user_login_profile = false
  create_iam_access_key         = true

  pgp_key = file("keys/machine.bee.ci")
}

#==================#
# User: BeeCI      #
#==================#
module "user_gull_ci" {
  source = "../modules/iam-user"

  name = "gull.ci"

  create_iam_user_login_profile = false
  create_iam_access_key         = true

  pgp_key = file("keys/machine.bee.ci")
}

module "iam_group_ops" {
  source = "../modules/iam-group-with-policies"
  name   = "ops"

  group_users = [
    module.user_cat_two.this_iam_user_name,
    module.user_ann_won.this_iam_user_name,
    module.user_mark_paint.this_iam_user_name,
  ]
}

/*
module "iam_group_old" {
  source = "../modules/iam-group-with-policies"
  name   = "old"

  group_users = [
    module.user_cat_two.this_iam_user_name,
  ]
}

data "aws_iam_policy" "x" {
  name = "x"
}
*/

module "iam_group_deploy" {
  source = "../modules/iam-group-with-policies"
  name   = "deploy"

  group_users = [
    module.user_bee_ci.this_iam_user_name,
    module.user_gull_ci.this_iam_user_name,
  ]
}

output "user_cat_two_name" {
  description = "The user's name"
  value       = module.user_cat_two.this_iam_user_name
}

/*output "user_cat_two_secret" {
  description = "The user's name"
  value       = module.user_cat_two.this_iam_user_login_profile_encrypted_password
  sensitive   = true
}*/

output "user_ann_one_name" {
  description = "The user's name"
  value       = module.user_ann_won.this_iam_user_name
}

# output "user_ann_one_secret" {
#   description = "The user's name"
#   value       = module.user_ann_won.this_iam_user_login_profile_encrypted_password
# }

/*
output "user_mark_paint_name" {
  description = "The user's name"
  value       = module.user_mark_paint.this_iam_user_name
}

output "user_gull_ci_name" {
  description = "The user's name"
  value       = module.user_gull_ci.this_iam_user_name
}
*/

output "user_bee_se_name" {
  description = "The user's name"
  value       = module.user_bee_ci.this_iam_user_name
}
