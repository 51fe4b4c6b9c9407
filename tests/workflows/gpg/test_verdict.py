from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.odd_keys import every_name_revoked
from support.pgp import ENVIRONMENT, FUTURE, GpgHome, all_kinds_of_keys, gpg_home

from workflows.core.installation import how_to_install
from workflows.core.openpgp import split
from workflows.core.sentences import day, text_of
from workflows.gpg.inspect import CheckedKey, check_key, inspect_key, parse_listings
from workflows.gpg.normalise import normalise
from workflows.gpg.provider_library import OpenPgpLibrary, library_of
from workflows.gpg.refusals import UnreadableKey
from workflows.gpg.tools import GpgMissing, gpg_version
from workflows.gpg.verdict import REJECTION, Headline, VerdictKind, judge

OLD, NEW, UNKNOWN = "3.39.0", "4.67.0", None
WORKS, UNVERIFIED = VerdictKind.WORKS, VerdictKind.UNVERIFIED
BY_PROVIDER, BY_US = VerdictKind.REFUSED_BY_PROVIDER, VerdictKind.REFUSED_BY_US

# kind of key: verdict with the older library, with the newer one, with an unknown version
TABLE = {
    "rsa": (WORKS, WORKS, WORKS),
    "rsa3072": (WORKS, WORKS, WORKS),
    "rsa1024": (BY_US, BY_US, BY_US),
    "rsa-for-both": (WORKS, WORKS, WORKS),
    "dsa-elgamal": (BY_US, BY_US, BY_US),
    "expired-subkey-and-new": (WORKS, WORKS, WORKS),
    "revoked-subkey-and-new": (WORKS, WORKS, WORKS),
    "from-the-future": (WORKS, UNVERIFIED, UNVERIFIED),
    "expiring-soon": (WORKS, WORKS, WORKS),
    "cv25519": (BY_PROVIDER, UNVERIFIED, UNVERIFIED),
    "rsa-with-cv25519": (BY_PROVIDER, UNVERIFIED, UNVERIFIED),
    "ed25519-with-rsa": (WORKS, UNVERIFIED, UNVERIFIED),
    "nistp256": (BY_PROVIDER, UNVERIFIED, UNVERIFIED),
    "brainpool": (BY_PROVIDER, UNVERIFIED, UNVERIFIED),
    "rsa-signing-only": (BY_PROVIDER, BY_PROVIDER, BY_PROVIDER),
    "expired": (BY_PROVIDER, BY_PROVIDER, BY_PROVIDER),
    "expired-signing-only": (BY_PROVIDER, BY_PROVIDER, BY_PROVIDER),
    "expired-primary": (BY_US, BY_PROVIDER, BY_US),
    "expired-subkey": (BY_PROVIDER, BY_PROVIDER, BY_PROVIDER),
    "revoked-subkey": (BY_PROVIDER, BY_PROVIDER, BY_PROVIDER),
    "revoked": (BY_US, BY_US, BY_US),
}


@pytest.fixture(scope="module")
def home() -> Iterator[GpgHome]:
    with gpg_home() as folder:
        yield folder


@pytest.fixture(scope="module")
def other() -> Iterator[GpgHome]:
    """Yield a folder for more keys, so that the keys in `keys` do not depend on the order of tests."""
    with gpg_home() as folder:
        yield folder


@pytest.fixture(scope="module")
def keys(home: GpgHome) -> dict[str, CheckedKey]:
    return {
        kind: check_key(binary, environment=ENVIRONMENT) for kind, binary in all_kinds_of_keys(home).items()
    }


@pytest.fixture(scope="module")
def now() -> datetime:
    return datetime.now(UTC)


def test_every_kind_of_key_gets_its_verdict(keys: dict[str, CheckedKey], now: datetime) -> None:
    assert keys.keys() == TABLE.keys()
    verdicts = {
        kind: tuple(judge(checked.details, version, now).kind for version in (OLD, NEW, UNKNOWN))
        for kind, checked in keys.items()
    }
    assert verdicts == TABLE


