#
# Every layer links to this file. Its values come from config/*.tfvars and
# <account>/config/*.tfvars.
#

# Project
variable "project" {
  description = "Short name of the project, as in profiles and buckets"
  type        = string
}

variable "project_long" {
  description = "Long name of the project, as in account aliases"
  type        = string
}

# Regions
variable "region_primary" {
  description = "Primary region"
  type        = string
}

variable "region_secondary" {
  description = "Secondary region"
  type        = string
}

variable "regions_allowed" {
  description = "Regions that the organization uses"
  type        = list(string)
}

# Accounts
variable "accounts" {
  description = "Accounts of the organization: name -> email and id"
  type = map(object({
    email = string
    id    = string
  }))
}

variable "sso_enabled" {
  description = "Whether people sign in through AWS SSO"
  type        = bool
}

# This account
variable "environment" {
  description = "Name of this account"
  type        = string
}

# State backend and credentials
variable "profile" {
  description = "AWS profile that this account's layers are applied with"
  type        = string
}

variable "bucket" {
  description = "Bucket of this account's Terraform states"
  type        = string
}

variable "region" {
  description = "Region of the state bucket and of the provider"
  type        = string
}

variable "encrypt" {
  description = "Whether states are encrypted at rest"
  type        = bool
}

variable "dynamodb_table" {
  description = "Table of the state locks"
  type        = string
}
