"""The command line's parser: every command, with its line in the help.

A command's module is loaded on demand; the help that lists them needs none.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from tui.cli.arguments import DONE, EXIT_CODES, USAGE, Commands
from tui.cli.output import hand_out, note, say
from workflows.core.later import on_demand

with on_demand():
    from importlib import metadata

_COMMANDS = {
    "admin": ("wizard", "start as an admin: add people, change groups, remove people"),
    "join": ("wizard", "start as a new user, or continue with your handoff"),
    "resume": ("wizard", "resume a session (default: the unfinished one you left last)"),
    "sessions": ("wizard", "list your sessions"),
    "demo": ("wizard", "try both roles on a disposable project with a local AWS"),
    "doctor": ("doctor", "check gpg, Terraform, terminal, keyring and clipboard"),
    "pgp": ("pgp", "check a PGP key, or request access with yours"),
    "decrypt": ("decrypt", "decrypt and print your one-time password"),
    "layer": ("layer", "read and edit a base-identities layer"),
    "regions": ("regions", "show where STS is active in each account, and which regions the project uses"),
    "plan": ("plan", "show what Terraform or OpenTofu would change in a layer"),
    "apply": ("apply", "apply a plan that `plan --out` kept"),
    "handoff": ("handoff", "make a person's handoff, or check one that you received"),
    "access-key": ("access_key", "keep, create and rotate the access key that your profiles use"),
    "profiles": ("profiles", "show or write the profiles of a project in ~/.aws/PROJECT"),
    "verify": ("verify", "check that every profile of a project works, with one MFA code"),
    "completion": ("completion", "print the lines for Tab completion in bash, zsh or fish"),
    "credential-process": ("credential_process", "print an access key for AWS SDKs"),
}
"""Each command in the order of the help: the module in `tui.cli` that declares it, and its help line."""
_EPILOG = f"""\
{EXIT_CODES}

`iam-onboard` on its own opens the wizard. To try it safely, run `iam-onboard demo` first."""


class Parser(argparse.ArgumentParser):
    """Reports errors through the command line's one writer, as a shell pattern may insert any file name."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Report arguments unknown to this very command: argparse passes them to the parser above."""
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return options, unknown

    def error(self, message: str) -> NoReturn:
        note(f"{self.format_usage()}{self.prog}: error: {message}")
        raise SystemExit(USAGE)

    def print_help(self, file: object = None) -> None:  # noqa: ARG002 - argparse's
        hand_out(self.format_help())


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        say(f"iam-onboard {metadata.version('iam-onboard')}")
        parser.exit(DONE)


def build_parser(words: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """Return the command line's parser; its result has `run`, the function of the command.

    Args:
        words: the arguments. If they start with a command, the parser knows no other one; else it only lists
            the commands. None for a complete parser of all commands.
    """
    parser = Parser(
        prog="iam-onboard",
        description="Give people access to the AWS accounts of a Leverage-style Terraform project.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    parser.set_defaults(run=None)
    commands = Commands(parser, {name: summary for name, (_, summary) in _COMMANDS.items()})
    wanted = _COMMANDS if words is None else words[:1]
    if set(wanted) <= set(_COMMANDS):
        for module in dict.fromkeys(_COMMANDS[name][0] for name in wanted):
            import_module(f"tui.cli.{module}").add_to(commands)
    else:
        for name in _COMMANDS:
            commands.add(name, None)
    return parser
