variable "create_group" {
  description = "Whether to create the group"
  type        = bool
  default     = true
}

variable "name" {
  description = "Name of the group"
  type        = string
}

variable "path" {
  description = "Path of the group"
  type        = string
  default     = "/"
}

variable "group_users" {
  description = "Names of the users in the group"
  type        = list(string)
  default     = []
}

variable "custom_group_policy_arns" {
  description = "ARNs of the policies attached to the group"
  type        = list(string)
  default     = []
}

variable "custom_group_policies" {
  description = "Policies to create and attach to the group: name, policy, description"
  type        = list(map(string))
  default     = []
}

variable "enable_mfa_enforcement" {
  description = "Whether everything but registering a device needs a sign-in with MFA"
  type        = bool
  default     = true
}

variable "attach_iam_self_management_policy" {
  description = "Whether the group's users may manage their own password, device and keys"
  type        = bool
  default     = true
}

variable "iam_self_management_policy_name_prefix" {
  description = "Beginning of the self-management policy's name"
  type        = string
  default     = "IAMSelfManagement-"
}

variable "aws_account_id" {
  description = "Account id in the policy's ARNs; empty asks AWS"
  type        = string
  default     = ""
}

variable "tags" {
  description = "Tags of the policies"
  type        = map(string)
  default     = {}
}
