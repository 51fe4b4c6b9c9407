"""The arguments of `access-key`; `--help` imports nothing else."""

from __future__ import annotations

import argparse

from tui.cli.arguments import EXIT_CODES, Commands


def add_access_key_command(commands: Commands) -> None:
    """Add `access-key` to the parser's commands."""
    access_key = commands.add_parser(
        "access-key", help="keep, make and rotate the access key that your profiles use", epilog=EXIT_CODES
    )
    parts = access_key.add_subparsers(dest="part", metavar="PART", required=True)

    listed = parts.add_parser("list", help="list the access keys that are kept here, with their age")
    listed.add_argument("--json", action="store_true", help="print JSON")

    bring = parts.add_parser(
        "import",
        help="prove and keep the key of a downloaded .csv file, or one that you type",
        description="AWS is asked whose key it is before anything is kept.",
        epilog=EXIT_CODES,
    )
    bring.add_argument(
        "csv", nargs="?", metavar="CSV", help="the file that the console gave (default: type the key)"
    )
    _add_profile(bring)
    add_store(bring)
    bring.add_argument("--delete", action="store_true", help="delete the file when the key is kept")

    create = parts.add_parser(
        "create",
        help="make a key with the one that you have, and keep it",
        description="Asks for an MFA code. If the new key cannot be kept, it is deleted again.",
        epilog=EXIT_CODES,
    )
    create.add_argument(
        "--with",
        dest="csv",
        metavar="CSV",
        help="the file with the key that you have (default: the kept one)",
    )
    _add_profile(create)
    add_store(create)

    rotate = parts.add_parser(
        "rotate",
        help="put a new key in place of the kept one, or go on with an interrupted rotation",
        description="Makes a new key, keeps it, proves it as it comes back, and deactivates the old one. "
        "Asks for an MFA code. Run it again with --finish, some days later, to delete the old key.",
        epilog=EXIT_CODES,
    )
    _add_profile(rotate)
    rotate.add_argument(
        "--delete-inactive", action="store_true", help="delete an inactive second key, to make room"
    )
    rotate.add_argument("--finish", action="store_true", help="only delete the old key of the last rotation")


def _add_profile(command: argparse.ArgumentParser) -> None:
    command.add_argument("--project", required=True, metavar="NAME", help="the short name, as bb")
    command.add_argument("--profile", required=True, metavar="NAME", help="the base profile, as bb-security")
    command.add_argument("--region", default="", metavar="REGION", help="the base profile's region")
    command.add_argument("--json", action="store_true", help="print JSON")


def add_store(command: argparse.ArgumentParser) -> None:
    """Add the options that choose where a key is kept; one of them at most."""
    stores = command.add_mutually_exclusive_group()
    stores.add_argument(
        "--keyring", action="store_true", help="keep it in the system's keyring (default where there is one)"
    )
    stores.add_argument(
        "--pgp-file",
        nargs="?",
        const="own",
        default="",
        metavar="FINGERPRINT",
        help="keep it in a file encrypted to your own PGP key (default where there is no keyring)",
    )
    stores.add_argument(
        "--credentials-file", action="store_true", help="keep it in plain text in ~/.aws/NAME/credentials"
    )
