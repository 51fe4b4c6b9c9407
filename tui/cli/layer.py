"""`iam-onboard layer show|add|remove|groups|account|accounts`: the wizard's edits, for scripts.

What was asked for goes to standard output; warnings and reasons go to standard error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tui.cli.exit_codes import DONE, UsageError
from tui.cli.layer_accounts import accounts
from tui.cli.layer_edits import propose_and_write, warn_of_half_written, writes_of
from tui.cli.layer_find import find_layer, root_of
from tui.cli.layer_report import account_lines, account_record, layer_lines, layer_record, person_record
from tui.cli.output import note, say, say_json
from tui.layer_writes import ProjectWrites
from tui.places import Machine
from workflows.core.errors import OnboardError
from workflows.core.files import read_bytes
from workflows.layer.change_set import ChangeSet
from workflows.layer.collector import collector_paused
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
from workflows.services.gpg.inspect import check_key
from workflows.services.gpg.normalise import INPUT_LIMIT
from workflows.services.gpg.verdict import judge

_SWITCHES = {"true": True, "false": False}


def layer(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard layer PART`.

    Raises:
        OnboardError: there is no such layer, or the edit is refused.
        UsageError: a policy's value is none.
    """
    if options.part == "accounts":
        return accounts(machine, options)
    with collector_paused():
        project, location = find_layer(machine, options.layer)
        writes = writes_of(machine, root_of(project, location))
        if _only_shows(options):
            warn_of_half_written(writes)
            return _show(project, read_layer(location), options)
        return _edit(writes, location, _operations(machine, location, options), options)


def _only_shows(options: argparse.Namespace) -> bool:
    if options.part == "groups":
        return not (options.add or options.remove)
    return options.part == "show" or (
        options.part == "account" and options.alias is None and not options.policy
    )


def _show(project: Project | None, read: Layer, options: argparse.Namespace) -> int:
    record: dict[str, Any] | None
    binary = project.binary if project is not None else None
    if options.part == "groups":
        person = find_person(read, options.name)
        record, lines = person_record(person), person.groups
    elif options.part == "account":
        record, lines = account_record(read), tuple(account_lines(read))
    else:
        record, lines = layer_record(read, binary), tuple(layer_lines(read, binary))
    if options.json:
        say_json(record)
    else:
        say(*lines)
    return DONE


def _operations(machine: Machine, location: LayerLocation, options: argparse.Namespace) -> list[Operation]:
    """What was asked for as operations."""
    if options.part == "add":
        key = _key(machine, options.key, location)
        return [
            AddPerson(
                options.name,
                key,
                tuple(options.group),
                machine=options.access_key,
                outputs=options.outputs,
            )
        ]
    if options.part == "remove":
        return [RemovePerson(options.name)]
    if options.part == "groups":
        return [SetGroups(options.name, tuple(options.add), tuple(options.remove))]
    operations: list[Operation] = [SetAccountAlias(options.alias)] if options.alias is not None else []
    for text in options.policy:
        name, _, value = text.partition("=")
        number = int(value) if value.isascii() and value.isdigit() and name in POLICY_NUMBERS else None
        known = _SWITCHES.get(value) if number is None else number
        if known is None:
            raise UsageError(f"{text!r} is not KEY=VALUE with a whole number, true or false.")
        operations.append(SetPasswordPolicy(name, known))
    return operations


def _edit(
    writes: ProjectWrites,
    location: LayerLocation,
    operations: Sequence[Operation],
    options: argparse.Namespace,
) -> int:
    def make() -> tuple[ChangeSet, list[str]]:
        read = read_layer(location)
        warnings = [one.message for one in check(read, operations) if not one.fatal]
        return propose([(read, operations)]), warnings  # raises what is fatal, with the reason

    request = (str(location.path), *operations)
    return propose_and_write(writes, request, make, _done(location, options), options)


def _done(location: LayerLocation, options: argparse.Namespace) -> str:
    """What an edit does, as a sentence."""
    where = location.relative
    if options.part == "add":
        groups = f", in {', '.join(options.group)}" if options.group else ""
        return f"{options.name} is added to {where}{groups}."
    if options.part == "remove":
        return f"{options.name} is removed from {where}."
    if options.part == "groups":
        changes = [*(f"joins {one}" for one in options.add), *(f"leaves {one}" for one in options.remove)]
        return f"{options.name} {', '.join(changes)} in {where}."
    settings = [f"account_alias={options.alias}"] if options.alias is not None else []
    return f"{where} sets {', '.join([*settings, *options.policy])}."


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
    note(*(f"warning: {warning}" for warning in verdict.warnings))
    return checked.key.text
