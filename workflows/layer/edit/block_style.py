"""The block a user: a module of its own for each person, usually under a comment with the name, a banner."""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from workflows.core.sentences import Sentence
from workflows.hcl.blocks import hiding_comments, insert_after, insert_before, remove_items
from workflows.hcl.document import Block, Document, Splice, walk
from workflows.hcl.index import Item
from workflows.hcl.lists import position_for
from workflows.hcl.values import quote
from workflows.layer.edit.cloning import (
    Renaming,
    cloned,
    in_place_of,
    mentions_name,
    prefix_of,
    replacing,
    spellings,
)
from workflows.layer.edit.key_files import key_file_name, path_text
from workflows.layer.edit.operation import refuse
from workflows.layer.edit.styles import NEAR, Declarations, NewDeclaration, copied_fields, person_like
from workflows.layer.files import FileSet
from workflows.layer.model import Person, Style
from workflows.layer.read.declarations import SWITCHES, key_path_node, module_of, name_in, user_modules

Shape = tuple[str, ...]
"""What is alike in the banners of one team: their ruled lines, and "" for each line in words."""

_RULED = re.compile(r"^(?P<head>[#/*\s]*[^\w\s])(?P<body>(?P<one>[^\w\s])(?P=one)*)(?P<tail>.?)$")

_NOBODY = (
    "No user's block has a label made from the name, and a plain name, switches and key file, to be followed"
)

_OF_THE_MODULE = ("source", "version", "providers", "depends_on", "name", "pgp_key")
"""Attributes that say nothing of the person, or that are written for the new one."""


class BlockStyle(Declarations):
    """All blocks of single users in a layer."""

    def refusal(self, *, machine: bool) -> Sentence | None:
        """Why no block can be followed."""
        if any(self._fits(one, machine=machine) for one in self.people):
            return None
        return next((one.refusal for one in self.modules if one.reason), _NOBODY)

    def plan(self, name: str, *, machine: bool, key_file: str = "") -> NewDeclaration:
        """How a person would be declared: as the nearest usual sibling is.

        Raises:
            EditRefused: no sibling can be followed, or its key's path is an expression.
        """
        kin = self.of_kind(machine=machine) or self.people
        file = Counter(one.place.file for one in kin).most_common(1)[0][0]
        siblings = [one for one in kin if one.place.file == file]
        position = _position(siblings, name) if siblings[0].machine is machine else len(siblings)
        sibling = self._sibling(siblings, position, machine=machine)
        block, renaming = self._block(sibling), Renaming(sibling.iam_name, name)
        label = in_place_of(sibling.module, sibling.iam_name, name) or f"user_{spellings(name)[0]}"
        key = key_path_node(block)
        if key_file and (key is None or path_text(block.document, key) is None):
            raise self.cannot_share(name, key_file)
        own_file = key_file or self._key_file_name(sibling, name, machine=machine)
        path = posixpath.join(posixpath.dirname(str(sibling.key_file)), own_file)
        person = person_like(sibling, name, label, path, machine=machine)._replace(module=label)
        known = {*_OF_THE_MODULE, *(name_in(block, one) for one in SWITCHES.values())}
        others = [_texts(self._block(one)) for one in kin[:NEAR]]
        return NewDeclaration(
            person,
            tuple(one.iam_name for one in kin),
            lambda: self._with_block(siblings, position, self._clone(sibling, person)),
            sibling.iam_name,
            (
                *copied_fields(_texts(block), others, known, renaming),
                *self._own_comments(block, kin, renaming),
            ),
        )

    def _own_comments(self, block: Block, kin: Sequence[Person], renaming: Renaming) -> Iterator[str]:
        """The comments inside a block that no other one has, and that would be cloned as they are."""
        found = (block.document.text(one) for one in walk(block.node) if one.type == "comment")
        texts = [text for text in found if renaming.plainly(text) == text]
        near = [self._block(one) for one in kin[:NEAR]] if texts and len(kin) > 1 else []
        others = [one.document.text(one.node) for one in near if one.label != block.label]
        return (shown for shown in dict.fromkeys(texts) if others and not any(shown in one for one in others))

    @cached_property
    def _shape(self) -> Shape | None:
        return usual_shape(one.block for one in self.modules)

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
        block = self._block(sibling)
        key = key_path_node(block)
        if key is not None and path_text(block.document, key) is None:
            return posixpath.basename(str(sibling.key_file)).removesuffix(sibling.iam_name) + name
        return key_file_name(self.of_kind(machine=machine), name)

    def _sibling(self, siblings: Sequence[Person], position: int, *, machine: bool) -> Person:
        """The nearest sibling of the usual form; the one before goes before the one after."""
        near = [*reversed(siblings[:position]), *siblings[position:]]
        fitting = [one for one in near[:NEAR] if self._fits(one, machine=machine)]
        fitting = fitting or [one for one in self.people if self._fits(one, machine=machine)]
        if not fitting:
            raise refuse("The user cannot be added.", f"{_NOBODY}.", self.place)
        forms = {one.module: _form(self._block(one), one, self._shape) for one in fitting[:NEAR]}
        usual = Counter(form[:-1] for form in forms.values()).most_common(1)[0][0]
        alike = [one for one in fitting[:NEAR] if forms[one.module][:-1] == usual]
        return next((one for one in alike if forms[one.module][-1]), alike[0])  # rather with its own banner

    def _clone(self, sibling: Person, person: Person) -> bytes:
        """The sibling's banner and block for another person."""
        block, renaming = self._block(sibling), Renaming(sibling.iam_name, person.iam_name)
        banner = _banner(block, renaming, self._shape)
        if banner is None:  # it names somebody else: another one of the same shape is followed
            others = (
                _banner(self._block(one), Renaming(one.iam_name, renaming.new), self._shape)
                for one in self.people[:NEAR]
            )
            banner = next(filter(None, others), b"")
        return banner + cloned(block.document, block.node, _changes(block, person), renaming)

    def _with_block(self, siblings: Sequence[Person], position: int, text: bytes) -> Document:
        beside = self._block(siblings[max(position - 1, 0)])
        if position:
            return beside.document.splice([insert_after(beside.document, beside.item, text)])
        banner = banner_of(beside, (siblings[0].iam_name, siblings[0].module), self._shape)
        first = banner[0] if banner else beside.item
        return beside.document.splice([insert_before(beside.document, first, text)])


