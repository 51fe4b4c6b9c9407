"""One person put in the place of another: in labels, keys, strings, banners and whole declarations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tree_sitter import Node

from workflows.hcl.document import Document, Splice, walk

_APART = re.compile(r"[^0-9A-Za-z]+")
_MACHINE = "machine"


def spellings(name: str) -> tuple[str, str]:
    """How labels spell a name: `jane.doe` as `jane_doe`; `machine.ci` as `machine_ci` or as `ci`."""
    whole = re.sub(r"[^0-9A-Za-z_]", "_", name)
    return (whole, whole.removeprefix(f"{_MACHINE}_") or whole)


def prefix_of(label: str, name: str) -> str | None:
    """What stands before a name in a label, as `user_` of `user_jane_doe`; None if the name is not in it."""
    found = (spelled for spelled in spellings(name) if label.endswith(spelled))
    return next(map(label.removesuffix, found), None)


def in_place_of(label: str, name: str, new_name: str) -> str | None:
    """A label with one person's name put in the place of another's, or None if it is not in it.

    `user_CircleCI_name` keeps its form, as `user_GithubActions_name`.
    """
    parts, wanted = _around(label, name, new_name)
    return wanted.join(parts) if len(parts) > 1 else None


def up_to_name(label: str, name: str, new_name: str) -> str | None:
    """What `in_place_of` gives, without what follows the name."""
    parts, wanted = _around(label, name, new_name)
    return parts[0] + wanted if len(parts) > 1 else None


def _around(label: str, name: str, new_name: str) -> tuple[list[str], str]:
    """The parts of a label around a name, and another name in its form; one part if it is not in it."""
    for spelled, wanted in zip(spellings(name), spellings(new_name), strict=True):
        parts = _apart(label, spelled)
        if len(parts) > 1:
            return parts, wanted
    match = _in_words(name).search(label.replace("_", " ")) if words_of(name) and words_of(new_name) else None
    if match is None:
        return [label], ""
    wanted = Renaming(name, new_name).in_words(label[match.start() : match.end()])
    return [label[: match.start()], label[match.end() :]], wanted


def words_of(name: str) -> list[str]:
    """The words of a name, without the mark of a machine user: `machine.circle.ci` as `circle`, `ci`."""
    words = [word for word in _APART.split(name) if word]
    return words[1:] if len(words) > 1 and words[0] == _MACHINE else words


def mentions_name(text: str, name: str) -> bool:
    """Whether a text in words names somebody: `Circle CI` and `CircleCI` both name `circle.ci`."""
    return bool(words_of(name)) and _in_words(name).search(text) is not None


def beside_name(text: str, name: str) -> tuple[list[str], list[str]]:
    """The words before and behind somebody's name in a text; none where it doesn't name them.

    Of a machine user, the mark before the name is a part of it: `Machine` of `Machine Circle CI`.
    """
    before, *behind = _in_words(name).split(text) if words_of(name) else [text]
    if not behind:
        return [], []
    mark = _MACHINE if _APART.split(name)[0] == _MACHINE else ""
    words = [word for word in re.findall(r"\w+", before) if word.lower() != mark]
    return words, re.findall(r"\w+", " ".join(behind))


def where_named(text: str, name: str) -> Iterator[tuple[int, int]]:
    """Where a text names somebody; of one word alone, as of `machine.ci`, only with what stands before it."""
    words = words_of(name)
    parts = words if len(words) > 1 else [word for word in _APART.split(name) if word]
    found = (match.span() for match in _apart_by_marks(parts).finditer(text)) if parts else ()
    return ((start, end) for start, end in found if not _of_longer_name(text, start, end))


def _of_longer_name(text: str, start: int, end: int) -> bool:
    """Whether a name is a part of another one: `jane.doe` in `old.jane.doe` or `jane.doe.jr`."""
    before = re.search(r"(?<!\bmodule)(?<=[0-9A-Za-z])\.$", text[max(0, start - 8) : start])
    label = text[start - 1 : start] == "_" or "_" in text[start:end]
    return bool(before or (not label and re.match(r"[.-][0-9A-Za-z]", text[end : end + 2])))


@dataclass(frozen=True)
class Renaming:
    """One person put in the place of another in texts.

    Attributes:
        old: the IAM name of the person that a text is about.
        new: the IAM name of the one it shall be about.
    """

    old: str
    new: str

    def plainly(self, text: str) -> str:
        """The text with the name replaced wherever it stands as it is."""
        pattern = rf"(?<![0-9A-Za-z_-]){re.escape(self.old)}(?![0-9A-Za-z_-]|\.[0-9A-Za-z])"
        return re.sub(pattern, lambda _: self.new, text)

    def in_words(self, text: str) -> str:
        """The text with the name replaced wherever its words stand together, in the case they are written."""
        if not words_of(self.old) or not words_of(self.new):
            return text
        return _in_words(self.old).sub(self._in_same_manner, text)

    def _in_same_manner(self, match: re.Match[str]) -> str:
        found = match[0]
        words = words_of(self.new)
        if self.old in found:
            return found.replace(self.old, self.new)
        between = next((separator for separator in _APART.findall(found)), "")
        if found == found.lower():
            return between.join(words).lower()
        if found == found.upper():
            return between.join(words).upper()
        shouted = re.search(r"[A-Z]{2}", found) is not None  # as in CircleCI
        return between.join(
            word.upper() if shouted and len(word) <= 2 else word[:1].upper() + word[1:] for word in words
        )


def _in_words(name: str) -> re.Pattern[str]:
    return _apart_by_marks(words_of(name))


def _apart_by_marks(parts: Iterable[str]) -> re.Pattern[str]:
    words = r"[ ._+=,@-]?".join(re.escape(part) for part in parts)
    return re.compile(rf"(?<![0-9A-Za-z]){words}(?![0-9A-Za-z])", re.IGNORECASE)


def _apart(label: str, spelled: str) -> list[str]:
    """The parts of a label between where a name stands alone in it; a pattern for each name would be slow."""
    parts, start, position = [], 0, label.find(spelled)
    while position >= 0:
        end = position + len(spelled)
        if not (_is_word(label[position - 1 : position]) or _is_word(label[end : end + 1])):
            parts.append(label[start:position])
            start = end
        position = label.find(spelled, max(end, position + 1))
    return [*parts, label[start:]]


def _is_word(letter: str) -> bool:
    return letter.isascii() and letter.isalnum()


def cloned(document: Document, node: Node, changes: Iterable[Splice], renaming: Renaming) -> bytes:
    """The text of a node for another person, without comments that name the first one: they are theirs.

    Args:
        document: the document the node is from.
        node: the block, or the entry of a map.
        changes: what is known to differ, as splices of the document.
        renaming: whose name stands in the node's other strings, and whose shall.
    """
    splices = list(changes)
    taken = [(splice.start, splice.end) for splice in splices]
    for child in (child for child in walk(node) if child.type in {"template_literal", "comment"}):
        text = document.text(child)
        apart = not any(start < child.end_byte and child.start_byte < end for start, end in taken)
        if apart and child.type == "comment" and any(where_named(text, renaming.old)):
            splices.append(_without(child, document.data))
        elif apart and child.type != "comment" and (new := renaming.plainly(text)) != text:
            splices.append(replacing(child, new))
    return spliced(document.data[node.start_byte : node.end_byte], splices, node.start_byte)


def _without(comment: Node, data: bytes) -> Splice:
    """The splice that takes a comment out, with the blanks before it, or with its line."""
    start, end = comment.start_byte, comment.end_byte
    end -= data[start:end].endswith(b"\r")  # half of the line's end
    line = data.rfind(b"\n", 0, start) + 1
    rest = re.compile(rb"[ \t]*\r?\n").match(data, end)
    if not data[line:start].strip() and rest:
        return Splice(line, rest.end(), b"")
    return Splice(line + len(data[line:start].rstrip()), end, b"")


def spliced(data: bytes, splices: Iterable[Splice], base: int) -> bytes:
    """A part of a document with splices of the document made in it; `base` is where the part begins."""
    for splice in sorted(splices, key=lambda splice: splice.start, reverse=True):
        data = data[: splice.start - base] + splice.text + data[splice.end - base :]
    return data


def replacing(node: Node, text: str) -> Splice:
    """The splice that puts a text in the place of a node."""
    return Splice(node.start_byte, node.end_byte, text.encode())
