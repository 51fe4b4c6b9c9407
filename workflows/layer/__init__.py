"""A Terraform layer as a model: discover it, read it, and edit it without touching any other byte."""
