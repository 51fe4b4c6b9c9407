"""The screens: one module a step shows it, collects its input and posts it; no screen does the work."""
