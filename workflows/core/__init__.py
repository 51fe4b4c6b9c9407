"""The base of every other package: errors, secrets, files, locks, processes. It imports no other room."""