def without_block(files: FileSet, person: Person) -> FileSet:
    """The files without a person's block and its banner."""
    shape = usual_shape(one.block for one in user_modules(files) if one.style is Style.BLOCK)
    block = module_of(files, person.module).block
    banner = banner_of(block, (person.iam_name, person.module), shape)
    return files.with_document(block.document.splice(remove_items(block.document, [*banner, block.item])))


def _position(siblings: Sequence[Person], name: str) -> int:
    """Where a person goes among siblings: by name or by label, whichever they are sorted by."""
    names, labels = [one.iam_name for one in siblings], [one.module for one in siblings]
    if labels == sorted(labels) and names != sorted(names):
        return position_for(labels, f"{prefix_of(labels[0], names[0]) or 'user_'}{spellings(name)[0]}")
    return position_for(names, name)


def _form(block: Block, person: Person, shape: Shape | None) -> tuple[object, ...]:
    """What is alike in a team's blocks: attributes in order, source, a banner; last, if it names the user."""
    banner = banner_of(block, (person.iam_name, person.module), shape)
    text = "\n".join(block.document.data[one.start_byte : one.end_byte].decode() for one in banner)
    return (*block.attributes, block.source_of("source"), bool(banner), mentions_name(text, person.iam_name))


def _texts(block: Block) -> dict[str, str]:
    return {name: block.source_of(name) or "" for name in block.attributes}


def _is_switch(block: Block, attribute: str) -> bool:
    return block.source_of(name_in(block, attribute)) in {"true", "false"}


def _changes(block: Block, person: Person) -> list[Splice]:
    path = key_path_node(block)
    changes = [
        replacing(block.label_node, quote(person.module)),
        replacing(block.attributes["name"].value, quote(person.iam_name)),
    ]
    written = path_text(block.document, path) if path is not None else None
    if written is not None:
        changes.append(written.replaced(written.named(person.key_name)))
    for fact, attribute in SWITCHES.items():
        wanted = getattr(person, fact)
        if _is_switch(block, attribute) and isinstance(wanted, bool):
            changes.append(replacing(block.attributes[name_in(block, attribute)].value, str(wanted).lower()))
    return changes


