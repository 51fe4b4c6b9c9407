output "caller_identity_account_id" {
  description = "Id of the account"
  value       = try(data.aws_caller_identity.this[0].account_id, "")
}

output "caller_identity_arn" {
  description = "ARN of the caller"
  value       = try(data.aws_caller_identity.this[0].arn, "")
}

output "iam_account_alias" {
  description = "Alias of the account"
  value       = aws_iam_account_alias.this.account_alias
}

output "iam_account_password_policy_expire_passwords" {
  description = "Whether passwords expire"
  value       = try(aws_iam_account_password_policy.this[0].expire_passwords, false)
}
