"""The record of admissions, from the events of a journal."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from support.repository import TESTS

from workflows.machine.drafts import Drafts
from workflows.machine.events import Failed, Reopened, StepKey, Succeeded
from workflows.machine.summaries import DRAFTS, JOURNAL
from workflows.steps.admin.admissions import Applied, Outcome, admissions, admitted
from workflows.steps.decisions import Comparison

JANE, JUAN = "jane.doe", "juan.delacruz"
APPLIED = {"at": "unused", "added": 2, "changed": 1, "destroyed": 0, "elsewhere": False}
BOTH = {"add": {"management": [JANE], "security": [JANE, JUAN]}, "remove": {}}


def happened(*steps: tuple[str, dict[str, Any]]) -> list[Succeeded]:
    """Return an event for each step with its facts, an hour apart."""
    return [
        Succeeded(StepKey.parse(step), "run", f"2026-11-26T{hour:02}:00:00+00:00", facts)
        for hour, (step, facts) in enumerate(steps)
    ]


def key(fingerprint: str) -> dict[str, Any]:
    return {"text": "x", "fingerprint": fingerprint, "source": "pasted"}


def janes(fingerprint: str, said: Comparison) -> dict[str, Any]:
    return {"keys": {JANE: key(fingerprint)}, "comparisons": {JANE: said}}


def hours(applied: Applied | None) -> tuple[int, Outcome] | None:
    return (int(applied.at[11:13]), applied.outcome) if applied else None


def test_each_account_says_when_and_how_the_key_came_there() -> None:
    keys = {JANE: key("A" * 40), JUAN: key("B" * 40)}
    events = happened(
        ("pgp-keys", {"keys": keys, "comparisons": {JANE: "same", JUAN: "later"}}),
        ("users", {"user_changes": BOTH}),
        ("apply@management", {"applied": {**APPLIED, "elsewhere": True}}),
        ("apply@security", {"applied": APPLIED}),
    )
    jane, juan = admitted([*events, Failed(StepKey("apply", "security"), "run", "late", {})])
    assert (jane.person, jane.fingerprint, jane.source, jane.compared) == (
        *(JANE, "A" * 40, "pasted"),
        Comparison.SAME,
    )
    assert {name: hours(admission) for name, admission in jane.accounts.items()} == {
        "management": (2, Outcome.ELSEWHERE),
        "security": (3, Outcome.APPLIED),
    }
    assert (juan.compared, list(juan.accounts)) == (Comparison.LATER, ["security"])


def test_an_apply_lets_nobody_in_whom_its_plan_left_out() -> None:
    events = happened(
        ("pgp-keys", {"keys": {JANE: key("A" * 40)}, "comparisons": {JANE: "same"}}),
        ("users", {"user_changes": BOTH}),
        ("apply@management", {"applied": {**APPLIED, "left_out": [JANE]}}),
        ("apply@security", {"applied": APPLIED}),
    )
    (jane,) = admitted(events)
    assert jane.accounts["management"] is None
    assert hours(jane.accounts["security"]) == (3, Outcome.APPLIED)


def test_a_later_comparison_has_its_own_time_and_a_replaced_key_stays_in_the_record() -> None:
    nothing = {**APPLIED, "added": 0, "changed": 0}
    events = happened(
        ("pgp-keys", janes("A" * 40, Comparison.LATER)),
        ("users", {"user_changes": {"add": {"security": [JANE]}, "remove": {}}}),
        ("apply@security", {"applied": nothing}),
        ("pgp-keys", janes("A" * 40, Comparison.SAME)),
        ("pgp-keys", janes("C" * 40, Comparison.SAME)),
    )
    first, second = admitted(events)
    assert (first.taken_at[11:13], first.compared, first.compared_at[11:13]) == ("00", Comparison.SAME, "03")
    assert hours(first.accounts["security"]) == (2, Outcome.THERE)
    assert (second.fingerprint, second.accounts) == ("C" * 40, {"security": None})


def test_another_apply_that_changes_nothing_takes_nothing_from_the_first() -> None:
    nothing = {**APPLIED, "added": 0, "changed": 0}
    events = happened(
        ("pgp-keys", {"keys": {JANE: key("A" * 40)}, "comparisons": {JANE: "same"}}),
        ("users", {"user_changes": BOTH}),
        ("apply@security", {"applied": APPLIED}),
        ("apply@management", {"applied": nothing}),
        ("apply@security", {"applied": nothing}),
        ("apply@security", {"applied": APPLIED}),  # somebody else's
    )
    (jane,) = admitted(events)
    assert {name: hours(admission) for name, admission in jane.accounts.items()} == {
        "management": (3, Outcome.THERE),
        "security": (2, Outcome.APPLIED),
    }


def test_nobody_is_admitted_with_a_key_that_is_asked_for_again() -> None:
    events = happened(("pgp-keys", janes("A" * 40, Comparison.LATER)), ("users", {"user_changes": BOTH}))
    again = Reopened(StepKey("pgp-keys"), "run", "late", "it differs")
    assert not admitted([*events, again])
    assert len(admitted([*events, again, events[0]])) == 1
    (applied,) = happened(("apply@security", {"applied": APPLIED}))
    assert len(admitted([*events, applied, again])) == 1, "it is in an account"


def test_a_key_that_differs_stays_so_on_the_record_once_another_replaced_it() -> None:
    events = happened(
        ("pgp-keys", janes("A" * 40, Comparison.LATER)),
        ("users", {"user_changes": BOTH}),
        ("apply@management", {"applied": APPLIED}),
        ("pgp-keys", janes("A" * 40, Comparison.DIFFERS)),
        ("pgp-keys", janes("C" * 40, Comparison.SAME)),
    )
    again = Reopened(StepKey("pgp-keys"), "run", "late", "")
    for seen in ([*events[:4], again], [*events[:4], again, events[4]]):
        first = admitted(seen)[0]
        assert (first.compared, first.compared_at[11:13]) == (Comparison.DIFFERS, "03")
        assert hours(first.accounts["management"]) == (2, Outcome.APPLIED)


def test_a_replacement_is_for_the_accounts_that_it_resets() -> None:
    new = key("D" * 40) | {"resets": {"security": {"file": f"keys/{JANE}"}}}
    events = happened(("pgp-keys", {"keys": {JANE: new}}), ("apply@security", {"applied": APPLIED}))
    (jane,) = admitted(events)
    assert {name: hours(admission) for name, admission in jane.accounts.items()} == {
        "security": (1, Outcome.APPLIED)
    }


def test_a_session_of_an_older_program_claims_no_comparison(tmp_path: Path) -> None:
    shutil.copy(TESTS / "journals" / "admin-done.jsonl", tmp_path / JOURNAL)
    found = admissions(tmp_path)
    (jane,) = found.people
    assert (found.by, jane.person, jane.compared) == ("", JANE, None)
    assert len(jane.fingerprint) == 40
    drafts, answer = Drafts(tmp_path / DRAFTS), {"said": "same", "at": APPLIED["at"]}
    drafts.save(StepKey("answers"), {f"{JANE} {jane.fingerprint}": answer})
    (asked,) = admissions(tmp_path).people
    assert (asked.compared, asked.compared_at) == (Comparison.SAME, APPLIED["at"])
    assert {name: admission and admission.outcome for name, admission in jane.accounts.items()} == {
        "management": Outcome.APPLIED,
        "security": Outcome.APPLIED,
    }


def test_a_key_that_was_given_up_before_it_came_anywhere_let_nobody_in() -> None:
    both = {"keys": {JANE: key("A" * 40), JUAN: key("B" * 40)}}
    events = happened(
        ("pgp-keys", both),
        ("users", {"user_changes": BOTH}),
        ("pgp-keys", janes("A" * 40, Comparison.SAME)),
        ("apply@security", {"applied": APPLIED}),
    )
    assert [admission.person for admission in admitted(events)] == [JANE]


def test_a_key_that_nobody_accepted_is_in_the_record_where_something_was_encrypted_to_it() -> None:
    one, other = {JUAN: "B" * 40}, {JUAN: "C" * 40, JANE: "A" * 40}
    events = happened(
        ("pgp-keys", janes("A" * 40, Comparison.LATER)),
        ("users", {"user_changes": {"add": {"security": [JANE]}, "remove": {}}}),
        ("apply@management", {"applied": {**APPLIED, "keys": one}}),
        ("apply@security", {"applied": {**APPLIED, "keys": other}}),
    )
    found = [
        (each.person, each.fingerprint[:1], each.compared, [*each.accounts]) for each in admitted(events)
    ]
    assert found == [
        (JANE, "A", Comparison.LATER, ["security"]),
        (JUAN, "B", None, ["management"]),
        (JUAN, "C", None, ["security"]),
    ]
    assert all(hours(at) for each in admitted(events) for at in each.accounts.values())
