# Profile that the layers of this account are applied with
profile = "bb-management-administrator"

# State backend
bucket         = "bb-management-terraform-backend"
region         = "us-east-1"
encrypt        = true
dynamodb_table = "bb-management-terraform-backend"
