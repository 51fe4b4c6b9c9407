"""The outputs of single people: cloned from a sibling's for a new person, and removed with the person.

They take three forms: blocks of their own, blocks in a comment, and entries in outputs that collect people.
Only a sibling of the same kind is cloned: a password's output says nothing of an access key. The first of a
kind gets what the module has for that kind, labelled as the others' outputs are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
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
from workflows.hcl.lists import position_for, with_entry, without_entry
from workflows.hcl.values import object_key, quote
from workflows.layer.edit.cloning import Renaming, cloned, in_place_of, replacing, spliced, up_to_name
from workflows.layer.edit.operation import Facts
from workflows.layer.files import FileSet
from workflows.layer.model import Layer, Output, Owner, Person, Style
from workflows.layer.read.outputs import CollectedEntry, CollectingOutput, collections_of, read_output
from workflows.layer.read.references import references_in, written

_NEAR = 50
"""So many neighbours are looked at for the one to follow."""


class Unit(NamedTuple):
    """Outputs of one person that stand together: one live block, or all that one comment hides.

    Attributes:
        items: the block's item, or the comment's.
        blocks: the outputs; of a comment, blocks of its inner document.
        base: how far that document's positions are from the file's.
        owner: whose they are.
        hidden: whether they are commented out.
    """

    items: tuple[Item, ...]
    blocks: tuple[Block, ...]
    base: int
    owner: Owner
    hidden: bool

    @property
    def file(self) -> str:
        """The name of the file that it is in."""
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
        document: the name of the file they go to.
        splice: how they get there, for that document as it is.
        facts: the live ones.
        hidden: those that are commented out, as the sibling's are.
    """

    document: str
    splice: Splice
    facts: tuple[Output, ...]
    hidden: tuple[Output, ...]


def siblings_of(layer: Layer, person: Person, alike: Sequence[Person]) -> Sequence[Person]:
    """The people whose outputs are an example for a person's.

    Args:
        layer: the layer.
        person: who gets outputs.
        alike: those who are declared alike.

    Returns:
        Those of them who are of the same kind; without any, all of that kind; without any, everybody.
    """
    groups = ([known for known in people if known.kind == person.kind] for people in (alike, layer.people))
    return next(filter(None, groups), layer.people)


def most_have_outputs(files: FileSet, siblings: Sequence[Person]) -> bool:
    """Whether at least half of some people have outputs of their own, live or commented out."""
    owners = _units_by_owner(files)
    return sum(sibling.owner in owners for sibling in siblings) * 2 >= len(siblings)


def plan_outputs(files: FileSet, person: Person, siblings: Sequence[Person]) -> NewOutputs | None:
    """The outputs that a person gets by its siblings' example; None if they have none to follow.

    Args:
        files: the layer's files.
        person: who gets them.
        siblings: as `siblings_of` gives them; who among them has outputs is found here.
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
    live, hidden = (_facts(units, sibling, person, hidden=commented) for commented in (False, True))
    return NewOutputs(document.name, splice, live, hidden)


def outputs_to_join(files: FileSet, person: Person, siblings: Sequence[Person]) -> list[str]:
    """The labels of the outputs that a person gets an entry in: at least half of its siblings have one."""
    return [collection.block.label for collection, _, _ in _to_join(files, person, siblings)]


def add_entries(files: FileSet, person: Person, siblings: Sequence[Person]) -> FileSet:
    """The files with a person's entries in the outputs of `outputs_to_join`."""
    for label in outputs_to_join(files, person, siblings):
        found = next(
            joining for joining in _to_join(files, person, siblings) if joining[0].block.label == label
        )
        files = files.with_document(_with_entry(*found, person))
    return files


def remove_outputs(files: FileSet, owner: Owner) -> FileSet:
    """The files without a person's outputs, those in comments too, and without its entries in others."""
    files = _without_entries(files, owner)
    for document in tuple(files.documents.values()):
        gone = [item for unit in _units(document) if unit.owner == owner for item in unit.items]
        shared = (comment for comment in comments_of(document) if _hidden(comment) is None)
        splices = [splice for comment in shared for splice in _cut_inside(comment, owner)]
        splices += remove_items(document, gone)
        files = files.spliced(document, splices) if splices else files
    return files


