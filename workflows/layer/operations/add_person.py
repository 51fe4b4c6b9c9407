"""Adding a person or a machine user: its entry, its key file, its groups and its outputs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from workflows.core.errors import Problem
from workflows.core.openpgp import holds
from workflows.layer.facts import facts_of
from workflows.layer.names import check_user_name
from workflows.layer.operations.base import check_groups, refuse
from workflows.layer.operations.commented import commented_at
from workflows.layer.operations.homes import home_for
from workflows.layer.operations.keys import check_key_text, with_key_text
from workflows.layer.operations.membership import add_member
from workflows.layer.operations.outputs import (
    Somebody,
    add_entries,
    add_outputs,
    most_have_outputs,
    outputs_to_join,
    plan_outputs,
    siblings_in,
)
from workflows.layer.read import read_files

if TYPE_CHECKING:
    from workflows.layer.facts import Facts
    from workflows.layer.files import FileSet
    from workflows.layer.model import Layer, Owner
    from workflows.layer.operations.home import NewDeclaration
    from workflows.layer.operations.outputs import NewOutputs


@dataclass(frozen=True)
class AddPerson:
    """Add a person.

    Attributes:
        name: the IAM user name.
        key_text: the public PGP key as the key file will hold it, byte for byte.
        groups: the groups to join, by name.
        machine: True for a machine user: an access key and no console password.
        outputs: True gives the outputs that the siblings have, if at least half of them have any.
    """

    name: str
    key_text: str
    groups: tuple[str, ...] = ()
    machine: bool = False
    outputs: bool = True

    def check(self, layer: Layer) -> list[Problem]:
        """What is wrong with the name, the groups or the key."""
        problems = check_user_name(self.name, [one.iam_name for one in layer.people])
        problems += check_groups(layer, self.groups, machine=self.machine)
        problems += check_key_text(self.key_text)
        if self.name in {".", ".."}:
            problems.append(Problem(f"{self.name} cannot name a key file: it is a folder's name.", "name"))
        place = commented_at(layer.files, self.name)
        if place is not None:
            message = f"{self.name} is in a comment at {place}, which stays: look whether it is still wanted."
            problems.append(Problem(message, "name", fatal=False))
        if problems and any(one.fatal for one in problems):
            return problems
        if not self.groups and not self.taken_in_by(layer):
            message = "A user in no group can sign in and do next to nothing."
            problems.append(Problem(message, "groups", fatal=False))
        declared, planned = self._plans(layer)
        if planned is None and self._wants_outputs(layer, declared):
            present = any(one.person for one in layer.outputs)
            message = (
                "No outputs are added: nobody's are labelled after the name, so there is none to follow."
            )
            problems += [Problem(message, "outputs", fatal=False)] if present else []
        if declared.copied:
            message = f"{self.name} takes {', '.join(declared.copied)} over from {declared.sibling}"
            message += ": look whether it fits."
            problems.append(Problem(message, "name", fatal=False))
        taken = {one.name for one in layer.outputs}
        problems += [
            Problem(f"There is an output {one.name} already; add the user without outputs.", "outputs")
            for one in (planned.facts if planned else ())
            if one.name in taken
        ]
        if declared.owner in {one.owner for one in layer.people} or _is_module(layer, declared.owner):
            what = declared.owner[1] or declared.owner[0]
            message = f"{what} is taken in this layer; choose a name that is spelled otherwise."
            problems.append(Problem(message, "name"))
        return problems

    def taken_in_by(self, layer: Layer) -> tuple[str, ...]:
        """The groups that take the person in by themselves: their members are computed from the users.

        Raises:
            EditRefused: as for `apply`.
        """
        if not any(one.followed or one.computed for one in layer.groups):
            return ()
        person = read_files(layer.location, self.apply(layer)).person(self.name)
        joined = {one.casefold() for one in self.groups}
        return tuple(one for one in (person.groups if person else ()) if one.casefold() not in joined)

    def apply(self, layer: Layer) -> FileSet:
        """The files with the person added.

        Raises:
            EditRefused: no list or map of the layer can take the person, or its key file is somebody else's.
        """
        declared, planned = self._plans(layer)
        files = layer.files.with_document(declared.edit())
        path = str(declared.facts.key_file)
        present = files.keys.get(path)
        data = self.key_text.encode()
        if present is None or not holds(present, data):
            sharing = [one.iam_name for one in layer.people if one.key_file == path]
            if sharing:
                raise refuse(
                    f"{path} is the key of {', '.join(sharing)}.", "A key file that is in use is kept."
                )
            files = with_key_text(files, path, data)
        if (
            planned is not None
            and files.documents[planned.document] is not layer.files.documents[planned.document]
        ):
            planned = self._planned_outputs(layer, files, declared)
        files = add_outputs(files, planned)
        if self.outputs:
            files = add_entries(
                files, Somebody(self.name, declared.owner), siblings_in(layer, declared.siblings)
            )
        return add_member(files, _labels(layer, self.groups), declared.owner, self.name)

    def intend(self, layer: Layer) -> Facts:
        """The facts with one person more."""
        facts = facts_of(layer)
        declared, planned = self._plans(layer)
        path, data = str(declared.facts.key_file), self.key_text.encode()
        present = layer.files.keys.get(path)
        joined = {one.casefold() for one in self.groups}
        return replace(
            facts,
            people={**facts.people, self.name: declared.facts},
            groups={
                name: group._replace(members=tuple(sorted([*group.members, self.name])))
                if name.casefold() in joined
                else group
                for name, group in facts.groups.items()
            },
            outputs=tuple(sorted([*facts.outputs, *(planned.facts if planned else ())])),
            hidden_outputs=tuple(sorted([*facts.hidden_outputs, *(planned.hidden if planned else ())])),
            collected=tuple(sorted([*facts.collected, *self._collected(layer, declared)])),
            keys={**facts.keys, path: present if present is not None and holds(present, data) else data},
        )

    def _plans(self, layer: Layer) -> tuple[NewDeclaration, NewOutputs | None]:
        plans = _plans.setdefault(layer.files, {})
        if self not in plans:
            plans[self] = self._planned(layer)
        return plans[self]

    def _planned(self, layer: Layer) -> tuple[NewDeclaration, NewOutputs | None]:
        declared = home_for(layer, machine=self.machine).plan(self.name, machine=self.machine)
        wants = self._wants_outputs(layer, declared)
        return declared, self._planned_outputs(layer, layer.files, declared) if wants else None

    def _planned_outputs(self, layer: Layer, files: FileSet, declared: NewDeclaration) -> NewOutputs | None:
        person = Somebody(self.name, declared.owner)
        return plan_outputs(files, person, siblings_in(layer, declared.siblings))

    def _collected(self, layer: Layer, declared: NewDeclaration) -> list[tuple[str, str]]:
        """The entries that the person gets in outputs which collect people."""
        person, siblings = Somebody(self.name, declared.owner), siblings_in(layer, declared.siblings)
        joined = outputs_to_join(layer.files, person, siblings) if self.outputs else []
        return [(one, self.name) for one in joined]

    def _wants_outputs(self, layer: Layer, declared: NewDeclaration) -> bool:
        return self.outputs and most_have_outputs(layer.files, siblings_in(layer, declared.siblings))


_plans: WeakKeyDictionary[FileSet, dict[AddPerson, tuple[NewDeclaration, NewOutputs | None]]] = (
    WeakKeyDictionary()
)


def _labels(layer: Layer, groups: tuple[str, ...]) -> set[str]:
    wanted = {one.casefold() for one in groups}
    return {one.label for one in layer.groups if one.name.casefold() in wanted}


def _is_module(layer: Layer, owner: Owner) -> bool:
    """Whether the label of a new block is that of a module there is."""
    documents = layer.files.documents.values()
    return owner[1] is None and any(
        block.label == owner[0] for one in documents for block in one.blocks_of("module")
    )
