"""Outputs of individual people: cloned from a sibling's for a new person, and removed with the person.

They take three forms: separate blocks, blocks in a comment, and entries in outputs that collect people.
Only a sibling of the same kind is cloned: an output for a password doesn't show how one for an access key
looks. The first of a kind gets the module's outputs for that kind, labelled like other people's outputs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tree_sitter import Node

from workflows.core.grouping import by_key
from workflows.hcl.blocks import (
    Comment,
    comments_of,
    hiding_comments,
    insert_after,
    insert_before,
    remove_items,
)
from workflows.hcl.document import Block, Document, Splice, remembered
from workflows.hcl.index import Item
from workflows.hcl.lists import position_for, with_entry
from workflows.hcl.values import object_key, quote
from workflows.layer.edit.cloning import Renaming, cloned, in_place_of, replacing, spliced, up_to_name
from workflows.layer.edit.operation import Fact
from workflows.layer.files import FileSet
from workflows.layer.model import Layer, Output, Owner, Person, Style
from workflows.layer.read.outputs import CollectedEntry, CollectingOutput, collections_of, read_output
from workflows.layer.read.references import references_in, written

_NEAR = 50
"""How many neighbours to search for a sibling to clone."""


class Unit(NamedTuple):
    """Adjacent outputs of one person: one live block, or all blocks in one comment.

    Attributes:
        items: the items of the block or the comment.
        blocks: the outputs; a comment's blocks belong to its inner document.
        base: the offset of that document in the file.
        owner: the declaration of the person.
        hidden: whether they are commented out.
    """

    items: tuple[Item, ...]
    blocks: tuple[Block, ...]
    base: int
    owner: Owner
    hidden: bool

    @property
    def file(self) -> str:
        """The name of the file."""
        return self.blocks[0].document.name

    @property
    def start(self) -> int:
        """Where it begins in the file."""
        return self.items[0].start_byte

    @property
    def end(self) -> int:
        """Where it ends in the file."""
        return self.items[-1].end_byte


@dataclass(frozen=True)
class NewOutputs:
    """The outputs that a person would get.

    Attributes:
        document: the name of the file to extend.
        splice: the splice that inserts them in the current document.
        facts: the outputs, live or commented out like the sibling's.
    """

    document: str
    splice: Splice
    facts: Sequence[Fact]


def siblings_of(layer: Layer, person: Person, alike: Sequence[Person]) -> Sequence[Person]:
    """Return the people whose outputs are an example for a person's.

    Args:
        person: the person who gets outputs.
        alike: the people declared in the same way.

    Returns:
        The people in `alike` of the same kind; if none, all people of that kind; if none, everybody.
    """
    groups = ([known for known in people if known.kind == person.kind] for people in (alike, layer.people))
    return next(filter(None, groups), layer.people)


def most_have_outputs(files: FileSet, siblings: Sequence[Person]) -> bool:
    """Return whether at least half of the siblings have outputs of their own, live or commented out."""
    owners = _units_by_owner(files)
    return sum(sibling.owner in owners for sibling in siblings) * 2 >= len(siblings)


def plan_outputs(files: FileSet, person: Person, siblings: Sequence[Person]) -> NewOutputs | None:
    """Plan a person's outputs after the siblings' example; None if there is no example.

    Args:
        files: the layer's files.
        person: the person who gets the outputs.
        siblings: the result of `siblings_of`, with or without outputs.
    """
    found = _units_by_owner(files)
    by_owner = {sibling.owner: sibling for sibling in siblings}
    present = [(by_owner[owner], units) for owner, units in found.items() if owner in by_owner]
    if not present or person.owner in found:
        return None
    if not _are_kin(person, siblings):
        return _first_of_kind(files, present, person)
    position = position_for([sibling.declaration for sibling, _ in present], person.declaration)
    near = [*reversed(present[:position]), *present[position:]][:_NEAR]
    usual = Counter(_shape(units) for _, units in near).most_common(1)[0][0]
    fitting = [(sibling, units) for sibling, units in near if _can_be_followed(sibling, units, person)]
    if not fitting:
        return None
    sibling, units = next((pair for pair in fitting if _shape(pair[1]) == usual), fitting[0])
    text = _clones(files.documents[units[0].file], units, sibling, person)
    end, insert = (-1, insert_after) if position else (0, insert_before)
    beside = present[max(position - 1, 0)][1][end]
    document = files.documents[beside.file]
    splice = insert(document, beside.items[end], text)
    return NewOutputs(document.name, splice, _facts(units, sibling, person))


def outputs_to_join(files: FileSet, person: Person, siblings: Sequence[Person]) -> list[str]:
    """Return the labels of collecting outputs in which at least half of the siblings have an entry."""
    return [collection.block.label for collection, _, _ in _to_join(files, person, siblings)]


def add_entries(files: FileSet, person: Person, siblings: Sequence[Person]) -> FileSet:
    """Add a person's entries to the outputs of `outputs_to_join`."""
    for label in outputs_to_join(files, person, siblings):
        found = next(
            joining for joining in _to_join(files, person, siblings) if joining[0].block.label == label
        )
        files = files.with_document(_with_entry(*found, person))
    return files


