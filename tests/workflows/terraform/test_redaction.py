"""Texts for a pull request must not contain secrets."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from hypothesis import given, strategies as st

from workflows.terraform.plan import Action, OutputChange, Plan, ResourceChange, plan_markdown
from workflows.terraform.redaction import left_over, redact

_KEY = base64.b64encode(bytes(range(256)) * 5 + b"tail").decode()
_WRAPPED = "\n".join(_KEY[at : at + 76] for at in range(0, len(_KEY), 76))
_SHORT_END = _KEY[-4:]
ACCOUNT = "123456789012"
ENCODED = {
    "one line": _KEY,
    "wrapped": _WRAPPED,
    "wrapped with CRLF": _WRAPPED.replace("\n", "\r\n"),
    "wrapped and indented": _WRAPPED.replace("\n", "\n        "),
    "wrapped inside JSON": json.dumps(_WRAPPED),
    "wrapped inside JSON with CRLF": json.dumps(_WRAPPED.replace("\n", "\r\n")),
    "for addresses": base64.urlsafe_b64encode(bytes(range(256)) * 3).decode(),
    "armored": f"-----BEGIN PGP MESSAGE-----\n\n{_WRAPPED}\n=abcd\n-----END PGP MESSAGE-----",
    "armored inside JSON": json.dumps(
        f"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{_WRAPPED}\n-----END PGP PUBLIC KEY BLOCK-----"
    ),
    "armored and torn": f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n{_WRAPPED[:200]}",
    "secret access key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY1",
    "seed": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
}
IDENTIFYING = [
    ACCOUNT,
    "1234-5678-9012",
    "1234 5678 9012",
    f"bb-{ACCOUNT}-terraform-state",
    f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com",
    f"https://{ACCOUNT}.signin.aws.amazon.com/console",
    f"key_{ACCOUNT}_x",
    f"x{ACCOUNT}y",
    f"arn:aws:iam::{ACCOUNT}:user/jane.doe",
    f"arn:aws-cn:iam::{ACCOUNT}:role/DevOps",
    f"arn:aws-us-gov:sts::{ACCOUNT}:assumed-role/DevOps/jane.doe",
    f"arn:aws-iso-b:iam::{ACCOUNT}:mfa/jane.doe",
    f"arn:aws:s3:::bb-{ACCOUNT}-state/terraform.tfstate",
    f"arn%3Aaws%3Aiam%3A%3A{ACCOUNT}%3Auser",
    "AKIAIOSFODNN7EXAMPLE",
    "ASIAIOSFODNN7EXAMPLE",
    "key_AKIAIOSFODNN7EXAMPLE_old",
    "AIDACKCEVSQ6C2EXAMPLE",
    "AROACKCEVSQ6C2EXAMPLE:jane.doe",
]
_GIVES_AWAY = re.compile(
    r"(?<!\d)\d{12}(?!\d)|\d{4}[- ]\d{4}[- ]\d{4}|arn:aws|(?:AKIA|ASIA|AIDA|AROA)[A-Z0-9]{8}|BEGIN PGP"
    r"|[A-Za-z0-9+/]{40}|JBSWY3DP"
)
WRAPPINGS = (
    "{}",
    'id = "{}"',
    "x ({})",
    "[{}]",
    "Error: {}, and more",
    "`{}`",
    "\t{}\n",
    '{{"a": "{}"}}',
)


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("text", IDENTIFYING)
def test_nothing_that_identifies_is_left_wherever_it_stands(text: str, wrapping: str) -> None:
    redacted = redact(wrapping.format(text))
    assert not _GIVES_AWAY.search(redacted), redacted
    assert left_over(redacted) == ()
    assert left_over(wrapping.format(text)) != ()


@pytest.mark.parametrize("wrapping", ["{}", "encrypted_password = {}", '"pgp_key": {}', "before {} after"])
@pytest.mark.parametrize("name", ENCODED)
def test_nothing_of_an_encoded_text_is_left(name: str, wrapping: str) -> None:
    redacted = redact(wrapping.format(ENCODED[name]))
    assert not _GIVES_AWAY.search(redacted), redacted
    assert not re.search(r"[A-Za-z0-9+/]{20,}", redacted.replace("encrypted_password", "")), redacted
    assert f"\n{_SHORT_END}" not in redacted
    assert left_over(redacted) == ()


@pytest.mark.parametrize(
    "text",
    [
        'ses_smtp_password_v4 = "BM+x9"',
        '"password": "hunter2"',
        "secret_key = 'abc def'",
        'encrypted_password: "short"',
        '"MasterUserPassword" : "with \\"quotes\\" inside"',
        "aws_secret_access_key = plainword",
        "AWS_SESSION_TOKEN=plainword",
    ],
)
def test_a_secret_goes_by_its_name_however_short_it_is(text: str) -> None:
    redacted = redact(text)
    assert redacted.endswith("<secret>")
    assert not re.search("BM|hunter2|abc def|short|quotes|plainword", redacted)


@pytest.mark.parametrize(
    "text",
    [
        'module.user["jane.doe"].aws_iam_user_login_profile.this[0]',
        "jane.doe: gets a new console password; the one in use stops working",
        "password_reset_required = true",
        "git@github.com:binbashar/terraform-aws-iam.git",
        "module.role_AWSReservedSSO_AdministratorAccess_0123456789abcdef",
        "2026-02-03T10:20:30.123456Z took 20260203102030",
        'key_fingerprint = "3d9ecc43c0e280694c9e5f6f246000214254eff0"',
        "aws_iam_group.name_that_is_quite_long_and_has_Many_Words_In_It_1234",
    ],
)
def test_names_that_a_reviewer_needs_stay(text: str) -> None:
    assert redact(text) == text
    assert left_over(text) == ()


def test_the_exported_plan_gives_nothing_away_whatever_the_resources_are_called() -> None:
    nasty = [*IDENTIFYING, *(text.replace("\n", "") for text in ENCODED.values()), "```", "</details>"]
    changes = [
        ResourceChange(
            f"module.user[{json.dumps(text)}].aws_iam_user.this", "aws_iam_user", action, user=text
        )
        for text in nasty
        for action in (Action.CREATE, Action.DELETE)
    ]
    changes += [
        ResourceChange(
            f"aws_iam_policy.a[{at}]", "aws_iam_policy", Action.UPDATE, details=(f"+ name = {text}",)
        )
        for at, text in enumerate(nasty)
    ]
    plan = Plan(
        tuple(changes),
        outputs=tuple(OutputChange(text, Action.UPDATE) for text in nasty),
        drift=tuple(changes),
    )
    text = plan_markdown(plan, title=f"bb-{ACCOUNT}/global", origin=f"From <{ACCOUNT}>.")
    assert not _GIVES_AWAY.search(text), _GIVES_AWAY.findall(text)
    assert left_over(text) == ()
    head, block, tail = re.split(r"^````+(?:diff)?$", text, flags=re.MULTILINE)
    assert "```" in block
    assert "<summary>" in head
    assert tail.startswith("\n\n</details>")
    prose = head.partition("<details>")[0]
    assert not re.search(r"(?<!\\)<", prose), "Markdown would take it for a tag"


@given(st.lists(st.one_of(st.sampled_from(IDENTIFYING), st.text(max_size=8)), max_size=12), st.data())
def test_no_mixture_leaves_anything(parts: list[str], data: Any) -> None:
    separator = data.draw(st.sampled_from([" ", "\n", "|", '","', "/"]))
    redacted = redact(separator.join(parts))
    assert left_over(redacted) == ()
    assert not re.search(r"(?:AKIA|ASIA)[A-Z0-9]{16}", redacted)


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize(
    "token",
    [
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz",
        "glpat-abcdefghij0123456789",
        "xoxb-123456789-abcdefghij",
        "sk_live_abcdefghij0123",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    ],
)
def test_no_token_of_another_service_is_left(token: str, wrapping: str) -> None:
    redacted = redact(wrapping.format(token))
    assert token not in redacted
    assert token[-6:] not in redacted
    assert left_over(redacted) == ()


def test_an_api_key_is_a_secret_and_a_name_that_looks_like_a_token_is_none() -> None:
    assert redact('api_key = "12345"') == "api_key = <secret>"
    assert redact('"stripe_apikey": "12345"') == '"stripe_apikey": <secret>'
    for harmless in ("module.sk-test", "task-live-runner-of-europe", "aws_api_gateway_api_key.this"):
        assert redact(harmless) == harmless
