# Account
environment = "security"