def remove_outputs(files: FileSet, owner: Owner) -> FileSet:
    """Remove a person's outputs, live or commented out, and the entries in collecting outputs."""
    files = files.without_entries(
        lambda files: (
            (collection.document, collection.container, entry.position)
            for collection in collections_of(files)
            for entry in collection.entries
            if entry.owner == owner
        )
    )
    for document in tuple(files.documents.values()):
        gone = [item for unit in _units(document) if unit.owner == owner for item in unit.items]
        shared = (comment for comment in comments_of(document) if _hidden(comment) is None)
        splices = [splice for comment in shared for splice in _cut_inside(comment, owner)]
        splices += remove_items(document, gone)
        files = files.spliced(document, splices) if splices else files
    return files


# -- blocks, live or in comments -----------------------------------------------------------------------


@remembered
def _units_by_owner(files: FileSet) -> dict[Owner, list[Unit]]:
    """Return the outputs that concern one person each, by owner, in file order.

    Comments with outputs of several people, or with anything else, are left out.
    """
    units = (unit for document in files.documents.values() for unit in _units(document))
    return by_key((unit.owner, unit) for unit in units)


def _units(document: Document) -> list[Unit]:
    units = [
        Unit((block.item,), (block,), 0, reference.owner, hidden=False)
        for block in document.blocks_of("output")
        if (reference := read_output(block).reference) is not None
    ]
    hidden = list(filter(None, map(_hidden, hiding_comments(document))))
    return sorted(units + hidden, key=lambda unit: unit.start) if hidden else units


def _hidden(comment: Comment) -> Unit | None:
    """Return a comment's outputs; None unless all of it is outputs of one person."""
    owners = {_owner(block) for block in comment.blocks}
    owner = owners.pop() if len(owners) == 1 else None
    if owner is None or len(comment.inner.items) > len(comment.blocks):
        return None
    return Unit(comment.items, comment.blocks, comment.start, owner, hidden=True)


def _owner(block: Block) -> Owner | None:
    reference = read_output(block).reference if block.kind == "output" else None
    return None if reference is None else reference.owner


def _cut_inside(comment: Comment, owner: Owner) -> list[Splice]:
    """Remove a person's outputs from a comment with other blocks, which keep their bytes."""
    items = comment.inner.items
    gone = {block.item.start_byte for block in comment.blocks if _owner(block) == owner}
    first = next((at for at, item in enumerate(items) if item.start_byte not in gone), 0)
    spans = [  # up to the first kept item, cut with the gap after; later, with the gap before
        (item.start_byte, items[at + 1].start_byte) if at < first else (items[at - 1].end_byte, item.end_byte)
        for at, item in enumerate(items)
        if item.start_byte in gone
    ]
    return [Splice(comment.start + start, comment.start + end, b"") for start, end in spans]