@pytest.mark.parametrize("kind", ["rsa1024", "dsa-elgamal"])
def test_a_key_is_too_short_if_its_signing_or_its_encrypting_part_is(
    keys: dict[str, CheckedKey], now: datetime, kind: str
) -> None:
    details = keys[kind].details
    for bits, extra, short in ((2048, 2048, False), (2047, 2048, True), (2048, 2047, True)):
        primary = replace(details.primary, bits=bits)
        longer = replace(details, primary=primary, subkeys=(replace(details.subkeys[0], bits=extra),))
        verdict = judge(longer, OLD, now)
        assert (verdict.headline == Headline.TOO_SHORT, verdict.accepted) == (short, not short)
        assert verdict.warnings
    spare = replace(details.subkeys[0], revoked=True)
    others = replace(
        details, primary=keys["rsa"].details.primary, subkeys=(spare, *keys["rsa"].details.subkeys)
    )
    assert judge(others, OLD, now).accepted


def test_a_refusal_comes_with_what_the_provider_does_and_what_to_send(
    keys: dict[str, CheckedKey], now: datetime
) -> None:
    for kind, checked in keys.items():
        for version in (OLD, NEW, UNKNOWN):
            verdict = judge(checked.details, version, now)
            assert verdict.explanation.endswith(REJECTION) == (verdict.kind is BY_PROVIDER), kind
            something_to_say = not verdict.accepted or verdict.kind is UNVERIFIED or bool(verdict.warnings)
            assert bool(verdict.sentence_for_owner) == something_to_say, kind
            assert verdict.headline, kind
            assert verdict.explanation.endswith("."), kind


def test_a_verdict_of_the_provider_names_the_version_or_constraint_that_it_is_for(
    keys: dict[str, CheckedKey], now: datetime
) -> None:
    for version in (OLD, "~> 3.27"):
        assert version in text_of(judge(keys["cv25519"].details, version, now).explanation)


def test_the_advice_names_the_key_and_the_commands_that_help(
    keys: dict[str, CheckedKey], now: datetime
) -> None:
    for kind, command in (
        ("cv25519", "rsa4096 cert,sign"),
        ("revoked", "rsa4096 cert,sign"),
        ("rsa-signing-only", "--quick-add-key {} rsa4096 encrypt"),
        ("revoked-subkey", "--quick-add-key {} rsa4096 encrypt"),
        ("expired", "--quick-set-expire {} 2y "),
    ):
        details = keys[kind].details
        advice = judge(details, OLD, now).sentence_for_owner
        assert details.fingerprint[-16:] in advice
        assert command.format(details.fingerprint) in advice


def test_an_expired_key_is_told_with_the_day_on_which_it_expired(
    keys: dict[str, CheckedKey], now: datetime
) -> None:
    for kind in ("expired", "expired-signing-only", "expired-primary", "expired-subkey"):
        details = keys[kind].details
        (over,) = {part.expires for part in details.parts if part.is_expired(now)}
        for version in (OLD, NEW):
            verdict = judge(details, version, now)
            assert verdict.headline == Headline.EXPIRED
            assert day(over) in text_of(verdict.explanation)
            assert day(over) in text_of(verdict.sentence_for_owner)


@pytest.mark.parametrize("kind", ["rsa-signing-only", "revoked-subkey", "expired-signing-only"])
def test_the_advice_to_add_a_subkey_makes_the_key_work(
    home: GpgHome, keys: dict[str, CheckedKey], now: datetime, kind: str
) -> None:
    _follow(home, judge(keys[kind].details, OLD, now).sentence_for_owner)
    repaired = check_key(home.export(kind), environment=ENVIRONMENT).details
    assert judge(repaired, OLD, datetime.now(UTC)).kind is WORKS


def test_the_advice_to_prolong_makes_the_key_work(
    home: GpgHome, keys: dict[str, CheckedKey], now: datetime
) -> None:
    _follow(home, judge(keys["expired"].details, OLD, now).sentence_for_owner)
    prolonged = check_key(home.export("expired"), environment=ENVIRONMENT)
    assert judge(prolonged.details, OLD, datetime.now(UTC)).kind is WORKS
    assert prolonged.key.binary != keys["expired"].key.binary


def _follow(home: GpgHome, advice: str) -> None:
    for line in advice.splitlines()[1:-1]:
        home.run(*line.split()[1:])


