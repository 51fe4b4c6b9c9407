"""`iam-onboard layer show|add|remove|groups|account|accounts`: the wizard's edits, for scripts.

Results go to standard output, warnings and reasons to standard error.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.cli import asking
from tui.cli.arguments import (
    JSON,
    LAYER,
    USER,
    Argument,
    Commands,
    Parts,
    UsageError,
    argument,
    flag,
    one_of,
    option,
    repeatable,
)
from tui.cli.output import answer, columns, hand_out, note, say, say_json
from workflows.core.later import on_demand
from workflows.core.sentences import OnboardError, Sentence

with on_demand():
    from tui import host
    from tui.cli import key_report, lookup
    from workflows import git
    from workflows.core import openpgp
    from workflows.gpg import pasted
    from workflows.layer import discover, model, names, write as layer_write
    from workflows.layer.edit import (
        account as account_edits,
        account_list,
        groups as group_edits,
        operation,
        people,
        run,
    )
    from workflows.layer.read import layer as reading
    from workflows.steps.admin import written as writing

if TYPE_CHECKING:
    Proposal = tuple[layer_write.ChangeSet, list[Sentence]]

_SWITCHES = {"true": True, "false": False}


def add_to(commands: Commands) -> None:
    """Declare the command and its parts."""
    parts = commands.group("layer")
    edit = (JSON, flag("--dry-run", "print the unified diff without writing anything"))
    parts.add("show", show, "show a layer's people, groups, styles, binary and provider", LAYER, JSON)
    _add_people(parts, *edit)
    parts.add(
        "account",
        account,
        "show or change the account's alias and password policy",
        LAYER,
        *edit,
        argument("--alias", "ALIAS", "the new alias"),
        repeatable(
            "--policy",
            "KEY=VALUE",
            "change a setting of the password policy, such as minimum_password_length=16",
        ),
    )
    parts.add(
        "accounts",
        accounts,
        "show or change the project's accounts in common.tfvars",
        argument(
            "project", "PROJECT", "any folder of the project (default: this one)", nargs="?", default="."
        ),
        *edit,
        one_of(
            option("--add", "NAME", "add an account, in the list's own style"),
            option("--remove", "NAME", "remove an account from the list"),
        ),
        option("--email", "ADDRESS", "the email address of its root user"),
        option("--id", "ID", "its 12 digits; leave it out if AWS hasn't created the account yet"),
    )


def _add_people(parts: Parts, *edit: Argument) -> None:
    key = (
        "the person's public PGP key in any form ('-': stdin); a machine user can share a file "
        "in the layer's keys/, by its name"
    )
    parts.add(
        "add",
        add,
        "add a person in the layer's own style: entry, groups, outputs, key file",
        LAYER,
        *edit,
        USER,
        argument("--key", "FILE", key, required=True),
        repeatable("--group", "GROUP", "add the person to this group"),
        flag(
            "--access-key",
            "add a machine user: an access key, no password (default for names that begin with machine.)",
        ),
        flag(
            "--no-outputs",
            "add no outputs, even if others have them",
            dest="outputs",
            action="store_false",
        ),
    )
    parts.add("remove", remove, "remove a person: entry, groups, outputs, key file", LAYER, *edit, USER)
    parts.add(
        "groups",
        groups,
        "show or change a person's groups",
        LAYER,
        *edit,
        USER,
        repeatable("--add", "GROUP", "add the person to this group"),
        repeatable("--remove", "GROUP", "take the person out of this group"),
    )


def show(machine: host.Machine, options: argparse.Namespace) -> None:
    """`iam-onboard layer show LAYER`.

    Raises:
        OnboardError: there is no such layer.
    """
    project, layer = _read(machine, options)
    binary = project.binary if project is not None else None
    answer(layer_record(layer, binary), layer_lines(layer, binary), as_json=options.json)


def add(machine: host.Machine, options: argparse.Namespace) -> None:
    """`iam-onboard layer add LAYER NAME --key FILE`.

    Raises:
        OnboardError: there is no such layer, or it can't be edited that way.
    """

    def operations(location: model.LayerLocation) -> list[operation.Operation]:
        present = _key_in_layer(machine, options, location)
        person = people.AddPerson(
            options.name,
            _key(machine, options, location, present),
            tuple(options.group),
            machine=_is_machine(options),
            outputs=options.outputs,
            shared_key=present.name if present is not None and present.name != options.name else "",
        )
        return [person]

    joined = f", in {', '.join(options.group)}" if options.group else ""
    _edit(machine, options, operations, lambda where: f"Added {options.name} to {where}{joined}.")


def remove(machine: host.Machine, options: argparse.Namespace) -> None:
    """`iam-onboard layer remove LAYER NAME`; raises as `add`."""
    wanted = [people.RemovePerson(options.name)]
    _edit(machine, options, lambda _: wanted, lambda where: f"Removed {options.name} from {where}.")


def groups(machine: host.Machine, options: argparse.Namespace) -> None:
    """`iam-onboard layer groups LAYER NAME [--add GROUP] [--remove GROUP]`; raises as `add`."""
    if not (options.add or options.remove):
        layer = _read(machine, options)[1]
        person = operation.find_person(layer, options.name)
        answer(person_record(person), person.groups, as_json=options.json)
        if broken := layer.files.broken:
            note(f"{person.iam_name} may be in other groups: {broken.name} has {broken.broken}.")
        elif not person.groups:
            note(f"{person.iam_name} is in no group.")
        return
    wanted = [group_edits.SetGroups(options.name, tuple(options.add), tuple(options.remove))]
    changes = [*(f"joins {name}" for name in options.add), *(f"leaves {name}" for name in options.remove)]
    done = f"{options.name} {', '.join(changes)}"
    _edit(machine, options, lambda _: wanted, lambda where: f"{done} in {where}.")


def account(machine: host.Machine, options: argparse.Namespace) -> None:
    """`iam-onboard layer account LAYER [--alias ALIAS] [--policy KEY=VALUE]`; raises as `add`.

    Raises:
        UsageError: a policy's value is invalid.
    """
    if options.alias is None and not options.policy:
        _, layer = _read(machine, options)
        answer(account_record(layer), account_lines(layer), as_json=options.json)
        return
    alias = [options.alias] if options.alias is not None else []
    wanted: list[operation.Operation] = [account_edits.SetSetting(names.ALIAS, name) for name in alias]
    wanted += [account_edits.SetSetting(*_attribute(text)) for text in options.policy]
    settings = ", ".join([*(f"account_alias={name}" for name in alias), *options.policy])
    _edit(machine, options, lambda _: wanted, lambda where: f"{where} sets {settings}.")


def _attribute(text: str) -> tuple[str, int | bool]:
    """Return name and value of a policy's attribute, from KEY=VALUE on the command line."""
    name, _, value = text.partition("=")
    if name not in {*names.POLICY_NUMBERS, *names.POLICY_SWITCHES}:
        known = ", ".join((*names.POLICY_NUMBERS, *names.POLICY_SWITCHES))
        raise UsageError(f"The password policy has no setting {name!r}. Its settings: {known}.")
    if value.isascii() and value.isdigit() and name in names.POLICY_NUMBERS:
        return name, int(value)
    if value not in _SWITCHES:
        raise UsageError(f"{text!r} isn't KEY=VALUE with a whole number, true or false as its value.")
    return name, _SWITCHES[value]


