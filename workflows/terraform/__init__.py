"""Terraform or OpenTofu as a service: chosen, run, watched, cancelled, and its plans and states read."""
