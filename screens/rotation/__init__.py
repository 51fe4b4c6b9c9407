"""The pages of a rotation."""
