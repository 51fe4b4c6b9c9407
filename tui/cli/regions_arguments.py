"""The arguments of `regions`; `--help` imports nothing else."""

from __future__ import annotations

from tui.cli.arguments import Commands


def add_regions_command(commands: Commands) -> None:
    """Add `regions` to the parser's commands."""
    regions = commands.add_parser(
        "regions",
        help="tell in which regions each account's STS is active, and which the project uses",
        description="Asks the STS endpoint of every region about each account of the project that has a "
        "profile, and holds the answers against `regions_allowed`. Nothing is changed.",
        epilog="exit codes: 0 done, 1 refused or an account that was named could not be asked, 2 wrong usage",
    )
    regions.add_argument(
        "project",
        nargs="?",
        default=".",
        metavar="PROJECT",
        help="a folder in the project (default: this one)",
    )
    regions.add_argument(
        "--account", action="append", default=[], metavar="NAME", help="ask only about it (repeatable)"
    )
    form = regions.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON, account ids included")
    form.add_argument("--markdown", action="store_true", help="print Markdown, without account ids")
    regions.add_argument("--with-account-ids", action="store_true", help="have account ids in the Markdown")
