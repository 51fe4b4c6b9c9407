"""Adding a person's outputs by its siblings' example, and removing them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workflows.core.errors import Problem
from workflows.layer.facts import facts_of
from workflows.layer.model import Style
from workflows.layer.operations.base import find_person
from workflows.layer.operations.output_entries import add_entries, outputs_to_join
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
        if planned is None and not outputs_to_join(layer.files, _somebody(person), _kin(layer, person)):
            return [Problem(f"{self.name} has outputs already, or no sibling has any to follow.", "name")]
        taken = {one.name for one in layer.outputs}
        return [
            Problem(f"There is an output {one.name} already.", "name")
            for one in (planned.facts if planned is not None else ())
            if one.name in taken
        ]

    def apply(self, layer: Layer) -> FileSet:
        """The files with the outputs added.

        Raises:
            EditRefused: there is no such person.
        """
        person = find_person(layer, self.name)
        files = add_outputs(layer.files, _plan(layer, person))
        return add_entries(files, _somebody(person), _kin(layer, person))

    def intend(self, layer: Layer) -> Facts:
        """The facts with these outputs."""
        facts, person = facts_of(layer), find_person(layer, self.name)
        planned = _plan(layer, person)
        joined = outputs_to_join(layer.files, _somebody(person), _kin(layer, person))
        return replace(
            facts,
            outputs=tuple(sorted([*facts.outputs, *(planned.facts if planned else ())])),
            hidden_outputs=tuple(sorted([*facts.hidden_outputs, *(planned.hidden if planned else ())])),
            collected=tuple(sorted([*facts.collected, *((one, person.iam_name) for one in joined)])),
        )


@dataclass(frozen=True)
class RemoveOutputs:
    """Remove a person's outputs, those that are commented out too, and its entries in outputs for several.

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
        collected=tuple(one for one in facts.collected if one[1] != person.iam_name),
    )


def _plan(layer: Layer, person: Person) -> NewOutputs | None:
    """The outputs that a person would get by the example of its kind in the same home."""
    return plan_outputs(layer.files, _somebody(person), _kin(layer, person))


def _somebody(person: Person) -> Somebody:
    return Somebody(person.iam_name, person.owner)


def _kin(layer: Layer, person: Person) -> list[Somebody]:
    """The others of a person's kind in the same home."""
    kin = [
        one.iam_name
        for one in layer.people
        if one.iam_name != person.iam_name
        and one.style is person.style
        and one.machine is person.machine
        and (one.module == person.module or one.style is Style.BLOCK)
    ]
    return siblings_in(layer, kin)
