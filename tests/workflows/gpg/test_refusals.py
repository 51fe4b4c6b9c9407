"""What people send in place of a public key, and the refusal that each of it gets."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import example, given, settings, strategies as st
from support.message_ways import quoted

from workflows.core.sentences import text_of
from workflows.gpg.normalise import normalise
from workflows.gpg.refusals import (
    DamagedKey,
    EmptyKey,
    Found,
    KeybaseName,
    KeyRefused,
    NotAPublicKey,
    OtherSecretKey,
)


@pytest.mark.parametrize("nothing", [b"", "", "  \n\t ", "> \n> \n", "\ufeff"])
def test_nothing_is_refused_as_empty(nothing: bytes | str) -> None:
    with pytest.raises(EmptyKey):
        normalise(nothing)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\x01\x02",
        b"\xff\xfe\xfd\xfc",
        "hello",
        "hello, this is no key",
        "a" * 80,
        b"PK\x03\x04\xff\xff" * 50,
        "{}",
    ],
)
def test_garbage_is_not_a_key(garbage: bytes | str) -> None:
    with pytest.raises((NotAPublicKey, DamagedKey)):
        normalise(garbage)


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQDH+c9V8Z jane@laptop", Found.SSH_KEY),
        ("ssh-ed25519 " + "A" * 300 + " jane@laptop\n", Found.SSH_KEY),
        ("56D5 0A0E 8C24 6906 07F9  D8C4 7020 D735 BE51 6F01", Found.FINGERPRINT),
        ("0x7020d735be516f01\n", Found.FINGERPRINT),
        ("> BE516F01", Found.FINGERPRINT),
        (
            "https://keys.example.org/vks/56D50A0E8C24690607F9D8C47020D735BE516F01",
            Found.LINK,
        ),
        ("<jane@a.example>", Found.MAIL_ADDRESS),
        ("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", Found.CERTIFICATE),
        (b"%PDF-1.7\n\x00\xff\xfe" + bytes(300), Found.OTHER_DATA),
        (
            "pub   rsa4096 2024-01-01 [SC]\n      56D50A0E8C24690607F9D8C4\nuid   Jane <j@a.example>\n",
            Found.LIST,
        ),
    ],
)
def test_what_people_take_for_a_key_is_called_by_its_name(sent: bytes | str, found: Found) -> None:
    with pytest.raises(NotAPublicKey) as refusal:
        normalise(sent)
    assert refusal.value.found is found
    assert "--new" in refusal.value.for_owner


@pytest.mark.parametrize("kind", ["OPENSSH", "RSA", "EC", "ENCRYPTED"])
def test_the_private_half_of_another_kind_of_key_is_refused_as_a_secret(kind: str) -> None:
    sent = f"my key:\n-----BEGIN {kind} PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END {kind} PRIVATE KEY-----\n"
    for form in (sent, quoted(sent), sent.encode()):
        with pytest.raises(OtherSecretKey) as refusal:
            normalise(form)
        assert "b3BlbnNz" not in refusal.value.as_text()


def test_a_keybase_name_says_to_fetch_the_key() -> None:
    with pytest.raises(KeybaseName) as refusal:
        normalise(" keybase:jane_doe\n")
    assert "https://keybase.io/jane_doe/pgp_keys.asc" in refusal.value.next


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(string.ascii_letters, min_size=1, max_size=12), max_size=60).map(" ".join))
@example("this is no key")
@example("please find my key attached thanks I will send the other one once I am back at my desk")
def test_plain_words_are_text_without_a_key(words: str) -> None:
    with pytest.raises(NotAPublicKey) as refused:
        normalise(f"hello {words}")
    assert refused.value.found is Found.TEXT


@pytest.mark.parametrize("words", ["hello world ", "my key is lost ", "a"])
def test_words_are_no_damaged_key_and_no_message(words: str) -> None:
    with pytest.raises(NotAPublicKey) as refusal:
        normalise(words * 300)
    assert refusal.value.found is Found.TEXT


def test_no_command_for_people_wraps_on_a_page() -> None:
    kinds = _kinds(KeyRefused)
    texts = [text_of(text) for kind in kinds for text in (kind.for_owner, *getattr(kind, "texts", ()))]
    commands = [
        line for text in texts for line in text.splitlines() if re.search(r"gpg --|pgp request", line)
    ]
    assert len(commands) > 10
    assert [line for line in commands if len(line) > 76] == []


def _kinds(kind: type[KeyRefused]) -> list[type[KeyRefused]]:
    return [kind, *(below for child in kind.__subclasses__() for below in _kinds(child))]
