variable "create_user" {
  description = "Whether to create the IAM user"
  type        = bool
  default     = true
}

variable "create_iam_user_login_profile" {
  description = "Whether the user has a password for the console"
  type        = bool
  default     = true
}

variable "create_iam_access_key" {
  description = "Whether the user has an access key"
  type        = bool
  default     = true
}

variable "name" {
  description = "Name of the IAM user"
  type        = string
}

variable "path" {
  description = "Path of the IAM user"
  type        = string
  default     = "/"
}

variable "force_destroy" {
  description = "Whether to destroy the user although it has keys, devices or passwords that Terraform does not manage"
  type        = bool
  default     = false
}

variable "pgp_key" {
  description = "A base64 PGP public key without armor"
  type        = string
  default     = ""
}

variable "iam_access_key_status" {
  description = "Active or Inactive"
  type        = string
  default     = "Active"
}

variable "password_reset_required" {
  description = "Whether the user must choose a new password at the first sign-in"
  type        = bool
  default     = true
}

variable "password_length" {
  description = "Length of the generated password"
  type        = number
  default     = 20
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds the user's permissions"
  type        = string
  default     = ""
}

variable "policy_arns" {
  description = "ARNs of the policies attached to the user itself"
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "Tags of the user"
  type        = map(string)
  default     = {}
}
