"""Splices that insert an entry into a list or map, or remove one, in the list's own style.

Nothing is rendered: a new entry copies its neighbours' indentation and comma style, everything else keeps its
bytes. Removing an inserted entry restores the original bytes, except that an empty list broken over two lines
becomes `[]`.

The equal signs of consecutive lines stay aligned, as `terraform fmt` wants; lines that weren't aligned before
the edit keep the team's own spacing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from tree_sitter import Node

from workflows.hcl.document import Document, Splice
from workflows.hcl.values import object_key, plain_strings

_BLANKS = b" \t"


def position_for(keys: Sequence[str], key: str) -> int:
    """Return where to insert a key: sorted if at most one key is out of order, else at the end."""
    exception = out_of_order(keys)
    if exception is None:
        return bisect_left(keys, key) if list(keys) == sorted(keys) else len(keys)
    return next((at for at, present in enumerate(keys) if at != exception and present >= key), len(keys))


_FEWEST = 4
"""With fewer entries, one out of place means there is no order."""


def out_of_order(keys: Sequence[str]) -> int | None:
    """Return the index of the only key out of order; None if sorted or if more than one is."""
    descent = next((at for at in range(1, len(keys)) if keys[at - 1] > keys[at]), None)
    if descent is None or len(keys) < _FEWEST:
        return None
    for at in (descent, descent - 1):
        rest = [*keys[:at], *keys[at + 1 :]]
        if rest == sorted(rest):
            return at
    return None


def insert_entry(
    document: Document, container: Node, text: str, position: int, *, trailing_comma: bool = True
) -> list[Splice]:
    """Return the splices that insert an entry into a list or map.

    Args:
        document: the document that contains it.
        container: its `tuple` or `object` node.
        text: the entry without a comma.
        position: the index of the entry to insert before; the number of entries to append.
        trailing_comma: whether an empty list that is broken over lines gets a trailing comma.
    """
    entries = document.elements(container)
    data = text.encode()
    if not entries:
        return _into_empty(document, container, data, trailing_comma=trailing_comma)
    if (lead := _comma_first(document, entries)) is not None:
        return [_after_a_comma(document, container, lead, data, position)]
    apart = document.newline if _stand_apart(document, entries) else b""
    if position == 0:
        return _before_first(document, container, entries, data, apart)
    previous = entries[position - 1]
    end = _own_line_end(document, container, previous)
    if end is None:
        return [Splice(previous.end_byte, previous.end_byte, _separator(document, entries) + data)]
    line = apart + _indent(document, previous.start_byte) + data
    if _comma_after(previous) is not None:
        return [_line(document, end, line + b",")]
    habit = len(entries) > 1 and position == len(entries) and _comma_after(entries[-2]) is not None
    wants_comma = container.type == "tuple" or habit
    comma = [Splice(previous.end_byte, previous.end_byte, b",")] if wants_comma else []
    return [*comma, _line(document, end, line)]


def remove_entry(document: Document, container: Node, position: int) -> list[Splice]:
    """Return the splices that remove an entry from a list or map, with the comment on its line."""
    entries = document.elements(container)
    entry = entries[position]
    comma = _comma_after(entry)
    end = _own_line_end(document, container, entry)
    if len(entries) == 1 and not _comments_between(container, container.start_byte, container.end_byte):
        return [Splice(container.start_byte + 1, container.end_byte - 1, b"")]
    if end is not None and (comma is None or comma.start_point.row == entry.end_point.row):
        is_last = position == len(entries) - 1
        before = _comma_after(entries[position - 1]) if is_last and comma is None and position else None
        return [Splice(*_with_a_blank_line(document, container, entry, end), b""), *_without(before)]
    last = _line_after(document, container, entry)
    if last is not None and _comma_first(document, entries) is not None:
        if position:
            return [Splice(document.line_start(entry.start_byte), last, b"")]
        if not _comments_between(container, last, entries[1].start_byte):
            return [Splice(entry.start_byte, entries[1].start_byte, b"")]
    return _remove_inline(document, container, position)


def _remove_inline(document: Document, container: Node, position: int) -> list[Splice]:
    entries = document.elements(container)
    entry = entries[position]
    if position and not _comments_between(container, entries[position - 1].end_byte, entry.start_byte):
        return [Splice(entries[position - 1].end_byte, entry.end_byte, b"")]
    following = entries[position + 1] if position + 1 < len(entries) else None
    if following is not None and not _comments_between(container, entry.end_byte, following.start_byte):
        return [Splice(entry.start_byte, following.start_byte, b"")]
    before = _comma_after(entries[position - 1]) if position else None
    return [*_without(entry), *_without(_comma_after(entry) or before)]


def _without(node: Node | None) -> list[Splice]:
    return [Splice(node.start_byte, node.end_byte, b"")] if node is not None else []


def uses_trailing_comma(document: Document, container: Node) -> bool | None:
    """Return whether a multi-line list has a trailing comma; None for any other list."""
    entries = document.elements(container)
    return None if not entries or _on_one_line(container) else _comma_after(entries[-1]) is not None


def _into_empty(document: Document, container: Node, data: bytes, *, trailing_comma: bool) -> list[Splice]:
    newline = document.newline
    closing = container.end_byte - 1
    outer = _indent(document, container.start_byte)
    comma = b"," if trailing_comma and container.type == "tuple" else b""
    comments = [child for child in container.children if child.type == "comment"]
    if not comments:
        text = newline + outer + b"  " + data + comma + newline + outer
        return [Splice(container.start_byte + 1, closing, text)]
    start = document.line_start(closing)
    if document.data[start:closing].strip(_BLANKS) or start <= container.start_byte:
        return [Splice(closing, closing, data)]
    last = comments[-1].start_byte
    own = not document.data[document.line_start(last) : last].strip(_BLANKS)
    indent = _indent(document, last) if own else outer + b"  "
    return [Splice(start, start, indent + data + comma + newline)]


def _before_first(
    document: Document, container: Node, entries: Sequence[Node], data: bytes, apart: bytes
) -> list[Splice]:
    first = entries[0]
    start = document.line_start(first.start_byte)
    own = start > container.start_byte and not document.data[start : first.start_byte].strip(_BLANKS)
    if not own or _own_line_end(document, container, first) is None:
        return [Splice(first.start_byte, first.start_byte, data + _separator(document, entries))]
    comma = container.type == "tuple" or _comma_after(first) is not None
    text = document.data[start : first.start_byte] + data + (b"," if comma else b"") + document.newline
    return [Splice(start, start, text + apart)]


def _separator(document: Document, entries: Sequence[Node]) -> bytes:
    """Return the most common separator on one line: a comma, by default with a blank like `terraform fmt`."""
    gaps = [document.data[left.end_byte : right.start_byte] for left, right in pairwise(entries)]
    found = Counter(gap for gap in gaps if gap.strip(_BLANKS) == b",")
    return found.most_common(1)[0][0] if found else b", "


def _comma_first(document: Document, entries: Sequence[Node]) -> bytes | None:
    """Return what precedes an entry on its line in comma-first style; None in any other style."""
    if len(entries) < 2:
        return None
    start = entries[1].start_byte
    lead = document.data[document.line_start(start) : start]
    comma = _comma_after(entries[0])
    alone = comma is not None and comma.start_point.row > entries[0].end_point.row
    return lead if alone and lead.strip(_BLANKS) == b"," else None


def _after_a_comma(document: Document, container: Node, lead: bytes, data: bytes, position: int) -> Splice:
    entries = document.elements(container)
    if position == 0:
        return Splice(entries[0].start_byte, entries[0].start_byte, data + document.newline + lead)
    if (last := _line_after(document, container, entries[position - 1])) is not None:
        return _line(document, last, lead + data)
    end = entries[position - 1].end_byte
    return Splice(end, end, document.newline + lead + data)


def _stand_apart(document: Document, entries: Sequence[Node]) -> bool:
    """Return whether blank lines separate most entries."""
    gaps = [document.data[left.end_byte : right.start_byte] for left, right in pairwise(entries)]
    blank = [gap for gap in gaps if gap.count(b"\n") > 1 and not gap.strip(b", \t\r\n")]
    return len(blank) * 2 > len(gaps)


def _with_a_blank_line(document: Document, container: Node, entry: Node, end: int) -> tuple[int, int]:
    """Return the range of an entry's lines, with the blank line before if another follows."""
    data, start = document.data, document.line_start(entry.start_byte)
    before = document.line_start(start - 1)
    blank_before = before > container.start_byte and not data[before:start].strip()
    after = document.line_end(end)
    blank_after = after < container.end_byte and not data[end:after].strip()
    closes = document.line_start(container.end_byte - 1) == end
    if blank_before and (blank_after or closes):
        return before, end
    first = document.line_start(start) == document.line_end(container.start_byte)
    return (start, after) if first and blank_after else (start, end)


