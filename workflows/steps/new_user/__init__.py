"""The new user's steps."""
