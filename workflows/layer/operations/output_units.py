"""The outputs of single people as they stand in the files: live blocks, and comments that hide them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from workflows.layer.block_edits import remove_items
from workflows.layer.hidden import comments_of
from workflows.layer.operations.output_entries import remove_entries
from workflows.layer.read_outputs import read_output
from workflows.layer.syntax import Splice

if TYPE_CHECKING:
    from workflows.layer.files import FileSet
    from workflows.layer.hidden import Comment
    from workflows.layer.syntax import Block, Document, Item

Owner = tuple[str, str | None]
"""A module's label and an instance's key (None without instances): what a reference names."""


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


def units_by_owner(files: FileSet) -> dict[Owner, list[Unit]]:
    """The outputs that are each about one person alone, by whose they are, in the order of the files.

    A comment that hides the outputs of several people, or something else too, is left out.
    """
    if files not in _known:
        found: dict[Owner, list[Unit]] = {}
        for document in files.documents.values():
            for unit in _units(document):
                found.setdefault(unit.owner, []).append(unit)
        _known[files] = found
    return _known[files]


_known: WeakKeyDictionary[FileSet, dict[Owner, list[Unit]]] = WeakKeyDictionary()


def _units(document: Document) -> list[Unit]:
    units = [
        Unit((block.item,), (block,), 0, reference.owner, hidden=False)
        for block in document.blocks_of("output")
        if (reference := read_output(block).reference) is not None
    ]
    hidden = [unit for one in comments_of(document) if one.blocks and (unit := _hidden(one)) is not None]
    return sorted(units + hidden, key=lambda one: one.start) if hidden else units


def remove_outputs(files: FileSet, owner: Owner) -> FileSet:
    """The files without a person's outputs, those in comments too, and without its entries in others."""
    files = remove_entries(files, owner)
    for document in tuple(files.documents.values()):
        gone: list[Item] = [block.item for block in document.blocks_of("output") if _owner(block) == owner]
        splices: list[Splice] = []
        for comment in comments_of(document):
            whose = [_owner(one.block) for one in comment.blocks]
            if owner in whose:
                if set(whose) == {owner} and _says_nothing_else(comment):
                    gone += comment.items
                else:
                    splices += _cut_inside(comment, owner)
        splices += remove_items(document, gone)
        if splices:
            files = files.with_document(document.splice(splices))
    return files


def _hidden(comment: Comment) -> Unit | None:
    owners = {_owner(one.block) for one in comment.blocks}
    owner = owners.pop() if len(owners) == 1 else None
    if owner is None or not _says_nothing_else(comment):
        return None
    blocks = tuple(one.block for one in comment.blocks)
    return Unit(comment.items, blocks, comment.start, owner, hidden=True)


def _owner(block: Block) -> Owner | None:
    reference = read_output(block).reference if block.kind == "output" else None
    return None if reference is None else reference.owner


def _says_nothing_else(comment: Comment) -> bool:
    return len(comment.inner.items) == len(comment.blocks)


def _cut_inside(comment: Comment, owner: Owner) -> list[Splice]:
    """Take a person's outputs out of a comment that holds others; the others keep their bytes."""
    items = comment.inner.items
    gone = {one.block.item.start_byte for one in comment.blocks if _owner(one.block) == owner}
    splices: list[Splice] = []
    for index, item in enumerate(items):
        if item.start_byte not in gone:
            continue
        if index:  # with what is between it and the one before
            start, end = items[index - 1].end_byte, item.end_byte
        else:
            end = items[1].start_byte if len(items) > 1 else item.end_byte
            start = item.start_byte
        if splices and comment.start + start < splices[-1].end:
            start = splices[-1].end - comment.start
        splices.append(Splice(comment.start + start, comment.start + end, b""))
    return splices