def _line(document: Document, end: int, text: bytes) -> Splice:
    return Splice(end, end, text + document.newline)


def _indent(document: Document, position: int) -> bytes:
    line = document.data[document.line_start(position) : position]
    return line[: len(line) - len(line.lstrip(_BLANKS))]


def _comma_after(entry: Node) -> Node | None:
    following = entry.next_sibling
    while following is not None and following.type == "comment":
        following = following.next_sibling
    return following if following is not None and following.type == "," else None


def _comments_between(container: Node, start: int, end: int) -> bool:
    return any(
        child.type == "comment" and start <= child.start_byte and child.end_byte <= end
        for child in container.children
    )


def _own_line_end(document: Document, container: Node, entry: Node) -> int | None:
    """Return where the next line begins, if nothing else shares the entry's lines; else None.

    A comma and a comment after it on the same line belong to the entry.
    """
    start = document.line_start(entry.start_byte)
    if start <= container.start_byte or document.data[start : entry.start_byte].strip(_BLANKS):
        return None
    return _line_after(document, container, entry)


def _line_after(document: Document, container: Node, entry: Node) -> int | None:
    """Return where the next line begins, if only a comma and comments follow the entry on its line."""
    last = entry
    following = entry.next_sibling
    while following is not None and following.start_point.row == entry.end_point.row:
        if following.type not in {",", "comment"} or following.end_point.row != entry.end_point.row:
            return None
        last = following
        following = following.next_sibling
    end = document.line_end(last.end_byte)
    return end if end <= container.end_byte else None


