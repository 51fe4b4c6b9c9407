variable "get_caller_identity" {
  description = "Whether to ask AWS for the account id"
  type        = bool
  default     = true
}

variable "account_alias" {
  description = "Alias of the account, part of the sign-in address"
  type        = string
}

variable "create_account_password_policy" {
  description = "Whether the account has a password policy of its own"
  type        = bool
  default     = true
}

variable "max_password_age" {
  description = "Days after which a password expires, 0 for never"
  type        = number
  default     = 0
}

variable "minimum_password_length" {
  description = "Length that a password must have at least"
  type        = number
  default     = 8
}

variable "allow_users_to_change_password" {
  description = "Whether people may change their own password"
  type        = bool
  default     = true
}

variable "hard_expiry" {
  description = "Whether an expired password can only be reset by an administrator"
  type        = bool
  default     = false
}

variable "password_reuse_prevention" {
  description = "How many previous passwords may not be used again"
  type        = number
  default     = null
}

variable "require_lowercase_characters" {
  description = "Whether a password needs a lower case letter"
  type        = bool
  default     = true
}

variable "require_uppercase_characters" {
  description = "Whether a password needs an upper case letter"
  type        = bool
  default     = true
}

variable "require_numbers" {
  description = "Whether a password needs a digit"
  type        = bool
  default     = true
}

variable "require_symbols" {
  description = "Whether a password needs a symbol"
  type        = bool
  default     = true
}