def without_outputs(facts: Facts, name: str) -> Facts:
    """The facts without the outputs that are about one person alone, live or commented out."""
    return replace(
        facts,
        outputs=tuple(output for output in facts.outputs if output.person != name),
        hidden_outputs=tuple(output for output in facts.hidden_outputs if output.person != name),
        collected=tuple(entry for entry in facts.collected if entry[1] != name),
    )


# -- blocks, live or in comments -----------------------------------------------------------------------


@remembered
def _units_by_owner(files: FileSet) -> dict[Owner, list[Unit]]:
    """The outputs that are each about one person alone, by whose they are, in the order of the files.

    A comment that hides the outputs of several people, or something else too, is left out.
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
    """What a comment hides; None of one that hides nothing, or not only outputs of one person."""
    owners = {_owner(block) for block in comment.blocks}
    owner = owners.pop() if len(owners) == 1 else None
    if owner is None or len(comment.inner.items) > len(comment.blocks):
        return None
    return Unit(comment.items, comment.blocks, comment.start, owner, hidden=True)


def _owner(block: Block) -> Owner | None:
    reference = read_output(block).reference if block.kind == "output" else None
    return None if reference is None else reference.owner


def _cut_inside(comment: Comment, owner: Owner) -> list[Splice]:
    """Take a person's outputs out of a comment that holds others; the others keep their bytes."""
    items = comment.inner.items
    gone = {block.item.start_byte for block in comment.blocks if _owner(block) == owner}
    first = next((at for at, item in enumerate(items) if item.start_byte not in gone), 0)
    spans = [  # up to the first that stays, with what is behind it; then with what is before it
        (item.start_byte, items[at + 1].start_byte) if at < first else (items[at - 1].end_byte, item.end_byte)
        for at, item in enumerate(items)
        if item.start_byte in gone
    ]
    return [Splice(comment.start + start, comment.start + end, b"") for start, end in spans]


def _shape(units: Sequence[Unit]) -> tuple[tuple[str, bool, bool], ...]:
    """What is alike in people's outputs: which attributes, which of them hidden by Terraform or a comment."""
    return tuple(
        (reading.attribute, reading.sensitive, unit.hidden)
        for unit in units
        for reading in map(read_output, unit.blocks)
    )


def _facts(units: Sequence[Unit], sibling: Person, person: Person, *, hidden: bool) -> tuple[Output, ...]:
    return tuple(
        Output(
            _label(block, sibling, person) or block.label,
            person.iam_name,
            reading.attribute,
            reading.sensitive,
        )
        for unit in units
        for block, reading in zip(unit.blocks, map(read_output, unit.blocks), strict=True)
        if unit.hidden is hidden
    )


def _are_kin(person: Person, siblings: Sequence[Person]) -> bool:
    """Whether siblings are of a person's kind; `siblings_of` gives only those if there are any."""
    return any(sibling.kind == person.kind for sibling in siblings)


def _can_be_followed(sibling: Person, units: Sequence[Unit], person: Person) -> bool:
    """Whether a person's outputs can be the example: in one file, and labelled after the person."""
    labels = [_label(block, sibling, person) for unit in units for block in unit.blocks]
    return len({unit.file for unit in units}) == 1 and None not in labels


def _label(block: Block, sibling: Person, person: Person) -> str | None:
    """The label of a sibling's output for another person; None if it is not labelled after the sibling."""
    if _is_by_block(block, sibling, person):
        return person.module + block.label.removeprefix(sibling.module)
    return in_place_of(block.label, sibling.iam_name, person.iam_name)


def _is_by_block(block: Block, sibling: Person, person: Person) -> bool:
    """Whether an output is labelled after the block that declares its person, and another's can be."""
    return sibling.style is person.style is Style.BLOCK and block.label.startswith(sibling.module)


def _clones(source: Document, units: Sequence[Unit], sibling: Person, person: Person) -> bytes:
    """A sibling's outputs written for another person, as far apart as they are."""
    text, end = b"", 0
    for unit in units:
        gap = source.data[end : unit.start] if text else b""
        text += (gap if not gap.strip() else source.newline * 2) + _clone(source, unit, sibling, person)
        end = unit.end
    return text


