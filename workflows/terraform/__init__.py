"""Terraform or OpenTofu as a service: choose the program, run, watch and cancel it, read plans and states."""
