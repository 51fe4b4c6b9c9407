"""The parser of all commands, and that README and docs name what it takes."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator

from support.repository import ROOT

from tui.cli.parser import build_parser


def test_a_parser_of_one_command_is_that_of_all_commands_for_it() -> None:
    def helps(parser: argparse.ArgumentParser) -> dict[str, str]:
        """The help of each command, and of each part of one."""
        parts = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        below = [helps(part) for action in parts for part in action.choices.values()]
        assert parts or callable(parser.get_default("run"))
        return dict(pair for found in below for pair in found.items()) | {parser.prog: parser.format_help()}

    every = helps(build_parser())
    top = every.pop("iam-onboard")
    assert top.count("\n    ") > 15
    for command, text in every.items():
        assert helps(build_parser(command.split()[1:]))[command] == text


def test_the_readme_names_every_command_once_and_no_other() -> None:
    choices = build_parser()._subparsers._group_actions[0].choices  # type: ignore[union-attr]
    rows = re.findall(r"^\| (`.*?) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    named = [set(re.findall(r"`(?:iam-onboard )?([a-z-]+)", row)) for row in rows]
    assert set().union(*named) - {"iam-onboard"} == set(choices or ())
    assert sum(map(len, named)) == len(set().union(*named))


def options(parser: argparse.ArgumentParser, command: str = "") -> Iterator[tuple[str, str]]:
    """Each option with the command that has it, those of commands' parts too."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, part in action.choices.items():
                yield from options(part, command or name)
        else:
            yield from (
                (command, option_string)
                for option_string in action.option_strings
                if option_string.startswith("--")
            )


def test_the_documentation_names_every_option() -> None:
    pages = [(ROOT / name).read_text() for name in ("README.md", "docs/commands.md")]
    rows = [line for line in pages[0].splitlines() if line.startswith("|")]
    sections = [f"iam-onboard {part}" for part in pages[1].split("## `iam-onboard ")[1:]]
    everywhere = {"--help", "--version", "--binary", "--trust-binary"}
    missing = [
        (command, option)
        for command, option in options(build_parser())
        if option not in everywhere
        and not any(option in part for part in sections if part.startswith(f"iam-onboard {command} "))
        and not any(option in row for row in rows if f"`{command} " in row)
    ]
    assert missing == []
