from __future__ import annotations

from dataclasses import dataclass

import pytest

from workflows.services.profiles import plan
from workflows.services.profiles.plan import BaseProfile, KeyFromProcess, WantedProfiles

ACCOUNTS = {"management": "111111111111", "security": "222222222222", "apps-devstg": "444444444444"}
SERIAL = "arn:aws:iam::222222222222:mfa/jane.doe"


@dataclass(frozen=True)
class Role:
    profile: str
    role: str
    account_id: str


@dataclass(frozen=True)
class Identity:
    account_name: str
    region: str
    partition: str
    profiles: tuple[Role, ...]


def test_security_assumes_devops_everywhere_but_in_management() -> None:
    wanted = plan.from_accounts(
        "bb", ACCOUNTS, start="security", region="us-east-1", key=None, mfa_serial=SERIAL
    )
    assert wanted.names == ("bb-security", "bb-security-devops", "bb-apps-devstg-devops")
    last = wanted.roles[-1]
    assert last.role_arn == "arn:aws:iam::444444444444:role/DevOps"
    assert (last.source_profile, last.mfa_serial) == ("bb-security", SERIAL)
    assert wanted.problems() == []


@pytest.mark.parametrize("start", ["management", "root"])
def test_management_assumes_the_organisations_role_in_the_others(start: str) -> None:
    accounts = {start: "111111111111", "security": "222222222222"}
    wanted = plan.from_accounts("bb", accounts, start=start, region="us-east-1", key=None, mfa_serial=None)
    assert wanted.names == (f"bb-{start}", "bb-security-oaar")
    assert wanted.roles[0].role_arn.endswith(":role/OrganizationAccountAccessRole")
    assert wanted.roles[0].mfa_serial is None


def test_the_mfa_twins_are_added_where_the_project_asks_for_them() -> None:
    wanted = plan.from_accounts(
        "bb", ACCOUNTS, start="security", region="us-east-1", key=None, mfa_serial=SERIAL, mfa_names=True
    )
    assert wanted.names[-2:] == ("bb-apps-devstg-devops", "bb-apps-devstg-devops-mfa")
    assert wanted.roles[-1].role_arn == wanted.roles[-2].role_arn


def test_names_and_roles_of_a_handoff_are_taken_as_they_are() -> None:
    identity = Identity(
        "management", "us-gov-west-1", "aws-us-gov", (Role("bb-x-administrator", "Admin", "333333333333"),)
    )
    wanted = plan.from_identity("bb", identity, key=None, mfa_serial=None)
    assert wanted.names == ("bb-management", "bb-x-administrator")
    assert wanted.roles[0].role_arn == "arn:aws-us-gov:iam::333333333333:role/Admin"
    assert wanted.problems() == []


def test_a_twin_that_the_handoff_names_itself_is_not_made_again() -> None:
    roles = (Role("bb-x", "Admin", "333333333333"), Role("bb-x-mfa", "Admin", "333333333333"))
    identity = Identity("security", "us-east-1", "aws", roles)
    wanted = plan.from_identity("bb", identity, key=None, mfa_serial=None, mfa_names=True)
    assert wanted.names == ("bb-security", "bb-x", "bb-x-mfa")


def test_two_identities_are_written_together() -> None:
    one = WantedProfiles((BaseProfile("a", "us-east-1"),), ())
    two = WantedProfiles((BaseProfile("b", "us-east-1"),), ())
    assert (one + two).names == ("a", "b")
    assert [problem.message for problem in (one + one).problems()] == ["The profile a is there twice."]


@pytest.mark.parametrize(
    "region", ["us-gov-west-1", "ap-southeast-7", "us-iso-east-1", "cn-north-1", "us-east-1"]
)
def test_botocore_knows_the_regions(region: str) -> None:
    assert plan.region_problems(region) == []


def test_problems_are_told_in_sentences() -> None:
    wanted = WantedProfiles(
        (BaseProfile("a b", "mars-1", KeyFromProcess("x\ny"), "short"),),
        (plan.AssumedRole("r", "arn:aws-cn:iam::333333333333:role/x", "a b", "us-east-1"),),
    )
    messages = [problem.message for problem in wanted.problems()]
    assert len(messages) == 5
    assert "AWS has no region “mars-1”." in messages
    assert "The region us-east-1 is in the partition aws, not in aws-cn." in messages


@pytest.mark.parametrize(
    ("account", "role"), [("12", "x"), ("333333333333", "a b"), ("333333333333", "x" * 65)]
)
def test_no_arn_is_made_from_nonsense(account: str, role: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        plan.role_arn("aws", account, role)
