"""Removing a person or a machine user: its entry, its place in every group, its outputs and its key file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workflows.core.errors import Problem
from workflows.layer.facts import facts_of
from workflows.layer.operations.base import check_known_person, find_person, refuse
from workflows.layer.operations.keys import key_goes
from workflows.layer.operations.membership import remove_member
from workflows.layer.operations.outputs import remove_outputs, without_outputs
from workflows.layer.operations.undeclare import undeclared
from workflows.layer.references import mentions, place_on_disk

if TYPE_CHECKING:
    from workflows.layer.facts import Facts
    from workflows.layer.files import FileSet
    from workflows.layer.model import Layer


@dataclass(frozen=True)
class RemovePerson:
    """Remove a person.

    Attributes:
        name: the IAM user name.
    """

    name: str

    def check(self, layer: Layer) -> list[Problem]:
        """What is wrong with the name; which key file stays, as a warning."""
        problems = check_known_person(layer, self.name)
        person = layer.person(self.name)
        if person is not None and person.key_file in layer.files.linked:
            message = f"{person.key_file} stays: a symbolic link leads to it, so other layers may use it."
            problems.append(Problem(message, "name", fatal=False))
        return problems

    def apply(self, layer: Layer) -> FileSet:
        """The files without the person; a key file that others use stays.

        Raises:
            EditRefused: a group that the person is in cannot be edited, or something else refers to the
                person.
        """
        person = find_person(layer, self.name)
        joined = [
            one
            for one in layer.groups
            if person.iam_name in one.members and person.iam_name not in one.followed
        ]
        for group in joined:
            if not group.editable:
                why = f"It is in the group {group.name}, whose members are not edited: {group.reason}."
                raise refuse(f"{person.iam_name} cannot be removed.", why, group.place)
        files = remove_member(layer.files, {one.label for one in joined}, person)
        files = remove_outputs(files, person.owner)
        files = undeclared(files, person)
        if key_goes(layer, person):
            files = files.with_key(str(person.key_file), None)
        left = next(mentions(files, *person.owner), None)
        if left is not None:
            why = "Something else in the layer refers to it, and Terraform would fail on that."
            place = place_on_disk(layer.files, files, left, *person.owner)
            raise refuse(f"{person.iam_name} cannot be removed.", why, place)
        return files

    def intend(self, layer: Layer) -> Facts:
        """The facts without the person."""
        facts, person = facts_of(layer), find_person(layer, self.name)
        name = person.iam_name
        gone = person.key_file if key_goes(layer, person) else None
        return replace(
            without_outputs(facts, name),
            people={other: one for other, one in facts.people.items() if other != name},
            groups={
                label: group._replace(members=tuple(one for one in group.members if one != name))
                for label, group in facts.groups.items()
            },
            keys={path: data for path, data in facts.keys.items() if path != gone},
        )