def test_warnings_tell_short_keys_old_algorithms_near_expiry_and_wrong_clocks(
    keys: dict[str, CheckedKey], now: datetime
) -> None:
    def warned(kind: str) -> list[str]:
        return [text_of(words) for words in judge(keys[kind].details, OLD, now).warnings]

    assert warned("rsa3072") == []
    (short,) = warned("rsa")
    assert " 2048 " in short
    assert " 1024 " in warned("rsa1024")[0]
    assert any(day(now + timedelta(days=10)) in words for words in warned("expiring-soon"))
    assert len(set(warned("from-the-future")) - {short}) == 1
    assert any({"DSA", "ElGamal"} <= set(words.split()) for words in warned("dsa-elgamal"))


def test_a_key_is_judged_for_the_moment_that_is_asked_about(
    keys: dict[str, CheckedKey], now: datetime
) -> None:
    details = keys["rsa3072"].details
    assert judge(details, OLD, now).kind is WORKS
    later = now + timedelta(days=720)
    assert any("expires soon" in warning for warning in judge(details, OLD, later).warnings)
    assert judge(details, OLD, now + timedelta(days=740)).headline == Headline.EXPIRED
    assert judge(keys["expired"].details, OLD, datetime(2020, 6, 1, tzinfo=UTC)).kind is WORKS


def test_a_key_without_user_id_and_a_newer_format_are_refused(
    keys: dict[str, CheckedKey], now: datetime
) -> None:
    details = keys["rsa"].details
    nameless = judge(replace(details, user_ids=()), OLD, now)
    assert (nameless.kind, nameless.headline) == (BY_PROVIDER, Headline.NO_USER_ID)
    newer = replace(details, primary=replace(details.primary, fingerprint="A" * 64))
    assert judge(newer, NEW, now).kind is BY_US


@pytest.mark.parametrize(
    ("version", "library"),
    [
        ("2.70.0", OpenPgpLibrary.KEYBASE),
        ("3.39.0", OpenPgpLibrary.KEYBASE),
        ("3.75.2", OpenPgpLibrary.KEYBASE),
        ("3.76.0", OpenPgpLibrary.PROTONMAIL),
        ("3.76.1", OpenPgpLibrary.PROTONMAIL),
        ("4.0.0", OpenPgpLibrary.KEYBASE),
        ("4.1.0", OpenPgpLibrary.KEYBASE),
        ("4.2.0", OpenPgpLibrary.PROTONMAIL),
        ("v4.67.0", OpenPgpLibrary.PROTONMAIL),
        ("6.0.0-beta1", OpenPgpLibrary.PROTONMAIL),
        (None, OpenPgpLibrary.UNKNOWN),
        ("", OpenPgpLibrary.UNKNOWN),
        ("~> 3.27", OpenPgpLibrary.UNKNOWN),
        ("~> 3.27, < 3.38", OpenPgpLibrary.KEYBASE),
        ("~> 3.27.0", OpenPgpLibrary.KEYBASE),
        ("< 4.0", OpenPgpLibrary.UNKNOWN),
        ("<= 3.75.9", OpenPgpLibrary.KEYBASE),
        ("> 3.75.0, < 3.76.0", OpenPgpLibrary.KEYBASE),
        ("~> 4.0", OpenPgpLibrary.UNKNOWN),
        ("~> 4.10", OpenPgpLibrary.PROTONMAIL),
        ("!= 4.2.0, ~> 4.2", OpenPgpLibrary.PROTONMAIL),
        (">= 5", OpenPgpLibrary.PROTONMAIL),
        ("= 4.1.0", OpenPgpLibrary.KEYBASE),
        ("latest", OpenPgpLibrary.UNKNOWN),
        (">= 5, < 5", OpenPgpLibrary.UNKNOWN),
    ],
)
def test_each_provider_version_has_its_library(version: str | None, library: OpenPgpLibrary) -> None:
    assert library_of(version) is library


def test_details_are_what_gpg_reads(home: GpgHome, keys: dict[str, CheckedKey]) -> None:
    details = keys["rsa"].details
    assert details.fingerprint == home.fingerprint("rsa")
    assert details.primary.description == "RSA 2048"
    assert details.primary.capabilities == {"certify", "sign"}
    assert details.subkeys[0].capabilities == {"encrypt"}
    assert details.user_ids[0].text == "rsa <rsa@a.example>"
    assert details.mails == ("rsa@a.example",)
    assert details.primary.expires is not None
    assert timedelta(days=729) < details.primary.expires - details.primary.created < timedelta(days=732)
    assert keys["cv25519"].details.subkeys[0].description == "cv25519"