def _banner(block: Block, renaming: Renaming, usual: Shape | None) -> bytes | None:
    """The banner for a new person with the line end after it.

    Returns:
        The bytes: none where the sibling has no banner to follow; None where its banner does not name it.
    """
    banner = banner_of(block, (renaming.old, block.label), usual)
    if not banner:
        return b""
    text = renamed(block.document, banner, renaming)
    if text is None:
        return None
    return text + block.document.data[banner[-1].end_byte : block.item.start_byte]


def banner_of(block: Block, names: Iterable[str], usual: Shape | None) -> tuple[Item, ...]:
    """The comment that belongs to a person's block, without a headline above it; empty if there is none.

    Args:
        block: the block.
        names: what the person is called: IAM name, label.
        usual: the shape of most banners there, or None; of that shape, one that names another is one too.
    """
    found = _box_above(block)
    text = " ".join(_text(block.document, one) for one in found)
    if found and (any(mentions_name(text, one) for one in names) or _shape(block.document, found) == usual):
        return found
    return ()


def usual_shape(blocks: Iterable[Block]) -> Shape | None:
    """The shape that most banners of some blocks have; None if fewer than two are alike."""
    shapes = Counter(_shape(block.document, found) for block in blocks if (found := _box_above(block)))
    shape, number = shapes.most_common(1)[0] if shapes else ((), 0)
    return shape if number > 1 else None


def renamed(document: Document, banner: tuple[Item, ...], renaming: Renaming) -> bytes | None:
    """A banner's text for another person, in a box as wide; wider where the name needs it.

    Returns:
        The bytes from its first to its last, or None if it does not name the person it is said to.
    """
    lines = [_text(document, one) for one in banner]
    width = max((len(line) for line in lines if _is_ruled(line)), default=0)
    changed = [line if _is_ruled(line) else _filled(line, renaming) for line in lines]
    if changed == lines:
        return None
    wider = max(len(line) for line in changed) - width
    if width and wider > 0:
        changed = [_stretched(line, wider) if len(line) == width else line for line in changed]
    parts = [changed[0]]
    for previous, item, line in zip(banner, banner[1:], changed[1:], strict=False):
        parts += [document.data[previous.end_byte : item.start_byte].decode(), line]
    return "".join(parts).encode()


def _filled(line: str, renaming: Renaming) -> str:
    """The line with the other name; what closes it stays in its column if there is room."""
    new = renaming.in_words(line)
    closing = re.search(r"( +)(\S?[#*/=|]+)$", new)
    if closing is None or not re.search(r" +\S?[#*/=|]+$", line):
        return new
    body, mark = new[: closing.start()], closing[2]
    return body + " " * max(1, len(line) - len(body) - len(mark)) + mark


def _box_above(block: Block) -> tuple[Item, ...]:
    """The lines of comment directly above a block: the last ruled box of them, or the lines in words."""
    run = _run_above(block)
    ruled = [number for number, one in enumerate(run) if _is_ruled(_text(block.document, one))]
    if not run or not ruled:
        return run
    if ruled[-1] < len(run) - 1:
        return run[ruled[-1] + 1 :]
    return run[ruled[-2] :] if len(ruled) > 1 else run


def _run_above(block: Block) -> tuple[Item, ...]:
    document, items = block.document, block.document.items
    hiding = hiding_comments(document)
    index = bisect_left(items, block.item.start_byte, key=lambda one: one.start_byte)
    first, row = index, block.item.row
    while first:
        item = items[first - 1]
        start = document.line_start(item.start_byte)
        alone = not document.data[start : item.start_byte].strip()
        if item.kind != "comment" or item.end_row + 1 != row or not alone or item.start_byte in hiding:
            break
        first, row = first - 1, item.row
    return items[first:index]


def _shape(document: Document, banner: tuple[Item, ...]) -> Shape:
    return tuple(
        re.sub(r"(\S)\1+", r"\1", line) if _is_ruled(line) else ""
        for line in (_text(document, one) for one in banner)
    )


def _is_ruled(line: str) -> bool:
    """Whether a line of comment says nothing: `#`, `#=====#`, `# -----`."""
    return not any(one.isalnum() for one in line)


def _stretched(line: str, by: int) -> str:
    """A ruled line, longer."""
    match = _RULED.match(line) if _is_ruled(line) else None
    if match is None:
        return line
    return match["head"] + match["body"] + match["one"] * by + match["tail"]


def _text(document: Document, item: Item) -> str:
    return document.data[item.start_byte : item.end_byte].decode("utf-8", "replace")
