"""Whether somebody is commented out: a list entry behind `#`, a block or an output in a comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.layer.model import Place
from workflows.layer.values import quote

if TYPE_CHECKING:
    from workflows.layer.files import FileSet


def commented_at(files: FileSet, name: str) -> Place | None:
    """The first place where a name stands in quotes in a comment, or None."""
    wanted = quote(name).encode()
    for document in files.documents.values():
        position = document.data.find(wanted)
        while position >= 0:
            node = document.root.descendant_for_byte_range(position, position + len(wanted))
            if node is not None and node.type == "comment":
                return Place(document.name, document.data.count(b"\n", 0, position) + 1)
            position = document.data.find(wanted, position + 1)
    return None