def test_a_key_from_the_future_is_read_whole(keys: dict[str, CheckedKey]) -> None:
    details = keys["from-the-future"].details
    assert details.primary.created == datetime.strptime(FUTURE, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    assert details.subkeys[0].created == details.primary.created  # however long it took
    assert details.subkeys[0].capabilities == {"encrypt"}


def test_a_checked_key_has_no_signatures_of_others_and_always_the_same_bytes(other: GpgHome) -> None:
    other.key("signed")
    plain = other.export("signed")
    other.key("signer")
    other.run("--local-user", "signer@a.example", "--quick-sign-key", other.fingerprint("signed"))
    signed = other.export("signed")
    assert len(signed) > len(plain)
    checked = check_key(signed, environment=ENVIRONMENT)
    assert checked.key.binary == plain == other.export("signed", "--export-options", "export-minimal")
    assert check_key(checked.key.text, environment=ENVIRONMENT).key == checked.key


def test_a_key_with_other_headers_gets_the_ones_that_gpg_writes(other: GpgHome) -> None:
    other.key("plain", "ed25519", subkey="cv25519")
    key = other.export("plain")
    first, *rest = split(key)
    modern = bytes([0xC0 | first.tag, len(first.body)]) + first.body + b"".join(packet.raw for packet in rest)
    assert normalise(modern).key_material == normalise(key).key_material
    assert check_key(modern, environment=ENVIRONMENT).key.binary == key


def test_a_key_without_a_name_that_holds_is_refused(other: GpgHome, now: datetime) -> None:
    fingerprint = other.key("renamed")
    other.run("--quick-add-uid", fingerprint, "new <new@b.sample>")
    other.run("--quick-revoke-uid", fingerprint, "renamed <renamed@a.example>")
    details = check_key(other.run("--export", fingerprint), environment=ENVIRONMENT).details
    assert judge(details, OLD, now).kind is WORKS
    assert details.mails == ("new@b.sample",)
    none = check_key(every_name_revoked(other), environment=ENVIRONMENT).details
    assert (len(none.user_ids), none.mails) == (2, ())
    for version in (OLD, NEW, UNKNOWN):
        verdict = judge(none, version, now)
        assert (verdict.kind, verdict.headline) == (BY_US, Headline.USER_IDS_REVOKED)


def test_user_ids_with_odd_characters_are_read_and_made_harmless(other: GpgHome) -> None:
    other.run("--quick-gen-key", "Zoë: O\\Neil (work) <zoe@b.sample>", "ed25519", "cert")
    other.run("--quick-gen-key", "--allow-freeform-uid", "no mail here", "ed25519", "cert")
    zoe = inspect_key(other.run("--export", "zoe@b.sample"), environment=ENVIRONMENT).user_ids[0]
    assert (zoe.text, zoe.mail) == ("Zoë: O\\Neil (work) <zoe@b.sample>", "zoe@b.sample")
    plain = inspect_key(other.run("--export", "no mail here"), environment=ENVIRONMENT).user_ids[0]
    assert (plain.text, plain.mail) == ("no mail here", "")
    escape = parse_listings("pub:-:255:22:AA:1::::::sc::::::ed25519:::0:\nuid:-::::1::::a\\x1b[2J <a@b.c>:\n")
    assert "\x1b" not in escape[0].user_ids[0].text


def test_data_that_gpg_cannot_read_is_refused_with_its_words() -> None:
    nonsense = normalise(bytes([0xC6, 20, 4]) + b"\x00" * 4 + b"\x01" + b"\xff" * 14)
    with pytest.raises(UnreadableKey):
        inspect_key(nonsense.binary, environment=ENVIRONMENT)
    with pytest.raises(UnreadableKey):
        check_key(nonsense.binary, environment=ENVIRONMENT)


def test_a_missing_gpg_is_told_with_how_to_install_it(keys: dict[str, CheckedKey]) -> None:
    for attempt in (
        lambda: gpg_version({"PATH": "/nonexistent"}),
        lambda: check_key(keys["rsa"].key.binary, environment={"PATH": "/nonexistent"}),
    ):
        with pytest.raises(GpgMissing) as failure:
            attempt()
        assert how_to_install("gpg") in failure.value.next
