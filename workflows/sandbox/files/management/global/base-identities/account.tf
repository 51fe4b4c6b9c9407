#
# Account alias and password policy
#
module "iam_account" {
  source = "../../../modules/iam-account"

  account_alias = "${var.project_long}-${var.environment}"

  minimum_password_length        = 16
  require_lowercase_characters   = true
  require_uppercase_characters   = true
  require_numbers                = true
  require_symbols                = true
  allow_users_to_change_password = true
  password_reuse_prevention      = 4
  max_password_age               = 90
  hard_expiry                    = false
}