def _read(machine: host.Machine, options: argparse.Namespace) -> tuple[model.Project | None, model.Layer]:
    project, location = lookup.find_layer(machine, options.layer)
    writing.refuse_half_written(machine.places.sessions.parent, lookup.root_of(project, location))
    return project, reading.read_layer(location)


def _edit(
    machine: host.Machine,
    options: argparse.Namespace,
    operations: Callable[[model.LayerLocation], Sequence[operation.Operation]],
    done: Callable[[str], str],
) -> None:
    """Make the edits; `done` returns the message, given the layer's place."""
    project, location = lookup.find_layer(machine, options.layer)
    wanted = operations(location)

    def make() -> Proposal:
        made = run.edit(reading.read_layer(location), wanted)
        warnings = [problem.message for problem in made.warnings]
        warnings += (*made.left_sentences, *made.emptied_sentences)
        changes = layer_write.ChangeSet(tuple(run.changes_of(made)))
        if ignored := ", ".join(_ignored(changes, place[1], machine)):
            warnings.append(f"Git ignores {ignored}, which the layer needs. Add it with `git add -f`.")
        return changes, warnings

    place = machine.places.sessions.parent, lookup.root_of(project, location)
    _propose_and_write(place, (str(location.path), *wanted), make, done(location.relative), options)


def _is_machine(options: argparse.Namespace) -> bool:
    return options.access_key or names.is_machine_name(options.name)


def _key_in_layer(
    machine: host.Machine, options: argparse.Namespace, location: model.LayerLocation
) -> Path | None:
    """Return the file in the layer's keys/ named as a machine user's key, with or without its folder."""
    if not _is_machine(options):
        return None
    given, keys = machine.path(options.key), location.path / "keys"
    path = given if given.exists() else keys / options.key
    return path if path.is_file() and path.parent.resolve() == keys.resolve() else None


