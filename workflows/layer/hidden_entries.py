"""Entries that are commented out in the lists and maps of people, and in the groups' lists.

`# "jane.doe",` among the users is somebody who was taken out for a while. Only a comment that is nothing but
such entries is taken for one; what is said in words is left to whoever reads the file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workflows.layer.declarations import attribute_of, group_modules, user_modules
from workflows.layer.model import Finding, Place, Subject
from workflows.layer.references import usual_reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from workflows.layer.document import Document
    from workflows.layer.files import FileSet

_MARKS = (b"#", b"//", b"/*")
_LEAD = re.compile(r"^\s*(?:#+|//+|/\*+)?\s*")
_NAMES = re.compile(r'(?:,?\s*"[\w+=,.@-]+"\s*)+,?\s*', re.ASCII)
_NAME = re.compile(r'"([\w+=,.@-]+)"', re.ASCII)
_PAIR = re.compile(r'"?([\w+=.@-]+)"?\s*[=:]\s*(?:"[^"]*"\s*,?\s*|\{.*)', re.ASCII)


def read_hidden_entries(files: FileSet) -> list[Finding]:
    """The people and members that are commented out in a list or map, in the order of the files."""
    found = []
    for module in user_modules(files):
        if module.container is not None:
            maps = module.container.type == "object"
            for name, line in _entries(module.document, module.container, maps=maps):
                message = f"The user {name} is hidden in a comment."
                place = Place(module.document.name, line)
                found.append(Finding(message, place, Subject.USER, name, hidden=True))
    for block in group_modules(files):
        attribute = attribute_of(block, "group_users")
        if attribute is not None and attribute.value.type == "tuple":
            for name, line in _entries(block.document, attribute.value, maps=False):
                message = f"The member {name} of group module {block.label} is hidden in a comment."
                place = Place(block.document.name, line)
                found.append(Finding(message, place, Subject.MEMBER, name, block.label, hidden=True))
    return found


def _entries(document: Document, container: Node, *, maps: bool) -> Iterator[tuple[str, int]]:
    """The names of what is commented out, and their lines."""
    data = document.data
    if not any(data.find(one, container.start_byte, container.end_byte) >= 0 for one in _MARKS):
        return
    inside = False  # of an object whose lines are commented out one by one or together
    for comment in container.children:
        if comment.type != "comment":
            inside = False
            continue
        for number, line in enumerate(document.text(comment).removesuffix("*/").splitlines()):
            text = _LEAD.sub("", line).rstrip().removesuffix("*/").rstrip()
            if not inside:
                yield from ((name, comment.start_point.row + number + 1) for name in _named(text, maps=maps))
            inside = maps and (inside or text.endswith("{")) and not text.startswith("}")


def _named(text: str, *, maps: bool) -> list[str]:
    if maps:
        pair = _PAIR.fullmatch(text)
        return [pair[1]] if pair is not None else []
    if _NAMES.fullmatch(text):
        return _NAME.findall(text)
    reference = usual_reference(text.rstrip(","))
    return [reference.key or reference.module] if reference is not None else []
