"""PGP keys in, passwords out: everything that the wizard does with OpenPGP, each part in a module of its own.

`normalise` turns what people send into one public key, `inspect` reads what is in it, `verdict` says what the
AWS provider will make of it, `keyring` works with the person's own keys, and `decrypt` opens the encrypted
password. GnuPG does all of the cryptography.
"""
