"""Outputs as they are read: whose they are, what they show, and which of them collect people."""

from __future__ import annotations

import pytest

from workflows.hcl.document import Block, Document
from workflows.layer.read.outputs import collection_of, read_output

JANE, SAM = 'module.user["jane.doe"]', "module.user_sam_lee"


def output(value: str, *, label: str = "x", sensitive: str = "") -> Block:
    line = f"\n  sensitive = {sensitive}" if sensitive else ""
    text = f'output "{label}" {{\n  value = {value}{line}\n}}\n'
    (block,) = Document("outputs.tf", text.encode()).blocks
    return block


@pytest.mark.parametrize(
    ("value", "owner", "attribute"),
    [
        (f"{JANE}.iam_user_name", ("user", "jane.doe"), "iam_user_name"),
        (f"{SAM}.this_iam_user_name", ("user_sam_lee", None), "this_iam_user_name"),
        (f'"${{{JANE}.iam_user_name}}"', ("user", "jane.doe"), "iam_user_name"),
        (f"nonsensitive({SAM}.a)", ("user_sam_lee", None), "a"),
        (f'join("", [{SAM}.a, {SAM}.b])', ("user_sam_lee", None), "a"),
        (f'join("", [{SAM}.a, {JANE}.a])', None, ""),
        ("local.users", None, ""),
        ('"jane.doe"', None, ""),
    ],
)
def test_an_output_is_about_the_one_declaration_that_it_refers_to(
    value: str, owner: tuple[str, str | None] | None, attribute: str
) -> None:
    reading = read_output(output(value))
    assert (reading.reference and reading.reference.owner, reading.attribute) == (owner, attribute)


@pytest.mark.parametrize(
    ("written", "hides"), [("true", True), ("false", False), ("", False), ("var.x", False)]
)
def test_an_output_is_hidden_only_where_that_is_written(written: str, *, hides: bool) -> None:
    assert read_output(output(f"{JANE}.a", sensitive=written)).sensitive is hides


@pytest.mark.parametrize(
    ("value", "label", "positions"),
    [
        (f"[{JANE}.a, {SAM}.a]", "passwords", [0, 1]),
        (f'["all:", {SAM}.a]', "passwords", [1]),
        (f"[{SAM}.a, {SAM}.b]", "passwords", None),
        (f"[{SAM}.a]", "user_sam_lee_login", None),
        (f"{{\n    jane_doe = {JANE}.a\n    total    = 2\n    sam_lee  = {SAM}.a\n  }}", "x", [0, 2]),
        (f"{{\n    username = {JANE}.a\n    key      = {JANE}.b\n  }}", "x", None),
        (f"[[{JANE}.a, {SAM}.a]]", "x", None),
        (f"{JANE}.a", "x", None),
        ("[]", "x", None),
    ],
)
def test_an_output_collects_people_if_each_entry_is_about_another_one(
    value: str, label: str, positions: list[int] | None
) -> None:
    found = collection_of(output(value, label=label))
    assert (found and [entry.position for entry in found.entries]) == positions
    if found:
        assert read_output(found.block).reference is None
