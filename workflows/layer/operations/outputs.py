"""Adding a person's outputs by its siblings' example, and removing them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workflows.errors import Problem
from workflows.layer.facts import facts_of
from workflows.layer.operations.base import find_person
from workflows.layer.operations.person_outputs import add_outputs, plan_outputs, remove_outputs

if TYPE_CHECKING:
    from workflows.layer.facts import Facts
    from workflows.layer.files import FileSet
    from workflows.layer.model import Layer


@dataclass(frozen=True)
class AddOutputs:
    """Add the outputs of a person that has none.

    Attributes:
        name: the IAM user name.
    """

    name: str

    def check(self, layer: Layer) -> list[Problem]:
        """Why the outputs cannot be added."""
        person = layer.person(self.name)
        if person is None:
            return [Problem(f"There is no user {self.name} in {layer.location.relative}.", "name")]
        planned = plan_outputs(layer.files, person.module, person.declaration, person.iam_name)
        if planned is None:
            return [Problem(f"{self.name} has outputs already, or no sibling has any to follow.", "name")]
        taken = {one.name for one in layer.outputs}
        return [
            Problem(f"There is an output {one.name} already.", "name")
            for one in planned.facts
            if one.name in taken
        ]

    def apply(self, layer: Layer) -> FileSet:
        """The files with the outputs added.

        Raises:
            EditRefused: there is no such person.
        """
        person = find_person(layer, self.name)
        return add_outputs(layer.files, person.module, person.declaration, person.iam_name)

    def intend(self, layer: Layer) -> Facts:
        """The facts with these outputs."""
        facts, person = facts_of(layer), find_person(layer, self.name)
        planned = plan_outputs(layer.files, person.module, person.declaration, person.iam_name)
        return replace(facts, outputs=tuple(sorted([*facts.outputs, *(planned.facts if planned else ())])))


@dataclass(frozen=True)
class RemoveOutputs:
    """Remove the outputs that are about one person alone.

    Attributes:
        name: the IAM user name.
    """

    name: str

    def check(self, layer: Layer) -> list[Problem]:
        """What is wrong with the name."""
        if layer.person(self.name) is None:
            return [Problem(f"There is no user {self.name} in {layer.location.relative}.", "name")]
        return []

    def apply(self, layer: Layer) -> FileSet:
        """The files without the outputs.

        Raises:
            EditRefused: there is no such person.
        """
        return remove_outputs(layer.files, find_person(layer, self.name).owner)

    def intend(self, layer: Layer) -> Facts:
        """The facts without these outputs."""
        facts, person = facts_of(layer), find_person(layer, self.name)
        return replace(facts, outputs=tuple(one for one in facts.outputs if one.person != person.iam_name))
