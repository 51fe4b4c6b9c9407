"""Putting a person into groups and taking it out of others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workflows.core.errors import Problem
from workflows.layer.facts import facts_of
from workflows.layer.operations.base import check_groups, find_person
from workflows.layer.operations.membership import add_member, check_member, remove_member

if TYPE_CHECKING:
    from workflows.layer.facts import Facts
    from workflows.layer.files import FileSet
    from workflows.layer.model import Group, Layer, Person


@dataclass(frozen=True)
class SetGroups:
    """Change a person's groups. Joining a group it is in, or leaving one it is not in, changes nothing.

    Attributes:
        name: the IAM user name.
        add: groups to join, by name.
        remove: groups to leave, by name.
    """

    name: str
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    def check(self, layer: Layer) -> list[Problem]:
        """What is wrong with the name or the groups."""
        person = layer.person(self.name)
        if person is None:
            return [Problem(f"There is no user {self.name} in {layer.location.relative}.", "name")]
        problems = check_groups(layer, self.add, machine=person.machine)
        problems += check_member(layer, {one.label for one in self._joining(layer, person)}, person)
        problems += [one for one in check_groups(layer, self.remove, machine=True) if one.fatal]
        both = {one.casefold() for one in self.add} & {one.casefold() for one in self.remove}
        problems += [Problem(f"{one} is both to join and to leave.", "groups") for one in sorted(both)]
        leaving = {one.casefold() for one in self.remove}
        if not self.add and person.groups and all(one.casefold() in leaving for one in person.groups):
            message = f"{person.iam_name} would be in no group: it can sign in and do next to nothing."
            problems.append(Problem(message, "groups", fatal=False))
        return problems

    def apply(self, layer: Layer) -> FileSet:
        """The files with the group lists changed.

        Raises:
            EditRefused: there is no such person.
        """
        person = find_person(layer, self.name)
        joining = {one.label for one in self._joining(layer, person)}
        leaving = {one.label for one in self._leaving(layer, person)}
        files = remove_member(layer.files, leaving, person)
        return add_member(files, joining, person.owner, person.iam_name)

    def intend(self, layer: Layer) -> Facts:
        """The facts with other members in these groups."""
        facts, person = facts_of(layer), find_person(layer, self.name)
        groups = dict(facts.groups)
        for group in self._joining(layer, person):
            members = (*groups[group.name].members, person.iam_name)
            groups[group.name] = groups[group.name]._replace(members=tuple(sorted(members)))
        for group in self._leaving(layer, person):
            members = tuple(one for one in groups[group.name].members if one != person.iam_name)
            groups[group.name] = groups[group.name]._replace(members=members)
        return replace(facts, groups=groups)

    def _joining(self, layer: Layer, person: Person) -> list[Group]:
        wanted = {one.casefold() for one in self.add}
        return [
            one
            for one in layer.groups
            if one.name.casefold() in wanted and person.iam_name not in one.members
        ]

    def _leaving(self, layer: Layer, person: Person) -> list[Group]:
        wanted = {one.casefold() for one in self.remove}
        return [
            one for one in layer.groups if one.name.casefold() in wanted and person.iam_name in one.members
        ]
