"""The arguments of `verify`; `--help` imports nothing else."""

from __future__ import annotations

from tui.cli.arguments import Commands
from tui.cli.completion import SHELLS


def add_verify_command(commands: Commands) -> None:
    """Add `verify` to the parser's commands."""
    verify = commands.add_parser(
        "verify",
        help="ask every profile of a project who it is, with one MFA code",
        description="Every profile in ~/.aws/PROJECT is asked who it is, the roles by really assuming them. "
        "A code is asked for on the terminal, once for each MFA device.",
        epilog="exit codes: 0 all work, 1 refused or one does not work (the reason is told), 2 wrong usage",
    )
    verify.add_argument(
        "project",
        nargs="?",
        default="",
        metavar="PROJECT",
        help="a folder in the project, or its short name (default: this folder)",
    )
    verify.add_argument(
        "--as",
        dest="account",
        default="",
        metavar="ACCOUNT",
        help="only the profiles of your user there: security, management (default: all)",
    )
    verify.add_argument(
        "--no-code", action="store_true", help="ask for no MFA code; roles that want one say so"
    )
    verify.add_argument(
        "--shell", choices=SHELLS, default="", help="whose form the export lines have (default: your shell's)"
    )
    verify.add_argument("--json", action="store_true", help="print JSON")
