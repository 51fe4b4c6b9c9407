"""The limit of the JSON parser: only texts that are nested too deeply are rejected."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from workflows.core.files import FileError
from workflows.core.parsing import MAX_DEPTH, TooDeep, parse_json, read_json

DEEP = 100_000

VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@given(VALUES)
def test_json_within_the_bound_is_what_the_library_reads(value: object) -> None:
    text = json.dumps(value)
    assert parse_json(text) == parse_json(text.encode()) == value


@given(VALUES, st.integers(0, MAX_DEPTH + 5))
def test_json_is_refused_exactly_beyond_the_bound(value: object, more: int) -> None:
    for _ in range(more):
        value = [value, '"]}\\"', {"}": []}]
    if depth(value) > MAX_DEPTH:
        with pytest.raises(TooDeep):
            parse_json(json.dumps(value))
    else:
        assert parse_json(json.dumps(value)) == value


@pytest.mark.parametrize(
    "text", ["[" * DEEP, '{"a":' * DEEP, "[" * 900 + "]" * 900, '{"a":[' * 60 + "]}" * 60]
)
def test_json_that_the_library_cannot_bear_is_refused(text: str) -> None:
    with pytest.raises(TooDeep):
        parse_json(text)


@pytest.mark.parametrize("text", ["", "{", "[1,", "nul", "[]" * DEEP, "\ud800"])
def test_what_is_no_json_is_a_value_error_and_not_too_deep(text: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - JSONDecodeError and UnicodeError alike
        parse_json(text)
    assert not isinstance(caught.value, TooDeep)


@pytest.mark.parametrize("data", [b"{", b"\xff\xfe\x00", b'{"a":' * 900 + b"1" + b"}" * 900])
def test_a_damaged_file_of_json_is_named(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(data)
    with pytest.raises(FileError, match=str(path)):
        read_json(path, 10_000)
