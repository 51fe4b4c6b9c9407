"""PGP keys in, passwords out: all OpenPGP work of the wizard, one module per task.

`normalise` turns what people send into one public key, `inspect` reads it, `verdict` predicts what the AWS
provider will do with it, `keyring` handles the person's own keys, and `decrypt` opens the encrypted password.
GnuPG does all of the cryptography.
"""
