"""The layers as the users' screen shows them: who is there, how, and what only a person can edit."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from workflows.layer.model import Layer, Person, Subject
from workflows.steps.by_hand import Spot, spot_at, spots_of

_OF_GROUPS = {Subject.GROUP, Subject.MEMBER}


@dataclass(frozen=True)
class LayerView:
    """A layer as the screen shows it.

    Attributes:
        layer: the layer as it was read.
    """

    layer: Layer = field(repr=False)

    @property
    def account(self) -> str:
        """Its account."""
        return self.layer.location.account

    @cached_property
    def _by_name(self) -> dict[str, Person]:
        return {one.iam_name.casefold(): one for one in self.layer.people}

    def person(self, name: str) -> Person | None:
        """The person of that IAM name, without regard to case, or None."""
        return self._by_name.get(name.casefold())

    def has(self, name: str) -> bool:
        """Whether somebody of that name is in it, without regard to case."""
        return name.casefold() in self._by_name

    @cached_property
    def spots(self) -> tuple[Spot, ...]:
        """What is to be edited by hand or hidden in a comment, groups left out, and who is not edited."""
        findings = [one for one in self.layer.findings if one.subject not in _OF_GROUPS]
        people = [
            spot_at(self.layer, one.place, f"{one.iam_name} is shown, not edited.")
            for one in self.layer.people
            if not one.editable
        ]
        return (*spots_of(self.layer, findings), *people)

    @cached_property
    def _of_key_file(self) -> dict[str, list[str]]:
        users: dict[str, list[str]] = {}
        for one in self.layer.people:
            users.setdefault(one.key_file or "", []).append(one.iam_name)
        return users

    def sharing(self, person: Person) -> tuple[str, ...]:
        """The other users of a person's key file."""
        if person.key_file is None:
            return ()
        return tuple(one for one in self._of_key_file[person.key_file] if one != person.iam_name)
