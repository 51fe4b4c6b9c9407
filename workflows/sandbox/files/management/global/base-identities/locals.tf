locals {
  tags = {
    Terraform   = "true"
    Environment = var.environment
    Layer       = local.layer_name
  }

  layer_name = basename(path.cwd)

  #
  # People of this account, alphabetical; each has a public PGP key in keys/
  #
  users = [
    "alex.kim",
    "dana.lopez",
    "sam.okafor",
  ]

  #
  # Machines of this account: IAM user -> file in keys/
  #
  machine_users = {
    "machine.github.actions" = "machine.github.actions"
  }
}
