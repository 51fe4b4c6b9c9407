"""`iam-onboard layer show|add|remove|groups|account|accounts`: the wizard's edits, for scripts.

What was asked for goes to standard output; warnings and reasons go to standard error.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from tui.cli import asking
from tui.cli.exit_codes import DONE, UsageError
from tui.cli.layer_find import find_layer, root_of
from tui.cli.layer_report import account_lines, account_record, layer_lines, layer_record, person_record
from tui.cli.output import answer, columns, hand_out, note, say, say_json
from tui.cli.pgp_check import KeyReport, Source, provider_of, report_on
from tui.host import Machine
from workflows.core.errors import OnboardError
from workflows.core.garbage import collection_paused
from workflows.core.sentences import Sentence
from workflows.git import Git
from workflows.gpg.inspect import check_key
from workflows.gpg.normalise import INPUT_LIMIT
from workflows.layer.discover import find_project
from workflows.layer.edit.account import SetAccountAlias, SetPasswordPolicy
from workflows.layer.edit.account_list import add_account, remove_account, warnings_of_removal
from workflows.layer.edit.change_set import ChangeSet
from workflows.layer.edit.members import SetGroups
from workflows.layer.edit.operation import Operation, find_person
from workflows.layer.edit.people import AddPerson, RemovePerson
from workflows.layer.edit.run import check, propose
from workflows.layer.model import Layer
from workflows.layer.names import POLICY_NUMBERS
from workflows.layer.project import Account, LayerLocation, Project
from workflows.layer.read.layer import read_layer
from workflows.steps.shared.half_written import finish, refuse_half_written, writes_of

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
        OnboardError: there is no such layer, or it can't be edited so.
    """

    def operations(location: LayerLocation) -> list[Operation]:
        present = _key_in_layer(machine, options, location)
        person = AddPerson(
            options.name,
            _key(machine, options.key, location, present),
            tuple(options.group),
            machine=options.access_key,
            outputs=options.outputs,
            shared_key=present.name if present is not None and present.name != options.name else "",
        )
        return [person]

    joined = f", in {', '.join(options.group)}" if options.group else ""
    return _edit(machine, options, operations, lambda where: f"Added {options.name} to {where}{joined}.")


