"""The state from which a plan was made."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from workflows.core.shapes import plain, read
from workflows.terraform.record import StateMark, changed_words, read_mark, state_of_plan


def test_the_mark_is_taken_out_of_a_plan_file(tmp_path: Path) -> None:
    file = tmp_path / "plan.tfplan"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("tfplan", b"binary")
        archive.writestr("tfstate", json.dumps({"version": 4, "lineage": "abc", "serial": 7}))
    assert state_of_plan(file) == StateMark("abc", 7)
    assert read(StateMark, plain(StateMark("abc", 7))) == StateMark("abc", 7)


@pytest.mark.parametrize("content", [b"no zip", b""])
def test_an_encrypted_plan_tells_nothing(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "plan.tfplan"
    file.write_bytes(content)
    assert state_of_plan(file) is None


def test_a_plan_without_a_state_tells_nothing(tmp_path: Path) -> None:
    file = tmp_path / "plan.tfplan"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("tfplan", b"binary")
    assert state_of_plan(file) is None


def test_a_state_that_was_never_written_is_one_too() -> None:
    assert read_mark("\n") == StateMark("", 0)
    assert read_mark('{"encrypted_data": "x"}') is None


@pytest.mark.parametrize(
    ("planned", "now", "words"),
    [
        (StateMark("a", 3), StateMark("a", 3), ""),
        (StateMark("a", 0), StateMark("", 0), ""),
        (StateMark("a", 3), StateMark("a", 4), "somebody has applied something"),
        (StateMark("", 0), StateMark("a", 1), "somebody has applied something"),
        (StateMark("a", 3), StateMark("b", 3), "isn't the one"),
        (StateMark("a", 3), StateMark("a", 2), "is older"),
    ],
)
def test_what_happened_since_is_told(planned: StateMark, now: StateMark, words: str) -> None:
    told = changed_words(planned, now)
    assert words in told
    assert bool(words) == bool(told)
