from __future__ import annotations

import base64
import json
import re

import pytest
from support.message_samples import FINGERPRINT, ciphertext, identity, packet, public_key, request

from workflows.core.secret import Secret
from workflows.core.sentences import text_of
from workflows.messages import envelope
from workflows.messages.envelope import Flaw, MessageError, extract_block, render_block
from workflows.messages.handoff import Handoff, RoleProfile, open_handoff, sign_in_url
from workflows.messages.invitation import Invitation, open_invitation
from workflows.messages.request import open_request
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


def test_a_secret_stops_a_message() -> None:
    for field in ("encrypted_password", "user", "extra"):
        value = {"deep": [Secret("x")]} if field == "extra" else Secret("x")
        handoff = Handoff("bb", (identity(**{field: value}),))
        with pytest.raises(TypeError, match="Secret"):
            handoff.render()
    asking = request(reason=Secret("x"))
    with pytest.raises(TypeError, match="Secret"):
        asking.render()
    handoff = Handoff("bb", (identity(),), extra={"x": Secret("y")})
    with pytest.raises(TypeError, match="Secret"):
        handoff.render()
    with pytest.raises(TypeError, match="Secret"):
        render_block("handoff", {"x": ({"y": Secret("z")},)})


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


@pytest.mark.parametrize("hidden", ["\ud800", "\udc00x", "\U000e0041", "\U000e0100"])
@pytest.mark.parametrize("where", [{"x": "{}"}, {"x{}": 1}, {"x": [["a{}"]]}, {"x": [{"{}": {"y": "z"}}]}])
def test_hidden_characters_are_refused_also_in_fields_that_nobody_knows(
    where: dict[str, object], hidden: str
) -> None:
    text = json.dumps(where).replace("{}", json.dumps(hidden)[1:-1])
    handoff = Handoff("bb", (identity(),), extra=json.loads(text))
    with pytest.raises(MessageError) as refused:
        open_handoff(render_block("handoff", handoff.payload()))
    assert refused.value.flaw is Flaw.DAMAGED
    assert "U+" in refused.value.detail


@pytest.mark.parametrize("project", ["", "../x", "a b", "x" * 33, "-x"])
def test_a_project_is_a_plain_folder_name(project: str) -> None:
    for message in (Handoff(project, (identity(),)), request(project=project), Invitation(project, "a.b")):
        assert [problem.field for problem in message.problems()] == ["project"]


def test_a_handoff_holds_each_identity_and_each_profile_once() -> None:
    assert "same user" in Handoff("bb", (identity(), identity(profiles=()))).problems()[0].message
    other = identity(account_id="444444444444", account_alias="bb-x", sign_in_url=sign_in_url("bb-x"))
    assert "twice" in Handoff("bb", (identity(), other)).problems()[0].message
    assert "0 identities" in Handoff("bb", ()).problems()[0].message


def test_a_machine_users_keys_travel_encrypted() -> None:
    machine = identity(
        user="machine.ci", sign_in_url="", encrypted_password=None, access_key_id="AKIAIOSFODNN7EXAMPLE",
        encrypted_secret=ciphertext(), mfa_required=False,
    )  # fmt: skip
    handoff = Handoff("bb", (machine,))
    assert open_handoff(handoff.render()) == handoff
    assert "https://" not in handoff.render(), "a machine signs in nowhere"


def block(**changes: object) -> str:
    payload = json.loads(Handoff("bb", (identity(),)).render().split("```json")[1].split("```")[0])
    return json.dumps({**payload, **changes})


def test_a_newer_version_is_refused_with_both_versions() -> None:
    with pytest.raises(MessageError) as caught:
        open_handoff(block(schema=2))
    assert caught.value.flaw is Flaw.NEWER
    assert re.findall(r"\d", text_of(caught.value.what)) == ["2", "1"]


