"""A plan as it is judged: what is foreign, whether it still stands, and who is done after its apply."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from support.fakes import fake_environment
from support.sample_plan import LOGIN, PLAN, USER, context, keep_result

from workflows.core.sentences import Sentence, text_of
from workflows.core.shapes import plain, read
from workflows.machine.events import Verdict
from workflows.steps.admin import plan
from workflows.steps.admin.accepted_plan import ChangeLine
from workflows.steps.admin.judged_plan import causes, judged, kept_in_use, staleness, standing, unfinished
from workflows.steps.admin.terraform_runs import run_folder
from workflows.steps.shared.module import Context
from workflows.terraform.plan import Action, Line, OutputChange, Plan, ResourceChange, Sort
from workflows.terraform.record import PlanRecord, file_sha256, hash_sources
from workflows.terraform.results import ApplyResult, Trouble

CREATE, UPDATE, REPLACE, DELETE = Action.CREATE, Action.UPDATE, Action.REPLACE, Action.DELETE
ADDED = {
    "user_changes": {"add": {"security": ["jane.doe"]}},
    "memberships": {"security": {"jane.doe": {"add": ["DevOps"], "remove": []}}},
}
REMOVED = {"user_changes": {"remove": {"security": ["jane.doe"]}}}
REGROUPED = {"memberships": {"security": {"jane.doe": {"add": [], "remove": ["devops"]}}}}
RESET = {"resetting": ["jane.doe"]}
SWITCHED = {"user_changes": {"access": {"security": {"jane.doe": {"access_key": True}}}}}
ONLY_NAMED = {"named": ["jane.doe"]}


def own(kind: str, action: Action, address: str = "") -> ResourceChange:
    where = address or f'module.user["jane.doe"].{kind}.this[0]'
    return ResourceChange(where, kind, action, user="jane.doe")


def members(group: str, joining: tuple[str, ...] = (), leaving: tuple[str, ...] = ()) -> ResourceChange:
    address = f"module.{group}.aws_iam_group_membership.this[0]"
    kind = "aws_iam_group_membership"
    return ResourceChange(address, kind, UPDATE, group=group, joining=joining, leaving=leaving)


JOINS_ADMINS = members("admins", joining=("jane.doe",))
JOINS_DEVOPS = members("devops", joining=("jane.doe",))
LEAVES_DEVOPS = members("devops", leaving=("jane.doe",))
ADMINISTRATOR = own(
    "aws_iam_user_policy_attachment", CREATE, "aws_iam_user_policy_attachment.jane_is_administrator"
)
OWN_POLICY = own("aws_iam_user_policy_attachment", CREATE)


def judge(tmp_path: Path, facts: dict[str, Any], *changes: ResourceChange) -> tuple[ChangeLine, ...]:
    known = {"layers": ["security"], "project_root": str(tmp_path), **facts}
    context = Context(fake_environment(tmp_path, {}), known, known, "security", tmp_path / "session")
    record = PlanRecord(tmp_path / "plan", "", tmp_path, (), {}, "", "", "")
    return judged(record, Plan(changes), context).foreign


def foreign(tmp_path: Path, facts: dict[str, Any], *changes: ResourceChange) -> list[str]:
    return [change.address for change in judge(tmp_path, facts, *changes)]


@pytest.mark.parametrize(
    ("facts", "meant"),
    [
        (ADDED, own("aws_iam_user", CREATE)),
        (ADDED, own("aws_iam_user", UPDATE)),
        (ADDED, own("aws_iam_user_login_profile", CREATE)),
        (ADDED, own("aws_iam_user_login_profile", CREATE, "aws_iam_user_login_profile.jane")),
        (ADDED, JOINS_DEVOPS),
        (REMOVED, own("aws_iam_user", DELETE)),
        (REMOVED, own("aws_iam_user_policy_attachment", DELETE)),
        (REMOVED, LEAVES_DEVOPS),
        (REGROUPED, LEAVES_DEVOPS),
        (RESET, own("aws_iam_user_login_profile", REPLACE)),
        (SWITCHED, own("aws_iam_access_key", CREATE)),
        (ONLY_NAMED, JOINS_ADMINS),
        (ONLY_NAMED, ADMINISTRATOR),
    ],
)
def test_what_was_decided_about_a_person_is_meant(
    tmp_path: Path, facts: dict[str, Any], meant: ResourceChange
) -> None:
    assert foreign(tmp_path, facts, meant) == []


@pytest.mark.parametrize(
    ("facts", "unmeant"),
    [
        (ADDED, JOINS_ADMINS),
        (ADDED, LEAVES_DEVOPS),
        (ADDED, members("devops", joining=("jane.doe", "alex.kim"))),
        (ADDED, ADMINISTRATOR),
        (ADDED, own("aws_iam_user", DELETE)),
        (ADDED, own("aws_iam_user_login_profile", DELETE)),
        (REMOVED, JOINS_DEVOPS),
        (REMOVED, own("aws_iam_user_login_profile", CREATE)),
        (REGROUPED, JOINS_DEVOPS),
        (REGROUPED, own("aws_iam_user_login_profile", DELETE)),
        (RESET, own("aws_iam_user", UPDATE)),
        (RESET, JOINS_ADMINS),
        (SWITCHED, own("aws_iam_access_key", DELETE)),
        (SWITCHED, own("aws_iam_user_login_profile", CREATE)),
    ],
)
def test_what_nobody_decided_about_a_person_is_foreign(
    tmp_path: Path, facts: dict[str, Any], unmeant: ResourceChange
) -> None:
    assert foreign(tmp_path, facts, unmeant) == [unmeant.address]


def test_of_a_group_only_what_nobody_chose_is_foreign(tmp_path: Path) -> None:
    both = members("devops", joining=("jane.doe", "alex.kim"), leaving=("sam.okafor",))
    (change,) = judge(tmp_path, ADDED, both)
    assert change.people == ("alex.kim", "sam.okafor")
    assert "jane.doe" not in text_of(change.words)
    unknown = replace(both, joining=("jane.doe",), leaving=(), members_unknown=True)
    assert [change.people for change in judge(tmp_path, ADDED, unknown)] == [("jane.doe",)]


def test_what_a_persons_own_module_makes_comes_with_them(tmp_path: Path) -> None:
    assert foreign(tmp_path, ADDED, own("aws_iam_user", CREATE), OWN_POLICY) == []
    assert foreign(tmp_path, ADDED, OWN_POLICY) == [OWN_POLICY.address]
    shared = replace(OWN_POLICY, group="admins")
    assert foreign(tmp_path, ADDED, own("aws_iam_user", CREATE), shared) == [shared.address]


def test_a_join_is_foreign_in_a_group_of_which_only_the_policies_were_edited(tmp_path: Path) -> None:
    edited = {"group_changes": {"security": {"policies": {"admins": {"add": ["X"]}}}}}
    assert foreign(tmp_path, {**ADDED, **edited}, JOINS_ADMINS) == [JOINS_ADMINS.address]
    made = {"group_changes": {"security": {"add": [{"name": "admins", "sibling": "devops"}]}}}
    assert foreign(tmp_path, {**ADDED, **made}, JOINS_ADMINS) == []


def test_a_change_about_somebody_else_is_foreign(tmp_path: Path) -> None:
    both = members("devops", joining=("jane.doe",), leaving=("a.example",))
    changes = (own("aws_iam_user", CREATE), own("aws_iam_user", Action.NOTHING, "moved.jane"), both)
    assert foreign(tmp_path, {"named": ["b.sample"]}, *changes) == [change.address for change in changes]
    assert foreign(tmp_path, ONLY_NAMED, *changes) == [both.address]  # a.example leaves as well
    assert foreign(tmp_path, {"named": ["jane.doe", "a.example"]}, *changes) == []
    unknown = replace(JOINS_DEVOPS, members_unknown=True)
    assert foreign(tmp_path, ONLY_NAMED, unknown) == [unknown.address]


@pytest.mark.parametrize(
    "group", [{"rename": {"admins": "devops"}}, {"policies": {"devops": {"add": ["X"]}}}]
)
def test_a_group_is_meant_to_change_where_it_was_edited(tmp_path: Path, group: dict[str, Any]) -> None:
    policy = ResourceChange("aws_iam_group_policy.x", "aws_iam_group_policy", UPDATE, group="devops")
    assert foreign(tmp_path, ADDED, policy, members("devops")) == [policy.address, members("devops").address]
    edited = {"group_changes": {"security": group}}
    assert foreign(tmp_path, {**ADDED, **edited}, policy, members("devops")) == []


def test_account_settings_are_meant_only_where_they_were_edited(tmp_path: Path) -> None:
    alias = ResourceChange("aws_iam_account_alias.this", "aws_iam_account_alias", CREATE)
    assert foreign(tmp_path, ADDED, alias) == [alias.address]
    edited = {"account_changes": {"security": {"alias": "bb-security"}}}
    assert foreign(tmp_path, {**ADDED, **edited}, alias) == []
    other = ResourceChange("aws_s3_bucket.x", "aws_s3_bucket", CREATE)
    assert foreign(tmp_path, {**ADDED, **edited}, other) == [other.address]


def test_a_plan_is_sorted_by_what_was_chosen_in_this_layer(tmp_path: Path, record: PlanRecord) -> None:
    made = judged(record, PLAN, context(tmp_path))
    assert [change.address for change in made.foreign] == ["aws_iam_user.alex", "alias"]
    assert [destroyed.address for destroyed in made.destroys] == ["aws_iam_user.alex", LOGIN]
    assert (made.gone, made.passwords, made.access_keys) == (("alex.kim",), ("jane.doe",), ())
    assert made.rekeyed == ("jane.doe",)
    assert made.counts == {"add": 3, "change": 2, "destroy": 2}
    assert made.owners["members.admins"] == ("jane.doe",)
    assert len(made.drift) == 1


def test_account_settings_and_renamed_groups_belong_once_they_were_edited(
    tmp_path: Path, record: PlanRecord
) -> None:
    renamed = ResourceChange("aws_iam_group.b", "aws_iam_group", Action.UPDATE, group="b")
    own = context(
        tmp_path,
        account_changes={"security": {"alias": "x", "policy": {}}},
        group_changes={"security": {"rename": {"a": "b"}, "remove": ["new"]}},
    )
    made = judged(record, replace(PLAN, changes=(*PLAN.changes, renamed)), own)
    assert [change.address for change in made.foreign] == ["aws_iam_user.alex"]


def test_only_outputs_changing_is_no_empty_plan(tmp_path: Path, record: PlanRecord) -> None:
    outputs = Plan((), outputs=(OutputChange("user_name", Action.CREATE),))
    assert not judged(record, outputs, context(tmp_path)).empty
    assert judged(record, Plan(()), context(tmp_path)).empty


def test_staleness_names_the_files_and_ends_with_the_apply(tmp_path: Path, record: PlanRecord) -> None:
    own = context(tmp_path)
    made = judged(record, PLAN, own)
    assert staleness(made, own) == ""
    keep_result(own, record, ApplyResult(1, (), (), (USER,)))
    assert staleness(made, own) == "", "an apply that changed nothing leaves its plan usable"
    (run_folder(own) / "apply.json").unlink()
    (record.layer / "users.tf").write_text("# others\n")
    (record.layer / "new.tf").write_text("")
    assert "layer/new.tf, layer/users.tf" in staleness(made, own)
    facts = {"plan": made.as_facts()}
    assert plan.observe(context(tmp_path, **facts)).contradicts
    for at, verdict in (("2000-01-01", Verdict.CHANGED), ("9999-12-31", Verdict.AS_DECIDED)):
        applied = {"at": f"{at}T00:00:00+00:00"}  # an apply of an earlier plan
        assert plan.observe(context(tmp_path, **facts, applied=applied)).verdict is verdict
    why = staleness(made, own)
    record.plan.unlink()
    assert staleness(made, own) == why, "recovering removes the plan, which isn't the cause"
    (record.layer / "users.tf").write_text("# people\n")
    (record.layer / "new.tf").unlink()
    gone = staleness(made, own)
    assert gone not in {"", why}
    record.plan.write_bytes(b"another plan")
    assert staleness(made, own) == gone
    stopped = ApplyResult(1, (), (), (USER,), stopped=True)
    keep_result(own, record, stopped)
    assert "You stopped" in staleness(made, own)


@pytest.mark.parametrize(
    ("planned", "now", "written", "agrees"),
    [
        pytest.param("# people\n", "# people\n", "12:00", True, id="planned as reviewed"),
        pytest.param("# strangers\n", "# people\n", "12:00", False, id="put back since"),
        pytest.param("# strangers\n", "# people\n", "08:00", True, id="put back by another session"),
        pytest.param("# strangers\n", "# others\n", "12:00", True, id="changed since"),
    ],
)
def test_an_applied_plan_of_other_lines_than_reviewed_does_not_stand(
    tmp_path: Path,
    record: PlanRecord,
    planned: str,
    now: str,
    written: str,
    *,
    agrees: bool,
) -> None:
    at = int(datetime.fromisoformat(f"2026-03-01T{written}:00+00:00").timestamp()) * 10**9
    session = tmp_path / "session"
    session.mkdir()
    (session / "written.json").touch()
    os.utime(session / "written.json", ns=(at, at))
    file = record.layer / "users.tf"
    reviewed = [{"layer": "layer", "path": str(file), "sha256": file_sha256(file)}]
    file.write_text(planned)
    made = judged(replace(record, sources=hash_sources(record.layer, ())), PLAN, context(tmp_path))
    file.write_text(now)
    own = context(
        tmp_path,
        plan=made.as_facts(),
        applied={"at": "2026-03-01T10:00:00+00:00"},
        changed_files=reviewed,
    )
    seen = plan.observe(own)
    assert (seen.contradicts, seen.asks) == (not agrees, not agrees)


def named(words: Sentence) -> list[str]:
    """Return the lists of names after colons in a sentence."""
    return re.findall(r": ([\w.]+(?:, [\w.]+)*?)\.(?: |$)", text_of(words))


def test_who_is_done_after_a_stop_is_told_by_name(tmp_path: Path, record: PlanRecord) -> None:
    made = judged(record, PLAN, context(tmp_path))
    result = ApplyResult(1, (USER, "aws_iam_user.alex"), (LOGIN,), ("alias",))
    assert named(standing(made, ApplyResult(1, (), (), (USER,)))) == []
    assert named(standing(made, ApplyResult(1, (), (LOGIN,), ()))) == ["alex.kim, jane.doe"]
    assert unfinished(made, result) == ["jane.doe"]
    assert named(standing(made, result)) == ["alex.kim", "jane.doe"], "done, and not done"
    assert " 2 " in standing(made, result)
    stopped = ApplyResult(1, (), (), (USER,), stopped=True)
    silent, outputs = (replace(made, besides=besides) for besides in ((), (Line(Sort.OUTPUT, "1 output"),)))
    assert standing(silent, stopped) != standing(outputs, stopped), "no event says whether they were written"
    assert standing(outputs, replace(stopped, stopped=False)) == standing(silent, stopped)
    done = ApplyResult(0, (USER,), (), ())
    assert (unfinished(made, done), named(standing(made, done))) == ([], ["alex.kim, jane.doe"])


def test_nobody_is_called_done_for_certain_after_a_kill(tmp_path: Path, record: PlanRecord) -> None:
    made = judged(record, PLAN, context(tmp_path))
    result = ApplyResult(1, (USER, "aws_iam_user.alex"), (), (LOGIN,))
    for exit_code in (None, -9):
        words = standing(made, replace(result, exit_code=exit_code))
        assert named(words) == named(standing(made, result)) == ["alex.kim", "jane.doe"]
        assert words != standing(made, result)


def test_nobody_is_in_a_state_that_could_not_be_written(tmp_path: Path, record: PlanRecord) -> None:
    made = judged(record, PLAN, context(tmp_path))
    result = ApplyResult(1, tuple(made.owners), (), (), unwritten=True)
    assert read(ApplyResult, plain(result)).unwritten
    assert named(standing(made, result)) == ["alex.kim, jane.doe"]
    assert standing(made, result) != standing(made, replace(result, unwritten=False))


def test_what_went_wrong_is_told_by_person_with_the_cause_they_share(
    tmp_path: Path, record: PlanRecord
) -> None:
    made = judged(record, PLAN, context(tmp_path))
    exists = {"title": "Exists", "why": "AWS.", "next": "Import."}
    troubles = (
        Trouble(USER, **exists),
        Trouble("aws_iam_user.alex", **exists),
        Trouble("aws_iam_group.other", "Headline"),
        Trouble("", "Somewhere else"),
    )
    result = ApplyResult(1, (), (USER,), (), troubles=troubles)
    assert causes(made, read(ApplyResult, plain(result))) == (
        "jane.doe, alex.kim: Exists. AWS. Import.",
        "aws_iam_group.other: Headline.",
        "Somewhere else.",
    )


def test_only_a_removal_that_meets_what_is_attached_is_in_use(tmp_path: Path, record: PlanRecord) -> None:
    made = judged(record, PLAN, context(tmp_path))
    for address, in_use, found in (
        ("aws_iam_user.alex", True, True),
        ("", True, True),
        (USER, True, False),
        ("aws_iam_user.alex", False, False),
    ):
        result = ApplyResult(1, (), (address,), (), troubles=(Trouble(address, "Kept", in_use=in_use),))
        assert kept_in_use(made, read(ApplyResult, plain(result))) is found
