"""Storage for secrets: the system's keyring, files encrypted to the person's PGP key, and records of both."""
