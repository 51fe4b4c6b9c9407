"""Junk in place of a message or a key: it is refused, in a time that is linear in its size."""

from __future__ import annotations

from functools import partial

import pytest
from support.growth import growth

from benchmarks.junk import KEYS, MESSAGES, filled, read_keys, read_message
from workflows.core.sentences import OnboardError
from workflows.gpg.normalise import KEYRING_LIMIT, public_keys
from workflows.gpg.refusals import KeyTooLarge
from workflows.messages.envelope import MAX_TEXT, extract_block

LINEAR = 30
"""Of a text eight times as long; where every character costs as many steps as there are, it would be 64."""


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_of_junk_is_read_in_linear_time(name: str) -> None:
    few, many = (filled(MESSAGES[name], MAX_TEXT // part) for part in (8, 1))
    assert growth(partial(read_message, few), partial(read_message, many), LINEAR) < LINEAR


@pytest.mark.parametrize("name", KEYS)
def test_a_keyring_of_junk_is_read_in_linear_time(name: str) -> None:
    few, many = (filled(KEYS[name], 1_600_000 // part) for part in (8, 1))
    assert growth(partial(read_keys, few), partial(read_keys, many), LINEAR) < LINEAR


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_of_junk_is_refused(name: str) -> None:
    with pytest.raises(OnboardError):
        extract_block(filled(MESSAGES[name], MAX_TEXT), "handoff")


@pytest.mark.parametrize("name", KEYS)
def test_a_keyring_of_junk_is_refused(name: str) -> None:
    with pytest.raises(OnboardError):
        public_keys(filled(KEYS[name], 200_000))


@pytest.mark.parametrize(
    "name", ["line breaks", "soft line breaks", "marks of HTML", "line breaks of HTML", "entities"]
)
def test_a_text_in_more_pieces_than_any_keyring_is_refused_unread(name: str) -> None:
    with pytest.raises(KeyTooLarge):
        public_keys(filled(KEYS[name], KEYRING_LIMIT))


NESTED = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(5_000))
PACKED = {
    "many parts": f"{NESTED}Content-Type: text/plain\n\nhello",
    "many headers": "Content-Type: multipart/mixed; boundary=b\n\n--b\n" + "a: b\n" * 2_000 + "\nhello",
}


@pytest.mark.parametrize("name", PACKED)
def test_a_mail_that_is_packed_too_often_says_what_to_do(name: str) -> None:
    with pytest.raises(OnboardError) as caught:
        extract_block(PACKED[name], "handoff")
    assert caught.value.next


def test_as_many_parts_as_a_mail_has_are_read_through() -> None:
    block = '{"iam-onboard": "handoff", "schema": 1, "a": 1}'
    nested = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(20))
    mail = f"{nested}Content-Type: text/plain; charset=utf-8\n\nBonjour\n\n{block}\n"
    assert extract_block(mail, "handoff") == {"a": 1}
