"""Running operations over layers in memory, each compared with what it was meant to do.

Three guards stand between an operation and the disk: the edited files must parse (tree-sitter for the
whole, pygohcl for what changed, because the former accepts some text that Terraform rejects), and the
layer read back from them must have exactly the facts that the operation intends. Whatever fails, nothing
has been written.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pygohcl

from workflows.layer.change_set import ChangeSet, FileChange
from workflows.layer.facts import facts_of
from workflows.layer.operations.base import EditRefused
from workflows.layer.read import read_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from workflows.errors import Problem
    from workflows.layer.model import Layer
    from workflows.layer.operations.base import Operation
    from workflows.layer.syntax import Document


class EditUnsafe(EditRefused):
    """An edit did not do exactly what it was meant to; it was thrown away."""


def check(layer: Layer, operations: Sequence[Operation]) -> list[Problem]:
    """What is wrong with a sequence of operations, each checked on the layer as those before leave it.

    Raises:
        EditRefused: the layer's shape does not allow one of them.
    """
    problems: list[Problem] = []
    for number, operation in enumerate(operations, 1):
        found = operation.check(layer)
        problems += found
        if any(one.fatal for one in found):
            break
        if number < len(operations):
            layer = _run(layer, operation)
    return problems


def edit_layer(layer: Layer, operations: Iterable[Operation]) -> Layer:
    """The layer after some operations, in memory.

    Raises:
        EditRefused: an operation's request is wrong, or the layer's shape does not allow it.
        EditUnsafe: the result is not what was meant; a fault of the editor, not of the person.
    """
    edited = layer
    for operation in operations:
        fatal = [one.message for one in operation.check(edited) if one.fatal]
        if fatal:
            raise EditRefused(
                "This cannot be done", " ".join(fatal), next="Change the request and try again."
            )
        edited = _run(edited, operation)
    for name, document in edited.files.documents.items():
        before = layer.files.documents.get(name)
        if before is not document:
            _check_syntax(before, document)
    return edited


def propose(edits: Iterable[tuple[Layer, Sequence[Operation]]]) -> ChangeSet:
    """What some operations change in one or several layers, as one set; nothing is written.

    Args:
        edits: each layer as it is on disk, with its operations in their order.

    Raises:
        EditRefused: an operation's request is wrong, or the layer's shape does not allow it.
        EditUnsafe: the result is not what was meant.
    """
    changes: list[FileChange] = []
    for layer, operations in edits:
        edited = edit_layer(layer, operations)
        for name in dict.fromkeys((*layer.files.names, *edited.files.names)):
            before, after = layer.files.content(name), edited.files.content(name)
            if before != after:
                location = layer.location
                path = Path(os.path.normpath(location.path / name))
                changes.append(FileChange(location.relative, name, path, before, after))
    return ChangeSet(tuple(changes))


def _run(layer: Layer, operation: Operation) -> Layer:
    intended = operation.intend(layer)
    edited = read_files(layer.location, operation.apply(layer))
    facts = facts_of(edited)
    if facts != intended:
        raise EditUnsafe(
            "The edit was thrown away",
            f"{type(operation).__name__} would not have done exactly what it was meant to.",
            why="The edited layer, read back, differs from the intended one.",
            next="Nothing was written. Make this change by hand, and report it with the lines below.",
            detail="\n".join(intended.differences(facts)),
        )
    return edited


def _check_syntax(before: Document | None, after: Document) -> None:
    text = _changed_part(before.data if before is not None else b"", after)
    error = f"{after.name}:{after.broken_at}: not HCL" if after.broken_at is not None else ""
    if not error:
        try:
            pygohcl.loads(text.decode())
        except (pygohcl.HCLParseError, UnicodeDecodeError) as reason:
            error = str(reason)
    if error:
        raise EditUnsafe(
            "The edit was thrown away",
            f"{after.name} would not have been valid HCL.",
            next="Nothing was written. Make this change by hand, and report it with the lines below.",
            detail=error,
        )


def _changed_part(before: bytes, after: Document) -> bytes:
    """The top-level blocks that hold what changed.

    The blocks around them are the bytes they were, and the changed ones stand on lines of their own, so
    the file is as valid as those are.
    """
    start = _common_prefix(before, after.data)
    end = len(after.data) - _common_prefix(before[start:][::-1], after.data[start:][::-1])
    touched = [one for one in after.items if one.end_byte >= start and one.start_byte <= end]
    if not touched:
        return b""
    first = after.line_start(touched[0].start_byte)
    last = after.line_end(touched[-1].end_byte)
    return after.data[first:last].replace(b"\r\n", b"\n")


def _common_prefix(left: bytes, right: bytes) -> int:
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
