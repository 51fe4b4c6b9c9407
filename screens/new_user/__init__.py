"""The pages of the new user's steps, one module a step."""
