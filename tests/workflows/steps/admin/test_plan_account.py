from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from workflows.layer.discover import find_project
from workflows.layer.model import LayerLocation
from workflows.sandbox.project import lay_out
from workflows.steps.admin.plan import not_checked, refuse_another_account
from workflows.steps.admin.terraform_runs import WrongAccount
from workflows.terraform.plan import Plan, read_plan

COMPUTED = 'lookup({ a = "bb-management-administrator" }, "a", "none")'


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    lay_out(tmp_path / "bb")
    return tmp_path / "bb" / "security/global/base-identities"


def located(layer: Path, profile: str = "var.profile") -> LayerLocation:
    config = layer / "config.tf"
    config.write_text(config.read_text().replace("profile = var.profile", f"profile = {profile}"))
    found = find_project(layer).layer("security")
    assert found is not None
    return found


def resource(kind: str, arn: str | None, mode: str = "managed") -> dict[str, Any]:
    return {"mode": mode, "type": kind, "address": f"{kind}.this", "values": {"arn": arn}}


def plan_of(*resources: dict[str, Any]) -> Plan:
    inside = {"child_modules": [{"resources": list(resources)}]}
    return read_plan({"prior_state": {"values": {"root_module": {"child_modules": [inside]}}}})


def user(account: str) -> dict[str, Any]:
    return resource("aws_iam_user", f"arn:aws-us-gov:iam::{account}:user/jane.doe")


def test_a_plan_that_found_everything_in_another_account_is_refused(layer: Path) -> None:
    location = located(layer, COMPUTED)
    plan = plan_of(user("111111111111"), resource("aws_iam_user_group_membership", None))
    with pytest.raises(WrongAccount, match=r" 111111111111\b.* 222222222222"):
        refuse_another_account(plan, location)


@pytest.mark.parametrize(
    "resources",
    [
        (),
        (user("222222222222"), user("111111111111")),
        (resource("aws_iam_policy", "arn:aws:iam::aws:policy/AdministratorAccess"),),
        (resource("aws_iam_user", "arn:aws:iam::111111111111:user/jane.doe", mode="data"),),
        (resource("aws_sns_topic", "arn:aws:iam::111111111111:user/jane.doe"),),
    ],
)
def test_a_plan_that_tells_nothing_or_the_right_account_is_not(
    layer: Path, resources: tuple[dict[str, Any], ...]
) -> None:
    refuse_another_account(plan_of(*resources), located(layer))


def test_a_profile_that_nobody_could_check_is_told_unless_the_plan_tells_the_account(layer: Path) -> None:
    assert not_checked(plan_of(), located(layer)) == ()
    location = located(layer, COMPUTED)
    (words,) = not_checked(plan_of(), location)
    assert "config.tf:" in words
    assert "security" in words
    assert not_checked(plan_of(user("222222222222")), location) == ()


def test_what_has_no_state_yet_has_no_account() -> None:
    assert read_plan({}).accounts == frozenset()
