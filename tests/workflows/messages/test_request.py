"""The request: it survives its way, and holds one public key and nothing secret."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from hypothesis import given, settings, strategies as st
from support.message_samples import FINGERPRINT, ciphertext, packet, public_key, request
from support.message_ways import EXTRA, MANGLES, PROSE, chatter, crlf, entities, quoted, smart_quotes

from workflows.messages.envelope import Flaw, MessageError
from workflows.messages.request import open_request


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


@pytest.mark.parametrize("mangle", MANGLES.values(), ids=MANGLES.keys())
def test_a_request_survives_its_way(mangle: Callable[[str], str]) -> None:
    original = request(replacement=True, reason="The laptop with the key was lost, & it's “gone” <for good>.")
    assert open_request(mangle(original.render())) == original


@settings(max_examples=80, deadline=None)
@given(
    PROSE, PROSE, EXTRA, st.booleans(), st.sampled_from([str, quoted, crlf, entities, smart_quotes, chatter])
)
def test_every_request_comes_back_with_its_unknown_fields(
    name: str, reason: str, extra: dict[str, object], replacement: bool, mangle: Callable[[str], str]
) -> None:
    original = request(name=name, reason=reason, replacement=replacement, extra=extra)
    assert open_request(mangle(original.render())) == original
