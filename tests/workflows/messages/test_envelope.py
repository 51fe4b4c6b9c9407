from __future__ import annotations

import base64
import json
import re

import pytest
from support.message_samples import ciphertext, identity, request

from workflows.core.secret import Secret
from workflows.core.sentences import text_of
from workflows.messages import envelope
from workflows.messages.envelope import Flaw, MessageError, extract_block, render_block
from workflows.messages.handoff import Handoff, open_handoff, sign_in_url
from workflows.messages.invitation import Invitation


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


def test_every_line_is_short_enough_for_a_mail() -> None:
    invitations = (Invitation("bb", "jane.doe", replaces=replaces).render() for replaces in (False, True))
    for text in (request(replacement=True, reason="r").render(), *invitations):
        assert max(map(len, text.splitlines())) <= 90
    assert all(ord(character) < 128 for character in extract_block.__name__ + block())


def test_the_lines_for_a_person_without_the_wizard_decode_to_the_ciphertext() -> None:
    text = Handoff("bb", (identity(),)).render()
    lines = text.split("<<'END' | gpg --decrypt\n")[1].split("\nEND\n")[0]
    assert base64.b64decode(lines) == base64.b64decode(ciphertext())
