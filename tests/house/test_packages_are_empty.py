"""A name is imported from where it is defined: packages hold their description and nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from support.repository import ROOT

PACKAGES = [file for room in ("tui", "screens", "workflows") for file in (ROOT / room).rglob("__init__.py")]


@pytest.mark.parametrize("file", PACKAGES, ids=lambda file: file.parent.relative_to(ROOT).as_posix())
def test_a_package_defines_nothing(file: Path) -> None:
    assert [type(node) for node in ast.parse(file.read_text()).body] == [ast.Expr]
