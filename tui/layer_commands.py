"""`iam-onboard layer show|add|remove|groups|account`: the wizard's edits, for scripts.

What was asked for goes to standard output; warnings and reasons go to standard error.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tui.exit_codes import DONE, USAGE
from tui.layer_report import account_lines, account_record, layer_lines, layer_record, person_record
from tui.places import Machine
from workflows.errors import OnboardError
from workflows.layer.change_set import ChangeSet, write
from workflows.layer.discover import find_project
from workflows.layer.edit import check, propose
from workflows.layer.model import Layer
from workflows.layer.names import POLICY_NUMBERS
from workflows.layer.operations import (
    AddPerson,
    Operation,
    RemovePerson,
    SetAccountAlias,
    SetGroups,
    SetPasswordPolicy,
)
from workflows.layer.operations.base import find_person
from workflows.layer.project import LayerLocation, Project
from workflows.layer.read import read_layer
from workflows.services.files import read_bytes
from workflows.services.gpg.inspect import check_key
from workflows.services.gpg.normalise import INPUT_LIMIT
from workflows.services.gpg.verdict import judge

_SWITCHES = {"true": True, "false": False}


def layer(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard layer PART`.

    Raises:
        OnboardError: there is no such layer, or the edit is refused.
    """
    project, location = _find(machine, options.layer)
    read = read_layer(location)
    if options.part == "show":
        return _show(project, read, options)
    if options.part == "groups" and not (options.add or options.remove):
        return _show_groups(read, options)
    if options.part == "account" and not (options.alias or options.policy):
        return _show_account(read, options)
    operations = _operations(machine, read, options)
    return USAGE if operations is None else _edit(read, operations, options)


def _show(project: Project, read: Layer, options: argparse.Namespace) -> int:
    if options.json:
        return _print_json(layer_record(read, project.binary))
    sys.stdout.write("\n".join(layer_lines(read, project.binary)) + "\n")
    return DONE


def _show_groups(read: Layer, options: argparse.Namespace) -> int:
    person = find_person(read, options.name)
    if options.json:
        return _print_json(person_record(person))
    sys.stdout.write("".join(f"{one}\n" for one in person.groups))
    return DONE


def _show_account(read: Layer, options: argparse.Namespace) -> int:
    if options.json:
        return _print_json(account_record(read))
    sys.stdout.write("\n".join(account_lines(read)) + "\n")
    return DONE


def _operations(machine: Machine, read: Layer, options: argparse.Namespace) -> list[Operation] | None:
    """What was asked for as operations; None, with the reason told, for what is no request."""
    if options.part == "add":
        key = _key(machine, options.key, read.location)
        return [AddPerson(options.name, key, tuple(options.group), machine=options.access_key)]
    if options.part == "remove":
        return [RemovePerson(options.name)]
    if options.part == "groups":
        return [SetGroups(options.name, tuple(options.add), tuple(options.remove))]
    operations: list[Operation] = [SetAccountAlias(options.alias)] if options.alias else []
    for text in options.policy:
        name, _, value = text.partition("=")
        number = int(value) if value.isascii() and value.isdigit() and name in POLICY_NUMBERS else None
        known = _SWITCHES.get(value) if number is None else number
        if known is None:
            sys.stderr.write(f"iam-onboard: {text!r} is not KEY=VALUE with a whole number, true or false.\n")
            return None
        operations.append(SetPasswordPolicy(name, known))
    return operations


def _edit(read: Layer, operations: Sequence[Operation], options: argparse.Namespace) -> int:
    problems = check(read, operations)
    warnings = [one.message for one in problems if not one.fatal]
    changes = propose([(read, operations)])  # raises what is fatal, with the reason
    if not options.dry_run:
        write(changes)
    if options.json:
        return _print_json(
            {
                "layer": read.location.relative,
                "written": not options.dry_run,
                "changes": changes.summary(),
                "diff": changes.diff(),
                "warnings": warnings,
            }
        )
    for warning in warnings:
        sys.stderr.write(f"warning: {warning}\n")
    sys.stdout.write(changes.diff() if options.dry_run else _summary(changes))
    return DONE


def _summary(changes: ChangeSet) -> str:
    if changes.is_empty:
        return "Nothing to change.\n"
    lines = [f"{one['layer']}/{one['file']}  +{one['added']} -{one['removed']}" for one in changes.summary()]
    return "\n".join(lines) + "\n"


def _key(machine: Machine, name: str, location: LayerLocation) -> str:
    """The text of a key file, from whatever was given; refused where the provider would fail on it."""
    if name == "-":
        data = sys.stdin.buffer.read(INPUT_LIMIT + 1)
    else:
        data = read_bytes(machine.working_folder / Path(name).expanduser(), INPUT_LIMIT)
    checked = check_key(data, environment=machine.environment)
    version = location.locked.version if location.locked else None
    verdict = judge(checked.details, version or None, machine.now())
    if not verdict.accepted:
        raise OnboardError("This key cannot be used", verdict.headline, why=verdict.explanation)
    for warning in verdict.warnings:
        sys.stderr.write(f"warning: {warning}\n")
    return checked.key.text


def _find(machine: Machine, text: str) -> tuple[Project, LayerLocation]:
    """The layer of a folder, or of an account's name.

    Raises:
        OnboardError: there is none, or the folder holds several.
    """
    folder = (machine.working_folder / Path(text).expanduser()).resolve()
    project = find_project(folder if folder.is_dir() else machine.working_folder)
    named = project.layer(text)
    found = [
        one for one in project.layers if folder == one.path.resolve() or folder in one.path.resolve().parents
    ]
    if named is not None and not folder.is_dir():
        found = [named]
    if len(found) != 1:
        known = ", ".join(one.relative for one in project.layers) or "none"
        raise OnboardError(
            "Which layer is meant?",
            f"{text} is not one base-identities layer of {project.root}.",
            next=f"Name one of its layers, or an account. There are: {known}.",
        )
    return project, found[0]


def _print_json(record: object) -> int:
    sys.stdout.write(json.dumps(record, indent=2, ensure_ascii=False) + "\n")
    return DONE
