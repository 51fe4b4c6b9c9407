"""A change of a chosen person is foreign if it was not decided."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.fakes import fake_environment

from workflows.steps.admin.judged_plan import judged
from workflows.steps.shared.module import Context
from workflows.terraform.plan import Action, Plan, ResourceChange
from workflows.terraform.record import PlanRecord

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


def foreign(tmp_path: Path, facts: dict[str, Any], *changes: ResourceChange) -> list[str]:
    known = {"layers": ["security"], "project_root": str(tmp_path), **facts}
    context = Context(fake_environment(tmp_path, {}), known, known, "security", tmp_path / "session")
    record = PlanRecord(tmp_path / "plan", "", tmp_path, (), {}, "", "", "")
    return [change.address for change in judged(record, Plan(changes), context).foreign]


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