def _clone(source: Document, unit: Unit, sibling: Person, person: Person) -> bytes:
    """The unit's text for another person: labels, references, and the name wherever a string holds it."""
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
    """The references to a person under a node, as references to another."""
    return [
        Splice(*extent, written(reference.to(person.owner)).encode())
        for reference, extent in references_in(document, node)
        if reference.owner == sibling.owner
    ]


def _with_marks(data: bytes, unit: Unit, start: int, text: bytes) -> bytes:
    """A text for a run of line comments, from a byte on, with the marks of its lines put back."""
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
"""What the attributes of a password and of an access key have in their names."""

_MODULE_OUTPUTS = {
    "iam_user_name": "The user's name",
    "iam_user_login_profile_encrypted_password": "The encrypted password, base64 encoded",
    "iam_access_key_id": "The access key ID",
    "iam_access_key_encrypted_secret": "The encrypted secret, base64 encoded",
}
"""terraform-aws-iam, modules/iam-user, outputs.tf: what is handed over, with the module's descriptions."""

_OF_MACHINES = re.compile(rb"\bmachines?\b", re.IGNORECASE)
_OF_PEOPLE = re.compile(rb"\b(?:users|people|humans)\b(?!\.tf)", re.IGNORECASE)


def _first_of_kind(
    files: FileSet, present: Sequence[tuple[Person, list[Unit]]], person: Person
) -> NewOutputs | None:
    """What the module gives of a person's kind, in the form of other people's outputs."""
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
    facts = [
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
        for name, output in zip(names, facts, strict=True)
    ]
    file = [(sibling, unit) for unit, _, sibling in labelled if unit.file == example.file]
    text = (document.newline * 2).join(texts)
    return NewOutputs(document.name, _in_section(document, file, text, person), tuple(facts), ())


def _is_credential(attribute: str) -> bool:
    return _PASSWORD in attribute or _KEY in attribute


def _stem(block: Block, sibling: Person, person: Person) -> str | None:
    """A sibling's label for another person as far as the name goes; None if the name is not in it."""
    if _is_by_block(block, sibling, person):
        return person.module
    return up_to_name(block.label, sibling.iam_name, person.iam_name)


def _of_version(attribute: str, example: str) -> str:
    """An attribute as the module's version names it that has another one: `this_` before 4, short since 6."""
    if example.startswith("this_"):
        return f"this_{attribute}"
    return attribute if example.startswith("iam_") else re.sub("^iam_(?:user_)?", "", attribute)


def _written_like(block: Block, facts: Output, person: Person, description: str) -> bytes:
    """An output for a person, with a description and a wrapped reference where another one has them."""
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
    """Where the first outputs of a kind go: to the person's like, else under their banner, else to the end.

    People have no place under a banner of machine users, but before it.
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
    """What a comment says that hides no blocks; nothing of one that does."""
    return b"" if comment.blocks else comment.document.data[comment.start : comment.end]


# -- entries in outputs that collect people ------------------------------------------------------------


def _without_entries(files: FileSet, owner: Owner) -> FileSet:
    while True:
        found = next(
            (
                (collection, entry)
                for collection in collections_of(files)
                for entry in collection.entries
                if entry.owner == owner
            ),
            None,
        )
        if found is None:
            return files
        collection, entry = found
        files = files.with_document(without_entry(collection.document, collection.container, entry.position))


def _to_join(
    files: FileSet, person: Person, siblings: Sequence[Person]
) -> Iterator[tuple[CollectingOutput, CollectedEntry, Person]]:
    """The outputs to join, each with the entry to follow and whose it is."""
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
    """Before which of some entries one goes; in a list, they are sorted by whose they are."""
    if collection.container.type == "tuple":
        return position_for([entry.owner[1] or entry.owner[0] for entry in entries], key)
    return position_for([object_key(collection.document, entry.node) or "" for entry in entries], key)


def _key(collection: CollectingOutput, entry: CollectedEntry, sibling: Person, person: Person) -> str | None:
    """The key of the person's entry by a sibling's example; "" in a list, None if there is none to follow."""
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
