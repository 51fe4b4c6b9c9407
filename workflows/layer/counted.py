"""A module with `count = length(var.users)`: the list whose entries it numbers, and how it reads them.

Nobody is added to such a module or taken out of it here. Its instances are numbers, so that everybody after
the place of the change would become somebody else (Terraform's documentation, "The count Meta-Argument").
Whom it makes is there to be read all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.layer.computed import shortened
from workflows.layer.document import function_call
from workflows.layer.for_each import Source, computed_entries, named
from workflows.layer.model import Place

if TYPE_CHECKING:
    from tree_sitter import Node

    from workflows.layer.document import Document
    from workflows.layer.files import FileSet

_INDEX = "count.index"


def counted(files: FileSet, document: Document, node: Node) -> Source | None:
    """What a `count` that is the length of a list or map counts; None for any other count.

    Args:
        files: the layer's files.
        document: the document the expression is from.
        node: the expression, unwrapped.
    """
    call = function_call(document, node)
    if call is None or call[0] != "length" or len(call[1]) != 1:
        return None
    text = document.text(call[1][0])
    known, unknown = computed_entries(files, document, call[1][0])
    rest = f", and who is in {unknown} cannot be told" if unknown else ""
    setting = next(iter(named(files, text)), None)
    place = Place(document.name, node.start_point.row + 1)
    if setting is not None:
        place = Place(setting.document.name, setting.line)
    why = f"they are numbered by count = {shortened(document, node)}{rest}"
    return Source(document, None, why, place, known, counted=text)


def marks_of(text: str, key: str, value: str) -> dict[str, str]:
    """What stands for the entry with an instance's number in a module's attributes, by its source text.

    Args:
        text: the list or map that is counted, as it is written.
        key: what stands for a map's key.
        value: what stands for a list's entry, or a map's value.
    """
    marks = {}
    for listed, mark in ((text, value), (f"keys({text})", key), (f"values({text})", value)):
        forms = (f"{listed}[{_INDEX}]", f"element({listed}, {_INDEX})", f"element({listed},{_INDEX})")
        marks.update(dict.fromkeys(forms, mark))
    return marks