@pytest.mark.parametrize(
    ("text", "flaw", "part"),
    [
        ("", Flaw.NO_BLOCK, ""),
        ("Hello", Flaw.NO_BLOCK, ""),
        ("x" * (envelope.MAX_TEXT + 1), Flaw.TOO_LONG, f" {envelope.MAX_TEXT + 1:,} "),
        (request().render(), Flaw.OTHER_KIND, ""),
        (block()[:-1], Flaw.CUT, ""),
        (block()[:300], Flaw.CUT, ""),
        (block(schema=True), Flaw.DAMAGED, ""),
        (block(schema="1"), Flaw.DAMAGED, ""),
        (block(project=7), Flaw.FIELD_WRONG, "project "),
        (block(identities={}), Flaw.FIELD_WRONG, "identities "),
        (block(identities=[7]), Flaw.FIELD_WRONG, " objects"),
        (block(identities=[{}] * 2001), Flaw.FIELD_WRONG, " 2,000 "),
        (block(identities=[{}]), Flaw.FIELD_MISSING, " account_name"),
        (block().replace("true", '"yes"'), Flaw.FIELD_WRONG, " true "),
        (block().replace("true", "NaN"), Flaw.DAMAGED, ""),
        (block().replace('"project"', '"schema": 1, "project"'), Flaw.DAMAGED, ""),
        (
            '{"iam-onboard": "handoff", "schema": 1, "x": ' + "[" * 100_000 + "]" * 100_000 + "}",
            Flaw.DAMAGED,
            "",
        ),
        ('{"iam-onboard": "handoff", "schema": ' + "9" * 5000 + "}", Flaw.DAMAGED, ""),
        (block() + block(project="cc"), Flaw.SEVERAL, ""),
        ('{"iam-onboard": "handoff"' * 5000, Flaw.CUT, ""),
    ],
    ids=range(20),
)
def test_what_is_no_handoff_has_its_own_flaw(text: str, flaw: Flaw, part: str) -> None:
    with pytest.raises(MessageError) as caught:
        open_handoff(text)
    assert caught.value.flaw is flaw
    assert part in caught.value.what
    assert caught.value.next


def test_the_same_block_twice_is_one() -> None:
    assert open_handoff(block() + "\n> " + block()).project == "bb"


def test_a_wrong_value_inside_a_message_is_never_used() -> None:
    with pytest.raises(MessageError) as caught:
        open_handoff(block().replace("bb-security.signin.aws.amazon.com", "evil.example"))
    assert caught.value.flaw is Flaw.BREAKS_RULES
    assert text_of(caught.value.what).endswith(" https://bb-security.signin.aws.amazon.com/console")


def test_a_request_with_a_secret_key_or_a_foreign_fingerprint_is_refused() -> None:
    key, fingerprint = public_key()
    secret = base64.b64encode(packet(5, b"\x04" + b"\x07" * 600)).decode()
    two = base64.b64encode(base64.b64decode(key) * 2).decode()
    for changes, part in (
        ({"public_key": secret}, "SECRET key"),
        ({"fingerprint": FINGERPRINT}, f"its fingerprint is {fingerprint}, not {FINGERPRINT}"),
        ({"public_key": two}, "more than one"),
        ({"public_key": ciphertext()}, "it isn't a public key"),
        ({"public_key": "-----BEGIN"}, "base64"),
        ({"public_key": key[:400]}, "ends too early"),
        ({"public_key": ""}, "it isn't a public key"),
        ({"public_key": "A" * 70_000}, "too long"),
    ):
        with pytest.raises(MessageError) as caught:
            request(**changes).render()
        assert caught.value.flaw is Flaw.BREAKS_RULES
        assert part in caught.value.what
    assert open_request(request().render()).fingerprint == fingerprint


def test_an_invitation_is_read_back_from_its_command() -> None:
    invitation = Invitation("bb", "jane.doe")
    quoted = "".join(f"> {line}\n" for line in invitation.render().splitlines())
    assert open_invitation(quoted) == invitation
    assert invitation.command in invitation.render()
    for text, flaw in (
        ("hello", Flaw.NO_INVITATION),
        ("iam-onboard join --project ../x --user a.b", Flaw.BREAKS_RULES),
    ):
        with pytest.raises(MessageError) as refused:
            open_invitation(text)
        assert refused.value.flaw is flaw


def test_every_line_is_short_enough_for_a_mail() -> None:
    invitations = (Invitation("bb", "jane.doe", replaces=replaces).render() for replaces in (False, True))
    for text in (request(replacement=True, reason="r").render(), *invitations):
        assert max(map(len, text.splitlines())) <= 90
    assert all(ord(character) < 128 for character in extract_block.__name__ + block())


def test_the_lines_for_a_person_without_the_wizard_decode_to_the_ciphertext() -> None:
    text = Handoff("bb", (identity(),)).render()
    lines = text.split("<<'END' | gpg --decrypt\n")[1].split("\nEND\n")[0]
    assert base64.b64decode(lines) == base64.b64decode(ciphertext())
