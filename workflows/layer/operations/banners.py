"""The comment above a person's block: telling it from a headline over several, and writing one alike."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING

from workflows.layer.blocks import hiding_comments
from workflows.layer.operations.spelling import mentions_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workflows.layer.document import Block, Document
    from workflows.layer.index import Item
    from workflows.layer.operations.spelling import Renaming

Shape = tuple[str, ...]
"""What is alike in the banners of one team: their ruled lines, and "" for each line in words."""

_RULED = re.compile(r"^(?P<head>[#/*\s]*[^\w\s])(?P<body>(?P<one>[^\w\s])(?P=one)*)(?P<tail>.?)$")


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
