from __future__ import annotations

import pytest
from support.profile_samples import SERIAL, devops

from workflows.core.sentences import OnboardError, joined
from workflows.profiles import plan
from workflows.profiles.plan import BaseProfile, KeyFromProcess, WantedProfiles


def test_the_twins_of_leverage_cli_follow_their_role() -> None:
    wanted = devops(mfa_names=True)
    assert wanted.names[-2:] == ("bb-shared-devops", "bb-shared-devops-mfa")
    assert wanted.roles[-1].role_arn == wanted.roles[-2].role_arn
    assert wanted.roles[-1].mfa_serial == SERIAL


def test_names_and_roles_of_a_handoff_are_taken_as_they_are() -> None:
    base = BaseProfile(plan.base_name("bb", "management"), "us-gov-west-1")
    arn = plan.role_arn("aws-us-gov", "333333333333", "Admin")
    wanted = plan.profiles_for(base, {"bb-x-administrator": arn})
    assert wanted.names == ("bb-management", "bb-x-administrator")
    assert wanted.roles[0].role_arn == "arn:aws-us-gov:iam::333333333333:role/Admin"
    assert wanted.problems() == []


def test_a_twin_that_the_handoff_names_itself_is_not_made_again() -> None:
    roles = dict.fromkeys(("bb-x", "bb-x-mfa"), plan.role_arn("aws", "333333333333", "Admin"))
    base = BaseProfile("bb-security", "us-east-1")
    wanted = plan.profiles_for(base, roles, mfa_names=True)
    assert wanted.names == ("bb-security", "bb-x", "bb-x-mfa")


def test_a_profile_is_not_there_twice() -> None:
    base = BaseProfile("a", "us-east-1")
    wanted = WantedProfiles((base, base), ())
    (problem,) = wanted.problems()
    assert problem.field == "name"
    assert " a " in problem.message


@pytest.mark.parametrize(
    "region", ["us-gov-west-1", "ap-southeast-7", "us-iso-east-1", "cn-north-1", "us-east-1"]
)
def test_botocore_knows_the_regions(region: str) -> None:
    assert plan.region_problems(region) == []


def test_each_problem_names_its_field() -> None:
    wanted = WantedProfiles(
        (BaseProfile("a b", "mars-1", KeyFromProcess("x\ny"), "short"),),
        (plan.AssumedRole("r", "arn:aws-cn:iam::333333333333:role/x", "a b", "us-east-1"),),
    )
    problems = wanted.problems()
    assert sorted(problem.field for problem in problems) == ["key", "mfa_serial", "name", "region", "region"]
    regions = joined(problem.message for problem in problems if problem.field == "region")
    assert all(name in regions for name in ("mars-1", "us-east-1", "aws-cn"))


@pytest.mark.parametrize(
    ("serial", "known"),
    [
        (SERIAL, True),
        ("arn:aws-us-gov:iam::222222222222:mfa/team/jane.doe", True),
        ("GAHT12345678", True),
        ("jane.phone", False),
        ("AB345678", False),
        ("arn:aws:iam::222222222222:user/jane.doe", False),
        (SERIAL + "x" * 256, False),
    ],
)
def test_a_devices_serial_is_an_arn_or_a_hardware_number(serial: str, *, known: bool) -> None:
    assert [problem.field for problem in devops(serial=serial).problems()] == (
        [] if known else ["mfa_serial"]
    )


@pytest.mark.parametrize(
    ("account", "role"), [("12", "x"), ("333333333333", "a b"), ("333333333333", "x" * 65)]
)
def test_no_arn_is_made_from_nonsense(account: str, role: str) -> None:
    with pytest.raises(OnboardError):
        plan.role_arn("aws", account, role)
