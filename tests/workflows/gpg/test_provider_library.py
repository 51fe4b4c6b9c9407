"""Ed25519 keys with a signature that begins with a zero, which the older AWS provider wrongly rejects."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.ed25519_keys import PRIMARY, Short, ed25519_key, ed25519_keys, secret_ed25519_key
from support.pgp import ENVIRONMENT, GpgHome, gpg_home

from workflows.core.openpgp import Packet, Signature, fingerprint_of, split
from workflows.gpg.inspect import KeyDetails, check_key
from workflows.gpg.provider_library import keybase_verifies
from workflows.gpg.verdict import Headline, VerdictKind, judge, judge_file

OLD, NEW, UNKNOWN = "3.39.0", "4.67.0", None
WORKS, UNVERIFIED = VerdictKind.WORKS, VerdictKind.UNVERIFIED
BY_PROVIDER, BY_US = VerdictKind.REFUSED_BY_PROVIDER, VerdictKind.REFUSED_BY_US
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def home() -> Iterator[GpgHome]:
    with gpg_home() as folder:
        folder.key("rsa", "rsa1024", expires="never")
        yield folder


@pytest.fixture(scope="module")
def subkey(home: GpgHome) -> Packet:
    return split(home.export("rsa"))[3]


def details_of(key: bytes) -> KeyDetails:
    return check_key(key, environment=ENVIRONMENT).details


@pytest.mark.parametrize("short", [Short.R, Short.S])
@pytest.mark.parametrize("place", ["name", "subkey"])
def test_a_short_signature_where_it_matters_fails_with_the_older_provider_alone(
    subkey: Packet, short: Short, place: str
) -> None:
    key = (
        ed25519_key(subkey, names=((short,),)) if place == "name" else ed25519_key(subkey, bindings=(short,))
    )
    details = details_of(key)
    assert (details.names_dropped, details.subkeys[0].dropped) == (place == "name", place == "subkey")
    verdicts = [judge(details, version, NOW) for version in (OLD, NEW, UNKNOWN)]
    assert [verdict.kind for verdict in verdicts] == [BY_PROVIDER, UNVERIFIED, UNVERIFIED]
    assert "3.76.0" in verdicts[2].explanation


def test_one_signature_that_is_not_short_is_enough(subkey: Packet) -> None:
    two_names = details_of(ed25519_key(subkey, names=((Short.R,), (Short.NEITHER,))))
    assert judge(two_names, OLD, NOW).kind is WORKS


@pytest.mark.parametrize("kind", ["ed25519-newer-certificate-short", "ed25519-newer-binding-short"])
def test_an_older_signature_helps_a_file_and_not_what_is_written(subkey: Packet, kind: str) -> None:
    key = ed25519_keys(subkey)[kind]
    as_it_is = judge_file(base64.encodebytes(key), OLD, NOW, environment=ENVIRONMENT)
    assert as_it_is.verdict.kind is WORKS
    assert judge(details_of(key), OLD, NOW).kind is BY_PROVIDER


def test_the_older_provider_would_not_encrypt_to_an_expired_key_with_a_short_signature(
    subkey: Packet,
) -> None:
    for bindings, kind in (((Short.NEITHER,), BY_US), ((Short.R,), BY_PROVIDER)):
        details = details_of(ed25519_key(subkey, bindings=bindings))
        expired = replace(details, primary=replace(details.primary, expires=NOW - timedelta(days=1)))
        assert (judge(expired, OLD, NOW).kind, judge(expired, OLD, NOW).headline) == (kind, Headline.EXPIRED)


def test_numbers_of_other_algorithms_may_be_short() -> None:
    def signature(algorithm: int, *bits: int) -> Signature:
        numbers = b"".join(bit.to_bytes(2) + bytes((bit + 7) // 8) for bit in bits)
        return Signature(0x18, algorithm, 8, b"", b"", numbers)

    assert not keybase_verifies(signature(22, 256, 248))
    assert not keybase_verifies(signature(22, 0, 255))
    assert keybase_verifies(signature(22, 249, 256))
    assert keybase_verifies(signature(1, 2030))
    assert keybase_verifies(signature(19, 200, 256))


@pytest.mark.parametrize("kind", ["ed25519-certificate-with-short-r", "ed25519-binding-with-short-s"])
def test_the_advice_to_sign_again_makes_the_key_work(subkey: Packet, kind: str) -> None:
    fingerprint = fingerprint_of(PRIMARY) or ""
    with gpg_home() as home:
        key = ed25519_keys(subkey)[kind]
        home.run("--import", stdin=key)
        home.run("--import", stdin=secret_ed25519_key() + b"".join(packet.raw for packet in split(key)[1:3]))
        for _ in range(6):  # the new signatures are short again in one case of 64
            details = details_of(home.run("--export", fingerprint))
            verdict = judge(details, OLD, datetime.now(UTC))
            if verdict.kind is WORKS:
                return
            assert verdict.headline == Headline.MISREAD
            commands = [line.split()[1:] for line in verdict.sentence_for_owner.splitlines()[1:]]
            assert [command[-2:] for command in commands[:2]] == [
                [fingerprint, "2y"],
                ["2y", details.subkeys[0].fingerprint],
            ]
            for command in commands:
                home.run(*command)
    pytest.fail("the advice did not help")
