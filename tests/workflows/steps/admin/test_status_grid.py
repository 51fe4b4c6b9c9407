"""Everybody's status, from the facts of a session and the records of an apply."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.fakes import fake_environment
from support.repository import ROOT

from workflows.core.openpgp import fingerprint_in
from workflows.core.shapes import plain
from workflows.gpg.normalise import normalise
from workflows.machine.drafts import Drafts
from workflows.machine.events import AGREES, NOT_ASKED, Observation, StepKey, Verdict
from workflows.machine.summaries import DRAFTS, Summary, keep_summary, made_from
from workflows.steps.admin.accepted_plan import Planned
from workflows.steps.admin.edits import applied_everywhere
from workflows.steps.admin.other_sessions import not_applied
from workflows.steps.admin.status_grid import PersonStatus, status_grid
from workflows.steps.decisions import Comparison, Decisions
from workflows.steps.shared.module import Context
from workflows.terraform.record import PlanRecord
from workflows.terraform.results import ApplyResult

FACTS: dict[str, Any] = {
    "layers": ["management", "security"],
    "joining": ["jane.doe", "juan.delacruz"],
    "leaving": ["alex.kim"],
    "regrouping": [],
    "rekeying": [],
    "resetting": [],
}
DECIDED: dict[str, Any] = {
    "keys": {"jane.doe": {"text": "x"}, "juan.delacruz": {"text": "y"}},
    "user_changes": {
        "add": {"management": ["jane.doe"], "security": ["jane.doe", "juan.delacruz"]},
        "remove": {"security": ["alex.kim"]},
    },
    "memberships": {"management": {"sam.okafor": {"add": ["admins"], "remove": []}}},
}
APPLIED = {"at": "2026-03-01T10:00:00+00:00", "elsewhere": False}


def plan_facts(tmp_path: Path, **changes: Any) -> dict[str, Any]:
    record = PlanRecord(tmp_path / "p.tfplan", "sha", tmp_path, (), {}, "", "Terraform 1.15.5", "now")
    owners = {f"aws_iam_user.{name}": (name,) for name in ("jane.doe", "juan.delacruz", "alex.kim")}
    made = Planned(record, (), {"add": 2, "change": 0, "destroy": 1}, owners=owners, passwords=("jane.doe",))
    return {**made.as_facts(), **changes}


def grid(tmp_path: Path, **facts: Any) -> dict[str, dict[str, PersonStatus]]:
    every = {**FACTS, **{name.replace("__", "@"): value for name, value in facts.items()}}
    context = Context(
        fake_environment(tmp_path, {}), every, every, "", tmp_path / "session", threading.Event()
    )
    found = status_grid(context)
    return {name: dict(zip(found.accounts, stands, strict=True)) for name, stands in found.rows}


def ended(tmp_path: Path, result: ApplyResult, sha: str = "sha") -> None:
    folder = tmp_path / "session/terraform/security"
    folder.mkdir(parents=True)
    (folder / "apply.json").write_text(json.dumps({"plan_sha256": sha, "result": plain(result)}))


def test_before_anything_is_decided_those_whose_key_is_awaited_are_told(tmp_path: Path) -> None:
    found = grid(tmp_path, keys={"jane.doe": {"text": "x"}})
    assert found["jane.doe"] == {"management": PersonStatus.TO_DECIDE, "security": PersonStatus.TO_DECIDE}
    assert found["juan.delacruz"]["security"] is PersonStatus.KEY_AWAITED
    assert found["alex.kim"]["security"] is PersonStatus.TO_DECIDE
    assert grid(tmp_path, layers=[]) == {"jane.doe": {}, "juan.delacruz": {}, "alex.kim": {}}


def test_somebody_is_decided_on_once_users_and_groups_are_done(tmp_path: Path) -> None:
    facts = {"regrouping": ["sam.okafor"], "keys": DECIDED["keys"], "user_changes": DECIDED["user_changes"]}
    after_users = grid(tmp_path, **facts)
    assert after_users["jane.doe"]["management"] is PersonStatus.TO_DECIDE
    assert after_users["juan.delacruz"] == {
        "management": PersonStatus.NOT_HERE,
        "security": PersonStatus.TO_DECIDE,
    }
    assert after_users["sam.okafor"] == dict.fromkeys(("management", "security"), PersonStatus.TO_DECIDE)
    assert after_users["alex.kim"] == {"management": PersonStatus.NOT_HERE, "security": PersonStatus.DECIDED}
    after_groups = grid(tmp_path, **facts, memberships=DECIDED["memberships"])
    assert after_groups["jane.doe"]["management"] is PersonStatus.DECIDED
    assert after_groups["sam.okafor"] == {
        "management": PersonStatus.DECIDED,
        "security": PersonStatus.NOT_HERE,
    }


@pytest.mark.parametrize(
    ("answer", "stand"),
    [
        ("", PersonStatus.KEY_TO_COMPARE),
        (Comparison.LATER, PersonStatus.KEY_TO_COMPARE),
        (Comparison.SAME, PersonStatus.TO_DECIDE),
    ],
)
def test_a_key_that_came_while_others_are_awaited_is_to_be_compared(
    tmp_path: Path, answer: str, stand: PersonStatus
) -> None:
    text = normalise((ROOT / "tests/support/keys/jane.doe.asc").read_bytes()).text
    answers = {"jane.doe": [fingerprint_in(text.encode()), answer]} if answer else {}
    drafts = Drafts(tmp_path / "session" / DRAFTS)
    drafts.save(StepKey("pgp-keys"), {"texts": {"jane.doe": text}, "answers": answers})
    found = grid(tmp_path)
    assert found["jane.doe"] == {"management": stand, "security": stand}
    assert found["juan.delacruz"]["security"] is PersonStatus.KEY_AWAITED
    drafts.save(StepKey("pgp-keys"), {"texts": 5})
    assert grid(tmp_path)["jane.doe"]["security"] is PersonStatus.KEY_AWAITED
    drafts.save(StepKey("pgp-keys"), {"arrived": ["jane.doe"]})
    assert grid(tmp_path)["jane.doe"]["security"] is PersonStatus.REQUEST_ARRIVED


def test_a_key_that_was_taken_in_uncompared_is_to_be_compared(tmp_path: Path) -> None:
    facts = {**DECIDED, "comparisons": {"jane.doe": "later"}}
    assert grid(tmp_path, **facts)["jane.doe"]["security"] is PersonStatus.KEY_TO_COMPARE
    assert grid(tmp_path, **facts)["juan.delacruz"]["security"] is PersonStatus.DECIDED
    assert grid(tmp_path, **facts, changed_files=[])["jane.doe"]["security"] is PersonStatus.WRITTEN


def test_a_key_that_is_not_its_owners_is_shown_where_it_came_into_an_account(tmp_path: Path) -> None:
    facts = {
        **DECIDED,
        "comparisons": {"jane.doe": "differs"},
        "changed_files": [],
        "plan__management": {**plan_facts(tmp_path), "passwords": ["jane.doe"]},
        "applied__management": APPLIED,
    }
    found = grid(tmp_path, **facts)
    joins = Decisions.from_facts(DECIDED).keyed_in
    for account in ("management", "security"):
        rejected = found["jane.doe"][account] is PersonStatus.KEY_REJECTED
        assert rejected is ("jane.doe" in joins(account))
        assert found["juan.delacruz"][account] is not PersonStatus.KEY_REJECTED


@pytest.mark.parametrize(
    ("applied", "everywhere"), [((), False), (("management",), False), (("management", "security"), True)]
)
def test_a_key_is_in_use_everywhere_only_after_each_apply(
    tmp_path: Path, applied: tuple[str, ...], *, everywhere: bool
) -> None:
    facts = {
        "layers": ["management", "security"],
        "keys": {"jane.doe": {"text": "x"}},
        "user_changes": {"add": {"management": ["jane.doe"], "security": ["jane.doe"]}, "remove": {}},
    }
    every = {**facts, **{f"applied@{account}": APPLIED for account in applied}}
    context = Context(fake_environment(tmp_path, {}), facts, every, "", tmp_path)
    assert applied_everywhere("jane.doe", context) is everywhere


def test_each_account_goes_its_own_way(tmp_path: Path) -> None:
    found = grid(
        tmp_path,
        **DECIDED,
        changed_files=[],
        plan__management={**plan_facts(tmp_path), "passwords": ["jane.doe"]},
        applied__management=APPLIED,
        plan__security=plan_facts(tmp_path),
    )
    assert found == {
        "jane.doe": {"management": PersonStatus.TO_HAND_OVER, "security": PersonStatus.PLANNED},
        "juan.delacruz": {"management": PersonStatus.NOT_HERE, "security": PersonStatus.PLANNED},
        "alex.kim": {"management": PersonStatus.NOT_HERE, "security": PersonStatus.PLANNED},
        "sam.okafor": {"management": PersonStatus.APPLIED, "security": PersonStatus.NOT_HERE},
    }
    assert grid(tmp_path, **DECIDED, changed_files=[])["sam.okafor"]["management"] is PersonStatus.WRITTEN
    nothing = {**APPLIED, "added": 0, "changed": 0, "destroyed": 0}
    unchanged = grid(tmp_path, **DECIDED, plan__management=plan_facts(tmp_path), applied__management=nothing)
    assert unchanged["sam.okafor"]["management"] is PersonStatus.UNCHANGED


def test_a_later_text_holds_the_earlier_accounts_part(tmp_path: Path) -> None:
    facts = {
        **DECIDED,
        "plan__management": plan_facts(tmp_path),
        "applied__management": APPLIED,
        "plan__security": plan_facts(tmp_path),
        "applied__security": APPLIED,
    }
    sent = {"jane.doe": {"sent_at": "2026-03-01T11:00:00+00:00", "how": "copied"}}
    later = grid(tmp_path, **facts, handed_over__security={"people": sent})
    assert later["jane.doe"] == {"management": PersonStatus.HANDED_OVER, "security": PersonStatus.HANDED_OVER}
    assert later["juan.delacruz"]["security"] is PersonStatus.TO_HAND_OVER
    assert later["alex.kim"]["security"] is PersonStatus.REMOVED
    nobody = {**facts, "plan__security": {**plan_facts(tmp_path), "absent": ["alex.kim"]}}
    assert grid(tmp_path, **nobody)["alex.kim"]["security"] is PersonStatus.NO_USER
    earlier = grid(tmp_path, **facts, handed_over__management={"people": sent})
    assert earlier["jane.doe"] == {
        "management": PersonStatus.HANDED_OVER,
        "security": PersonStatus.TO_HAND_OVER,
    }


@pytest.mark.parametrize(
    ("exit_code", "jane", "juan"),
    [
        (1, PersonStatus.TO_HAND_OVER, PersonStatus.HALF_DONE),
        (None, PersonStatus.HALF_DONE, PersonStatus.HALF_DONE),
    ],
    ids=["failed", "killed"],
)
def test_an_apply_that_stopped_on_the_way_is_told_by_person(
    tmp_path: Path, exit_code: int | None, jane: PersonStatus, juan: PersonStatus
) -> None:
    result = ApplyResult(exit_code, ("aws_iam_user.jane.doe",), ("aws_iam_user.juan.delacruz",), ())
    ended(tmp_path, result)
    found = grid(tmp_path, **DECIDED, plan__security=plan_facts(tmp_path))
    assert (found["jane.doe"]["security"], found["juan.delacruz"]["security"]) == (jane, juan)


def test_an_apply_that_changed_nothing_leaves_everybody_planned(tmp_path: Path) -> None:
    ended(tmp_path, ApplyResult(1, (), (), ()))
    found = grid(tmp_path, **DECIDED, plan__security=plan_facts(tmp_path))
    assert found["jane.doe"]["security"] is PersonStatus.PLANNED


def test_how_an_older_plan_ended_says_nothing_of_this_one(tmp_path: Path) -> None:
    ended(tmp_path, ApplyResult(1, (), ("aws_iam_user.jane.doe",), ()), sha="older")
    found = grid(tmp_path, **DECIDED, plan__security=plan_facts(tmp_path))
    assert found["jane.doe"]["security"] is PersonStatus.PLANNED


def test_a_new_password_is_wanted_wherever_nobody_has_planned_yet(tmp_path: Path) -> None:
    facts = {**DECIDED, "resetting": ["sam.okafor"], "memberships": {}}
    found = grid(tmp_path, **facts, plan__security={**plan_facts(tmp_path), "passwords": []})
    assert found["sam.okafor"] == {"management": PersonStatus.DECIDED, "security": PersonStatus.NOT_HERE}


def test_whom_an_accepted_plan_removed_besides_is_gone_and_got_no_password(tmp_path: Path) -> None:
    facts = {"joining": [], "leaving": [], "resetting": ["alex.kim"], "layers": ["security"]}
    plan = plan_facts(tmp_path, passwords=[], gone=["alex.kim"])
    assert grid(tmp_path, **facts, plan__security=plan)["alex.kim"]["security"] is PersonStatus.PLANNED
    found = grid(tmp_path, **facts, plan__security=plan, applied__security=APPLIED)
    assert found["alex.kim"]["security"] is PersonStatus.REMOVED_SINCE


def test_where_a_lost_device_is_removed_is_shown_account_by_account(tmp_path: Path) -> None:
    accounts = ["management", "security", "shared", "network"]
    facts = {"layers": accounts, "mfa_reset": ["sam.okafor"], "regrouping": ["dana.lopez"]}
    facts["memberships"] = {"shared": {"sam.okafor": {"add": ["x"], "remove": []}}}
    gone = {"at": "", "people": {"sam.okafor": ["arn"]}, "none": []}
    resets = {"management": gone, "security": {**gone, "people": {}, "none": ["sam.okafor"]}, "shared": gone}
    del gone["none"]  # as older sessions have it
    every = {**facts, **{f"mfa_devices_reset@{account}": reset for account, reset in resets.items()}}
    context = Context(fake_environment(tmp_path, {}), facts, every, "", tmp_path / "session")
    here = [PersonStatus.DEVICE_REMOVED, PersonStatus.NO_DEVICE, PersonStatus.DECIDED]
    assert dict(status_grid(context).rows)["sam.okafor"] == (*here, PersonStatus.DEVICE_TO_REMOVE)
    for verdict, about, management in (
        (Verdict.AS_DECIDED, (), PersonStatus.NEW_DEVICE),
        (Verdict.AWAITED, ("another",), PersonStatus.NEW_DEVICE),
        (Verdict.AWAITED, ("sam.okafor",), PersonStatus.DEVICE_REMOVED),
        (Verdict.UNKNOWN, (), PersonStatus.DEVICE_REMOVED),
    ):
        looks = {StepKey("mfa-reset", "management"): Observation(verdict, about=about)}
        assert dict(status_grid(replace(context, observed=looks)).rows)["sam.okafor"][0] is management
    skipped = replace(context, skipped=frozenset({StepKey("mfa-reset", "network")}))
    assert dict(status_grid(skipped).rows)["sam.okafor"] == (*here, PersonStatus.DEVICE_KEPT)
    drafts = Drafts(tmp_path / "session" / DRAFTS)
    for draft, stand in (
        ({"people": {"sam.okafor": ["arn"]}, "none": []}, PersonStatus.DEVICE_REMOVED),
        ({"people": {}, "none": ["sam.okafor"]}, PersonStatus.NO_DEVICE),
        ({"people": {}, "none": 5}, PersonStatus.DEVICE_TO_REMOVE),
    ):
        drafts.save(StepKey("mfa-reset", "network"), draft)
        assert dict(status_grid(context).rows)["sam.okafor"] == (*here, stand)


def test_nobody_is_done_for_whom_nothing_is_decided_yet(tmp_path: Path) -> None:
    facts = {
        "layers": ["management"],
        "regrouping": ["sam.okafor"],
        "user_changes": {"add": {}, "remove": {}},
        "memberships": {},
    }
    environment = fake_environment(tmp_path, {})
    context = Context(environment, facts, facts, "", tmp_path / "session", threading.Event())
    assert status_grid(context).rows == (("sam.okafor", (PersonStatus.NOT_HERE,)),)
    assert status_grid(context).sentence


@pytest.mark.parametrize(
    ("look", "changed"),
    [
        ({"about": ("juan.delacruz",)}, {("juan.delacruz", "security")}),
        ({"about": ("security", "juan.delacruz")}, {("juan.delacruz", "security")}),
        ({"by_item": {"management": ("sam.okafor",)}}, {("sam.okafor", "management")}),
        ({"by_item": {"management": ()}}, {("sam.okafor", "management"), ("jane.doe", "management")}),
        (
            {"about": ("a file",)},
            {
                ("sam.okafor", "management"),
                ("jane.doe", "management"),
                ("jane.doe", "security"),
                ("juan.delacruz", "security"),
                ("alex.kim", "security"),
            },
        ),
    ],
)
def test_a_contradiction_is_shown_only_where_it_is_about_somebody(
    tmp_path: Path, look: dict[str, Any], changed: set[tuple[str, str]]
) -> None:
    facts, key = {**FACTS, **DECIDED, "changed_files": []}, StepKey("groups")
    context = Context(fake_environment(tmp_path, {}), facts, facts, "", tmp_path / "session")
    seen = {key: Observation(Verdict.CHANGED, **look)}
    found = status_grid(replace(context, contradicted=frozenset({key}), observed=seen))
    shown = {
        (name, account)
        for name, stands in found.rows
        for account, stand in zip(found.accounts, stands, strict=True)
        if stand is PersonStatus.CHANGED
    }
    assert shown == changed


def test_who_was_added_again_is_not_removed_since_because_the_same_sessions_removed_others(
    tmp_path: Path,
) -> None:
    facts = {
        "layers": ["security"],
        "joining": ["jane.doe"],
        "leaving": ["alex.kim"],
        "user_changes": {"add": {"security": ["jane.doe"]}, "remove": {"security": ["alex.kim"]}},
        "applied@security": APPLIED,
    }
    back = Observation(Verdict.REVERTED, "", ("alex.kim", "jane.doe"))
    observed = {StepKey(step, "security"): back for step in ("apply", "hand-over")}
    context = Context(fake_environment(tmp_path, {}), facts, facts, "", tmp_path, observed=observed)
    found = {"jane.doe": (PersonStatus.REMOVED_SINCE,), "alex.kim": (PersonStatus.ADDED_SINCE,)}
    assert dict(status_grid(context).rows) == found


@pytest.mark.parametrize(
    ("seen", "password", "stand"),
    [
        (NOT_ASKED, True, PersonStatus.HANDED_OVER),
        (Observation(Verdict.AWAITED, "", ("jane.doe",)), True, PersonStatus.AWAITED),
        (Observation(Verdict.AWAITED, "", ("juan.delacruz",)), True, PersonStatus.SIGNED_IN),
        (AGREES, True, PersonStatus.SIGNED_IN),
        (AGREES, False, PersonStatus.HANDED_OVER),
    ],
)
def test_who_was_handed_over_is_awaited_until_aws_has_seen_them(
    tmp_path: Path, seen: Observation, password: bool, stand: PersonStatus
) -> None:
    facts = {
        "layers": ["security"],
        "joining": ["jane.doe"],
        "user_changes": {"add": {"security": ["jane.doe"]}, "remove": {}},
        "plan@security": {"passwords": ["jane.doe"] if password else []},
        "applied@security": APPLIED,
        "handed_over@security": {"people": {"jane.doe": {"sent_at": "2026-03-01T11:00:00+00:00"}}},
    }
    environment = fake_environment(tmp_path, {})
    observed = {StepKey("hand-over", "security"): seen}
    context = Context(
        environment, facts, facts, "", tmp_path / "session", threading.Event(), observed=observed
    )
    assert status_grid(context).rows == (("jane.doe", (stand,)),)


@pytest.mark.parametrize(
    ("by_item", "management"),
    [({}, PersonStatus.AWAITED), ({"security": ("jane.doe",)}, PersonStatus.SIGNED_IN)],
)
@pytest.mark.parametrize("by", ["a text of its own first", "one text"])
def test_a_part_that_was_left_to_a_later_text_is_asked_about_with_that_one(
    tmp_path: Path, by: str, by_item: dict[str, tuple[str, ...]], management: PersonStatus
) -> None:
    sent = {"people": {"jane.doe": {"sent_at": "2026-03-01T11:00:00+00:00"}}}
    layers = ["management", "security"]
    facts = {
        "layers": layers,
        "joining": ["jane.doe"],
        "user_changes": {"add": {account: ["jane.doe"] for account in layers}, "remove": {}},
        **{f"plan@{account}": {"passwords": ["jane.doe"]} for account in layers},
        **{f"applied@{account}": APPLIED for account in layers},
        "handed_over@security": sent,
    }
    if by == "a text of its own first":  # the step was skipped afterwards
        Drafts(tmp_path / "session" / DRAFTS).save(StepKey("hand-over", "management"), sent)
    awaited = Observation(Verdict.AWAITED, "", ("jane.doe",), by_item=by_item)
    seen = {StepKey("hand-over", "security"): awaited}
    folder, stop = tmp_path / "session", threading.Event()
    context = Context(fake_environment(tmp_path, {}), facts, facts, "", folder, stop, observed=seen)
    assert status_grid(context).rows == (("jane.doe", (management, PersonStatus.AWAITED)),)


@pytest.mark.parametrize(
    ("later", "stand"),
    [
        ({}, PersonStatus.TO_HAND_OVER),
        ({"resetting": ["b"]}, PersonStatus.MADE_LATER),
        ({"leaving": ["b"], "user_changes": {"remove": {"security": ["b"]}}}, PersonStatus.REMOVED_SINCE),
    ],
)
def test_what_an_apply_made_besides_is_not_to_be_handed_over_once_a_later_session_dealt_with_it(
    tmp_path: Path, later: dict[str, Any], stand: PersonStatus
) -> None:
    facts = {
        "project_root": "/bb",
        "layers": ["security"],
        "joining": ["jane.doe"],
        "user_changes": {"add": {"security": ["jane.doe"]}, "remove": {}},
        "plan@security": {"passwords": ["jane.doe", "b"]},
        "applied@security": APPLIED,
        "handed_over@security": {"people": {"jane.doe": {"sent_at": "2026-03-01T11:00:00+00:00"}}},
    }
    sessions = {
        "own": Summary("own", "admin", "2026-03-01T09:00:00+00:00", facts=facts),
        "later": Summary(
            "later",
            "admin",
            "2026-03-02T09:00:00+00:00",
            facts={"project_root": "/bb", "layers": ["security"], **later},
            settled={"apply@security": "2026-03-02T10:00:00+00:00"},
        ),
    }
    for name, summary in sessions.items():
        (tmp_path / name).mkdir()
        keep_summary(tmp_path / name, summary, made_from(tmp_path / name))
    context = Context(fake_environment(tmp_path, {}), facts, facts, "", tmp_path / "own")
    assert dict(status_grid(context).rows) == {"jane.doe": (PersonStatus.HANDED_OVER,), "b": (stand,)}
    if later:
        sent = {"people": {"b": {"sent_at": "2026-03-01T11:00:00+00:00"}}}
        there = replace(context, every={**facts, "handed_over@security": sent})
        assert dict(status_grid(there).rows)["b"] == (stand,)


@pytest.mark.parametrize("applied", [True, False])
def test_what_another_session_applied_since_it_was_written_is_not_only_written(
    tmp_path: Path, *, applied: bool
) -> None:
    facts = {**FACTS, **DECIDED, "project_root": "/bb", "changed_files": [], "resetting": ["b"]}
    times = {"plan@security": "2026-03-02T10:00:00+00:00", "apply@security": "2026-03-02T11:00:00+00:00"}
    review = {"review": "2026-03-01T10:00:00+00:00"}
    sessions = {
        "own": Summary("own", "admin", facts=facts, settled=review, next_step="plan"),
        "other": Summary("other", "admin", facts={"project_root": "/bb"}, settled=times if applied else {}),
    }
    for name, summary in sessions.items():
        (tmp_path / name).mkdir()
        keep_summary(tmp_path / name, summary, made_from(tmp_path / name))
    context = Context(fake_environment(tmp_path, {}), facts, facts, "", tmp_path / "own")
    found = status_grid(context)
    stands = {name: dict(zip(found.accounts, row, strict=True)) for name, row in found.rows}
    there = PersonStatus.APPLIED_ELSEWHERE if applied else PersonStatus.WRITTEN
    assert (stands["jane.doe"]["security"], stands["jane.doe"]["management"]) == (there, PersonStatus.WRITTEN)
    assert stands["b"]["security"] is PersonStatus.WRITTEN, "nobody wrote a new password"
    of_other = replace(context, folder=tmp_path / "other")
    for layer in ("management", "security"):
        seen = replace(of_other, facts={**facts, "layers": [layer]})
        assert bool([*not_applied(seen)]) is not (applied and layer == "security")


SAID_SENT = {"people": {"jane.doe": {"sent_at": "2026-03-01T11:00:00+00:00", "by_hand": True}}}


@pytest.mark.parametrize(
    ("draft", "stand"),
    [
        ({"people": {"jane.doe": {"sent_at": "2026-03-01T11:00:00+00:00"}}}, PersonStatus.HANDED_OVER),
        (SAID_SENT, PersonStatus.SAID_SENT),
        ({"people": 5}, PersonStatus.TO_HAND_OVER),
        ({}, PersonStatus.TO_HAND_OVER),
    ],
)
def test_what_hand_over_has_marked_counts_before_it_is_left(
    tmp_path: Path, draft: dict[str, Any], stand: PersonStatus
) -> None:
    facts = {
        "layers": ["security"],
        "joining": ["jane.doe"],
        "user_changes": {"add": {"security": ["jane.doe"]}, "remove": {}},
        "plan@security": {"passwords": ["jane.doe"]},
        "applied@security": APPLIED,
    }
    Drafts(tmp_path / "session" / DRAFTS).save(StepKey("hand-over", "security"), draft)
    context = Context(
        fake_environment(tmp_path, {}), facts, facts, "", tmp_path / "session", threading.Event()
    )
    assert status_grid(context).rows == (("jane.doe", (stand,)),)


def test_what_the_person_said_is_no_more_than_that_until_aws_has_seen_it(tmp_path: Path) -> None:
    facts = {
        "layers": ["security"],
        "joining": ["jane.doe"],
        "user_changes": {"add": {"security": ["jane.doe"]}, "remove": {}},
        "plan@security": {"passwords": ["jane.doe"]},
        "applied@security": APPLIED,
        "handed_over@security": SAID_SENT,
    }
    stop, key = threading.Event(), StepKey("hand-over", "security")
    for seen, stand in (
        (NOT_ASKED, PersonStatus.SAID_SENT),
        (Observation(Verdict.AWAITED, about=("jane.doe",)), PersonStatus.SAID_AWAITED),
        (AGREES, PersonStatus.SIGNED_IN),
    ):
        environment = fake_environment(tmp_path, {})
        context = Context(environment, facts, facts, "", tmp_path, stop, observed={key: seen})
        grid = status_grid(context)
        assert grid.rows == (("jane.doe", (stand,)),)
        assert not grid.open_in("security")
        assert (stand.mark == PersonStatus.HANDED_OVER.mark) is (stand is PersonStatus.SIGNED_IN)


@pytest.mark.parametrize(
    ("about", "changed"),
    [
        (("jane.doe",), {"jane.doe"}),
        (("a hash",), {"jane.doe", "sam.okafor"}),
        ((), {"jane.doe", "sam.okafor"}),
    ],
)
def test_a_contradiction_that_is_about_somebody_is_about_nobody_else(
    tmp_path: Path, about: tuple[str, ...], changed: set[str]
) -> None:
    key, names = StepKey("hand-over", "security"), ["jane.doe", "sam.okafor"]
    sent = {name: {"sent_at": "2026-03-01T11:00:00+00:00"} for name in names}
    facts = {
        "layers": ["security"],
        "joining": names,
        "user_changes": {"add": {"security": names}, "remove": {}},
        "plan@security": {"passwords": names},
        "applied@security": APPLIED,
        "handed_over@security": {"people": sent},
    }
    context = Context(
        fake_environment(tmp_path, {}),
        facts,
        facts,
        "",
        tmp_path / "session",
        threading.Event(),
        contradicted=frozenset({key}),
        observed={key: Observation(Verdict.GONE, "", about)},
    )
    assert {name for name, (stand,) in status_grid(context).rows if stand is PersonStatus.CHANGED} == changed


@pytest.mark.parametrize(
    ("meant", "stand"), [(False, PersonStatus.CHANGED), (True, PersonStatus.CHANGE_MEANT)]
)
def test_what_isnt_as_it_was_applied_concerns_those_it_is_about_until_it_is_meant(
    tmp_path: Path, stand: PersonStatus, *, meant: bool
) -> None:
    key, names = StepKey("apply", "security"), ["jane.doe", "sam.okafor"]
    facts = {
        "layers": ["security"],
        "joining": names,
        "user_changes": {"add": {"security": names}, "remove": {}},
        "plan@security": {"passwords": names},
        "applied@security": APPLIED,
    }
    look = Observation(Verdict.UNDONE, "", ("a line",), by_item={"security": ("jane.doe",)})
    contradicted = frozenset[StepKey]() if meant else frozenset({key})
    context = Context(
        *(fake_environment(tmp_path, {}), facts, facts, "", tmp_path / "session", threading.Event()),
        contradicted=contradicted,
        observed={key: look},
    )
    assert [stands for _, stands in status_grid(context).rows] == [(stand,), (PersonStatus.TO_HAND_OVER,)]


def test_no_key_is_awaited_where_the_files_lack_the_person_by_a_later_session(tmp_path: Path) -> None:
    facts = {"layers": ["management", "security"], "rekeying": ["jane.doe"]}
    gone = Observation(Verdict.REVERTED, by_item={"security": ("jane.doe",)})
    context = Context(
        fake_environment(tmp_path, {}), facts, facts, "", tmp_path, observed={StepKey("project"): gone}
    )
    assert status_grid(context).rows == (
        ("jane.doe", (PersonStatus.KEY_AWAITED, PersonStatus.GONE_FROM_FILES)),
    )
