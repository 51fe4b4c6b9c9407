"""`iam-onboard layer show|add|remove|groups|account|accounts`: the wizard's edits, for scripts.

What was asked for goes to standard output; warnings and reasons go to standard error.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from tui.cli import asking
from tui.cli.exit_codes import DONE, UsageError
from tui.cli.layer_edits import propose_and_write, warn_of_half_written, writes_of
from tui.cli.layer_find import find_layer, root_of
from tui.cli.layer_report import account_lines, account_record, layer_lines, layer_record, person_record
from tui.cli.output import answer, note
from tui.places import Machine
from workflows.core.errors import OnboardError
from workflows.core.sentences import Sentence
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


def show(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard layer show LAYER`.

    Raises:
        OnboardError: there is no such layer.
    """
    project, read = _read(machine, options)
    binary = project.binary if project is not None else None
    answer(layer_record(read, binary), layer_lines(read, binary), as_json=options.json)
    return DONE


def add(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard layer add LAYER NAME --key FILE`.

    Raises:
        OnboardError: there is no such layer, or the edit is refused.
    """

    def operations(location: LayerLocation) -> list[Operation]:
        key = _key(machine, options.key, location)
        person = AddPerson(
            options.name, key, tuple(options.group), machine=options.access_key, outputs=options.outputs
        )
        return [person]

    joined = f", in {', '.join(options.group)}" if options.group else ""
    return _edit(machine, options, operations, lambda where: f"{options.name} is added to {where}{joined}.")


def remove(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard layer remove LAYER NAME`; raises as `add`."""
    wanted = [RemovePerson(options.name)]
    return _edit(machine, options, lambda _: wanted, lambda where: f"{options.name} is removed from {where}.")


def groups(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard layer groups LAYER NAME [--add GROUP] [--remove GROUP]`; raises as `add`."""
    if not (options.add or options.remove):
        person = find_person(_read(machine, options)[1], options.name)
        answer(person_record(person), person.groups, as_json=options.json)
        return DONE
    wanted = [SetGroups(options.name, tuple(options.add), tuple(options.remove))]
    changes = [*(f"joins {one}" for one in options.add), *(f"leaves {one}" for one in options.remove)]
    words = f"{options.name} {', '.join(changes)}"
    return _edit(machine, options, lambda _: wanted, lambda where: f"{words} in {where}.")


def account(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard layer account LAYER [--alias ALIAS] [--policy KEY=VALUE]`; raises as `add`.

    Raises:
        UsageError: a policy's value is none.
    """
    if options.alias is None and not options.policy:
        _, read = _read(machine, options)
        answer(account_record(read), account_lines(read), as_json=options.json)
        return DONE
    wanted: list[Operation] = [SetAccountAlias(options.alias)] if options.alias is not None else []
    wanted += [SetPasswordPolicy(*_attribute(text)) for text in options.policy]
    settings = [f"account_alias={options.alias}"] if options.alias is not None else []
    words = ", ".join([*settings, *options.policy])
    return _edit(machine, options, lambda _: wanted, lambda where: f"{where} sets {words}.")


def _attribute(text: str) -> tuple[str, int | bool]:
    """The name and the value of a policy's attribute, from its words on the command line."""
    name, _, value = text.partition("=")
    number = int(value) if value.isascii() and value.isdigit() and name in POLICY_NUMBERS else None
    known = _SWITCHES.get(value) if number is None else number
    if known is None:
        raise UsageError(f"{text!r} is not KEY=VALUE with a whole number, true or false.")
    return name, known


def _read(machine: Machine, options: argparse.Namespace) -> tuple[Project | None, Layer]:
    project, location = find_layer(machine, options.layer)
    warn_of_half_written(writes_of(machine, root_of(project, location)))
    with collector_paused():
        return project, read_layer(location)


def _edit(
    machine: Machine,
    options: argparse.Namespace,
    operations: Callable[[LayerLocation], Sequence[Operation]],
    words: Callable[[str], str],
) -> int:
    """Do what was asked for; `words` say so, given the layer's place."""
    with collector_paused():
        project, location = find_layer(machine, options.layer)
        wanted = operations(location)

        def make() -> tuple[ChangeSet, list[Sentence]]:
            read = read_layer(location)
            warnings = [one.message for one in check(read, wanted) if not one.fatal]
            return propose([(read, wanted)]), warnings  # raises what is fatal, with the reason

        writes, request = writes_of(machine, root_of(project, location)), (str(location.path), *wanted)
        return propose_and_write(writes, request, make, words(location.relative), options)


def _key(machine: Machine, name: str, location: LayerLocation) -> str:
    """The text of a key file, from whatever was given; refused where the provider would fail on it."""
    data = asking.given(machine, name, INPUT_LIMIT, "the key")
    checked = check_key(data, environment=machine.environment)
    version = location.locked.version if location.locked else None
    verdict = judge(checked.details, version or None, machine.now())
    if not verdict.accepted:
        raise OnboardError("This key cannot be used", verdict.headline, why=verdict.explanation)
    note(*(f"warning: {warning}" for warning in verdict.warnings))
    return checked.key.text
