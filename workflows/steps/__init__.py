"""One module a step: its request, `validate()`, `perform()` and `observe()`."""