def remove(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard layer remove LAYER NAME`; raises as `add`."""
    wanted = [RemovePerson(options.name)]
    return _edit(machine, options, lambda _: wanted, lambda where: f"Removed {options.name} from {where}.")


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
    refuse_half_written(machine.places.sessions.parent, root_of(project, location))
    with collection_paused():
        return project, read_layer(location)


def _edit(
    machine: Machine,
    options: argparse.Namespace,
    operations: Callable[[LayerLocation], Sequence[Operation]],
    words: Callable[[str], str],
) -> int:
    """Do what was asked for; `words` say so, given the layer's place."""
    with collection_paused():
        project, location = find_layer(machine, options.layer)
        wanted = operations(location)

        def make() -> tuple[ChangeSet, list[Sentence]]:
            read = read_layer(location)
            warnings = [one.message for one in check(read, wanted) if not one.fatal]
            return propose([(read, wanted)]), warnings  # raises what is fatal, with the reason

        place = machine.places.sessions.parent, root_of(project, location)
        request = (str(location.path), *wanted)
        return _propose_and_write(place, request, make, words(location.relative), options)


def _key_in_layer(machine: Machine, options: argparse.Namespace, location: LayerLocation) -> Path | None:
    """The file in the layer's keys/ that a machine user's key is named by, with or without its folder."""
    if not options.access_key:
        return None
    given, keys = machine.working_folder / Path(options.key).expanduser(), location.path / "keys"
    path = given if given.exists() else keys / options.key
    return path if path.is_file() and path.parent.resolve() == keys.resolve() else None


def _key(machine: Machine, name: str, location: LayerLocation, present: Path | None) -> str:
    """The text of a key file, from whatever was given; refused where the provider would fail on it.

    Args:
        machine: whose folder a relative name begins in.
        name: as it was typed.
        location: the layer, whose provider decides which keys work.
        present: the key's file, where it lies in the layer already and stays as it is; else None.
    """
    data = asking.given(machine, str(present or name), INPUT_LIMIT, "the key")
    source = Source(present.name if present else name, "", provider_of(location.path), machine.now())
    if present is not None:
        report = report_on(data, source, machine.environment, as_it_is=True)
    else:
        report = KeyReport.of(check_key(data, environment=machine.environment), source)
    if report.key is None or not report.accepted:
        raise OnboardError("This key can't be used", report.as_text().rstrip("\n"))
    note(*(f"warning: {warning}" for warning in report.warnings))
    return report.key.key.text


def accounts(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard layer accounts [PROJECT] [--add NAME --email E [--id ID]] [--remove NAME]`.

    Raises:
        OnboardError: there is no project there, or it can't be changed so.
        UsageError: the options do not fit together.
    """
    _refuse_misuse(options)
    folder = machine.working_folder / Path(options.project).expanduser()
    project = find_project(folder)
    place = machine.places.sessions.parent, project.root
    if not (options.add or options.remove):
        refuse_half_written(*place)
        rows = [(one.name, one.id or "no id yet", one.email) for one in project.accounts]
        records = [asdict(one) for one in project.accounts]
        answer(records, columns(rows, indent=""), as_json=options.json)
        return DONE

    def make() -> tuple[ChangeSet, list[Sentence]]:
        return _changes(machine, find_project(folder), options)

    request = (str(project.root), options.add, options.email, options.id, options.remove)
    return _propose_and_write(place, request, make, _done(options), options)


def _refuse_misuse(options: argparse.Namespace) -> None:
    if options.add and options.remove:
        raise UsageError("Use --add or --remove, not both.")
    if options.add and not options.email:
        raise UsageError("--add needs --email, the address of the account's root user.")
    if not options.add and (options.email or options.id):
        raise UsageError("--email and --id belong to --add NAME.")


def _changes(
    machine: Machine, project: Project, options: argparse.Namespace
) -> tuple[ChangeSet, list[Sentence]]:
    if options.add:
        changes = add_account(project, Account(options.add, options.email, options.id))
        warnings: list[Sentence] = (
            [] if options.id else ["AWS hasn't created the account yet: add its id later, by hand."]
        )
    else:
        changes = remove_account(project, options.remove)
        warnings = warnings_of_removal(project, options.remove)
    repository = Git(project.root, machine.environment)
    paths = [one.path for one in changes.changes]
    if repository.is_repository() and any(repository.is_ignored(one) for one in paths):
        warnings.append(
            f"Git ignores {paths[0].name}, so nobody gets this change by a pull. Tell your colleagues."
        )
    return changes, warnings


def _done(options: argparse.Namespace) -> str:
    if options.add:
        return f"Added {options.add} to the project's accounts."
    return f"Removed {options.remove} from the project's accounts."


def _propose_and_write(
    place: tuple[Path, Path],
    request: Sequence[object],
    make: Callable[[], tuple[ChangeSet, list[Sentence]]],
    words: str,
    options: argparse.Namespace,
) -> int:
    """Make a change set and write it, or show it; what a killed command left is finished first.

    Args:
        place: the program's state folder, and the project's root.
        request: what is asked for; the same as that of a killed command, it is done when that is finished.
        make: reads the files and gives the changes and the warnings.
        words: what was done, as a sentence.
        options: `dry_run` and `json`.

    Raises:
        OnboardError: the request can't be met, or the disk refuses.
    """
    if options.dry_run:
        refuse_half_written(*place)
        changes, warnings = make()
    else:
        digest = [hashlib.sha256(repr(list(request)).encode()).hexdigest()]
        writes = writes_of(*place)
        with writes.alone():
            said, finished = finish(writes)
            if said:
                note(said)
            refuse_half_written(*place)
            if finished is not None and finished[1] == digest:
                changes, warnings = finished[0], []
            else:
                changes, warnings = make()
                if not changes.is_empty:
                    writes.write(changes, digest)
    _tell(changes, warnings, words, options)
    return DONE


def _tell(changes: ChangeSet, warnings: list[Sentence], words: str, options: argparse.Namespace) -> None:
    files = changes.summary()
    if options.json:
        written = not options.dry_run and not changes.is_empty
        record = {"done": words, "written": written, "changes": files, "diff": changes.diff()}
        say_json({**record, "warnings": warnings})
        return
    note(*(f"warning: {warning}" for warning in warnings))
    if options.dry_run:
        hand_out(changes.diff())
    elif changes.is_empty:
        say("Nothing to change.")
    else:
        say(words, *(f"  {one['layer']}/{one['file']}  +{one['added']} -{one['removed']}" for one in files))
