from __future__ import annotations

import base64
import contextlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import pytest
from hypothesis import given, settings, strategies as st
from support.growth import growth
from support.odd_keys import PHOTOGRAPH, with_photograph, with_signatures, without
from support.pgp import ENVIRONMENT, PAST, GpgHome, gpg_home

from workflows.core.openpgp import Tag, grouped, split
from workflows.gpg.inspect import CheckedKey, KeyDetails, check_key, own_expiries
from workflows.gpg.many_keys import check_keys, choose, in_parallel
from workflows.gpg.normalise import KEYRING_LIMIT, normalise, public_keys
from workflows.gpg.pasted import INPUT_LIMIT
from workflows.gpg.refusals import (
    EmptyKey,
    KeyRefused,
    KeyTooLarge,
    NoSuchKeyHere,
    SecretKeyGiven,
    SeveralKeys,
    UnreadableKey,
)
from workflows.gpg.verdict import Headline, JudgedFile, VerdictKind, judge_file

NAMES = ("jane", "juan", "ana")


@pytest.fixture(scope="module")
def home() -> Iterator[GpgHome]:
    with gpg_home() as folder:
        for name in NAMES:
            folder.key(name, "ed25519", subkey="cv25519")
        folder.key("rsa")
        yield folder


@pytest.fixture(scope="module")
def keyring(home: GpgHome) -> bytes:
    return b"".join(home.export(name) for name in NAMES)


def fingerprints(found: tuple[CheckedKey | Exception, ...]) -> list[str]:
    return [key.details.fingerprint for key in found if isinstance(key, CheckedKey)]


def test_every_key_of_a_keyring_is_read_in_any_form(home: GpgHome) -> None:
    exported = home.run("--export")
    armored = [home.export(name, "--armor").decode() for name in (*NAMES, "rsa")]
    expected = [home.fingerprint(name) for name in (*NAMES, "rsa")]
    for form in (
        exported,
        base64.encodebytes(exported),
        home.run("--armor", "--export"),
        "Hello,\n" + "\nand\n".join(armored),
        exported + home.export("jane"),
        (home.path / "pubring.kbx").read_bytes(),
    ):
        assert fingerprints(check_keys(form, environment=ENVIRONMENT)) == expected


def test_one_key_is_a_keyring_of_one(home: GpgHome) -> None:
    (key,) = check_keys(home.export("jane"), environment=ENVIRONMENT)
    assert key == check_key(home.export("jane"), environment=ENVIRONMENT)


def test_a_keyring_with_a_secret_key_or_without_any_is_refused(home: GpgHome) -> None:
    with pytest.raises(SecretKeyGiven):
        check_keys(home.run("--export") + home.run("--export-secret-keys"), environment=ENVIRONMENT)
    with gpg_home() as empty:
        empty.run("--list-keys")
        with pytest.raises(EmptyKey):
            check_keys((empty.path / "pubring.kbx").read_bytes(), environment=ENVIRONMENT)


def test_a_key_that_gpg_cannot_read_does_not_hide_the_others(home: GpgHome) -> None:
    nonsense = bytes([0xC6, 20, 4]) + b"\x00" * 4 + b"\x01" + b"\xff" * 14
    found = check_keys(home.export("jane") + nonsense, environment=ENVIRONMENT)
    assert fingerprints(found) == [home.fingerprint("jane")]
    assert isinstance(found[1], UnreadableKey)


def test_a_key_is_chosen_by_fingerprint_or_mail(home: GpgHome) -> None:
    keys = check_keys(home.run("--export"), environment=ENVIRONMENT)
    jane = home.fingerprint("jane")
    details: KeyDetails = choose(keys, jane).details
    for name in (grouped(details.fingerprint), f"0x{jane[-16:]}", jane[-8:].lower(), " Jane@a.example "):
        assert choose(keys, name).details == details
    for name, count in (("nobody@a.example", "None"), (jane[-7:], "None"), ("", "None"), (jane[:16], "None")):
        with pytest.raises(NoSuchKeyHere, match=count) as refusal:
            choose(keys, name)
        assert jane in refusal.value.detail
    with pytest.raises(NoSuchKeyHere, match=r"^[^:]*: 2 "):
        choose((*keys, *keys), f"{jane}")


