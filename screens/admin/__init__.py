"""The pages of the administrator's steps, one module a step."""
