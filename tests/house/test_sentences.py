"""Sentences are for people: nothing that decides looks into one. What the type checker cannot see is here."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import workflows

ROOT = Path(workflows.__file__).parent.parent
RECORDS_AND_DOCUMENTS = {
    "workflows/aws/sts_regions/answers.py": "the audit as a Markdown document",
    "workflows/terraform/plan.py": "the plan as a Markdown document",
    "workflows/messages/handoff.py": "the handoff, which people read without the wizard",
    "workflows/steps/new_user/verify.py": "the answers' record in the journal",
    "workflows/steps/admin/state_now.py": "what is missing, in the record of what was seen",
}
OF_OTHERS_TOO = {"how": "the way that a request chooses", "source": "a profile"}
"""Names of sentences that are also those of what is compared."""
REFUSED = """
from workflows.core.sentences import Sentence, text_of
import re

def looks_into(one: Sentence, texts: dict[str, int]) -> None:
    one == "The group is gone."
    one != ""
    "group" in one
    one.startswith("The group ")
    one.removeprefix("The ")
    one.split()
    one[0]
    len(one)
    texts[one]
    texts.get(one)
    re.search("group", one)
    sorted([one])
    " ".join([one])
    text: str = one
    number: Sentence = 3
    nothing: Sentence = None
"""
TAKEN = """
from workflows.core.sentences import Sentence, capitalized, joined, text_of

def shows(one: Sentence) -> str:
    two: Sentence = "It is gone."
    three: Sentence = f"{one} {two}" if one else two
    return text_of(capitalized(joined((one, two, three))))
"""


def mypy(file: Path, program: str) -> list[int]:
    """The lines of a program that mypy complains of."""
    file.write_text(program)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", str(ROOT / "pyproject.toml")]
    command += ["--cache-dir", str(file.parent / "cache"), "--no-error-summary", "--hide-error-context"]
    done = subprocess.run([*command, str(file)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stderr
    return [int(line.split(":")[1]) for line in done.stdout.splitlines() if " error: " in line]


def sources() -> Iterator[tuple[str, ast.Module]]:
    for package in ("workflows", "screens", "tui"):
        for file in sorted((ROOT / package).rglob("*.py")):
            yield file.relative_to(ROOT).as_posix(), ast.parse(file.read_text())


def declared() -> set[str]:
    """The names of attributes that are sentences: of classes, and those of errors."""
    found = {"what", "why", "next", "detail"}
    for _, tree in sources():
        for owner in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
            for node in owner.body:
                match node:
                    case ast.AnnAssign(target=ast.Name(id=name), annotation=ast.Name(id="Sentence")):
                        found.add(name)
                    case ast.FunctionDef(name=name, returns=ast.Name(id="Sentence"), decorator_list=[_, *_]):
                        found.add(name)
                    case _:
                        pass
    return found - OF_OTHERS_TOO.keys()


def holds(node: ast.AST, names: set[str]) -> bool:
    """Whether a node is a sentence, or a text that is made of one."""
    match node:
        case ast.JoinedStr(values=values):
            return any(holds(value.value, names) for value in values if isinstance(value, ast.FormattedValue))
        case ast.Call(func=ast.Name(id="str"), args=arguments):
            return any(holds(argument, names) for argument in arguments)
        case ast.Attribute(attr=name):
            return name in names
        case _:
            return False


def looked_at(node: ast.AST) -> Sequence[ast.AST]:
    """What a node compares, searches, calls up by or turns into a text, where the type checker takes it."""
    match node:
        case ast.Compare(left=left, ops=[ast.In() | ast.NotIn()], comparators=comparators):
            return [left, *comparators]
        case ast.Compare(left=left, comparators=comparators):
            return [side for side in (left, *comparators) if isinstance(side, ast.JoinedStr)]
        case ast.Match(subject=subject):
            return [subject]
        case ast.Subscript(slice=key):
            return [key]
        case ast.Call(func=ast.Name(id="str")):
            return [node]
        case ast.Call(func=ast.Attribute(value=ast.JoinedStr() as text)):
            return [text]
        case _:
            return []


def looked_into(tree: ast.AST, names: set[str]) -> Iterator[str]:
    """Where a module looks into sentences."""
    for node in ast.walk(tree):
        yield from (ast.unparse(part) for part in looked_at(node) if holds(part, names))


def test_a_sentence_can_be_made_and_shown_and_not_be_looked_into(tmp_path: Path) -> None:
    wrong = set(mypy(tmp_path / "refused.py", REFUSED))
    body = range(6, REFUSED.count("\n") + 1)
    assert [number for number in body if number not in wrong] == []
    assert mypy(tmp_path / "taken.py", TAKEN) == []


def test_only_what_shows_or_records_gets_the_text() -> None:
    inside = {
        name
        for name, tree in sources()
        if name.startswith("workflows/")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "workflows.core.sentences"
        if any(alias.name == "text_of" for alias in node.names)
    }
    assert inside == set(RECORDS_AND_DOCUMENTS)


def test_nothing_looks_into_a_sentence_on_a_way_that_the_type_checker_takes() -> None:
    names = declared()
    assert {"message", "explanation", "headline", "purpose"} <= names
    found = {f"{name}: {told}" for name, tree in sources() for told in looked_into(tree, names)}
    assert found == set()


def test_the_search_sees_what_it_is_for() -> None:
    names = {"message"}
    for text in (
        "one.message in {'a', 'b'}",
        "'a' in f'{one.message}'",
        "known[one.message]",
        "str(one.message)",
        "f'{one.message}'.startswith('The')",
        "f'{one.message}' == 'a'",
        "match one.message:\n    case 'a': pass",
    ):
        assert list(looked_into(ast.parse(text), names)), text
