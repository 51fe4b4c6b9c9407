"""Adding a person's outputs by its siblings' example, and removing them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workflows.errors import Problem
from workflows.layer.facts import facts_of
from workflows.layer.model import Style
from workflows.layer.operations.base import find_person
from workflows.layer.operations.output_units import remove_outputs
from workflows.layer.operations.person_outputs import Somebody, add_outputs, plan_outputs, siblings_in

if TYPE_CHECKING:
    from workflows.layer.facts import Facts
    from workflows.layer.files import FileSet
    from workflows.layer.model import Layer, Person
    from workflows.layer.operations.person_outputs import NewOutputs


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
        planned = _plan(layer, person)
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
        return add_outputs(layer.files, _plan(layer, find_person(layer, self.name)))

    def intend(self, layer: Layer) -> Facts:
        """The facts with these outputs."""
        facts, planned = facts_of(layer), _plan(layer, find_person(layer, self.name))
        if planned is None:
            return facts
        return replace(
            facts,
            outputs=tuple(sorted([*facts.outputs, *planned.facts])),
            hidden_outputs=tuple(sorted([*facts.hidden_outputs, *planned.hidden])),
        )


@dataclass(frozen=True)
class RemoveOutputs:
    """Remove the outputs that are about one person alone, those that are commented out too.

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
        return without_outputs(facts, person)


def without_outputs(facts: Facts, person: Person) -> Facts:
    """The facts without the outputs that are about one person alone, live or commented out."""
    return replace(
        facts,
        outputs=tuple(one for one in facts.outputs if one.person != person.iam_name),
        hidden_outputs=tuple(one for one in facts.hidden_outputs if one.person != person.iam_name),
    )


def _plan(layer: Layer, person: Person) -> NewOutputs | None:
    """The outputs that a person would get by the example of its kind in the same home."""
    kin = [
        one.iam_name
        for one in layer.people
        if one.style is person.style
        and one.machine is person.machine
        and (one.module == person.module or one.style is Style.BLOCK)
    ]
    somebody = Somebody(person.iam_name, person.owner)
    return plan_outputs(layer.files, somebody, siblings_in(layer, kin))
