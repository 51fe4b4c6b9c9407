from __future__ import annotations

import pytest

from workflows.layer.names import check_policy_arn, known_policies, partition_of, policy_arn, short_policy

AWS = "arn:aws:iam::aws:policy/"


@pytest.mark.parametrize(
    ("text", "arn"),
    [
        ("ReadOnlyAccess", f"{AWS}ReadOnlyAccess"),
        (" readonlyaccess ", f"{AWS}ReadOnlyAccess"),
        ("ViewOnlyAccess", f"{AWS}job-function/ViewOnlyAccess"),
        ("job-function/ViewOnlyAccess", f"{AWS}job-function/ViewOnlyAccess"),
        ("BrandNewAccess", f"{AWS}BrandNewAccess"),
        (f'"{AWS}ReadOnlyAccess"', f"{AWS}ReadOnlyAccess"),
        ("arn:aws:iam::111111111111:policy/own", "arn:aws:iam::111111111111:policy/own"),
        ("two words", "two words"),
        ("", ""),
    ],
)
def test_a_policy_is_named_by_its_arn_or_its_name(text: str, arn: str) -> None:
    assert policy_arn(text) == arn


def test_the_partition_is_that_of_the_policies_there_are() -> None:
    partition = partition_of(["aws_iam_policy.own.arn", "arn:aws-us-gov:iam::aws:policy/ReadOnlyAccess"])
    assert policy_arn("ReadOnlyAccess", partition) == "arn:aws-us-gov:iam::aws:policy/ReadOnlyAccess"
    assert partition_of(["aws_iam_policy.own.arn"]) == "aws"


@pytest.mark.parametrize(
    ("arn", "fatal", "words"),
    [
        ("two words", True, "by its ARN"),
        ("arn:aws:s3:::bucket", True, "by its ARN"),
        ("arn:aws:iam::aws:role/x", True, "by its ARN"),
        (f"{AWS}aws-service-role/AWSSupportServiceRolePolicy", True, "AWS's own services"),
        ("arn:aws:iam::222222222222:policy/own", True, "222222222222"),
        (f"{AWS}ReadOnlyAcess", False, "Did you mean ReadOnlyAccess?"),
        (f"{AWS}ViewOnlyAccess", False, "Did you mean job-function/ViewOnlyAccess?"),
        (f"{AWS}Zzz", False, "AWS had no policy Zzz"),
    ],
)
def test_what_is_wrong_or_doubtful_is_told(arn: str, fatal: bool, words: str) -> None:
    (problem,) = check_policy_arn(arn, "111111111111")
    assert problem.fatal is fatal
    assert words in problem.message


@pytest.mark.parametrize(
    "arn",
    [
        f"{AWS}ReadOnlyAccess",
        "arn:aws-cn:iam::aws:policy/ReadOnlyAccess",
        "arn:aws-us-gov:iam::aws:policy/job-function/ViewOnlyAccess",
        "arn:aws:iam::111111111111:policy/path/own",
    ],
)
def test_good_arns_of_every_partition_are_taken(arn: str) -> None:
    assert check_policy_arn(arn, "111111111111") == []
    assert check_policy_arn(arn) == []


def test_the_list_holds_policies_that_a_group_can_have() -> None:
    policies = known_policies()
    assert policies["AdministratorAccess"] == "AdministratorAccess"
    assert policies["Billing"] == "job-function/Billing"
    assert all(check_policy_arn(f"{AWS}{path}") == [] for path in policies.values())


@pytest.mark.parametrize(
    ("policy", "short"),
    [
        (f"{AWS}ReadOnlyAccess", "ReadOnlyAccess"),
        ("arn:aws:iam::111111111111:policy/own", "own (own)"),
        ("aws_iam_policy.assume_devops_role.arn", "assume_devops_role"),
    ],
)
def test_policies_are_shown_by_what_tells_them_apart(policy: str, short: str) -> None:
    assert short_policy(policy) == short