def realigned(before: Document, old: Sequence[Node], after: Document, new: Sequence[Node]) -> Document:
    """Return the edited document with equal signs aligned again, if they were before.

    Args:
        before: the document before the edit.
        old: its `attribute` or `object_elem` nodes of one body or map, in order.
        after: the document after the edit.
        new: the same nodes in `after`.
    """
    return after if _misaligned(before, old) else after.splice(_misaligned(after, new))


def _misaligned(document: Document, nodes: Sequence[Node]) -> list[Splice]:
    """Return the splices that align the equal signs of each run of consecutive lines."""
    splices: list[Splice] = []
    for run in _runs(nodes):
        widths = [len(document.text(entry.children[0])) for entry in run]
        widest = max(widths)
        for node, width in zip(run, widths, strict=True):
            sign = node.children[1]
            wanted = b" " * (widest - width + 1)
            start = node.children[0].end_byte
            if document.data[start : sign.start_byte] != wanted:
                splices.append(Splice(start, sign.start_byte, wanted))
    return splices


def _runs(nodes: Sequence[Node]) -> list[list[Node]]:
    runs: list[list[Node]] = []
    last: int | None = None
    for node in nodes:
        row = node.start_point.row
        on_a_line = node.children[1].type == "=" and node.end_point.row == row
        if on_a_line and last is not None and row == last + 1:
            runs[-1].append(node)
        elif on_a_line and row == last:
            runs[-1].clear()  # the formatter leaves a line with two of them alone
        elif node.children[1].type == "=":
            runs.append([node])  # a multi-line value stands apart, even directly below another
        last = row if on_a_line else None
    return [run for run in runs if run]


def entry_keys(document: Document, container: Node) -> list[str]:
    """Return the strings in a list, or the keys of a map, in order; "" for a computed one."""
    if container.type == "object":
        return [object_key(document, element) or "" for element in document.elements(container)]
    return [string or "" for string in plain_strings(document, container)]


def _edited(document: Document, container: Node, splices: Sequence[Splice]) -> Document:
    """Edit a list or map, and realign its equal signs and those around it."""
    start = container.start_byte
    after = document.splice(splices)
    new = after.container_at(start)
    if container.type == "object":
        after = realigned(document, document.elements(container), after, after.elements(new))
        new = after.container_at(start)
    if _on_one_line(container) != _on_one_line(new):
        after = realigned(document, _around(container), after, _around(new))
    return after


def with_entry(
    document: Document, container: Node, text: str, position: int, *, trailing_comma: bool = True
) -> Document:
    """Insert an entry into a list or map; arguments as for `insert_entry`."""
    splices = insert_entry(document, container, text, position, trailing_comma=trailing_comma)
    return _edited(document, container, splices)


def without_entry(document: Document, container: Node, position: int) -> Document:
    """Remove the entry at a position of a list or map."""
    return _edited(document, container, remove_entry(document, container, position))


def _around(container: Node) -> list[Node]:
    """Return the attribute or entry that has the list or map as its value, with its siblings; else []."""
    node: Node | None = container
    while node is not None and node.type not in {"attribute", "object_elem"}:
        node = node.parent
    if node is None or node.parent is None:
        return []
    return [child for child in node.parent.children if child.type == node.type]


def _on_one_line(container: Node) -> bool:
    return container.start_point.row == container.end_point.row
