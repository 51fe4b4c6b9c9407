"""A disposable project with a local AWS, for `iam-onboard demo` and for the tests."""
