r"""The outline of a file that is written as plainly as most of a layer is: blocks and comments, no tree.

A layer of thousands of people has tens of thousands of lines such as

    output "user_jane_doe_name" {
      description = "The user's name"
      value       = module.user["jane.doe"].iam_user_name
    }

and a tree of all of them costs more than all the rest. So a file that is nothing but comments and blocks of
that form (one plain value a line, no list, no template, no heredoc, no nested block) is recognised by a
regular expression, which is a strict part of HCL's grammar: https://github.com/hashicorp/hcl, spec.md.
Any other file has no outline, and is read from its tree.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_NAME = rb"[A-Za-z_][A-Za-z0-9_-]*+"
_TEXT = rb'"[^"\\$%\r\n]*+"'
_VALUE = (
    rb"(?:"
    + _TEXT
    + rb"|"
    + _NAME
    + rb"(?:\("
    + _TEXT
    + rb"\)|(?:\."
    + _NAME
    + rb"|\["
    + _TEXT
    + rb"\])*+)|[0-9]++)"
)
_LINE = rb"[ \t]*+(?:" + _NAME + rb"[ \t]*+=[ \t]*+" + _VALUE + rb"[ \t]*+)?+\r?\n"
_ITEM = re.compile(
    rb"[ \t\r\n]*+(?:"
    rb"(?P<comment>(?:\#|//)[^\r\n]*+|/\*(?:[^*]|\*(?!/))*+\*/)"
    rb"|(?P<block>(?P<kind>" + _NAME + rb")(?P<labels>(?:[ \t]++" + _TEXT + rb")*+)[ \t]*+\{[ \t]*+\r?\n"
    rb"(?:" + _LINE + rb")*?[ \t]*+\})(?=[ \t]*+(?:\r?\n|\Z|\#|/[/*]))"
    rb"|(?P<end>\Z))"
)
_LABEL = re.compile(_TEXT)
_ATTRIBUTE = re.compile(rb"^[ \t]*+(" + _NAME + rb")[ \t]*+=[ \t]*+(" + _VALUE + rb")", re.MULTILINE)


class Item(NamedTuple):
    """A block, comment or attribute of the top level.

    Attributes:
        kind: `block`, `comment` or `attribute`; of a damaged part, what the tree calls it.
        start_byte: where it begins.
        end_byte: where it ends.
        row: the line it begins on, from 0.
        end_row: the line it ends on, from 0.
        header: a block's type and labels, as `("output", "user_jane_doe_name")`.
    """

    kind: str
    start_byte: int
    end_byte: int
    row: int
    end_row: int
    header: tuple[str, ...] = ()


def outline(data: bytes) -> tuple[Item, ...] | None:
    """The items of a plain file in order, or None for a file that needs its tree."""
    found: list[Item] = []
    position = row = counted = 0
    match_at = _ITEM.match
    while True:
        match = match_at(data, position)
        if match is None:
            return None
        position = match.end()
        if match["end"] is not None:
            return tuple(found)
        header: tuple[str, ...] = ()
        if match["comment"] is not None:
            kind = "comment"
            start = match.start("comment")
        else:
            kind, start = "block", match.start("block")
            labels = match["labels"].strip()
            words = (
                (labels[1:-1],) if labels.count(b'"') == 2 else [one[1:-1] for one in _LABEL.findall(labels)]
            )
            try:
                header = (match["kind"].decode(), *(one.decode() for one in words))
            except UnicodeDecodeError:
                return None
        row += data.count(b"\n", counted, start)
        end_row = row + data.count(b"\n", start, position)
        found.append(Item(kind, start, position, row, end_row, header))
        row, counted = end_row, position


def plain_values(block: bytes) -> dict[str, str]:
    """The attributes of a block of an outline: name to the value's source text; of a duplicate, the first."""
    found: dict[str, str] = {}
    for name, value in _ATTRIBUTE.findall(block):
        found.setdefault(name.decode(), value.decode("utf-8", "replace"))
    return found
