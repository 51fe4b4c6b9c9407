"""What an operation on a layer is: checks, the edit itself, and what must be true afterwards.

One small module holds one operation. `apply` makes new files by splicing; `intend` says, from the model
alone and without looking at the edit, which facts the layer then has. `workflows.layer.edit` runs both and
compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from workflows.core.errors import OnboardError, Problem
from workflows.core.sentences import Sentence
from workflows.layer.declarations import user_modules

if TYPE_CHECKING:
    from workflows.layer.facts import Facts
    from workflows.layer.files import FileSet
    from workflows.layer.model import Group, Layer, Person, Place


class EditRefused(OnboardError):  # noqa: N818 - it reads better where it is raised
    """An operation cannot be done by the editor; says why and where to do it by hand. Nothing was written.

    Attributes:
        place: where to do it by hand, or None where that is not one place.
    """

    place: Place | None = None


@dataclass(frozen=True, kw_only=True)
class PlacedProblem(Problem):
    """Something that the editor leaves alone.

    Attributes:
        place: where to change it by hand.
    """

    place: Place


class Operation(Protocol):
    """One change of a layer."""

    def check(self, layer: Layer) -> list[Problem]:
        """What is wrong with the request, for the layer as it is."""
        ...

    def apply(self, layer: Layer) -> FileSet:
        """The layer's files afterwards.

        Raises:
            EditRefused: the layer's shape does not allow it.
        """
        ...

    def intend(self, layer: Layer) -> Facts:
        """The facts that the layer has afterwards."""
        ...


def refuse(what: Sentence, why: Sentence, place: Place | None = None) -> EditRefused:
    """An `EditRefused` with the place to edit by hand."""
    where = f"Edit it by hand at {place}." if place is not None else ""
    refused = EditRefused("This cannot be edited automatically", what, why=why, next=where)
    refused.place = place
    return refused


def find_person(layer: Layer, name: str) -> Person:
    """The person of that name.

    Raises:
        EditRefused: there is none.
    """
    person = layer.person(name)
    if person is None:
        raise refuse(
            f"There is no user {name} in {layer.location.relative}.", "The layer does not declare it."
        )
    return person


def find_group(layer: Layer, name: str) -> Group:
    """The group of that name.

    Raises:
        EditRefused: there is none.
    """
    group = layer.group(name)
    if group is None:
        raise refuse(
            f"There is no group {name} in {layer.location.relative}.", "The layer does not declare it."
        )
    return group


def check_groups(layer: Layer, names: tuple[str, ...], *, machine: bool) -> list[Problem]:
    """What is wrong with groups that a person should join."""
    problems: list[Problem] = []
    for name in names:
        group = layer.group(name)
        if group is None:
            known = ", ".join(one.name for one in layer.groups) or "none"
            problems.append(Problem(f"There is no group {name} in this layer; there are: {known}.", "groups"))
        elif not group.editable:
            message = f"The members of the group {name} are shown, not edited: {group.reason}."
            message += f" Edit them by hand at {group.place}."
            problems.append(PlacedProblem(message, "groups", place=group.place))
        elif group.machine and not machine:
            problems.append(Problem(f"The group {name} is for machine users.", "groups", fatal=False))
    return problems


def check_known_person(layer: Layer, name: str) -> list[Problem]:
    """What is wrong with naming a person that should be changed."""
    person = layer.person(name)
    if person is None:
        return [Problem(f"There is no user {name} in {layer.location.relative}.", "name")]
    if not person.editable:
        message = f"The user {name} is shown, not edited: change it by hand at {person.place}."
        why = next((one.refusal for one in user_modules(layer.files) if one.label == person.module), "")
        if why:
            message += f" {why}."
        return [PlacedProblem(message, "name", place=person.place)]
    return []
