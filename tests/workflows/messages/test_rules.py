"""The rules for values in messages, as the handoff applies them."""

from __future__ import annotations

import base64

import pytest
from support.message_samples import FINGERPRINT, ciphertext, identity, packet, request

from workflows.messages.envelope import Flaw, MessageError
from workflows.messages.handoff import Handoff, RoleProfile, sign_in_url
from workflows.messages.invitation import Invitation
from workflows.profiles.shell_lines import SIGN_IN_DOMAINS

PLAIN_PASSWORD = base64.b64encode(b"Correct-Horse-Battery-Staple").decode()


def test_a_password_in_clear_is_never_rendered() -> None:
    for password in (
        "hunter2-plain",
        PLAIN_PASSWORD,
        "",
        ciphertext()[:-40],
        base64.b64encode(packet(5, b"x")).decode(),
    ):
        with pytest.raises(MessageError) as caught:
            Handoff("bb", (identity(encrypted_password=password),)).render()
        assert caught.value.flaw is Flaw.BREAKS_RULES
        assert "encrypted_password " in caught.value.what
        assert not password or password not in caught.value.as_text()


@pytest.mark.parametrize(
    ("partition", "url"),
    [
        ("aws", "https://bb-security.signin.aws.amazon.com/console"),
        ("aws", "https://222222222222.signin.aws.amazon.com/console/"),
        ("aws", "https://bb-security.signin.aws.amazon.com"),
        ("aws-us-gov", "https://bb-security.signin.amazonaws-us-gov.com/console"),
        ("aws-cn", "https://bb-security.signin.amazonaws.cn/console"),
    ],
)
def test_the_sign_in_pages_of_aws_are_accepted(partition: str, url: str) -> None:
    assert identity(partition=partition, sign_in_url=url).problems() == []
    assert sign_in_url("x", partition).endswith(f".{SIGN_IN_DOMAINS[partition]}/console")


@pytest.mark.parametrize(
    "url",
    [
        "http://bb-security.signin.aws.amazon.com/console",
        "https://bb-security.signin.aws.amazon.com.evil.example/console",
        "https://bb-other.signin.aws.amazon.com/console",
        "https://signin.aws.amazon.com/console",
        "https://evil.example/bb-security.signin.aws.amazon.com/console",
        "https://bb-security.signin.aws.amazon.com@evil.example/console",
        "https://user:pw@bb-security.signin.aws.amazon.com/console",
        "https://bb-security.signin.aws.amazon.com:8443/console",
        "https://bb-security.signin.aws.amazon.com:/console",
        "https://bb-security.signin.aws.amazon.com:99999/console",
        "https://bb-security.signin.aws.amazon.com/console?x=1",
        "https://bb-security.signin.aws.amazon.com/oauth",
        "https://bb-security.signin.aws.amazon.com\\@evil.example/console",
        "https://bb-secur\u0131ty.signin.aws.amazon.com/console",
        "https://bb-security.signin.amazonaws.cn/console",
        "javascript:alert",
        "",
        "https://" + "a" * 300,
    ],
)
def test_any_other_sign_in_address_is_refused(url: str) -> None:
    [problem] = identity(sign_in_url=url).problems()
    assert problem.field == "sign_in_url"


@pytest.mark.parametrize(
    "changes",
    [
        {"account_id": "12345678901"},
        {"account_id": "\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11"},
        {"account_id": "222222222222\n"},
        {"user": "a b"},
        {"user": "x" * 65},
        {"user": ""},
        {"account_alias": "Bb"},
        {"account_alias": "a--b"},
        {"account_alias": "123456789012"},
        {"key_fingerprint": FINGERPRINT[:-1]},
        {"key_fingerprint": "Z" * 40},
        {"region": "us-east-1\n[profile x]"},
        {"partition": "aws-moon"},
        {"access_key_id": "AKIAIOSFODNN7EXAMPLE"},
        {"access_key_id": "nope", "encrypted_secret": "AAAA"},
        {"password_policy": ("x" * 501,)},
        {"password_policy": ("\x1b[2Jhello",)},
        {"password_policy": ("x\u202ey",)},
        {"password_policy": ("x",) * 21},
        *(
            {"password_policy": (f"x{odd}y",)}
            for odd in "\ud800\U000e0041\u200b\u200d\u2066\u3164\u2179\t\u241b"
        ),
        {"profiles": (RoleProfile("a b", "DevOps", "shared", "333333333333"),)},
        *(
            {"profiles": (RoleProfile(name, "DevOps", "shared", "333333333333"),)}
            for name in ("default", "Default", "profile", "sso-session", "services", "plugins", "preview")
        ),
        {"profiles": (RoleProfile("a", "Dev Ops", "shared", "333333333333"),)},
        {"profiles": (RoleProfile("a", "DevOps", "../x", "333333333333"),)},
        {"profiles": (RoleProfile("a", "DevOps", "shared", "3"),)},
    ],
    ids=str,
)
def test_a_value_that_breaks_its_rule_is_refused_on_both_ways(changes: dict[str, object]) -> None:
    handoff = Handoff("bb", (identity(**changes),))
    assert handoff.problems()
    with pytest.raises(MessageError) as refused:
        handoff.render()
    assert refused.value.flaw is Flaw.BREAKS_RULES


def test_a_profile_name_may_hold_a_word_that_aws_uses() -> None:
    for name in ("default-bb", "bb-default", "bb-services"):
        profile = RoleProfile(name, "DevOps", "shared", "333333333333")
        assert Handoff("bb", (identity(profiles=(profile,)),)).problems() == []


@pytest.mark.parametrize("project", ["", "../x", "a b", "x" * 33, "-x"])
def test_a_project_is_a_plain_folder_name(project: str) -> None:
    for message in (Handoff(project, (identity(),)), request(project=project), Invitation(project, "a.b")):
        assert [problem.field for problem in message.problems()] == ["project"]
