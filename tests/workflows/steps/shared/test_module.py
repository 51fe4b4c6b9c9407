"""What a step may read of its context, and what the looks of its module are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from support.fakes import fake_environment

from workflows.core.sentences import Cancelled, OnboardError
from workflows.core.shapes import WrongShape
from workflows.machine.events import AGREES, RESTED, Observation, StepKey, Verdict
from workflows.steps.shared.module import (
    Context,
    GuardedLook,
    Refused,
    acceptance,
    guarded_look,
    inquiry,
    unless_refused,
)


def context(home: Path, **facts: Any) -> Context:
    return Context(fake_environment(home, {}), facts, facts, "security", home)


def test_facts_of_each_item_are_told_from_those_of_the_whole_session(tmp_path: Path) -> None:
    facts = {"plan": 0, "plan@management": 1, "plan@security": 2, "applied@security": 3}
    own = context(tmp_path, **facts)
    assert own.of_each_item("plan") == {"management": 1, "security": 2}
    assert own.of_each_item("applied") == {"security": 3}
    assert own.of_each_item("keys") == {}


def test_decisions_are_those_in_the_facts(tmp_path: Path) -> None:
    assert context(tmp_path, leaving=["sam.lee"]).decisions.leaving == ("sam.lee",)
    with pytest.raises(WrongShape):
        _ = context(tmp_path, leaving="sam.lee").decisions


AT = "2026-03-01T10:00:00+00:00"


@pytest.mark.parametrize(
    ("key", "seen", "at"),
    [
        (StepKey("mfa", "security"), replace(AGREES, at=AT), AT),
        (StepKey("mfa", "management"), replace(AGREES, at=AT), ""),
        (StepKey("mfa", "security"), replace(AGREES, at=AT, said_so=True), ""),
        (StepKey("mfa", "security"), Observation(Verdict.GONE, "Gone.", at=AT), ""),
    ],
)
def test_a_step_is_confirmed_by_a_look_at_the_same_item_alone(
    tmp_path: Path, key: StepKey, seen: Observation, at: str
) -> None:
    own = replace(context(tmp_path), observed={key: seen})
    assert own.confirmed("mfa") == at
    elsewhere = AT if key.item == "management" else ""
    assert replace(own, item="management").confirmed("mfa") == elsewhere


def test_a_step_ends_once_it_is_stopped(tmp_path: Path) -> None:
    own = context(tmp_path)
    own.raise_if_cancelled()
    own.cancelled.set()
    with pytest.raises(Cancelled):
        own.raise_if_cancelled()


def test_a_request_that_is_refused_is_recorded_as_no_failure() -> None:
    assert Refused("Title", "What.").as_record()["kind"] == RESTED


def test_a_check_that_refuses_is_a_contradiction() -> None:
    def refuse() -> NoReturn:
        raise OnboardError("Title", "It is gone.")

    assert unless_refused(lambda: None) == AGREES
    assert unless_refused(refuse) == Observation(Verdict.CHANGED, "It is gone.")


def test_a_module_need_not_offer_to_inquire_or_accept() -> None:
    plain: Any = SimpleNamespace()
    assert (inquiry(plain), guarded_look(plain), acceptance(plain)) == (None, None, None)
    look = GuardedLook(lambda _: "", lambda *_: None)
    full: Any = SimpleNamespace(inquire=abs, guarded_look=look, accept=max)
    assert (inquiry(full), guarded_look(full), acceptance(full)) == (abs, look, max)
