"""Entries that are put into lists and maps and taken out of them, in the form of each."""

from __future__ import annotations

import pytest

from workflows.hcl.document import Document
from workflows.hcl.lists import (
    entry_keys,
    out_of_order,
    position_for,
    uses_trailing_comma,
    with_entry,
    without_entry,
)


def document_of(value: str) -> tuple[Document, int]:
    """Return a document with this list or map, and where it begins."""
    text = f"locals {{\n  users = {value}\n}}\n"
    return Document("locals.tf", text.encode()), text.index("=") + 2


def put(value: str, entry: str, position: int, **more: bool) -> str:
    document, start = document_of(value)
    return text_in(with_entry(document, document.container_at(start), entry, position, **more), start)


def taken(value: str, position: int) -> str:
    document, start = document_of(value)
    return text_in(without_entry(document, document.container_at(start), position), start)


def text_in(document: Document, start: int) -> str:
    return document.text(document.container_at(start))


@pytest.mark.parametrize(
    ("keys", "key", "position", "exception"),
    [
        ([], "b", 0, None),
        (["a", "c"], "b", 1, None),
        (["c", "a"], "b", 2, None),
        (["a", "z", "c", "d"], "b", 2, 1),
        (["b", "c", "d", "a"], "bb", 1, 3),
        (["a", "z", "c", "d"], "zz", 4, 1),
        (["d", "c", "b", "a"], "bb", 4, None),
    ],
)
def test_a_place_is_found_in_order_even_if_one_entry_is_out_of_it(
    keys: list[str], key: str, position: int, exception: int | None
) -> None:
    assert (position_for(keys, key), out_of_order(keys)) == (position, exception)


@pytest.mark.parametrize(
    ("value", "position", "after"),
    [
        ('["a", "c"]', 1, '["a", "b", "c"]'),
        ('["a","c"]', 2, '["a","c","b"]'),
        ('["c"]', 0, '["b", "c"]'),
        ('[\n    "a",\n    "c",\n  ]', 1, '[\n    "a",\n    "b",\n    "c",\n  ]'),
        ('[\n    "a",\n    "c"\n  ]', 2, '[\n    "a",\n    "c",\n    "b"\n  ]'),
        ('[\n    "a", # first\n    "c",\n  ]', 1, '[\n    "a", # first\n    "b",\n    "c",\n  ]'),
        ('[\n    "a"\n    , "c"\n  ]', 1, '[\n    "a"\n    , "b"\n    , "c"\n  ]'),
        ('[\n    "a",\n\n    "c",\n  ]', 2, '[\n    "a",\n\n    "c",\n\n    "b",\n  ]'),
    ],
    ids=["inline", "narrow", "first", "lines", "no last comma", "comment", "commas first", "apart"],
)
def test_an_entry_comes_in_the_form_of_the_others_and_goes_without_a_trace(
    value: str, position: int, after: str
) -> None:
    assert put(value, '"b"', position) == after
    assert taken(after, position) == value


@pytest.mark.parametrize(
    ("value", "comma", "after"),
    [
        ("[]", True, '[\n    "b",\n  ]'),
        ("[]", False, '[\n    "b"\n  ]'),
        ("[\n    # nobody\n  ]", True, '[\n    # nobody\n    "b",\n  ]'),
    ],
)
def test_the_first_entry_of_an_empty_list_gets_a_line(value: str, *, comma: bool, after: str) -> None:
    assert put(value, '"b"', 0, trailing_comma=comma) == after
    assert taken('[\n    "b",\n  ]', 0) == "[]"


def test_the_equal_signs_of_a_map_stay_in_one_column_if_they_were() -> None:
    aligned = '{\n    "a"   = 1\n    "ccc" = 2\n  }'
    longer = '{\n    "a"     = 1\n    "bbbbb" = 3\n    "ccc"   = 2\n  }'
    assert put(aligned, '"bbbbb" = 3', 1) == longer
    assert taken(longer, 1) == aligned
    own = '{\n    "a" = 1\n    "ccc" = 2\n  }'
    assert put(own, '"bbbbb" = 3', 1) == '{\n    "a" = 1\n    "bbbbb" = 3\n    "ccc" = 2\n  }'


def test_a_comment_goes_with_the_entry_on_its_line_and_no_other() -> None:
    value = '[\n    # the first ones\n    "a", # left in May\n    "c",\n  ]'
    assert taken(value, 0) == '[\n    # the first ones\n    "c",\n  ]'


@pytest.mark.parametrize(
    ("value", "keys", "comma"),
    [
        ('["a", local.b]', ["a", ""], None),
        ('[\n    "a",\n  ]', ["a"], True),
        ('{\n    "a" = 1\n    b   = 2\n    (var.c) = 3\n  }', ["a", "b", ""], False),
        ("[]", [], None),
    ],
)
def test_the_keys_of_a_list_or_map_are_its_plain_strings(
    value: str, keys: list[str], *, comma: bool | None
) -> None:
    document, start = document_of(value)
    container = document.container_at(start)
    assert (entry_keys(document, container), uses_trailing_comma(document, container)) == (keys, comma)
