"""Where secrets stay: the system's keyring, files encrypted to one's own PGP key, and their records."""
