"""What is kept of an accepted plan: what each person gets from it, and what was sent."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.admin_project import quiet
from support.sample_plan import LOGIN, PLAN, USER, context, keep_result

from workflows.core.shapes import plain
from workflows.steps.admin import plan
from workflows.steps.admin.accepted_plan import (
    ACCESS_KEY,
    BOTH,
    PASSWORD,
    HandedOver,
    Planned,
    RoleChange,
    Sent,
    decided,
    marks_in,
    may_get_something,
    nothing_changed,
    parts_of,
    passwords_of,
    people_of,
    rekeyed_in_plan,
    somebody_gets_something,
)
from workflows.steps.admin.judged_plan import judged
from workflows.steps.admin.status_grid import PersonStatus, status_grid
from workflows.terraform.plan import Plan
from workflows.terraform.record import PlanRecord
from workflows.terraform.results import ApplyResult

DEVOPS = {"DevOps": ("shared",)}


def test_a_plan_survives_the_journal(tmp_path: Path, record: PlanRecord) -> None:
    made = judged(record, PLAN, context(tmp_path))
    facts = {**made.as_facts(), "acknowledged": ["alias"]}
    assert Planned.from_facts(facts) == made
    assert decided(context(tmp_path, plan=facts)) == made


@pytest.mark.parametrize(("applied", "failed"), [(True, False), (False, False), (False, True)])
def test_plans_remember_whose_password_an_applied_one_made_and_for_another_key(
    tmp_path: Path, record: PlanRecord, *, applied: bool, failed: bool
) -> None:
    after = own = context(tmp_path)
    first = plan.perform(plan.Request(judged(record, PLAN, own)), own, quiet)
    facts = {**first, **({"applied": {"at": "2026-03-01T10:00:00+00:00"}} if applied else {})}
    if failed:
        result = ApplyResult(1, (LOGIN,), (USER,), ())
        keep_result(own, record, result)
    for hour in ("11", "12"):  # nobody applies these plans
        again = replace(record, plan_sha256=hour, made_at=f"2026-03-01T{hour}:00:00+00:00")
        later = context(tmp_path, **facts, **{f"{name}@security": fact for name, fact in facts.items()})
        facts |= plan.perform(plan.Request(judged(again, Plan(()), later)), later, quiet)
        after = context(tmp_path, **{"plan@security": facts["plan"]})
    for remembered in (passwords_of, rekeyed_in_plan):
        assert remembered("security", after) == (("jane.doe",) if applied or failed else ())


def test_a_sent_text_about_roles_stays_sent_until_an_apply_changes_them(
    tmp_path: Path, record: PlanRecord
) -> None:
    def at(hour: int, minute: str = "00") -> str:
        return f"2026-03-01T{hour:02}:{minute}:00+00:00"

    def marks(sent_at: str, facts: dict[str, Any]) -> Collection[str]:
        facts = {**facts, "handed_over": plain(HandedOver({"sam.okafor": Sent(sent_at)}))}
        return marks_in("security", context(tmp_path, **{f"{name}@security": facts[name] for name in facts}))

    facts, changed, again = dict[str, Any](), RoleChange(DEVOPS), RoleChange({}, DEVOPS)
    for hour, roles in ((9, changed), (11, changed), (13, again), (15, again)):
        for _ in range(2):  # planned again before it is applied
            own = context(tmp_path, **facts, **{f"{name}@security": fact for name, fact in facts.items()})
            made = judged(replace(record, made_at=at(hour)), PLAN, own)
            facts |= plan.perform(plan.Request(replace(made, roles={"sam.okafor": roles})), own, quiet)
        facts["applied"] = {"at": at(hour + 1)}
        own_time = at(10 if roles is changed else 14, "30")
        assert "sam.okafor" in marks(own_time, facts)
        assert ("sam.okafor" in marks(at(10, "30"), facts)) is (roles is changed)
        assert "sam.okafor" not in marks(at(9, "30"), facts)


ADDED = {"user_changes": {"add": {"security": ["jane.doe"]}}}
REKEYED = {
    "rekeying": ["sam.lee"],
    "keys": {
        "sam.lee": {
            "text": "KEY",
            "resets": {"security": {"file": "keys/sam.lee", "passwords": ["sam.lee"]}},
        }
    },
}
REGROUPED = {
    "regrouping": ["sam.lee"],
    "memberships": {"security": {"sam.lee": {"add": ["ops"], "remove": []}}},
}
SWITCHED = {"user_changes": {"access": {"security": {"sam.lee": {"login_profile": True}}}}}


@pytest.mark.parametrize(
    ("facts", "made", "found"),
    [
        (ADDED, {}, {"jane.doe": BOTH}),
        (ADDED, {"left_out": ["jane.doe"]}, {}),
        (SWITCHED, {}, {"sam.lee": {PASSWORD}}),
        ({}, {"passwords": ["sam.lee"], "access_keys": ["sam.lee"]}, {"sam.lee": BOTH}),
        ({}, {"access_keys": ["machine.ci"]}, {"machine.ci": {ACCESS_KEY}}),
        ({}, {"roles": {"sam.lee": {"came": {"DevOps": ["shared"]}, "went": {}}}}, {"sam.lee": set()}),
        ({}, {"gone": ["alex.kim"]}, {}),
        (REKEYED, {}, {"sam.lee": BOTH}),
    ],
)
def test_who_gets_what_is_known_by_decisions_and_plan(
    tmp_path: Path, facts: dict[str, Any], made: dict[str, Any], found: dict[str, Collection[str]]
) -> None:
    own = context(tmp_path, **{"user_changes": {}, "memberships": {}, "group_changes": {}, **facts})
    own = replace(own, every={"plan@security": made})
    assert {name: parts_of(name, "security", own) for name in people_of("security", own)} == found
    assert somebody_gets_something({**own.facts, "plan": made}, "security") is bool(found)
    assert may_get_something({*found, "mary"}, "security", own) == {*found}


@pytest.mark.parametrize(
    ("facts", "may"),
    [
        ({}, False),
        ({"joining": ["jane.doe"]}, True),
        ({"joining": ["jane.doe"], "user_changes": {"add": {"management": ["jane.doe"]}}}, False),
        ({"resetting": ["jane.doe"]}, True),
        ({"resetting": ["jane.doe"], "plan": {}}, False),
        (REGROUPED, True),
        ({**REGROUPED, "plan": {}}, False),
        ({"group_changes": {"security": {"remove": ["ops"]}}}, True),
        ({"group_changes": {"management": {"remove": ["ops"]}}}, False),
    ],
)
def test_before_all_is_decided_somebody_may_get_something(facts: dict[str, Any], *, may: bool) -> None:
    assert somebody_gets_something(facts, "security") is may


def test_before_a_plan_those_of_a_removed_group_may_get_something_too(tmp_path: Path) -> None:
    asked = ("jane.doe", "sam.lee", "mary")
    for facts in ({"resetting": ["sam.lee"]}, REGROUPED):
        own = context(tmp_path, **facts)
        assert may_get_something(asked, "security", own) == {"jane.doe", "sam.lee"}
    removing = context(tmp_path, group_changes={"security": {"remove": ["ops"]}})
    assert may_get_something(asked, "security", removing) == {*asked}


@pytest.mark.parametrize(
    ("applied", "nothing"),
    [
        ({"added": 0, "changed": 0, "destroyed": 0, "elsewhere": False}, True),
        ({"added": 0, "changed": 0, "destroyed": 1, "elsewhere": False}, False),
        ({"added": 0, "changed": 0, "destroyed": 0, "elsewhere": True}, False),
        (None, False),
    ],
)
def test_an_apply_elsewhere_is_not_known_to_have_changed_nothing(
    applied: dict[str, Any] | None, *, nothing: bool
) -> None:
    assert nothing_changed(applied) is nothing


def test_people_of_a_layer_are_those_added_and_those_with_something_new(tmp_path: Path) -> None:
    made = {"passwords": ["jane.doe", "sam.okafor"], "access_keys": ["machine.ci"]}
    own = context(tmp_path, **{"plan@security": made})
    assert people_of("security", own) == ("jane.doe", "sam.okafor", "machine.ci")
    assert people_of("management", own) == ()


@pytest.mark.parametrize(
    ("applied", "passwords", "counts"),
    [
        pytest.param("2026-03-01T10:00:00+00:00", ["jane.doe"], True, id="sent after the apply"),
        pytest.param("2026-03-01T12:00:00+00:00", ["jane.doe"], False, id="her password was made anew"),
        pytest.param("2026-03-01T12:00:00+00:00", ["sam.okafor"], True, id="somebody else's was"),
    ],
)
@pytest.mark.parametrize("account", ["management", "security"])
def test_a_text_that_was_sent_before_its_password_was_made_anew_does_not_count(
    tmp_path: Path, account: str, applied: str, passwords: list[str], counts: bool
) -> None:
    sent = {"people": {"jane.doe": plain(Sent("2026-03-01T11:00:00+00:00", "copied"))}}
    facts = {
        "layers": ["management", "security"],
        "handed_over@security": sent,
        f"plan@{account}": {"passwords": passwords},
        f"applied@{account}": {"at": applied},
    }
    own = context(tmp_path, **facts)
    assert ("jane.doe" in marks_in("security", own)) is counts
    drafted = context(tmp_path, **{**facts, "handed_over@security": {}})
    assert ("jane.doe" in marks_in("security", drafted, sent)) is counts
    apart = context(tmp_path, **facts, **{"handed_over@management": {}})  # management has a separate handoff
    assert ("jane.doe" in marks_in("security", apart)) is (counts or account == "management")


def test_a_later_accounts_text_covers_an_earlier_one_only_until_that_is_applied_again(tmp_path: Path) -> None:
    sent = {"people": {"jane.doe": plain(Sent("2026-03-01T11:00:00+00:00", "copied"))}}
    facts: dict[str, Any] = {
        "layers": ["management", "security"],
        "joining": ["jane.doe"],
        "user_changes": {"add": {"management": ["jane.doe"], "security": ["jane.doe"]}},
        "handed_over@security": sent,
        **{f"plan@{account}": {"passwords": ["jane.doe"]} for account in ("management", "security")},
        "applied@security": {"at": "2026-03-01T10:00:00+00:00"},
    }
    for at, stand in (("10", PersonStatus.HANDED_OVER), ("12", PersonStatus.TO_HAND_OVER)):
        own = context(tmp_path, **facts, **{"applied@management": {"at": f"2026-03-01T{at}:00:00+00:00"}})
        ((_, (management, _security)),) = status_grid(own).rows
        assert management is stand


def test_an_apply_that_changed_nothing_makes_no_sent_text_old(tmp_path: Path) -> None:
    sent = {"people": {"jane.doe": plain(Sent("2026-03-01T11:00:00+00:00", "copied"))}}
    facts = {"handed_over@security": sent, "applied@security": {"at": "2026-03-01T12:00:00+00:00"}}
    for empty in (True, False):
        own = context(tmp_path, **facts, **{"plan@security": {"passwords": ["jane.doe"], "empty": empty}})
        assert ("jane.doe" in marks_in("security", own)) is empty
