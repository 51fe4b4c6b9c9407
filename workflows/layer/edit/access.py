"""Switching a person's console password or access key on or off, where the layer has the switch for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tree_sitter import Node

from workflows.core.errors import Problem
from workflows.hcl.document import Document
from workflows.hcl.values import fields_at
from workflows.layer.edit.cloning import replacing
from workflows.layer.edit.operation import (
    Facts,
    check_known_person,
    facts_of,
    find_person,
    refuse,
    with_attribute,
)
from workflows.layer.files import FileSet
from workflows.layer.model import Layer, Person, Style
from workflows.layer.read.declarations import (
    SWITCHES,
    attribute_of,
    field_behind,
    module_of,
    name_in,
    place_of,
)


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

    def check(self, layer: Layer) -> Iterator[Problem]:
        """What is wrong with the name; what is lost by switching off, as a warning."""
        yield from check_known_person(layer, self.name)
        person = layer.person(self.name)
        if person is None or not person.editable:
            return
        for fact, words in (("login_profile", "console password"), ("access_key", "access key")):
            if getattr(self, fact) is False and getattr(person, fact) is not False:
                yield Problem(
                    f"The {words} of {person.iam_name} is deleted at the next apply.", fact, fatal=False
                )

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
        return facts.with_person(person.iam_name, **self._wanted(person))

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
    block = module_of(layer.files, person.module).block
    kin = tuple(name_in(block, one) for one in SWITCHES.values())
    return layer.files.with_document(with_attribute(block, name_in(block, attribute), text, after=kin))


def own_switch(layer: Layer, person: Person, attribute: str) -> tuple[Document, Node] | None:
    """Where a switch of a person is written; None where its block leaves it to the module's default.

    Raises:
        EditRefused: the module switches it for all alike, or it is an expression.
    """
    module = module_of(layer.files, person.module)
    document, block = module.document, module.block
    what = f"{attribute} of {person.iam_name} cannot be switched alone."
    if module.style is Style.BLOCK:
        found = attribute_of(block, attribute)
        if found is not None and found.value.type != "bool_lit":
            raise refuse(what, "It is an expression.", place_of(found))
        return (document, found.value) if found is not None else None
    field = field_behind(block, attribute)
    if field is None:
        raise refuse(
            what,
            f"The module {module.label} sets it for all its users alike.",
            place_of(block.attributes.get(attribute) or block),
        )
    entry = module.entry(person.declaration)
    value = fields_at(document, entry).get(field) if entry is not None else None
    if value is None or value.value.type != "bool_lit":
        raise refuse(what, f"Its entry does not set {field} to true or false.", person.place)
    return document, value.value
