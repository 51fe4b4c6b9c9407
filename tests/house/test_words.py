"""How iam-onboard speaks to people: expressions that no text may use, each with what to write instead."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import workflows

ROOT = Path(workflows.__file__).parent.parent
INSTEAD = {
    r"tells|told": "shows, says, reports",
    r"anew": "again, new; reset",
    r"(go|goes|going|went) on with": "continue, resume, open",
    r"(of|to|from|by|for|with) which nothing is known": "unknown",
    r"of which": "whose; or two sentences",
    r"otherwise than": "what changed; differs from",
    r"mend(s|ed|ing)?": "fix, repair",
    r"the marked|marks? (a|the|each|every) (cell|row|person|people)(?![’'])": "the selected …, selects",
    r"(is|are|was|were|be|been|being) refused": "can't …, because …; rejects",
    r"(take|takes|taking|took|taken) on": "assume a role",
    r"(held|holds?|holding) [^.;]{,60}\bagainst": "compare with",
    r"a look into|looks? into": "preview, inspect",
    r"to be confirmed": "confirm to continue",
    r"whoever": "anyone who; name the person",
    r"whereby|thereby|hence": "so; two sentences",
    r"nothing else in": "everything else in … stays as it is",
    r"all the same": "anyway",
    r"(is|are|was|were|be) looked for": "iam-onboard searches …",
    r"(is|are|was|were) not taken": "… rejected …",
    r"nothing of (it|this|that)": "none of …",
}
"""Expressions as patterns of whole words, in any case."""
MEANT = {
    "told:": "a field, and a key of `access-key --json`",
    "`told`": "an attribute of a page",
}
"""Parts of texts that may hold such an expression, and why."""
DOCUMENTS = ("README.md", "SECURITY.md", "docs/*.md", "screens/help/*.md")
PATTERNS = [
    (re.compile(rf"\b(?:{expression})\b", re.IGNORECASE), better) for expression, better in INSTEAD.items()
]


def unreleased(changelog: str) -> str:
    """The part of the changelog that is still written on."""
    return changelog.partition("## [Unreleased]")[2].partition("\n## [")[0]


def sentences(program: str) -> Iterator[str]:
    """The docstrings of a module, and its literals of more than one word."""
    for node in ast.walk(ast.parse(program)):
        match node:
            case ast.Constant(value=str(text)) if " " in text.strip():
                yield text


def texts() -> Iterator[tuple[str, str]]:
    """Every text for people, and the file that holds it."""
    yield "CHANGELOG.md", unreleased((ROOT / "CHANGELOG.md").read_text())
    for pattern in DOCUMENTS:
        for file in sorted(ROOT.glob(pattern)):
            yield file.relative_to(ROOT).as_posix(), file.read_text()
    for package in ("tui", "screens", "workflows"):
        for file in sorted((ROOT / package).rglob("*.py")):
            for text in sentences(file.read_text()):
                yield file.relative_to(ROOT).as_posix(), text


def forbidden(text: str) -> list[str]:
    """The expressions in a text that have a better one, each with that."""
    plain = " ".join(text.split())
    for meant in MEANT:
        plain = plain.replace(meant, "")
    return [f"{found[0]} → {better}" for pattern, better in PATTERNS for found in pattern.finditer(plain)]


@pytest.mark.parametrize("text", ["It tells\nthe state.", "The key is Mended.", "It was refused."])
def test_an_expression_is_found_across_lines_and_in_any_case(text: str) -> None:
    assert len(forbidden(text)) == 1


def test_no_text_for_people_has_an_expression_with_a_better_one() -> None:
    found = [f"{file}: {advice}" for file, text in texts() for advice in forbidden(text)]
    assert found == []
