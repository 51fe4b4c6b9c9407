"""What the commands declare their arguments with, the arguments that several have, and the exit codes.

The commands' modules load nothing else before they run, so that help and completion are quick.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn

Argument = Callable[[argparse._ActionsContainer], Any]  # noqa: SLF001 - what parsers and groups share
"""Adds itself to a parser or to a group of one."""
Run = Callable[..., int | None]
"""What runs a command: it gets the `Machine` and the options, and gives the exit code, or None for 0."""

DONE, REFUSED, USAGE = 0, 1, 2
SHELLS = ("bash", "zsh", "fish")
EXIT_CODES = "exit codes: 0 done, 1 failed (standard error says why), 2 wrong usage"


class UsageError(Exception):
    """The words of the command line do not fit together; the text says why. It ends with `USAGE`."""


class Parser(argparse.ArgumentParser):
    """Complains through the one writer of the command line: a file's name may come from a shell's pattern."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Complain of what this very command doesn't know: argparse hands it to the parser above."""
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return options, unknown

    def error(self, message: str) -> NoReturn:
        from tui.cli.output import note

        note(f"{self.format_usage()}{self.prog}: error: {message}")
        raise SystemExit(USAGE)

    def print_help(self, file: object = None) -> None:  # noqa: ARG002 - argparse's
        from tui.cli.output import hand_out

        hand_out(self.format_help())


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
        """Add one; `summary` is its line in the list, and its description where there is no longer one."""
        described = description or f"{summary[0].upper()}{summary[1:]}."
        command = self._made.add_parser(name, help=summary, description=described, epilog=epilog)
        command.set_defaults(run=run)
        for add_to in arguments:
            add_to(command)
        return command

    def group(self, name: str, summary: str) -> Parts:
        """Add one that has parts."""
        return Parts(self._made.add_parser(name, help=summary, epilog=EXIT_CODES))


class Commands:
    """The commands of the program, with their lines in its list."""

    def __init__(self, parser: argparse.ArgumentParser, summaries: Mapping[str, str]) -> None:
        self._parts = Parts(parser, "command")
        self._summaries = summaries

    def add(self, name: str, run: Run | None, *arguments: Argument, **more: str) -> argparse.ArgumentParser:
        """Add one; `more` as for a part."""
        return self._parts.add(name, run, self._summaries[name], *arguments, **more)

    def group(self, name: str) -> Parts:
        """Add one that has parts."""
        return self._parts.group(name, self._summaries[name])


def argument(name: str, metavar: str | None, explanation: str, **more: Any) -> Argument:
    """An argument, or an option with a value that is None where it is left out."""
    return lambda parser: parser.add_argument(name, metavar=metavar, help=explanation, **more)


option = partial(argument, default="")
"""The same, "" where it is left out."""


def flag(name: str, explanation: str, **more: Any) -> Argument:
    """An option without a value."""
    return lambda parser: parser.add_argument(name, help=explanation, **{"action": "store_true", **more})


def repeatable(name: str, metavar: str, explanation: str, **more: Any) -> Argument:
    """An option that gives a list."""
    return argument(name, metavar, f"{explanation} (repeatable)", action="append", default=[], **more)


def one_of(*arguments: Argument) -> Argument:
    """Options that exclude each other."""

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