def _key(
    machine: host.Machine, options: argparse.Namespace, location: model.LayerLocation, present: Path | None
) -> str:
    """Return the text of a key file from the input; reject a key that the provider would fail on.

    Args:
        machine: its folder resolves relative names.
        options: the user's `name`, and the `key` as typed.
        location: the layer, whose provider decides which keys work.
        present: the key's file, if it is in the layer already and stays as it is; else None.
    """
    data = asking.given(machine, str(present or options.key), pasted.INPUT_LIMIT, "the key")
    name, owner = (present.name, "") if present else (options.key, options.name)
    source = key_report.Source(name, owner, key_report.provider_of(location.path), machine.now())
    report = key_report.report_on(data, source, machine.environment, as_it_is=present is not None)
    if report.key is None or not report.verdict.accepted:
        raise OnboardError("This key can't be used", report.as_text().rstrip("\n"))
    note(*(f"warning: {warning}" for warning in report.warnings))
    if owner:
        fingerprint = openpgp.grouped(report.key.details.fingerprint)
        note(f"Compare the fingerprint with {owner} before you apply: {fingerprint}")
    return report.key.key.text


def accounts(machine: host.Machine, options: argparse.Namespace) -> None:
    """`iam-onboard layer accounts [PROJECT] [--add NAME --email E [--id ID]] [--remove NAME]`.

    Raises:
        OnboardError: there is no project there, or it can't be changed that way.
        UsageError: the options don't fit together.
    """
    if options.add and not options.email:
        raise UsageError("--add needs --email, the address of the account's root user.")
    if not options.add and (options.email or options.id):
        raise UsageError("--email and --id belong to --add NAME.")
    folder = machine.path(options.project)
    project = discover.find_project(folder)
    place = machine.places.sessions.parent, project.root
    if not (options.add or options.remove):
        writing.refuse_half_written(*place)
        note(*(f"warning: {warning}" for warning in project.warnings))
        rows = [(known.name, known.id or "no id yet", known.email) for known in project.accounts]
        answer([asdict(known) for known in project.accounts], columns(rows, indent=""), as_json=options.json)
        return
    change = f"Added {options.add} to" if options.add else f"Removed {options.remove} from"
    request = (str(project.root), options.add, options.email, options.id, options.remove)
    make = partial(_account_changes, machine, folder, options)
    _propose_and_write(place, request, make, f"{change} the project's accounts.", options)


def _account_changes(machine: host.Machine, folder: Path, options: argparse.Namespace) -> Proposal:
    project = discover.find_project(folder)
    warnings: list[Sentence] = []
    if options.add:
        changes = account_list.add_account(project, model.Account(options.add, options.email, options.id))
        if not options.id:
            warnings.append("AWS hasn't created the account yet: add its id later, by hand.")
    else:
        changes = account_list.remove_account(project, options.remove)
        warnings += account_list.warnings_of_removal(project, options.remove)
    for name in _ignored(changes, project.root, machine):
        warnings.append(f"Git ignores {name}, so nobody gets this change by a pull. Tell your colleagues.")
    return changes, warnings


def _ignored(changes: layer_write.ChangeSet, root: Path, machine: host.Machine) -> list[str]:
    """Return the names of the files to write that git ignores."""
    repository = git.Git(root, machine.environment)
    if not repository.is_repository():
        return []
    staying = (change for change in changes.changes if change.after is not None)
    return [change.name for change in staying if repository.is_ignored(change.path)]


def _propose_and_write(
    place: tuple[Path, Path],
    request: Sequence[object],
    make: Callable[[], Proposal],
    done: str,
    options: argparse.Namespace,
) -> None:
    """Make a change set and write or show it, after finishing what a killed command left.

    Args:
        place: the program's state folder, and the project's root.
        request: the request; if it equals a killed command's, finishing that is enough.
        make: reads the files and returns the changes and the warnings.
        done: what was done, as a sentence.
        options: `dry_run` and `json`.

    Raises:
        OnboardError: the request can't be met, or the disk fails.
    """
    if options.dry_run:
        writing.refuse_half_written(*place)
        changes, warnings = make()
    else:
        digest = [hashlib.sha256(repr(list(request)).encode()).hexdigest()]
        writes = writing.writes_of(*place)
        with writes.alone():
            said, finished = writing.finish(writes)
            if said:
                note(said)
            writing.refuse_half_written(*place)
            if finished is not None and finished[1] == digest:
                changes, warnings = finished[0], []
            else:
                changes, warnings = make()
                if not changes.is_empty:
                    writes.write(changes, digest)
    files = changes.summary()
    if options.json:
        written = not options.dry_run and not changes.is_empty
        record = {"done": done, "written": written, "changes": files, "diff": changes.diff()}
        say_json({**record, "warnings": warnings})
        return
    note(*(f"warning: {warning}" for warning in warnings))
    if options.dry_run:
        hand_out(changes.diff())
    elif changes.is_empty:
        say("Nothing to change.")
    else:
        say(
            done,
            *(f"  {file['layer']}/{file['file']}  +{file['added']} -{file['removed']}" for file in files),
        )


