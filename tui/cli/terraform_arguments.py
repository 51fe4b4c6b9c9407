"""The arguments of `plan`, `apply` and `handoff`; `--help` imports nothing else."""

from __future__ import annotations

import argparse

from tui.cli.arguments import EXIT_CODES, Commands

_LAYER = "the layer's folder, or its account's name in the project of the current folder"


def add_terraform_commands(commands: Commands) -> None:
    """Add `plan`, `apply` and `handoff` to the parser's commands."""
    _add_plan(commands)
    _add_apply(commands)
    handoff = commands.add_parser(
        "handoff", help="make the text that gives a person their access, or look into one", epilog=EXIT_CODES
    )
    parts = handoff.add_subparsers(dest="part", metavar="PART", required=True)
    _add_create(parts)
    _add_open(parts)


def _add_plan(commands: Commands) -> None:
    plan = _command(
        commands,
        "plan",
        "tell what Terraform or OpenTofu would do in a layer; nothing is changed",
        "Plans a layer with the credentials that it names, initialising it first where that is needed, and "
        "tells the plan by person. A checkout that is behind its upstream is refused.",
    )
    form = plan.add_mutually_exclusive_group()
    form.add_argument(
        "--redact",
        action="store_true",
        help="print Markdown for a pull request, without account ids, ARNs, keys and secrets",
    )
    form.add_argument("--json", action="store_true", help="print JSON")
    plan.add_argument(
        "--out", default="", metavar="FILE", help="keep the plan file (0600), for `iam-onboard apply`"
    )
    plan.add_argument(
        "--for",
        dest="people",
        action="append",
        default=[],
        metavar="NAME",
        help="whom it is meant to be about: other changes are told as foreign (repeatable)",
    )
    plan.add_argument(
        "--password",
        dest="passwords",
        action="append",
        default=[],
        metavar="NAME",
        help="make this person's console password anew (-replace of the login profile; repeatable)",
    )
    plan.add_argument(
        "--init",
        default="",
        choices=("upgrade", "reconfigure"),
        help="initialise first with newer providers, or for a backend that was changed",
    )


def _add_apply(commands: Commands) -> None:
    apply = _command(
        commands,
        "apply",
        "apply exactly a plan file that `plan --out` kept",
        "Applies a plan as long as files, program and state are those that it was made from. The plan file "
        "is removed once it is used. Ctrl-C asks Terraform to stop, once, and waits for it; if the terminal "
        "is closed the apply goes on, and the same command tells how it ended.",
    )
    apply.add_argument("plan", metavar="PLANFILE", help="the file of `iam-onboard plan LAYER --out FILE`")
    apply.add_argument(
        "--yes", action="store_true", help="what is destroyed or foreign is meant: do not ask on the terminal"
    )
    apply.add_argument("--json", action="store_true", help="print JSON")


def _add_create(parts: Commands) -> None:
    create = _command(
        parts,
        "create",
        "print the text for a person with what the layer's state has of them, encrypted to their key",
        "What is not encrypted to the key in the layer is refused. Nothing in the text is secret.",
    )
    create.add_argument("name", metavar="NAME", help="the IAM user name")
    create.add_argument(
        "--also",
        action="append",
        default=[],
        metavar="LAYER",
        help="another layer of the project whose access is to be in the same text (repeatable)",
    )
    create.add_argument(
        "--new-password",
        action="store_true",
        help="say that it is about a new password (after `plan --password`), and leave access keys out",
    )
    create.add_argument("--out", default="", metavar="FILE", help="write it into a file (0600)")
    create.add_argument(
        "--no-usual-roles",
        action="store_true",
        help="where the state names no role, leave out the ones that such projects usually have",
    )


def _add_open(parts: Commands) -> None:
    opened = parts.add_parser(
        "open",
        help="tell whom a handoff is for, which accounts and roles it gives, and whether your key opens it",
        description="Nothing is decrypted, and no ciphertext is printed.",
        epilog=EXIT_CODES,
    )
    opened.add_argument("file", metavar="FILE", help="the message as it came ('-': stdin)")
    opened.add_argument("--user", default="", metavar="NAME", help="refuse one that is for somebody else")
    opened.add_argument("--project", default="", metavar="NAME", help="refuse one for another project")
    opened.add_argument("--json", action="store_true", help="print JSON")


def _command(commands: Commands, name: str, words: str, description: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=words, description=description, epilog=EXIT_CODES)
    command.add_argument("layer", metavar="LAYER", help=_LAYER)
    command.add_argument(
        "--binary",
        default="",
        metavar="PROGRAM",
        help="the Terraform or OpenTofu program to use (default: the one that the layer asks for)",
    )
    return command
