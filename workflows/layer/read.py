"""Reading a layer: from the files of a folder to the model that the screens show and the editor compares."""

from __future__ import annotations

from collections import defaultdict
from types import MappingProxyType
from typing import TYPE_CHECKING

from workflows.layer.collector import collector_paused
from workflows.layer.declarations import constants
from workflows.layer.files import FileSet
from workflows.layer.hidden_entries import read_hidden_entries
from workflows.layer.model import Layer, Person
from workflows.layer.read_account import read_account
from workflows.layer.read_findings import read_findings, read_unread
from workflows.layer.read_groups import read_groups
from workflows.layer.read_outputs import read_hidden_outputs, read_outputs
from workflows.layer.read_people import read_people

if TYPE_CHECKING:
    from workflows.layer.model import Group
    from workflows.layer.project import LayerLocation


def read_layer(location: LayerLocation) -> Layer:
    """The layer in a folder, as it is on disk now.

    Nothing in it is refused: what cannot be understood or edited is a finding with its place.

    Raises:
        LayerUnreadable: a file cannot be read.
    """
    shared = {path for path in location.var_files if path.parent != location.backend_config.parent}
    with collector_paused():
        return read_files(location, FileSet.load(location.path, location.var_files, shared))


def read_files(location: LayerLocation, files: FileSet) -> Layer:
    """The layer that a set of files makes, for files that are not (yet) on disk."""
    names = constants(files, location.variables)
    people, findings = read_people(files, names)
    owners = {owner: person.iam_name for owner, person in people.items()}
    groups, group_findings = read_groups(files, names, people)
    return Layer(
        location=location,
        people=_with_groups(tuple(people.values()), groups),
        groups=groups,
        outputs=read_outputs(files, owners),
        hidden_outputs=read_hidden_outputs(files, owners),
        account=read_account(files, names),
        findings=(
            *findings,
            *group_findings,
            *read_findings(files),
            *read_hidden_entries(files),
            *read_unread(files.unread),
        ),
        keys=MappingProxyType(
            {path.removeprefix("keys/"): data.decode("utf-8", "replace") for path, data in files.keys.items()}
        ),
        files=files,
    )


def _with_groups(people: tuple[Person, ...], groups: tuple[Group, ...]) -> tuple[Person, ...]:
    memberships: dict[str, list[str]] = defaultdict(list)
    for group in groups:
        for member in group.members:
            memberships[member].append(group.name)
    return tuple(_in_groups(one, memberships.get(one.iam_name)) for one in people)


def _in_groups(one: Person, groups: list[str] | None) -> Person:
    """The person with its groups; spelled out, because `dataclasses.replace` takes three times as long."""
    if not groups:
        return one
    return Person(
        one.iam_name,
        one.declaration,
        one.module,
        one.key_file,
        one.login_profile,
        one.access_key,
        one.machine,
        tuple(groups),
        one.style,
        one.editable,
        one.place,
    )
