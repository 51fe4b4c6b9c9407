"""What a journal can hold of a step, and what is kept of looks at it."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest

from workflows.core.secret import Secret
from workflows.machine.events import (
    Observation,
    StepKey,
    UnstorableFactError,
    Verdict,
    checked_facts,
    dated,
    in_folder,
    seen_at,
)

SAID = datetime(2026, 3, 1, 9, tzinfo=UTC)


class Kind(enum.StrEnum):
    ONE = "one"


class Number(enum.IntEnum):
    TWO = 2


@pytest.mark.parametrize("text", ["plan", "plan@security", "plan@a@b"])
def test_a_key_is_read_from_its_text(text: str) -> None:
    assert str(StepKey.parse(text)) == text
    assert StepKey.parse(text).step == "plan"


def test_facts_are_copied_as_plain_values() -> None:
    inner = ["a"]
    facts: Mapping[str, object] = MappingProxyType(
        {
            "kind": Kind.ONE,
            "number": Number.TWO,
            "pair": (1, 2.5),
            "map": {Kind.ONE: None},
            "inner": inner,
            "on": True,
        }
    )
    checked = checked_facts(facts)
    inner.append("b")
    assert checked == {
        "kind": "one",
        "number": 2,
        "pair": [1, 2.5],
        "map": {"one": None},
        "inner": ["a"],
        "on": True,
    }
    assert [type(checked[name]) for name in ("kind", "number", "on")] == [str, int, bool]
    assert [type(key) for key in checked["map"]] == [str]


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (Secret("canary"), "fact"),
        ({"a": [1, {"b": b"x"}]}, "fact.a[1].b"),
        ([math.nan], "fact[0]"),
        (math.inf, "fact"),
        ({1: "a"}, "fact"),
        ({"a"}, "fact"),
    ],
)
def test_what_a_journal_cannot_hold_is_refused_by_its_path(value: object, path: str) -> None:
    with pytest.raises(UnstorableFactError) as refused:
        checked_facts({"fact": value})
    assert f"the fact {path} " in str(refused.value)
    assert "canary" not in str(refused.value)


def test_paths_in_a_folder_move_with_it_and_others_stay() -> None:
    moved = in_folder(
        {"/old": ["/old/a", ("/older", 1)], "name": "see /old", "/old/b": {"c": None}}, "/old", "/new"
    )
    assert moved == {"/new": ["/new/a", ["/older", 1]], "name": "see /old", "/new/b": {"c": None}}


def test_an_answer_that_cannot_be_had_again_counts_for_an_hour_and_is_told_with_its_time() -> None:
    for later, verdict in (
        (timedelta(), Verdict.AS_DECIDED),
        (timedelta(hours=1), Verdict.AS_DECIDED),
        (timedelta(hours=1, seconds=1), Verdict.UNKNOWN),
    ):
        now = SAID + later
        look = dated(seen_at(SAID.isoformat(), now), None, SAID.isoformat(), now.isoformat())
        assert (look.verdict, look.at) == (verdict, SAID.isoformat())


def test_what_the_network_confirmed_all_the_same_is_confirmed_for_an_hour() -> None:
    look = Observation(Verdict.CHANGED, about=("a file",), at=SAID.isoformat(), confirmed=True)
    for later, again, confirmed in (
        (timedelta(hours=1), Observation(Verdict.CHANGED, about=("a file",)), True),
        (timedelta(hours=2), Observation(Verdict.CHANGED, about=("a file",)), False),
        (timedelta(hours=1), Observation(Verdict.CHANGED, about=("another",)), False),
    ):
        seen = dated(again, look, "2026-03-01T00:00:00+00:00", (SAID + later).isoformat())
        assert (seen.confirmed, seen.at) == (confirmed, SAID.isoformat())
