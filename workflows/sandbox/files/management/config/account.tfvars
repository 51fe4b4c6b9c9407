# Account
environment = "management"
