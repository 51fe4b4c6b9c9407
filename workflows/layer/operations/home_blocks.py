"""The block a user: a module of its own for each person, usually under a banner."""

from __future__ import annotations

import posixpath
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from workflows.core.sentences import Sentence
from workflows.layer.blocks import insert_after, insert_before
from workflows.layer.declarations import key_path_node, name_in
from workflows.layer.facts import PersonFacts
from workflows.layer.lists import position_for
from workflows.layer.operations.banners import banner_of, renamed, usual_shape
from workflows.layer.operations.base import refuse
from workflows.layer.operations.cloning import cloned, replacing
from workflows.layer.operations.copied import copied_values
from workflows.layer.operations.home import NewDeclaration, of_kind
from workflows.layer.operations.key_path import key_file_name, path_text
from workflows.layer.operations.spelling import Renaming, in_place_of, mentions_name, prefix_of, spellings
from workflows.layer.values import quote

if TYPE_CHECKING:
    from workflows.layer.declarations import UserModule
    from workflows.layer.document import Block, Document, Splice
    from workflows.layer.model import Layer, Person, Place

SWITCHES = {"login_profile": "create_iam_user_login_profile", "access_key": "create_iam_access_key"}
"""The attributes of terraform-aws-iam, modules/iam-user, by what they switch."""

_NOBODY = (
    "No user's block has a label made from the name, and a plain name, switches and key file, to be followed"
)

_OF_THE_MODULE = ("source", "version", "providers", "depends_on", "name", "pgp_key")
"""Attributes that say nothing of the person, or that are written for the new one."""
_NEAR = 50
"""So many neighbours are looked at for the one to follow."""


@dataclass(frozen=True)
class BlocksHome:
    """All blocks of single users in a layer.

    Attributes:
        layer: the layer.
        modules: their module blocks, in the order of the files.
    """

    layer: Layer
    modules: tuple[UserModule, ...]

    @property
    def place(self) -> Place:
        """Where the last block is."""
        return self.modules[-1].place

    def refusal(self, *, machine: bool) -> Sentence | None:
        """Why no block can be followed."""
        if any(self._fits(one, machine=machine) for one in self._people()):
            return None
        return next((one.refusal for one in self.modules if one.reason), _NOBODY)

    def rank(self, *, machine: bool) -> tuple[int, int]:
        """By the number of people of the kind; without any, blocks can still be made to fit."""
        return len(of_kind(self._people(), machine=machine)), 0

    def plan(self, name: str, *, machine: bool) -> NewDeclaration:
        """How a person would be declared: as the nearest usual sibling is.

        Raises:
            EditRefused: no sibling can be followed.
        """
        kin = of_kind(self._people(), machine=machine) or self._people()
        home = Counter(one.place.file for one in kin).most_common(1)[0][0]
        siblings = [one for one in kin if one.place.file == home]
        position = _position(siblings, name) if siblings[0].machine is machine else len(siblings)
        sibling = self._sibling(siblings, position, machine=machine)
        label = self._label(sibling, name)
        folder = posixpath.dirname(str(sibling.key_file))
        path = posixpath.normpath(posixpath.join(folder, self._key_file_name(sibling, name, machine=machine)))
        login_profile, access_key = sibling.login_profile, sibling.access_key
        if sibling.machine is not machine:
            login_profile, access_key = not machine, machine
        facts = PersonFacts(label, label, path, login_profile, access_key)
        names = tuple(one.iam_name for one in kin)
        return NewDeclaration(
            facts,
            (label, None),
            names,
            lambda: self._with_block(siblings, position, sibling, name, facts),
            sibling.iam_name,
            self._copied(sibling, kin, name),
        )

    def _copied(self, sibling: Person, kin: tuple[Person, ...], name: str) -> tuple[str, ...]:
        block = self._block(sibling)
        known = {*_OF_THE_MODULE, *(name_in(block, one) for one in SWITCHES.values())}
        others = [_texts(self._block(one)) for one in kin[:_NEAR]]
        return copied_values(_texts(block), others, known, Renaming(sibling.iam_name, name))

    @cached_property
    def _shape(self) -> tuple[str, ...] | None:
        return usual_shape(one.block for one in self.modules)

    def _people(self) -> tuple[Person, ...]:
        labels = {one.label for one in self.modules}
        return tuple(one for one in self.layer.people if one.module in labels)

    def _block(self, person: Person) -> Block:
        return next(one.block for one in self.modules if one.label == person.module)

    def _fits(self, person: Person, *, machine: bool) -> bool:
        """Whether a block can be followed: editable, labelled after the name, the key's path plain."""
        block = self._block(person)
        key = key_path_node(block)
        if not person.editable or key is None or person.key_file is None:
            return False
        if path_text(block.document, key) is None and not person.key_file.endswith(person.iam_name):
            return False  # a path in parts that does not end in the name cannot be made another's
        if prefix_of(person.module, person.iam_name) is None:
            return False
        return person.machine is machine or all(_is_switch(block, one) for one in SWITCHES.values())

    def _key_file_name(self, sibling: Person, name: str, *, machine: bool) -> str:
        key = key_path_node(self._block(sibling))
        if key is not None and path_text(self._block(sibling).document, key) is None:
            return posixpath.basename(str(sibling.key_file)).removesuffix(sibling.iam_name) + name
        return key_file_name(of_kind(self._people(), machine=machine), name)

    def _sibling(self, siblings: list[Person], position: int, *, machine: bool) -> Person:
        """The nearest sibling of the usual form; the one before goes before the one after."""
        near = [*reversed(siblings[:position]), *siblings[position:]]
        fitting = [one for one in near[:_NEAR] if self._fits(one, machine=machine)]
        fitting = fitting or [one for one in self._people() if self._fits(one, machine=machine)]
        if not fitting:
            raise refuse("The user cannot be added.", f"{_NOBODY}.", self.place)
        shape = self._shape
        forms = {one.module: _form(self._block(one), one, shape) for one in fitting[:_NEAR]}
        usual = Counter(form[:-1] for form in forms.values()).most_common(1)[0][0]
        alike = [one for one in fitting[:_NEAR] if forms[one.module][:-1] == usual]
        return next((one for one in alike if forms[one.module][-1]), alike[0])  # rather with its own banner

    def _label(self, sibling: Person, name: str) -> str:
        label = in_place_of(sibling.module, sibling.iam_name, name)
        return label if label is not None else f"user_{spellings(name)[0]}"

    def _with_block(
        self, siblings: list[Person], position: int, sibling: Person, name: str, facts: PersonFacts
    ) -> Document:
        block = self._block(sibling)
        shape = self._shape
        text = _banner(block, sibling, name, shape)
        if text is None:  # that banner names somebody else: another one of the same shape is followed
            others = (_banner(self._block(one), one, name, shape) for one in self._people()[:_NEAR])
            text = next(filter(None, others), b"")
        text += cloned(
            block.document, block.node, _changes(block, name, facts), Renaming(sibling.iam_name, name)
        )
        if position:
            previous = self._block(siblings[position - 1])
            return previous.document.splice([insert_after(previous.document, previous.item, text)])
        first = self._block(siblings[0])
        banner = banner_of(first, (siblings[0].iam_name, siblings[0].module), shape)
        start = banner[0] if banner else first.item
        return first.document.splice([insert_before(first.document, start, text)])