def test_what_is_too_large_is_refused_at_once() -> None:
    def refuse(paste: str | bytes) -> None:
        with pytest.raises(KeyTooLarge):
            check_keys(paste, environment=ENVIRONMENT)

    for begin, piece in (("", "A"), (b"", b"\x99"), (b"\0" * 8 + b"KBXf", b"\0")):
        few, many = begin + piece * (KEYRING_LIMIT + 1), begin + piece * 3 * KEYRING_LIMIT
        assert growth(partial(refuse, few), partial(refuse, many), 2) < 2
    assert INPUT_LIMIT < KEYRING_LIMIT


def test_normalising_takes_one_key_where_public_keys_takes_all(home: GpgHome) -> None:
    with pytest.raises(SeveralKeys, match="4 different"):
        normalise(home.run("--export"))
    assert [key.binary for key in public_keys(home.export("ana"))] == [home.export("ana")]


def test_work_is_done_in_parallel_and_its_failure_is_raised() -> None:
    both = threading.Barrier(2)
    assert in_parallel(lambda item: (both.wait(), item)[1], [1, 2]) == [1, 2]
    assert in_parallel(str, [1]) == ["1"]
    assert in_parallel(str, []) == []
    with pytest.raises(ZeroDivisionError):
        in_parallel(lambda item: 1 // item, [1, 0, 1])


def test_a_photograph_and_hundreds_of_signatures_are_left_out(home: GpgHome) -> None:
    photograph, signed = with_photograph(home, "seen"), with_signatures(home, "famous", 500)
    assert PHOTOGRAPH in photograph
    assert len(signed) > 100_000
    for sent in (photograph, signed):
        key = check_key(sent, environment=ENVIRONMENT).key
        tags = [packet.tag for packet in split(key.binary)]
        assert tags == [Tag.PUBLIC_KEY, Tag.USER_ID, Tag.SIGNATURE, Tag.PUBLIC_SUBKEY, Tag.SIGNATURE]
        assert check_key(key.text, environment=ENVIRONMENT).key == key


def test_all_user_ids_are_kept(home: GpgHome) -> None:
    fingerprint = home.key("many-names")
    for number in range(3):
        home.run("--quick-add-uid", fingerprint, f"Name {number} <name{number}@b.sample>")
    checked = check_key(home.export("many-names"), environment=ENVIRONMENT)
    assert len(checked.details.user_ids) == 4
    assert sum(packet.tag == Tag.USER_ID for packet in split(checked.key.binary)) == 4


def judged(data: bytes, version: str | None = "3.39.0") -> JudgedFile:
    return judge_file(data, version, datetime.now(UTC), environment=ENVIRONMENT)


def test_a_file_that_lies_in_a_layer_is_judged_as_it_is(home: GpgHome) -> None:
    rsa = home.export("rsa")
    good = judged(base64.encodebytes(rsa))
    assert good.verdict.kind is VerdictKind.WORKS
    assert good.key is not None
    unread = {Headline.NOT_BASE64, Headline.DAMAGED, Headline.NO_KEY, Headline.EMPTY}
    for data, headline in (
        (rsa, Headline.BINARY_FILE),
        (home.export("rsa", "--armor"), Headline.ARMORED),
        (base64.encodebytes(rsa)[:-7], Headline.NOT_BASE64),
        (base64.encodebytes(rsa[:-9]), Headline.DAMAGED),
        (base64.encodebytes(home.export("rsa", "--armor")), Headline.BASE64_OF_ARMORED),
        (base64.encodebytes(without(rsa, Tag.USER_ID)), Headline.NO_USER_ID),
        (base64.encodebytes(home.encrypt("rsa", "x")), Headline.NO_KEY),
        (b"\n", Headline.EMPTY),
        (
            base64.encodebytes(bytes([0xCA, 3]) + b"PGP"),
            Headline.EMPTY,
        ),
    ):
        found = judged(data)
        assert found.verdict.kind is VerdictKind.REFUSED_BY_PROVIDER
        assert found.verdict.headline == headline
        assert (found.key is None) == (headline in unread)


def test_of_a_newer_format_only_the_provider_that_was_tried_is_said_to_fail(home: GpgHome) -> None:
    rsa = home.export("rsa")
    place = rsa.index(b"\x04", 1)
    newer = base64.encodebytes(rsa[:place] + b"\x06" + rsa[place + 1 :])
    old, new = judged(newer), judged(newer, "6.0.0")
    assert old.verdict.kind is VerdictKind.REFUSED_BY_PROVIDER
    assert new.verdict.kind is VerdictKind.REFUSED_BY_US
    assert "pgp request --new" in new.verdict.sentence_for_owner


def test_what_must_not_lie_in_a_layer_is_refused_whatever_the_provider_does(home: GpgHome) -> None:
    secret = home.run("--export-secret-keys", home.fingerprint("rsa"))
    for data in (
        base64.encodebytes(secret),
        home.run("--armor", "--export-secret-keys", home.fingerprint("rsa")),
        secret,
        base64.encodebytes(home.run("--export")),
        b"keybase:jane\n",
    ):
        found = judged(data)
        assert found.verdict.kind is VerdictKind.REFUSED_BY_US
        assert found.key is None


def test_a_subkey_has_a_date_of_its_own() -> None:
    with gpg_home() as home:
        short = home.key("short", expires="1y", subkey_expires="3y")
        (before,) = own_expiries(split(home.export("short")))
        assert before is not None
        assert 1094 <= (before - datetime.now(UTC)).days <= 1095
        home.run("--quick-set-expire", short, "0", home.subkeys(short)[0])
        assert own_expiries(split(home.export("short"))) == (None,)


def test_the_own_date_is_told_where_gpg_tells_the_one_of_the_primary_key() -> None:
    with gpg_home() as home:
        home.key("gone", at=PAST, expires="1y", subkey_expires="never")
        details = check_key(home.export("gone"), environment=ENVIRONMENT).details
        assert details.subkeys[0].own_expires is None
        assert details.subkeys[0].expires == details.primary.expires is not None


def test_damaged_subpackets_are_read_without_failure() -> None:
    key = bytes([0xC6, 20, 4]) + bytes(19)
    subkey = bytes([0xC0 | Tag.PUBLIC_SUBKEY, 20, 4]) + bytes(19)
    long_life = b"\x0a\x09" + b"\xff" * 9
    for area in (b"\xff", b"\xc0", b"\x05\x09\x00", b"\x00" * 9, long_life):
        body = bytes([4, 0x18, 1, 8]) + len(area).to_bytes(2) + area
        signature = bytes([0xC0 | Tag.SIGNATURE, len(body)]) + body
        assert own_expiries(split(key + subkey + signature)) == (None,)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=120))
def test_whatever_a_binding_signature_holds_a_date_or_none_comes_back(area: bytes) -> None:
    subkey = bytes([0xC0 | Tag.PUBLIC_SUBKEY, 20, 4]) + b"\xff" * 19
    body = bytes([4, 0x18, 1, 8]) + len(area).to_bytes(2) + area
    signature = bytes([0xC0 | Tag.SIGNATURE, len(body)]) + body
    assert len(own_expiries(split(subkey + signature))) == 1


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_of_damaged_keyrings_only_refusals_come_back(keyring: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(keyring)))
    end = data.draw(st.integers(start, len(keyring)))
    damaged = keyring[:start] + data.draw(st.binary(max_size=30)) + keyring[end:]
    with contextlib.suppress(KeyRefused):
        assert all(key.key_material for key in public_keys(damaged))
