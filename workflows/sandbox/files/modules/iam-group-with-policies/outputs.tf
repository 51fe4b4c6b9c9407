output "aws_account_id" {
  description = "Id of the account"
  value       = local.aws_account_id
}

output "group_name" {
  description = "Name of the group"
  value       = local.group_name
}

output "group_arn" {
  description = "ARN of the group"
  value       = try(aws_iam_group.this[0].arn, "")
}

output "group_users" {
  description = "Names of the users in the group"
  value       = flatten(aws_iam_group_membership.this[*].users)
}
