# Project
project      = "bb"
project_long = "binbash"

# Regions
region_primary   = "us-east-1"
region_secondary = "us-west-2"
regions_allowed  = ["us-east-1", "us-west-2"]

# Accounts
accounts = {
  management = {
    email = "aws+management@example.com"
    id    = "111111111111"
  }
  security = {
    email = "aws+security@example.com"
    id    = "222222222222"
  }
  shared = {
    email = "aws+shared@example.com"
    id    = "333333333333"
  }
  apps-devstg = {
    email = "aws+apps-devstg@example.com"
    id    = "444444444444"
  }
  apps-prd = {
    email = "aws+apps-prd@example.com"
    id    = "555555555555"
  }
}

# Single sign-on
sso_enabled = false
