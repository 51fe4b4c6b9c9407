#
# Providers
#
provider "aws" {
  region  = var.region
  profile = var.profile

  skip_get_ec2_platforms = true
}

#
# Terraform and the state backend
#
terraform {
  required_version = ">= 1.0.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 3.39.0"
    }
  }

  backend "s3" {
    key = "management/base-identities/terraform.tfstate"
  }
}
