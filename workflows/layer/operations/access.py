"""Switching a person's console password or access key on or off, where the layer has the switch for each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workflows.core.errors import Problem
from workflows.layer.declarations import name_in
from workflows.layer.facts import facts_of
from workflows.layer.operations.attributes import with_attribute
from workflows.layer.operations.base import check_known_person, find_person
from workflows.layer.operations.cloning import replacing
from workflows.layer.operations.home_blocks import SWITCHES
from workflows.layer.operations.values_of_person import module_of, own_switch

if TYPE_CHECKING:
    from workflows.layer.facts import Facts
    from workflows.layer.files import FileSet
    from workflows.layer.model import Layer, Person


@dataclass(frozen=True)
class SetAccess:
    """Switch a person's login profile or access key; what is None stays as it is.

    Attributes:
        name: the IAM user name.
        login_profile: whether it has a console password.
        access_key: whether it has an access key.
    """

    name: str
    login_profile: bool | None = None
    access_key: bool | None = None

    def check(self, layer: Layer) -> list[Problem]:
        """What is wrong with the name; what is lost by switching off, as a warning."""
        problems = check_known_person(layer, self.name)
        person = layer.person(self.name)
        if person is None or problems:
            return problems
        for fact, words in (("login_profile", "console password"), ("access_key", "access key")):
            if getattr(self, fact) is False and getattr(person, fact) is not False:
                message = f"The {words} of {person.iam_name} is deleted at the next apply."
                problems.append(Problem(message, fact, fatal=False))
        return problems

    def apply(self, layer: Layer) -> FileSet:
        """The files with the switches set.

        Raises:
            EditRefused: the layer has one switch for all users, or an expression.
        """
        person = find_person(layer, self.name)
        files = layer.files
        for fact, wanted in self._wanted(person).items():
            files = _switched(replace(layer, files=files), person, SWITCHES[fact], wanted=wanted)
        return files

    def intend(self, layer: Layer) -> Facts:
        """The facts with the switches set."""
        facts, person = facts_of(layer), find_person(layer, self.name)
        known, wanted = facts.people[person.iam_name], self._wanted(person)
        switched = known._replace(
            login_profile=wanted.get("login_profile", known.login_profile),
            access_key=wanted.get("access_key", known.access_key),
        )
        return replace(facts, people={**facts.people, person.iam_name: switched})

    def _wanted(self, person: Person) -> dict[str, bool]:
        return {
            fact: wanted
            for fact in SWITCHES
            if (wanted := getattr(self, fact)) is not None and wanted is not getattr(person, fact)
        }


def _switched(layer: Layer, person: Person, attribute: str, *, wanted: bool) -> FileSet:
    own = own_switch(layer, person, attribute)
    text = str(wanted).lower()
    if own is not None:
        document, node = own
        return layer.files.with_document(document.splice([replacing(node, text)]))
    block = module_of(layer, person).block
    kin = tuple(name_in(block, one) for one in SWITCHES.values())
    return layer.files.with_document(with_attribute(block, name_in(block, attribute), text, after=kin))
