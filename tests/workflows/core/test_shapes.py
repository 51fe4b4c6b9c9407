from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from workflows.core.shapes import WrongShape, left_out, moment, plain, read, with_texts


@dataclass(frozen=True)
class Inner:
    name: str
    count: int = 0


@dataclass(frozen=True)
class Outer:
    inner: Inner
    path: Path
    places: tuple[Path, ...] = ()
    groups: frozenset[str] = frozenset()
    by_name: Mapping[str, tuple[Inner, ...]] = field(default_factory=dict)
    value: str | int | bool | None = None
    extra: Mapping[str, bool] = left_out(dict)


WHOLE = Outer(
    Inner("a", 2), Path("/x"), (Path("/y"),), frozenset({"b", "a"}), {"n": (Inner("c"),)}, 7, {"on": True}
)
AS_JSON: dict[str, Any] = {
    "inner": {"name": "a", "count": 2},
    "path": "/x",
    "places": ["/y"],
    "groups": ["a", "b"],
    "by_name": {"n": [{"name": "c", "count": 0}]},
    "value": 7,
    "extra": {"on": True},
}


def test_a_value_becomes_json_and_is_read_again() -> None:
    assert plain(WHOLE) == AS_JSON
    assert read(Outer, AS_JSON) == WHOLE


def test_what_is_missing_or_null_takes_its_default_and_what_is_unknown_is_passed_over() -> None:
    little = read(Outer, {"inner": {"name": "a", "count": None}, "path": "/x", "newer": 1})
    assert little == Outer(Inner("a"), Path("/x"))
    assert "extra" not in plain(little)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("inner", "text"),
        ("inner.name", {"inner": {"name": 1}}),
        ("inner.name", {"inner": {}}),
        ("inner.count", {"inner": {"name": "a", "count": True}}),
        ("path", {"path": 3}),
        ("path", {"path": None}),
        ("places", {"places": "/y"}),
        ("places[1]", {"places": ["/y", {}]}),
        ("by_name", {"by_name": []}),
        ("by_name.n[0].name", {"by_name": {"n": [{"name": None}]}}),
        ("value", {"value": []}),
        ("extra.on", {"extra": {"on": 1}}),
    ],
)
def test_what_is_of_another_shape_is_refused_with_its_name(name: str, wrong: Any) -> None:
    value = {**AS_JSON, **(wrong if isinstance(wrong, dict) else {name: wrong})}
    with pytest.raises(WrongShape) as refused:
        read(Outer, value)
    assert refused.value.name == name
    with pytest.raises(WrongShape) as refused:
        read(Outer, value, "fact")
    assert refused.value.name == f"fact.{name}"


@pytest.mark.parametrize("value", ["2026-01-01T00:00:00", "soon", 7, None])
def test_a_moment_has_a_time_zone(value: object) -> None:
    assert moment("2026-01-01T00:00:00+00:00", "at") == datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(WrongShape):
        moment(value, "at")


def test_every_text_of_a_value_is_changed_and_so_are_the_names_in_objects() -> None:
    value = {"a": ["b", {"c": ("d", 1, None, True)}], "e": 2.5}
    assert with_texts(value, str.upper) == {"A": ["B", {"C": ["D", 1, None, True]}], "E": 2.5}
    assert value == {"a": ["b", {"c": ("d", 1, None, True)}], "e": 2.5}
