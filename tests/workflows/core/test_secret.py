"""Secrets that leak into no text, and what is taken for one in something that was entered."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from workflows.core.secret import Credentials, Dropped, Secret, holds_secret

CANARY = "canary-Passw0rd!"
KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def test_a_secret_is_in_no_text_that_is_made_of_it() -> None:
    secret = Secret(CANARY)
    made = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret:>20}",
        f"{[secret]}",
        f"{Credentials('AKIA', secret)}",
    ]
    assert not any(CANARY in text for text in made)
    assert secret.reveal() == CANARY


@pytest.mark.parametrize(
    "out", [pickle.dumps, json.dumps, copy.copy, copy.deepcopy], ids=lambda out: out.__qualname__
)
def test_a_secret_is_neither_stored_nor_copied(out: object) -> None:
    with pytest.raises(TypeError):
        out(Secret(CANARY))  # type: ignore[operator]


def test_equal_secrets_are_not_found_out_by_comparing() -> None:
    assert Secret(CANARY) != Secret(CANARY)
    assert (bool(Secret(CANARY)), bool(Secret(""))) == (True, False)


def test_a_dropped_secret_is_gone_for_good() -> None:
    with Secret(CANARY) as secret:
        assert not secret.dropped
    secret.drop()
    assert (secret.dropped, bool(secret)) == (True, False)
    with pytest.raises(Dropped):
        secret.reveal()


@pytest.mark.parametrize("token", [None, Secret(CANARY)])
def test_credentials_drop_both_halves(token: Secret | None) -> None:
    with Credentials("ASIA", Secret(CANARY), token) as credentials:
        assert credentials.secret_access_key
    assert credentials.secret_access_key.dropped
    assert token is None or token.dropped


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("-----BEGIN RSA PRIVATE KEY-----\nMII", True),
        (KEY, True),
        (f"AKIAIOSFODNN7EXAMPLE,{KEY}", True),
        ("ghp_0123456789abcdefghij", True),
        ("see glpat-0123456789abcdefghij there", True),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.x", True),
        ("x" * 200 + " " + KEY, False),
        ("0123456789abcdef0123456789abcdef01234567", False),
        ("A" * 40, False),
        ("jane.doe", False),
        ("my-ghp_0123456789abcdefghij", False),
        ("", False),
    ],
)
def test_a_text_with_a_key_or_a_token_is_known(text: str, *, holds: bool) -> None:
    assert holds_secret(text) is holds
