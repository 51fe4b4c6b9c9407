"""The administrator's steps."""
