"""Declares the commands' arguments, those that several commands share, and the exit codes.

Command modules load nothing else before they run, so that help and completion are quick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from workflows.core.later import on_demand

with on_demand():
    import argparse

Argument = Callable[["argparse._ActionsContainer"], Any]  # noqa: SLF001 - the common base of parsers and groups
"""Adds itself to a parser or to a group of one."""
Run = Callable[..., int | None]
"""Runs a command: takes the `Machine` and the options, and returns the exit code, or None for 0."""

DONE, REFUSED, USAGE = 0, 1, 2
SHELLS = ("bash", "zsh", "fish")
EXIT_CODES = "exit codes: 0 done, 1 failed (standard error says why), 2 wrong usage"


class UsageError(Exception):
    """The arguments don't fit together; the text says why. Exits with `USAGE`."""


class Parts:
    """The parts of a command, or the commands of the program."""

    def __init__(self, parser: argparse.ArgumentParser, kind: str = "part") -> None:
        self._made = parser.add_subparsers(
            dest=kind, title="commands", metavar="COMMAND", required=kind == "part"
        )

    def add(
        self,
        name: str,
        run: Run | None,
        summary: str,
        *arguments: Argument,
        description: str = "",
        epilog: str = EXIT_CODES,
    ) -> argparse.ArgumentParser:
        """Add a part; `summary` is its line in the list, and its description if there is no longer one."""
        described = description or f"{summary[0].upper()}{summary[1:]}."
        command = self._made.add_parser(name, help=summary, description=described, epilog=epilog)
        command.set_defaults(run=run)
        for add_to in arguments:
            add_to(command)
        return command

    def group(self, name: str, summary: str) -> Parts:
        """Add a part with parts of its own."""
        return Parts(self._made.add_parser(name, help=summary, epilog=EXIT_CODES))


class Commands:
    """The commands of the program, with their lines in its list."""

    def __init__(self, parser: argparse.ArgumentParser, summaries: Mapping[str, str]) -> None:
        self._parts = Parts(parser, "command")
        self._summaries = summaries

    def add(self, name: str, run: Run | None, *arguments: Argument, **more: str) -> argparse.ArgumentParser:
        """Add a command; `more` as for a part."""
        return self._parts.add(name, run, self._summaries[name], *arguments, **more)

    def group(self, name: str) -> Parts:
        """Add a command with parts."""
        return self._parts.group(name, self._summaries[name])


def argument(name: str, metavar: str | None, explanation: str, **more: Any) -> Argument:
    """Return an argument, or an option with a value that is None if omitted."""
    return lambda parser: parser.add_argument(name, metavar=metavar, help=explanation, **more)


option = partial(argument, default="")
"""Like `argument`, but "" if omitted."""


def flag(name: str, explanation: str, **more: Any) -> Argument:
    """Return an option without a value."""
    return lambda parser: parser.add_argument(name, help=explanation, **{"action": "store_true", **more})


def repeatable(name: str, metavar: str, explanation: str, **more: Any) -> Argument:
    """Return an option that collects a list."""
    return argument(name, metavar, f"{explanation} (repeatable)", action="append", default=[], **more)


def one_of(*arguments: Argument) -> Argument:
    """Return options that exclude each other."""

    def add_to(parser: argparse._ActionsContainer) -> None:
        group = parser.add_mutually_exclusive_group()
        for add in arguments:
            add(group)

    return add_to


JSON = flag("--json", "print JSON")
LAYER = argument("layer", "LAYER", "the layer's folder, or the name of its account in the current project")
BINARY = option(
    "--binary",
    "PROGRAM",
    "the Terraform or OpenTofu program to use (default: the one the layer asks for)",
)
TRUST_BINARY = flag(
    "--trust-binary", "trust the project's own Terraform program without asking, and remember it"
)
USER = argument("name", "NAME", "the IAM user name")
PROJECT_OR_NAME = option(
    "project", "PROJECT", "a folder of the project, or its short name (default: this folder)", nargs="?"
)
OWN_NAMES = (
    option("--project", "NAME", "the project's short name, such as bb"),
    option("--user", "NAME", "your IAM user name, such as jane.doe"),
)
PROJECT_AND_PROFILE = (
    argument("--project", "NAME", "the project's short name, such as bb", required=True),
    argument("--profile", "NAME", "the base profile, such as bb-security", required=True),
)
STORE = one_of(
    flag("--keyring", "keep the key in the system keyring (default if there is one)"),
    option(
        "--pgp-file",
        "FINGERPRINT",
        "keep the key in a file encrypted to your PGP key (default without a keyring)",
        nargs="?",
        const="own",
    ),
    flag("--credentials-file", "keep the key as plain text in ~/.aws/NAME/credentials"),
)
