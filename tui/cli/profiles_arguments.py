"""The arguments of `profiles`; `--help` imports nothing else."""

from __future__ import annotations

import argparse

from tui.cli.access_key_arguments import add_store
from tui.cli.arguments import EXIT_CODES, Commands


def add_profiles_command(commands: Commands) -> None:
    """Add `profiles` to the parser's commands."""
    profiles = commands.add_parser(
        "profiles", help="show and write the profiles of a project in ~/.aws/PROJECT", epilog=EXIT_CODES
    )
    parts = profiles.add_subparsers(dest="part", metavar="PART", required=True)
    show = parts.add_parser(
        "show",
        help="tell which profiles there should be, and what writing them would change",
        description="Reads both files and writes nothing.",
        epilog=EXIT_CODES,
    )
    _add_wish(show)

    write = parts.add_parser(
        "write",
        help="write the profiles, and an access key if one is given",
        description="Merges the profiles into both files: everything else in them stays byte for byte. Asks "
        "on the terminal about profiles that were changed by hand; without one they stay as they are.",
        epilog=EXIT_CODES,
    )
    _add_wish(write)
    write.add_argument(
        "--dry-run", action="store_true", help="print the difference, secrets masked, and stop"
    )
    write.add_argument(
        "--access-keys",
        default="",
        metavar="CSV",
        help="prove and keep the key of this file of the console's",
    )
    add_store(write)
    write.add_argument(
        "--overwrite",
        action="append",
        default=[],
        metavar="NAME",
        help="write over this profile although it was changed by hand (repeatable)",
    )
    write.add_argument(
        "--prune",
        action="store_true",
        help="take out profiles that this program wrote and that are no longer wanted",
    )


def _add_wish(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "project",
        nargs="?",
        default="",
        metavar="PROJECT",
        help="a folder in the project, or its short name (default: this folder)",
    )
    command.add_argument(
        "--as",
        dest="account",
        required=True,
        metavar="ACCOUNT",
        help="where your user is: security or management, or another account of the handoff",
    )
    command.add_argument(
        "--mfa-serial",
        default=None,
        metavar="ARN",
        help="of your code device; '' for none (default: what AWS or the file says)",
    )
    command.add_argument(
        "--region", default="", metavar="REGION", help="of the profiles (default: the project's)"
    )
    command.add_argument(
        "--mfa-names",
        action="store_true",
        help="also the names …-mfa, for Leverage CLI (default where build.env says MFA_ENABLED=true)",
    )
    command.add_argument("--json", action="store_true", help="print JSON")
