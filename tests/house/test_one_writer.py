"""Standard output and standard error have one writer, so what is shown can be made safe in one place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import tui
from tui.cli import output

ROOT = Path(tui.__file__).parent
WRITER = "cli/output.py"
ON_THE_TERMINAL = "cli/asking.py"  # questions go to the terminal itself
FOR_A_KILLED_WIZARD = "app/guard.py"  # a process of its own, which has nothing foreign to show


def writes(source: str) -> Iterator[int]:
    """The lines that print, or that reach for standard output or standard error."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(id="print")):
                yield node.lineno
            case ast.Attribute(
                value=ast.Name(id="sys"), attr="stdout" | "stderr" | "__stdout__" | "__stderr__"
            ):
                yield node.lineno
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="os"), attr="write"), args=[ast.Constant(), *_]
            ):
                yield node.lineno
            case ast.ImportFrom(module="sys", names=names) if {alias.name for alias in names} & {
                "stdout",
                "stderr",
            }:
                yield node.lineno


def test_only_one_module_writes_to_standard_output_and_standard_error() -> None:
    found = {
        str(path.relative_to(ROOT)): lines
        for path in ROOT.rglob("*.py")
        if (lines := list(writes(path.read_text())))
    }
    assert found.pop(WRITER)
    assert found.pop(ON_THE_TERMINAL)
    assert found.pop(FOR_A_KILLED_WIZARD)
    assert not found


def asks(source: str) -> Iterator[int]:
    """The lines that ask a person, or that reach for the terminal itself."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(id="input")) | ast.Constant(value="/dev/tty"):
                yield node.lineno
            case ast.Import(names=names) if "getpass" in {alias.name for alias in names}:
                yield node.lineno


def test_only_one_module_asks_on_the_terminal() -> None:
    found = {str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py") if [*asks(path.read_text())]}
    assert found == {ON_THE_TERMINAL}


def test_the_search_finds_every_way_to_write() -> None:
    ways = [
        "print(1)",
        "sys.stdout.write('')",
        "sys.stderr.flush()",
        "os.write(2, b'')",
        "from sys import stdout",
    ]
    assert sorted(writes("\n".join(ways))) == [1, 2, 3, 4, 5]


def test_rows_are_a_line_each_where_no_person_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    rows = [("jane.doe", "", "a list that is longer than this terminal is wide"), ("lee", "", "short")]
    assert output.columns(rows) == [f"  jane.doe  {rows[0][2]}", "  lee       short"]


def test_an_answer_that_nobody_can_get_is_a_failure_and_a_remark_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdout", None)
    monkeypatch.setattr("sys.stderr", None)
    with pytest.raises(output.OutputLost, match="no standard output"):
        output.say("an answer")
    output.note("a remark")
