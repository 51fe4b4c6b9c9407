"""HCL tokens for a coloured diff, from Pygments; in a long file only those of the diff."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pygments.lexers.configs import TerraformLexer
from pygments.token import Comment, Keyword, Name, Number, String

from workflows.layer.write import FileChange

_KINDS: Mapping[Any, str] = {
    Comment: "comment",
    String: "string",
    Number: "number",
    Name.Constant: "constant",
    Keyword.Type: "constant",
    Keyword: "keyword",
    Name.Attribute: "name",
    Name.Builtin: "name",
    Name.Function: "function",
}
"""If a token has several of these Pygments types, the first match counts."""
KINDS = frozenset(_KINDS.values())

_HCL = (".tf", ".tfvars", ".hcl")

_LONG = 2_000
"""Files with more lines would take too long to highlight whole."""

_WIDEST = 500
"""How many characters of a line are highlighted: the time for one long word grows quadratically."""


class Token(NamedTuple):
    """A part of a line.

    Attributes:
        start: the index of its first character.
        end: the index after its last character.
        kind: one of `KINDS`.
    """

    start: int
    end: int
    kind: str


def diff_tokens(change: FileChange) -> list[Sequence[Token]]:
    """Return the tokens of each of a change's `lines`, without the mark; none for files other than HCL."""
    lines = change.lines
    if not change.name.endswith(_HCL):
        return [()] * len(lines)
    before = tokens(change.before, [line.old for line in lines if line.mark in "- "])
    after = tokens(change.after, [line.new for line in lines if line.mark in "+ "])
    return [
        before.get(line.old, ()) if line.mark == "-" else after.get(line.new, ()) if line.mark in "+ " else ()
        for line in lines
    ]


def tokens(data: bytes | None, numbers: Sequence[int]) -> Mapping[int, Sequence[Token]]:
    """Return the tokens of a file's lines by line number, from 1.

    Args:
        data: the file, or None if it does not exist.
        numbers: the lines to highlight. In a long file they are read without the others: at worst, a heredoc
            that starts earlier is coloured like code.
    """
    rows = (data or b"").decode("utf-8", "replace").split("\n")
    looked_at = numbers if len(rows) > _LONG else range(1, len(rows) + 1)
    text = "\n".join(rows[number - 1][:_WIDEST] for number in looked_at)
    found: dict[int, list[Token]] = {number: [] for number in looked_at}
    at = column = 0
    for _, lexed, parts in TerraformLexer().get_tokens_unprocessed(text):
        for part in re.findall(r"\n|[^\n]+", parts):
            if part == "\n":
                at, column = at + 1, 0
                continue
            label = "string" if part.startswith('"') else ""
            if kind := next((kind for known, kind in _KINDS.items() if lexed in known), label):
                found[looked_at[at]].append(Token(column, column + len(part), kind))
            column += len(part)
    return found