def _shape(units: Sequence[Unit]) -> tuple[tuple[str, bool, bool], ...]:
    """Return the shape of a person's outputs: attributes, and whether each is sensitive or hidden."""
    return tuple(
        (reading.attribute, reading.sensitive, unit.hidden)
        for unit in units
        for reading in map(read_output, unit.blocks)
    )


def _facts(units: Sequence[Unit], sibling: Person, person: Person) -> list[Fact]:
    return [
        (
            "hidden outputs" if unit.hidden else "outputs",
            Output(
                _label(block, sibling, person) or block.label,
                person.iam_name,
                reading.attribute,
                reading.sensitive,
            ),
        )
        for unit in units
        for block, reading in zip(unit.blocks, map(read_output, unit.blocks), strict=True)
    ]


def _are_kin(person: Person, siblings: Sequence[Person]) -> bool:
    """Return whether the siblings are of a person's kind; `siblings_of` prefers those."""
    return any(sibling.kind == person.kind for sibling in siblings)


def _can_be_followed(sibling: Person, units: Sequence[Unit], person: Person) -> bool:
    """Return whether a sibling's outputs can be cloned: in one file, and labelled after the sibling."""
    labels = [_label(block, sibling, person) for unit in units for block in unit.blocks]
    return len({unit.file for unit in units}) == 1 and None not in labels


def _label(block: Block, sibling: Person, person: Person) -> str | None:
    """Return a sibling's output label for another person; None if it isn't derived from the sibling."""
    if _is_by_block(block, sibling, person):
        return person.module + block.label.removeprefix(sibling.module)
    return in_place_of(block.label, sibling.iam_name, person.iam_name)


def _is_by_block(block: Block, sibling: Person, person: Person) -> bool:
    """Return whether an output is labelled after its person's block, and both people have a block."""
    return sibling.style is person.style is Style.BLOCK and block.label.startswith(sibling.module)


def _clones(source: Document, units: Sequence[Unit], sibling: Person, person: Person) -> bytes:
    """Return a sibling's outputs for another person, with the same spacing."""
    text, end = b"", 0
    for unit in units:
        gap = source.data[end : unit.start] if text else b""
        text += (gap if not gap.strip() else source.newline * 2) + _clone(source, unit, sibling, person)
        end = unit.end
    return text


def _clone(source: Document, unit: Unit, sibling: Person, person: Person) -> bytes:
    """Return the unit's text for another person: labels, references, and names in strings replaced."""
    renaming = Renaming(sibling.iam_name, person.iam_name)
    changes: list[Splice] = []
    for block in unit.blocks:
        document = block.document
        label = replacing(block.label_node, quote(_label(block, sibling, person) or block.label))
        own = [label, *_referring(document, block.node, sibling, person)]
        start, end = block.item.start_byte + unit.base, block.item.end_byte + unit.base
        text = cloned(document, block.node, own, renaming)
        if len(unit.items) > 1:
            text = _with_marks(source.data, unit, start, text)
        changes.append(Splice(start, end, text))
    return spliced(source.data[unit.start : unit.end], changes, unit.start)


def _referring(document: Document, node: Node, sibling: Person, person: Person) -> list[Splice]:
    """Return splices that turn references to the sibling into references to the person."""
    return [
        Splice(*extent, written(reference.to(person.owner)).encode())
        for reference, extent in references_in(document, node)
        if reference.owner == sibling.owner
    ]


def _with_marks(data: bytes, unit: Unit, start: int, text: bytes) -> bytes:
    """Restore the comment markers of a text that replaces part of a run of line comments, from `start`."""
    marks = {item.row - unit.items[0].row: item.start_byte for item in unit.items}
    first, *lines = text.split(b"\n")
    for number, line in enumerate(lines):
        at = marks[data.count(b"\n", unit.start, start) + number + 1]
        size = 1 if data.startswith(b"#", at) else 2
        column = at - data.rfind(b"\n", 0, at) - 1
        lines[number] = line[:column] + data[at : at + size] + line[column + size :]
    return b"\n".join([first, *lines])