def layer_record(layer: model.Layer, binary: str | None) -> dict[str, Any]:
    """Return what `layer show --json` prints.

    Args:
        binary: `TF_BINARY` of the project's build.env, or None.
    """
    location, locked = layer.location, layer.location.locked
    return {
        "layer": location.relative,
        "account": location.account,
        "account_id": location.account_id,
        "profile": location.profile or None,
        "styles": list(dict.fromkeys(str(person.style) for person in layer.people)),
        "binary": binary or (locked.registry if locked else None),
        "required_version": location.required_version,
        "provider": locked.version if locked else None,
        "people": [person_record(person) for person in layer.people],
        "groups": [
            {
                "name": group.name,
                "members": list(group.members),
                "policies": list(group.policies),
                "machine": group.machine,
                "editable": group.editable,
                "place": str(group.place),
            }
            for group in layer.groups
        ],
        "outputs": [
            {"name": output.name, "person": output.person or None, "hidden": hidden}
            for hidden, outputs in ((False, layer.outputs), (True, layer.hidden_outputs))
            for output in outputs
        ],
        "account_settings": account_record(layer),
        "findings": [
            {
                "message": finding.message,
                "place": str(finding.place),
                "subject": finding.subject.value,
                "label": finding.label,
                "by_hand": finding.hand_edit,
                "hidden": finding.hidden,
            }
            for finding in layer.findings
        ],
    }


def person_record(person: model.Person) -> dict[str, Any]:
    """Return a person as JSON values."""
    return {
        "name": person.iam_name,
        "declaration": person.declaration,
        "style": str(person.style),
        "key_file": person.key_file,
        "login_profile": person.login_profile,
        "access_key": person.access_key,
        "machine": person.machine,
        "groups": list(person.groups),
        "editable": person.editable,
        "place": str(person.place),
    }


def account_record(layer: model.Layer) -> dict[str, Any] | None:
    """Return the account's settings as JSON values, or None."""
    if (account := layer.account) is None:
        return None
    alias = account.alias
    return {
        "alias": _setting_record(alias) if alias else None,
        "policy": {setting.name: _setting_record(setting) for setting in account.policy},
        "editable": account.editable,
        "place": str(account.place),
    }


def layer_lines(layer: model.Layer, binary: str | None) -> Iterator[str]:
    """Yield what `layer show` prints.

    Args:
        binary: `TF_BINARY` of the project's build.env, or None.
    """
    record = layer_record(layer, binary)
    yield f"{record['layer']} ({record['account']} {record['account_id'] or 'without an id'})"
    yield f"  styles    {', '.join(record['styles']) or 'no users'}"
    yield f"  binary    {record['binary'] or 'any'} {record['required_version'] or ''}".rstrip()
    yield f"  provider  AWS {record['provider'] or 'not locked'}"
    yield f"  profile   {record['profile'] or 'none'}"
    no_group = "groups not known" if layer.files.broken else "no group"
    yield from _table("People", [_person_row(person, no_group) for person in layer.people])
    yield from _table("Groups", [(group.name, _place(group), _members(group)) for group in layer.groups])
    if layer.account is not None:
        yield "Account"
        yield from account_lines(layer)
    if layer.findings:
        yield "To know"
        for finding in layer.findings:
            yield f"  {finding.place}: {finding.message}{' Edit it by hand.' if finding.hand_edit else ''}"


def account_lines(layer: model.Layer) -> Iterator[str]:
    """Yield the account's settings, a line each."""
    if (account := layer.account) is None:
        yield "  no settings in this layer"
        return
    for setting in ([account.alias] if account.alias else []) + list(account.policy):
        value = "not known" if setting.value is None else str(setting.value)
        value = value.lower() if isinstance(setting.value, bool) else value
        yield f"  {setting.name} = {value}" + ("" if setting.literal else f"   (written as {setting.source})")


def _setting_record(setting: model.Setting) -> dict[str, Any]:
    return {"value": setting.value, "source": setting.source, "literal": setting.literal}


def _members(group: model.Group) -> str:
    return ", ".join(group.members) or ("not known" if group.computed else "nobody")


def _person_row(person: model.Person, no_group: str) -> tuple[str, ...]:
    access = [
        words if switch else f"{words} not known"
        for words, switch in (("password", person.login_profile), ("access key", person.access_key))
        if switch is not False
    ]
    return (
        person.iam_name,
        "" if person.declaration == person.iam_name else person.declaration,
        person.key_file or "key not known",
        ", ".join(access) or "neither",
        _place(person),
        ", ".join(person.groups) or no_group,
    )


def _place(declared: model.Person | model.Group) -> str:
    return str(declared.place) if declared.editable else f"{declared.place} (by hand)"


def _table(title: str, rows: Sequence[tuple[str, ...]]) -> list[str]:
    return [title, *(columns(rows) if rows else ["  none"])]
