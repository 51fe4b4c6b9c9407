# Profile that the layers of this account are applied with
profile = "bb-security-devops"

# State backend
bucket         = "bb-security-terraform-backend"
region         = "us-east-1"
encrypt        = true
dynamodb_table = "bb-security-terraform-backend"
