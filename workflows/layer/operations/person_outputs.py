"""The outputs that a new person gets: cloned from a sibling's, in the sibling's place among the others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from workflows.layer.block_edits import insert_after, insert_before
from workflows.layer.facts import OutputFacts
from workflows.layer.operations.cloning import cloned, replacing, spliced
from workflows.layer.operations.output_units import units_by_owner
from workflows.layer.operations.spelling import Renaming, in_place_of
from workflows.layer.read_outputs import read_output
from workflows.layer.references import references_in, written
from workflows.layer.sequences import position_for
from workflows.layer.syntax import Splice
from workflows.layer.values import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workflows.layer.files import FileSet
    from workflows.layer.model import Layer
    from workflows.layer.operations.output_units import Owner, Unit
    from workflows.layer.syntax import Block, Document

_NEAR = 50
"""So many neighbours are looked at for the one to follow."""


class Somebody(NamedTuple):
    """Whom outputs are about.

    Attributes:
        name: the IAM name.
        owner: what declares the person.
    """

    name: str
    owner: Owner

    @property
    def sorted_by(self) -> str:
        """What the outputs of a module's instances are sorted by: the key; without instances the label."""
        return self.owner[1] or self.owner[0]


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
    facts: tuple[OutputFacts, ...]
    hidden: tuple[OutputFacts, ...]


def siblings_in(layer: Layer, names: Iterable[str]) -> list[Somebody]:
    """The people of some IAM names, as those whose outputs can be followed."""
    wanted = set(names)
    return [Somebody(one.iam_name, one.owner) for one in layer.people if one.iam_name in wanted]


def most_have_outputs(files: FileSet, siblings: list[Somebody]) -> bool:
    """Whether at least half of some people have outputs of their own, live or commented out."""
    owners = units_by_owner(files)
    return sum(1 for one in siblings if one.owner in owners) * 2 >= len(siblings)


def plan_outputs(files: FileSet, person: Somebody, siblings: list[Somebody]) -> NewOutputs | None:
    """The outputs that a person gets by its siblings' example; None if they have none to follow.

    Args:
        files: the layer's files.
        person: who gets them.
        siblings: the people of the same kind; who among them has outputs is found here.
    """
    found = units_by_owner(files)
    by_owner = {one.owner: one for one in siblings}
    present = [(by_owner[owner], units) for owner, units in found.items() if owner in by_owner]
    if not present or person.owner in found:
        return None
    position = position_for([one.sorted_by for one, _ in present], person.sorted_by)
    near = [*reversed(present[:position]), *present[position:]][:_NEAR]
    usual = Counter(_shape(units) for _, units in near).most_common(1)[0][0]
    fitting = [(one, units) for one, units in near if _can_be_followed(one, units, person)]
    if not fitting:
        return None
    sibling, units = next((one for one in fitting if _shape(one[1]) == usual), fitting[0])
    source = files.documents[units[0].file]
    text = _joined(source, units, [_clone(source, one, sibling, person) for one in units])
    if position == 0:
        first = present[0][1][0]
        document = files.documents[first.file]
        splice = insert_before(document, first.items[0], text)
    else:
        last = present[position - 1][1][-1]
        document = files.documents[last.file]
        splice = insert_after(document, last.items[-1], text)
    live = [one for one in units if not one.hidden]
    hidden = [one for one in units if one.hidden]
    return NewOutputs(document.name, splice, _facts(live, sibling, person), _facts(hidden, sibling, person))


def add_outputs(files: FileSet, planned: NewOutputs | None) -> FileSet:
    """The files with planned outputs added; unchanged without any."""
    if planned is None:
        return files
    return files.with_document(files.documents[planned.document].splice([planned.splice]))


def _shape(units: list[Unit]) -> tuple[tuple[str, bool, bool], ...]:
    """What is alike in people's outputs: which attributes, which of them hidden by Terraform or a comment."""
    found = []
    for unit in units:
        for block in unit.blocks:
            reference, sensitive = read_output(block)
            found.append((reference.attribute if reference else "", sensitive, unit.hidden))
    return tuple(found)


def _can_be_followed(sibling: Somebody, units: list[Unit], person: Somebody) -> bool:
    """Whether a person's outputs can be the example: in one file, and labelled after the person."""
    in_one_file = len({one.file for one in units}) == 1
    return in_one_file and all(
        _label(block, sibling, person) is not None for one in units for block in one.blocks
    )


def _label(block: Block, sibling: Somebody, person: Somebody) -> str | None:
    """The label of a sibling's output for another person; None if it is not labelled after the sibling."""
    if sibling.owner[1] is None and block.label.startswith(sibling.owner[0]):
        return person.owner[0] + block.label.removeprefix(sibling.owner[0])
    return in_place_of(block.label, sibling.name, person.name)


def _facts(units: list[Unit], sibling: Somebody, person: Somebody) -> tuple[OutputFacts, ...]:
    found = []
    for unit in units:
        for block in unit.blocks:
            reference, sensitive = read_output(block)
            attribute = reference.attribute if reference else ""
            label = _label(block, sibling, person) or block.label
            found.append(OutputFacts(label, person.name, attribute, sensitive))
    return tuple(found)


def _clone(source: Document, unit: Unit, sibling: Somebody, person: Somebody) -> bytes:
    """The unit's text for another person: labels, references, and the name wherever a string holds it."""
    renaming = Renaming(sibling.name, person.name)
    changes: list[Splice] = []
    for block in unit.blocks:
        document = block.document
        own = [replacing(block.label_node, quote(_label(block, sibling, person) or block.label))]
        for reference, node in references_in(document, block.node):
            if reference.owner == sibling.owner:
                own.append(replacing(node, written(reference.to(person.owner))))
        start, end = block.item.start_byte + unit.base, block.item.end_byte + unit.base
        changes.append(Splice(start, end, cloned(document, block.node, own, renaming)))
    if unit.hidden:
        changes = list(_with_marks(source.data, unit, changes))
    return spliced(source.data[unit.start : unit.end], changes, unit.start)


def _with_marks(data: bytes, unit: Unit, changes: Iterable[Splice]) -> Iterable[Splice]:
    """The same changes with the marks of line comments put back; a block comment has none inside."""
    if len(unit.items) == 1:
        yield from changes
        return
    marks = {one.row - unit.items[0].row: one for one in unit.items}
    for change in changes:
        first_row = data.count(b"\n", unit.start, change.start)
        lines = change.text.split(b"\n")
        for number, line in enumerate(lines[1:], first_row + 1):
            item = marks[number]
            size = 1 if data.startswith(b"#", item.start_byte) else 2
            column = item.start_byte - data.rfind(b"\n", 0, item.start_byte) - 1
            mark = data[item.start_byte : item.start_byte + size]
            lines[number - first_row] = line[:column] + mark + line[column + size :]
        yield Splice(change.start, change.end, b"\n".join(lines))


def _joined(source: Document, units: list[Unit], texts: list[bytes]) -> bytes:
    joined = texts[0]
    for previous, unit, text in zip(units, units[1:], texts[1:], strict=False):
        gap = source.data[previous.end : unit.start]
        joined += (gap if not gap.strip() else source.newline * 2) + text
    return joined
