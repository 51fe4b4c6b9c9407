#
# What each person needs to sign in; the passwords are encrypted to the person's PGP key
#
output "user_alex_kim_name" {
  description = "IAM user name"
  value       = module.user["alex.kim"].iam_user_name
}

output "user_alex_kim_login_profile_encrypted_password" {
  description = "Console password, encrypted to the user's PGP key"
  value       = module.user["alex.kim"].iam_user_login_profile_encrypted_password
  sensitive   = true
}

output "user_dana_lopez_name" {
  description = "IAM user name"
  value       = module.user["dana.lopez"].iam_user_name
}

output "user_dana_lopez_login_profile_encrypted_password" {
  description = "Console password, encrypted to the user's PGP key"
  value       = module.user["dana.lopez"].iam_user_login_profile_encrypted_password
  sensitive   = true
}

output "user_sam_okafor_name" {
  description = "IAM user name"
  value       = module.user["sam.okafor"].iam_user_name
}

output "user_sam_okafor_login_profile_encrypted_password" {
  description = "Console password, encrypted to the user's PGP key"
  value       = module.user["sam.okafor"].iam_user_login_profile_encrypted_password
  sensitive   = true
}

#
# Machines: name -> user name, access key id, and the secret encrypted to the machine's PGP key
#
output "machine_users" {
  description = "Access keys of the machine users"
  value = {
    for name, user in module.machine_user : name => {
      username          = user.iam_user_name
      access_key_id     = user.iam_access_key_id
      access_key_secret = user.iam_access_key_encrypted_secret
    }
  }
  sensitive = true
}