# -- the first of a kind -------------------------------------------------------------------------------

_PASSWORD, _KEY = "login_profile", "access_key"
"""Parts of the attribute names of passwords and access keys."""

_MODULE_OUTPUTS = {
    "iam_user_name": "The user's name",
    "iam_user_login_profile_encrypted_password": "The encrypted password, base64 encoded",
    "iam_access_key_id": "The access key ID",
    "iam_access_key_encrypted_secret": "The encrypted secret, base64 encoded",
}
"""terraform-aws-iam, modules/iam-user, outputs.tf: the outputs to hand over, with the module's
descriptions."""

_OF_MACHINES = re.compile(rb"\bmachines?\b", re.IGNORECASE)
_OF_PEOPLE = re.compile(rb"\b(?:users|people|humans)\b(?!\.tf)", re.IGNORECASE)


def _first_of_kind(
    files: FileSet, present: Sequence[tuple[Person, list[Unit]]], person: Person
) -> NewOutputs | None:
    """Plan the module's outputs for a person's kind, in the form of other people's outputs."""
    labelled = [
        (unit, stem, sibling)
        for sibling, units in present
        for unit in units
        if (stem := _stem(unit.blocks[0], sibling, person)) is not None
    ]
    plain = [
        example for example in labelled if not _is_credential(read_output(example[0].blocks[0]).attribute)
    ]
    if not labelled:
        return None
    example, stem, _ = (plain or labelled)[-1]
    block, document = example.blocks[0], files.documents[example.file]
    has = {_PASSWORD: person.login_profile, _KEY: person.access_key}
    names = [
        name for name in _MODULE_OUTPUTS if all(has[credential] for credential in has if credential in name)
    ]
    outputs = [
        Output(
            f"{stem}_{name.removeprefix('iam_user_')}",
            person.iam_name,
            _of_version(name, read_output(block).attribute),
            "encrypted" in name,
        )
        for name in names
    ]
    texts = [
        _written_like(block, output, person, _MODULE_OUTPUTS[name])
        for name, output in zip(names, outputs, strict=True)
    ]
    file = [(sibling, unit) for unit, _, sibling in labelled if unit.file == example.file]
    text = (document.newline * 2).join(texts)
    return NewOutputs(
        document.name, _in_section(document, file, text, person), [("outputs", output) for output in outputs]
    )


def _is_credential(attribute: str) -> bool:
    return _PASSWORD in attribute or _KEY in attribute


def _stem(block: Block, sibling: Person, person: Person) -> str | None:
    """Return a sibling's label for another person, up to the name; None if the name isn't in it."""
    if _is_by_block(block, sibling, person):
        return person.module
    return up_to_name(block.label, sibling.iam_name, person.iam_name)


def _of_version(attribute: str, example: str) -> str:
    """Name an attribute like the module version of the example does: `this_` before 4, short since 6."""
    if example.startswith("this_"):
        return f"this_{attribute}"
    return attribute if example.startswith("iam_") else re.sub("^iam_(?:user_)?", "", attribute)


def _written_like(block: Block, facts: Output, person: Person, description: str) -> bytes:
    """Return an output for a person, with a description and a wrapped reference if the block has them."""
    document, reference = block.document, read_output(block).reference
    text = (
        written(reference.to(person.owner)._replace(attribute=facts.attribute))
        if reference
        else facts.attribute
    )
    is_wrapped = '"${' in document.text(block.attributes["value"].node)
    values = {
        "description": quote(description) if block.source_of("description") is not None else "",
        "value": f'"${{{text}}}"' if is_wrapped else text,
        "sensitive": "true" if facts.sensitive else "",
    }
    values = {name: value for name, value in values.items() if value}
    width = max(map(len, values))
    lines = [f"  {name.ljust(width)} = {value}" for name, value in values.items()]
    return document.newline.join(line.encode() for line in (f"output {quote(facts.name)} {{", *lines, "}"))


