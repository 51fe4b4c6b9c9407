output "iam_user_name" {
  description = "Name of the IAM user"
  value       = try(aws_iam_user.this[0].name, "")
}

output "iam_user_arn" {
  description = "ARN of the IAM user"
  value       = try(aws_iam_user.this[0].arn, "")
}

output "iam_user_unique_id" {
  description = "Unique id that AWS gave the user"
  value       = try(aws_iam_user.this[0].unique_id, "")
}

output "iam_user_login_profile_key_fingerprint" {
  description = "Fingerprint of the PGP key that the password is encrypted to"
  value       = try(aws_iam_user_login_profile.this[0].key_fingerprint, "")
}

output "iam_user_login_profile_encrypted_password" {
  description = "Password, encrypted to the PGP key, base64"
  value       = try(aws_iam_user_login_profile.this[0].encrypted_password, "")
}

output "iam_access_key_id" {
  description = "Access key id"
  value       = try(aws_iam_access_key.this[0].id, "")
}

output "iam_access_key_key_fingerprint" {
  description = "Fingerprint of the PGP key that the secret is encrypted to"
  value       = try(aws_iam_access_key.this[0].key_fingerprint, "")
}

output "iam_access_key_encrypted_secret" {
  description = "Secret access key, encrypted to the PGP key, base64"
  value       = try(aws_iam_access_key.this[0].encrypted_secret, "")
}

output "iam_access_key_status" {
  description = "Active or Inactive"
  value       = try(aws_iam_access_key.this[0].status, "")
}

output "pgp_key" {
  description = "PGP public key that passwords and secrets are encrypted to"
  value       = var.pgp_key
}
