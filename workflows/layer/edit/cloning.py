"""Replace one person by another in labels, keys, strings, banners and whole declarations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tree_sitter import Node

from workflows.hcl.document import Document, Splice, walk

_APART = re.compile(r"[^0-9A-Za-z]+")
_MACHINE = "machine"
_MARK = "[ ._+=,@-]?"


def spellings(name: str) -> tuple[str, str]:
    """Return how labels spell a name: `jane.doe` as `jane_doe`; `machine.ci` as `machine_ci` or `ci`."""
    whole = re.sub(r"[^0-9A-Za-z_]", "_", name)
    return (whole, whole.removeprefix(f"{_MACHINE}_") or whole)


def prefix_of(label: str, name: str) -> str | None:
    """Return the part of a label before a name, such as `user_` of `user_jane_doe`; None without the name."""
    found = (spelled for spelled in spellings(name) if label.endswith(spelled))
    return next(map(label.removesuffix, found), None)


def in_place_of(label: str, name: str, new_name: str) -> str | None:
    """Return a label with one person's name replaced by another's, or None if it lacks the name.

    The form is kept: `user_CircleCI_name` becomes `user_GithubActions_name`.
    """
    parts, wanted = _around(label, name, new_name)
    return wanted.join(parts) if len(parts) > 1 else None


def up_to_name(label: str, name: str, new_name: str) -> str | None:
    """Return the result of `in_place_of` up to and including the name."""
    parts, wanted = _around(label, name, new_name)
    return parts[0] + wanted if len(parts) > 1 else None


def _around(label: str, name: str, new_name: str) -> tuple[list[str], str]:
    """Return the parts of a label around a name, and the new name in its form; else the label and ""."""
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
    """Return the words of a name without the machine prefix: `machine.circle.ci` gives `circle`, `ci`."""
    words = [word for word in _APART.split(name) if word]
    return words[1:] if len(words) > 1 and words[0] == _MACHINE else words


def mentions_name(text: str, name: str) -> bool:
    """Return whether prose mentions a name: `Circle CI` and `CircleCI` both mention `circle.ci`."""
    return bool(words_of(name)) and _in_words(name).search(text) is not None


def beside_name(text: str, name: str) -> tuple[list[str], list[str]]:
    """Return the words before and after a name in a text; two empty lists if the text doesn't mention it.

    For a machine user, the prefix counts as part of the name: `Machine` in `Machine Circle CI`.
    """
    before, *behind = _in_words(name).split(text) if words_of(name) else [text]
    if not behind:
        return [], []
    mark = _MACHINE if _APART.split(name)[0] == _MACHINE else ""
    words = [word for word in re.findall(r"\w+", before) if word.lower() != mark]
    return words, re.findall(r"\w+", " ".join(behind))


def where_named(text: str, name: str) -> Iterator[tuple[int, int]]:
    """Yield where a text mentions a name; if it is one word, as in `machine.ci`, only with its prefix.

    Without its prefix, a label counts only as a user's: a group may be called `s3_demo`, too.
    """
    words, whole = words_of(name), [word for word in _APART.split(name) if word]
    short = len(words) > 1 and words != whole
    found = _apart_by_marks(whole, short=short).finditer(text) if whole else ()
    for start, end in (match.span() for match in found):
        label = short and "_" in text[start:end]
        of_others = label and not re.search("machine|user", text[max(0, start - 6) : end], re.IGNORECASE)
        if not (of_others or _of_longer_name(text, start, end)):
            yield start, end


def _of_longer_name(text: str, start: int, end: int) -> bool:
    """Return whether the match is part of a longer name: `jane.doe` in `old.jane.doe` or `jane.doe.jr`."""
    before = re.search(r"(?<!\bmodule)(?<=[0-9A-Za-z])\.$", text[max(0, start - 8) : start])
    label = text[start - 1 : start] == "_" or "_" in text[start:end]
    return bool(before or (not label and re.match(r"[.-][0-9A-Za-z]", text[end : end + 2])))


@dataclass(frozen=True)
class Renaming:
    """Replaces one person by another in texts.

    Attributes:
        old: the IAM name to replace.
        new: the IAM name to put in its place.
    """

    old: str
    new: str

    def plainly(self, text: str) -> str:
        """Return the text with every exact occurrence of the name replaced."""
        pattern = rf"(?<![0-9A-Za-z_-]){re.escape(self.old)}(?![0-9A-Za-z_-]|\.[0-9A-Za-z])"
        return re.sub(pattern, lambda _: self.new, text)

    def in_words(self, text: str) -> str:
        """Return the text with the name's words replaced wherever they occur together, keeping their case."""
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


def _apart_by_marks(parts: Sequence[str], *, short: bool = False) -> re.Pattern[str]:
    first, *rest = (re.escape(part) for part in parts)
    words = f"(?:{first}{_MARK})?{_MARK.join(rest)}" if short else _MARK.join((first, *rest))
    return re.compile(rf"(?<![0-9A-Za-z]){words}(?![0-9A-Za-z])", re.IGNORECASE)


def _apart(label: str, spelled: str) -> list[str]:
    """Split a label at a name that stands alone in it; one regular expression per name would be slow."""
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
    """Return a node's text for another person, without comments about the first person.

    Args:
        document: the document that contains the node.
        node: a block, or a map entry.
        changes: known changes, as splices of the document.
        renaming: the names to replace in the node's other strings.
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
    """Return the splice that removes a comment and the blanks before it, or its whole line."""
    start, end = comment.start_byte, comment.end_byte
    end -= data[start:end].endswith(b"\r")  # half of the CRLF
    line = data.rfind(b"\n", 0, start) + 1
    rest = re.compile(rb"[ \t]*\r?\n").match(data, end)
    if not data[line:start].strip() and rest:
        return Splice(line, rest.end(), b"")
    return Splice(line + len(data[line:start].rstrip()), end, b"")


def spliced(data: bytes, splices: Iterable[Splice], base: int) -> bytes:
    """Apply a document's splices to a part of it that begins at `base`."""
    for splice in sorted(splices, key=lambda splice: splice.start, reverse=True):
        data = data[: splice.start - base] + splice.text + data[splice.end - base :]
    return data


def replacing(node: Node, text: str) -> Splice:
    """Return the splice that replaces a node by a text."""
    return Splice(node.start_byte, node.end_byte, text.encode())