def _in_section(
    document: Document, present: Sequence[tuple[Person, Unit]], text: bytes, person: Person
) -> Splice:
    """Insert the first outputs of a kind beside similar people's, else under their banner, else at the end.

    People's outputs never go under a banner for machine users, but before it.
    """
    alike = [unit for sibling, unit in present if sibling.machine is person.machine]
    machines = [comment for comment in comments_of(document) if _OF_MACHINES.search(_comment_text(comment))]
    people = [
        comment
        for comment in comments_of(document)
        if comment not in machines and _OF_PEOPLE.search(_comment_text(comment))
    ]
    own = (machines if person.machine else people)[-1:]
    if not alike and own:
        end, following = own[0].end, [item for item in document.items if item.start_byte > own[0].end]
        return (
            insert_before(document, following[0], text)
            if following
            else Splice(end, end, document.newline + text)
        )
    if not alike and machines and not person.machine:
        return insert_before(document, machines[0].items[0], text)
    return insert_after(document, (alike or [unit for _, unit in present])[-1].items[-1], text)


def _comment_text(comment: Comment) -> bytes:
    """Return the text of a comment without blocks, else nothing."""
    return b"" if comment.blocks else comment.document.data[comment.start : comment.end]


# -- entries in outputs that collect people ------------------------------------------------------------


def _to_join(
    files: FileSet, person: Person, siblings: Sequence[Person]
) -> Iterator[tuple[CollectingOutput, CollectedEntry, Person]]:
    """Yield the outputs to join, each with the entry to clone and its person."""
    by_owner = {sibling.owner: sibling for sibling in siblings}
    for collection in collections_of(files):
        present = {entry.owner: entry for entry in collection.entries if entry.owner in by_owner}
        attributes = (
            reference.attribute for reference, _ in references_in(collection.document, collection.container)
        )
        has_entry = person.owner in {entry.owner for entry in collection.entries}
        of_others = not _are_kin(person, siblings) and any(map(_is_credential, attributes))
        if has_entry or of_others or len(present) * 2 < len(by_owner):
            continue
        keys = {
            owner: key
            for owner, entry in present.items()
            if (key := _key(collection, entry, by_owner[owner], person)) is not None
        }
        if keys:
            fitting = [present[owner] for owner in keys]
            key = next(iter(keys.values())) or person.declaration
            nearest = fitting[max(_position(collection, fitting, key) - 1, 0)]
            yield collection, nearest, by_owner[nearest.owner]


def _position(collection: CollectingOutput, entries: Sequence[CollectedEntry], key: str) -> int:
    """Return where to insert an entry; entries of a list are sorted by owner."""
    if collection.container.type == "tuple":
        return position_for([entry.owner[1] or entry.owner[0] for entry in entries], key)
    return position_for([object_key(collection.document, entry.node) or "" for entry in entries], key)


def _key(collection: CollectingOutput, entry: CollectedEntry, sibling: Person, person: Person) -> str | None:
    """Return the person's map key after a sibling's example; "" in a list, None without an example."""
    if collection.container.type == "tuple":
        return ""
    key = object_key(collection.document, entry.node) or ""
    pairs = (*zip(sibling.owner[::-1], person.owner[::-1], strict=True), (sibling.iam_name, person.iam_name))
    whole = (theirs for mine, theirs in pairs if key == mine)
    return next(whole, in_place_of(key, sibling.iam_name, person.iam_name))


def _with_entry(
    collection: CollectingOutput, entry: CollectedEntry, sibling: Person, person: Person
) -> Document:
    document = collection.document
    key = _key(collection, entry, sibling, person)
    changes = _referring(document, entry.node, sibling, person)
    if key:
        node = entry.node.children[0]
        quoted = document.text(node).startswith('"') or not key.isidentifier()
        changes.append(replacing(node, quote(key) if quoted else key))
    text = cloned(document, entry.node, changes, Renaming(sibling.iam_name, person.iam_name)).decode()
    place = _position(collection, collection.entries, key or person.declaration)
    followers = collection.entries[place:]
    position = followers[0].position if followers else collection.entries[-1].position + 1
    return with_entry(document, collection.container, text, position)
