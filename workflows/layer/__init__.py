"""The Terraform layer as a model: discover, read and edit it without touching another byte."""
