"""The arguments of `layer show|add|remove|groups|account|accounts`; `--help` imports nothing else."""

from __future__ import annotations

import argparse

from tui.cli.arguments import Commands

_LAYER = "the layer's folder, or its account's name in the project of the current folder"


def add_layer_commands(commands: Commands) -> None:
    """Add `layer` with its parts to the parser's commands."""
    layer = commands.add_parser("layer", help="read and edit a base-identities layer, byte for byte")
    parts = layer.add_subparsers(dest="part", metavar="PART", required=True)
    _part(parts, "show", "tell people, groups, styles, binary and provider of a layer")
    _add_add(parts)
    remove = _editing(parts, "remove", "remove a person: entry, groups, outputs and key file")
    remove.add_argument("name", metavar="NAME", help="the IAM user name")
    groups = _editing(parts, "groups", "tell a person's groups, or change them")
    groups.add_argument("name", metavar="NAME", help="the IAM user name")
    groups.add_argument("--add", action="append", default=[], metavar="GROUP", help="join it (repeatable)")
    groups.add_argument(
        "--remove", action="append", default=[], metavar="GROUP", help="leave it (repeatable)"
    )
    account = _editing(parts, "account", "tell the account's alias and password policy, or change them")
    account.add_argument("--alias", metavar="ALIAS", help="the new alias")
    account.add_argument(
        "--policy",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an attribute of the password policy, as minimum_password_length=16 (repeatable)",
    )
    _add_accounts(parts)


def _add_add(parts: Commands) -> None:
    add = _editing(parts, "add", "add a person as its siblings are written: entry, groups, outputs, key file")
    add.add_argument("name", metavar="NAME", help="the IAM user name")
    add.add_argument(
        "--key", required=True, metavar="FILE", help="the person's public PGP key in any form ('-': stdin)"
    )
    add.add_argument("--group", action="append", default=[], metavar="GROUP", help="join it (repeatable)")
    add.add_argument(
        "--access-key",
        action="store_true",
        help="a machine user: with an access key and without a console password",
    )
    add.add_argument(
        "--no-outputs",
        dest="outputs",
        action="store_false",
        help="add no outputs, even if the siblings have some",
    )


def _add_accounts(parts: Commands) -> None:
    accounts = _editing(
        parts, "accounts", "tell the project's accounts in common.tfvars, or change them", layer=False
    )
    accounts.add_argument(
        "layer",
        nargs="?",
        default=".",
        metavar="PROJECT",
        help="any folder of the project (default: this one)",
    )
    accounts.add_argument(
        "--add", default="", metavar="NAME", help="add an account, as its siblings are written"
    )
    accounts.add_argument("--email", default="", metavar="ADDRESS", help="the address of its root user")
    accounts.add_argument("--id", default="", metavar="ID", help="its 12 digits; without: not made yet")
    accounts.add_argument("--remove", default="", metavar="NAME", help="take an account out of the list")


def _part(parts: Commands, name: str, words: str, *, layer: bool = True) -> argparse.ArgumentParser:
    part = parts.add_parser(
        name,
        help=words,
        description=f"{words[0].upper()}{words[1:]}.",
        epilog="exit codes: 0 done, 1 refused (the reason is on standard error), 2 wrong usage",
    )
    if layer:
        part.add_argument("layer", metavar="LAYER", help=_LAYER)
    part.add_argument("--json", action="store_true", help="print JSON")
    return part


def _editing(parts: Commands, name: str, words: str, *, layer: bool = True) -> argparse.ArgumentParser:
    part = _part(parts, name, words, layer=layer)
    part.add_argument("--dry-run", action="store_true", help="print the unified diff and write nothing")
    return part
