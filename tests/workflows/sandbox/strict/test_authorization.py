from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from workflows.sandbox.strict.authorization import Verdict, evaluate, evaluate_trust

JANE = "arn:aws:iam::222222222222:user/jane.doe"
CONTEXT = {"aws:username": "jane.doe", "aws:MultiFactorAuthPresent": "false"}


def allow(**statement: Any) -> str:
    return json.dumps(
        {"Statement": {"Effect": "Allow", "Action": "iam:GetUser", "Resource": "*", **statement}}
    )


def deny(**statement: Any) -> str:
    return json.dumps(
        {"Statement": [{"Effect": "Deny", "Action": "iam:GetUser", "Resource": "*", **statement}]}
    )


@pytest.mark.parametrize(
    ("documents", "verdict"),
    [
        ([], Verdict.NOT_ALLOWED),
        ([allow()], Verdict.ALLOWED),
        ([allow(Action=["iam:Get*"])], Verdict.ALLOWED),
        ([allow(Action="IAM:getuser")], Verdict.ALLOWED),
        ([allow(Action="iam:Get?ser")], Verdict.ALLOWED),
        ([allow(Action="iam:GetUse")], Verdict.NOT_ALLOWED),
        ([allow(Action="iam.GetUser")], Verdict.NOT_ALLOWED),
        ([allow(), deny()], Verdict.DENIED),
        ([deny(Action="iam:List*"), allow()], Verdict.ALLOWED),
        ([allow(Resource="arn:aws:iam::*:user/${aws:username}")], Verdict.ALLOWED),
        ([allow(Resource="arn:aws:iam::*:user/${aws:nothing}")], Verdict.NOT_ALLOWED),
        ([allow(Resource="arn:aws:iam::*:user/other")], Verdict.NOT_ALLOWED),
        ([allow(Resource=None, NotResource="arn:aws:iam::*:role/*")], Verdict.ALLOWED),
        ([allow(), deny(NotAction=["iam:GetUser"], Action=None)], Verdict.ALLOWED),
        ([allow(), deny(NotAction=["iam:ListUsers"], Action=None)], Verdict.DENIED),
    ],
)
def test_statements(documents: list[str], verdict: Verdict) -> None:
    assert evaluate(documents, "iam:GetUser", JANE, CONTEXT) is verdict


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, {"aws:MultiFactorAuthPresent": "true"}, True),
        ({"Bool": {"aws:MultiFactorAuthPresent": True}}, {"aws:MultiFactorAuthPresent": "true"}, True),
        ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, {}, False),
        ({"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}, {}, True),
        (
            {"BoolIfExists": {"aws:multifactorauthpresent": ["false"]}},
            {"aws:MultiFactorAuthPresent": "true"},
            False,
        ),
        ({"Null": {"aws:MultiFactorAuthAge": "true"}}, {}, True),
        ({"Null": {"aws:MultiFactorAuthAge": "true"}}, {"aws:MultiFactorAuthAge": "1"}, False),
        ({"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}, {"aws:MultiFactorAuthAge": "60"}, True),
        ({"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}, {"aws:MultiFactorAuthAge": "4000"}, False),
        ({"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}, {}, False),
        ({"StringLike": {"aws:username": ["x", "jane.*"]}}, {"aws:username": "jane.doe"}, True),
        ({"StringNotEquals": {"aws:username": ["x", "jane.doe"]}}, {"aws:username": "jane.doe"}, False),
        ({"StringNotEquals": {"aws:username": "x"}}, {}, True),
        ({"StringEquals": {"aws:PrincipalTag/team": "a"}}, {}, False),
    ],
)
def test_conditions(condition: dict[str, Any], context: dict[str, str], holds: bool) -> None:
    expected = Verdict.ALLOWED if holds else Verdict.NOT_ALLOWED
    assert evaluate([allow(Condition=condition)], "iam:GetUser", JANE, context) is expected


def test_an_unknown_condition_never_helps_the_caller() -> None:
    strange = {"ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}}
    assert (
        evaluate([allow(Condition=strange)], "iam:GetUser", JANE, {"aws:TagKeys": "a"}) is Verdict.NOT_ALLOWED
    )
    assert evaluate([allow(), deny(Condition=strange)], "iam:GetUser", JANE, {}) is Verdict.DENIED


@given(st.lists(st.sampled_from([allow(), allow(Action="*"), allow(Action="s3:*"), deny(Action="s3:*")])))
def test_a_deny_wins_wherever_it_stands(documents: list[str]) -> None:
    assert evaluate([*documents, deny()], "iam:GetUser", JANE, CONTEXT) is Verdict.DENIED
    assert evaluate([deny(), *documents], "iam:GetUser", JANE, CONTEXT) is Verdict.DENIED


@pytest.mark.parametrize(
    ("principal", "trusts"),
    [
        ({"AWS": JANE}, True),
        ({"AWS": ["arn:aws:iam::222222222222:root"]}, True),
        ({"AWS": "*"}, True),
        ("*", True),
        ({"AWS": "arn:aws:iam::111111111111:root"}, False),
        ({"Service": "ec2.amazonaws.com"}, False),
    ],
)
def test_trust_names_its_principals(principal: Any, trusts: bool) -> None:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    document = json.dumps({"Statement": [statement]})
    callers = (JANE, "arn:aws:iam::222222222222:root", "*")
    assert evaluate_trust(document, callers, {}) is (Verdict.ALLOWED if trusts else Verdict.NOT_ALLOWED)
    denied = json.dumps({"Statement": [statement, {**statement, "Effect": "Deny", "Principal": "*"}]})
    assert evaluate_trust(denied, callers, {}) is Verdict.DENIED
