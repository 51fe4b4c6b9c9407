"""Decisions, read from the facts of real sessions; a fact with a wrong form is rejected by name."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.repository import TESTS

from workflows.catalogue import WORKFLOWS
from workflows.core.shapes import WrongShape
from workflows.machine.journal import DamagedJournal
from workflows.machine.sessions import Sessions
from workflows.machine.summaries import JOURNAL
from workflows.steps.decisions import Decisions, Move, NewGroup, PolicyChanges, SettingChanges

JOURNALS = TESTS / "journals"
NAMES = {field.name for field in fields(Decisions)}


def facts_of(name: str) -> dict[str, Any]:
    """Return the facts of all steps that do not repeat."""
    events = [json.loads(line) for line in (JOURNALS / f"{name}.jsonl").read_text().splitlines()]
    return {
        fact: value
        for event in events
        if "@" not in event.get("step", "@")
        for fact, value in event.get("facts", {}).items()
    }


@pytest.mark.parametrize("name", ["admin-decided", "admin-done"])
def test_the_facts_of_a_session_are_given_back_as_they_were(name: str) -> None:
    facts = {fact: value for fact, value in facts_of(name).items() if fact in NAMES}
    assert len(facts) > 10
    assert Decisions.from_facts(facts).as_facts(*facts) == facts


def test_what_is_decided_is_known_layer_by_layer() -> None:
    decisions = Decisions.from_facts(facts_of("admin-decided"))
    management, security = (decisions.of(account) for account in decisions.layers)
    assert (management.add, management.remove) == (("jane.doe",), ("alex.kim",))
    assert security.add == ("jane.doe", "machine.gitlab")
    assert security.access == {"pat.jones": {"login_profile": False, "access_key": True}}
    assert security.key_files == {"machine.github.actions": "github"}
    assert security.moves["sam.okafor"] == Move(("platform",), ())
    assert security.groups.add == (NewGroup("observers", "auditors"),)
    assert security.groups.remade == {"observers", "auditors", "devops", "platform"}
    assert security.groups.policies == {
        "admins": PolicyChanges(
            ("arn:aws:iam::aws:policy/ReadOnlyAccess",), ("arn:aws:iam::aws:policy/AdministratorAccess",)
        )
    }
    assert (management.settings, security.settings) == (
        SettingChanges(),
        SettingChanges(policy={"minimum_password_length": 20}),
    )
    assert set(security.new_keys) == {"dana.lopez"}
    assert security.people == {
        *("jane.doe", "machine.gitlab", "alex.kim", "pat.jones", "machine.github.actions"),
        *("sam.okafor", "dana.lopez"),
    }
    assert decisions.people[:2] == ("jane.doe", "machine.gitlab")


@pytest.mark.parametrize(
    ("facts", "beside"),
    [
        ({"user_changes": {"add": {"security": ["jane.doe"]}}}, False),
        ({"memberships": {"security": {"jane.doe": {"add": ["x"], "remove": []}}}}, False),
        ({"group_changes": {"security": {"remove": ["x"]}}}, True),
        ({"group_changes": {"security": {"policies": {"x": {"add": ["arn"]}}}}}, True),
        ({"account_changes": {"security": {"alias": "x"}}}, True),
        ({"account_changes": {"management": {"alias": "x"}}}, False),
    ],
)
def test_what_changes_besides_people_is_known_layer_by_layer(facts: dict[str, Any], beside: bool) -> None:
    assert Decisions.from_facts({"layers": ["security"], **facts}).of("security").beside_people is beside


def test_the_key_of_who_was_left_out_after_all_needs_no_comparison() -> None:
    later = dict.fromkeys(("jane.doe", "sam.okafor"), "later")
    keys = {name: {"text": "x", "fingerprint": "F", "source": ""} for name in later}
    facts: dict[str, Any] = {"joining": ["jane.doe"], "rekeying": ["sam.okafor"], "keys": keys}
    facts["comparisons"] = later
    assert Decisions.from_facts(facts).not_compared == ("jane.doe", "sam.okafor")
    facts["user_changes"] = {"add": {}, "remove": {}}
    assert Decisions.from_facts(facts).not_compared == ("sam.okafor",)
    facts["user_changes"] = {"add": {"security": ["jane.doe"]}, "remove": {}}
    assert Decisions.from_facts(facts).not_compared == ("jane.doe", "sam.okafor")


def test_a_key_is_to_be_compared_where_something_is_encrypted_to_it() -> None:
    later = dict.fromkeys(("jane.doe", "sam.okafor"), "later")
    keys: dict[str, Any] = {name: {"text": "x", "fingerprint": "F", "source": ""} for name in later}
    keys["sam.okafor"]["resets"] = {"management": {"file": "keys/sam.okafor", "passwords": ["sam.okafor"]}}
    facts: dict[str, Any] = {"joining": ["jane.doe"], "rekeying": ["sam.okafor"], "keys": keys}
    facts |= {"comparisons": later, "user_changes": {"add": {"security": ["jane.doe"]}, "remove": {}}}
    decisions = Decisions.from_facts(facts)
    assert decisions.keyed_in("security") == {"jane.doe"}
    assert decisions.keyed_in("management") == {"sam.okafor"}
    assert decisions.not_compared_sentences(["jane.doe"], "security") == ()
    assert decisions.not_compared_sentences(["jane.doe"], "management")
    assert decisions.not_compared_sentences(["jane.doe"])


def test_a_session_of_an_older_program_lacks_what_it_did_not_know() -> None:
    older = Decisions.from_facts(
        {"joining": ["jane.doe"], "rekeying": None, "keys": {"jane.doe": {"text": "x"}}}
    )
    assert (older.joining, older.rekeying, older.user_changes) == (("jane.doe",), (), None)
    assert older.keys["jane.doe"].text == "x"
    assert older.of("security").people == set()


DAMAGED: list[tuple[str, Any]] = [
    ("joining", "jane.doe"),
    ("user_changes.add.security", {"add": {"security": "jane.doe"}, "remove": {}}),
    ("user_changes.access.security.a.access_key", {"access": {"security": {"a": {"access_key": "no"}}}}),
    ("memberships.security.a.add[0]", {"security": {"a": {"add": [3]}}}),
    ("group_changes.security.add[0].sibling", {"security": {"add": [{"name": "x"}]}}),
    ("account_changes.security.policy.hard_expiry", {"security": {"policy": {"hard_expiry": "x"}}}),
    ("keys.jane.resets.security.file", {"jane": {"text": "x", "resets": {"security": {}}}}),
]


@pytest.mark.parametrize(("name", "value"), DAMAGED)
def test_a_fact_of_another_shape_is_refused_with_its_name(name: str, value: Any) -> None:
    with pytest.raises(WrongShape) as refused:
        Decisions.from_facts({name.partition(".")[0]: value})
    assert refused.value.name == name


@pytest.mark.parametrize(
    ("journal", "name", "value"),
    [
        *(("admin-decided", name, value) for name, value in DAMAGED),
        ("admin-done", "plan.counts", {"elsewhere": False, "summary": []}),
        ("admin-done", "handed_over.people.jane.doe.sent_at", {"people": {"jane.doe": {"sent_at": 3}}}),
    ],
)
def test_a_damaged_session_is_told_by_its_fact_and_goes_on_from_the_step_before(
    tmp_path: Path, journal: str, name: str, value: Any
) -> None:
    fact = name.partition(".")[0]
    lines = [json.loads(line) for line in (JOURNALS / f"{journal}.jsonl").read_text().splitlines()]
    damaged = next(line for line in lines if fact in line.get("facts", {}))
    damaged["facts"][fact] = value
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / JOURNAL).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    sessions = Sessions(tmp_path, WORKFLOWS, lambda: datetime(2026, 11, 27, tzinfo=UTC))
    with pytest.raises(DamagedJournal) as refused:
        sessions.open("s")
    assert fact in refused.value.why
    assert sessions.summaries()[0].damage == refused.value.why
    session = sessions.open("s", repair=True)
    try:
        assert str(session.proposal()) == damaged["step"]
    finally:
        session.close()