def _position(siblings: list[Person], name: str) -> int:
    """Where a person goes among siblings: by name or by label, whichever they are sorted by."""
    names, labels = [one.iam_name for one in siblings], [one.module for one in siblings]
    if labels == sorted(labels) and names != sorted(names):
        return position_for(labels, f"{prefix_of(labels[0], names[0]) or 'user_'}{spellings(name)[0]}")
    return position_for(names, name)


def _form(block: Block, person: Person, shape: tuple[str, ...] | None) -> tuple[object, ...]:
    """What is alike in a team's blocks: attributes in order, source, a banner; last, if it names the user."""
    banner = banner_of(block, (person.iam_name, person.module), shape)
    text = "\n".join(block.document.data[one.start_byte : one.end_byte].decode() for one in banner)
    return (*block.attributes, block.source_of("source"), bool(banner), mentions_name(text, person.iam_name))


def _texts(block: Block) -> dict[str, str]:
    return {name: block.source_of(name) or "" for name in block.attributes}


def _is_switch(block: Block, attribute: str) -> bool:
    return block.source_of(name_in(block, attribute)) in {"true", "false"}


def _changes(block: Block, name: str, facts: PersonFacts) -> list[Splice]:
    path = key_path_node(block)
    changes = [
        replacing(block.label_node, quote(facts.module)),
        replacing(block.attributes["name"].value, quote(name)),
    ]
    written = path_text(block.document, path) if path is not None else None
    if written is not None:
        changes.append(written.replaced(written.named(posixpath.basename(str(facts.key_file)))))
    for fact, attribute in SWITCHES.items():
        wanted = getattr(facts, fact)
        if _is_switch(block, attribute) and isinstance(wanted, bool):
            changes.append(replacing(block.attributes[name_in(block, attribute)].value, str(wanted).lower()))
    return changes


def _banner(block: Block, sibling: Person, name: str, usual: tuple[str, ...] | None) -> bytes | None:
    """The banner for a new person with the line end after it.

    Returns:
        The bytes: none where the sibling has no banner to follow; None where its banner does not name it.
    """
    banner = banner_of(block, (sibling.iam_name, sibling.module), usual)
    if not banner:
        return b""
    text = renamed(block.document, banner, Renaming(sibling.iam_name, name))
    if text is None:
        return None
    return text + block.document.data[banner[-1].end_byte : block.item.start_byte]
