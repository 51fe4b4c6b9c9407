"""Keys like those in GnuPG's tests, and malformed ones: each gets a clear verdict or error."""

from __future__ import annotations

import base64
import quopri
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st
from support.odd_keys import PHOTOGRAPH, crafted, odd_keys, packet_of
from support.pgp import ENVIRONMENT, GpgHome, gpg_home

from workflows.core.openpgp import KEYS, Packet, Tag, holds, split
from workflows.gpg.inspect import UserId, check_key
from workflows.gpg.many_keys import Likeness, likeness
from workflows.gpg.normalise import PublicKeyText, normalise
from workflows.gpg.provider_library import UNREAD_CURVES, keybase_reads
from workflows.gpg.refusals import (
    DamagedKey,
    KeyRefused,
    NotAPublicKey,
    OtherKeyVersion,
    SecretKeyGiven,
    SeveralKeys,
)
from workflows.gpg.verdict import Headline, VerdictKind, judge, judge_file

NOW = datetime.now(UTC) + timedelta(hours=1)  # the keys are made after this line
WORKS, UNVERIFIED = VerdictKind.WORKS, VerdictKind.UNVERIFIED
BY_PROVIDER, BY_US = VerdictKind.REFUSED_BY_PROVIDER, VerdictKind.REFUSED_BY_US
SHAPES: Mapping[str, tuple[VerdictKind, VerdictKind] | type[KeyRefused]] = {
    "photographs": (WORKS, WORKS),
    "many-signatures": (WORKS, WORKS),
    "designated-revoker": (WORKS, WORKS),
    "unknown-packet": (WORKS, WORKS),
    "unsigned-second-name": (WORKS, WORKS),
    "signed-short-by-another": (WORKS, WORKS),
    "ed25519-long": (WORKS, UNVERIFIED),
    "ed25519-certificate-with-short-r": (BY_PROVIDER, UNVERIFIED),
    "ed25519-certificate-with-short-s": (BY_PROVIDER, UNVERIFIED),
    "ed25519-binding-with-short-r": (BY_PROVIDER, UNVERIFIED),
    "ed25519-binding-with-short-s": (BY_PROVIDER, UNVERIFIED),
    "ed25519-one-name-short": (WORKS, UNVERIFIED),
    "ed25519-newer-certificate-short": (BY_PROVIDER, UNVERIFIED),
    "ed25519-newer-binding-short": (BY_PROVIDER, UNVERIFIED),
    "brainpool512": (BY_PROVIDER, UNVERIFIED),
    "version-5": (BY_PROVIDER, BY_US),
    "critical-notation": (BY_PROVIDER, BY_PROVIDER),
    "critical-notation-on-one-name": (WORKS, WORKS),  # gpg leaves that signature out
    "bad-self-signature": (BY_PROVIDER, BY_PROVIDER),
    "bad-binding": (BY_PROVIDER, BY_PROVIDER),
    "no-signatures": (BY_PROVIDER, BY_PROVIDER),
    "unsigned-name": (BY_PROVIDER, BY_PROVIDER),
    "long-name": (BY_PROVIDER, BY_PROVIDER),
    "unknown-algorithm": (BY_PROVIDER, BY_PROVIDER),
    "version-3": OtherKeyVersion,
    "version-6": OtherKeyVersion,
    "secret": SecretKeyGiven,
    "two-keys": SeveralKeys,
    "message": NotAPublicKey,
    "signature": NotAPublicKey,
}


@pytest.fixture(scope="module")
def home() -> Iterator[GpgHome]:
    with gpg_home() as folder:
        folder.key("rsa")
        folder.key("rsa3072", "rsa3072", subkey="rsa3072")
        yield folder


@pytest.fixture(scope="module")
def shapes(home: GpgHome) -> dict[str, bytes]:
    return odd_keys(home)


@pytest.fixture(scope="module")
def armored(home: GpgHome) -> list[str]:
    return home.export("rsa", "--armor").decode().splitlines()


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_has_its_verdict_or_its_refusal_and_something_to_tell(
    shapes: dict[str, bytes], shape: str
) -> None:
    expected = SHAPES[shape]
    if not isinstance(expected, tuple):
        with pytest.raises(expected) as caught:
            check_key(shapes[shape], environment=ENVIRONMENT)
        assert caught.value.next
        assert "gpg " in caught.value.for_owner
        return
    details = check_key(shapes[shape], environment=ENVIRONMENT).details
    verdicts = [judge(details, version, NOW) for version in ("3.39.0", "4.67.0")]
    assert tuple(verdict.kind for verdict in verdicts) == expected
    assert all(
        ("gpg " in verdict.sentence_for_owner) == (verdict.kind is not WORKS or bool(verdict.warnings))
        for verdict in verdicts
    )


def test_what_is_written_has_no_photograph_foreign_signature_or_unknown_packet(
    shapes: dict[str, bytes],
) -> None:
    for shape in ("photographs", "many-signatures", "unknown-packet"):
        key = check_key(shapes[shape], environment=ENVIRONMENT).key
        assert len(split(key.binary)) == 5
        assert PHOTOGRAPH not in key.binary
        again = check_key(key.text, environment=ENVIRONMENT).key
        assert again.text == key.text
        assert holds(base64.encodebytes(shapes[shape]), key.text.encode())


def test_a_name_that_the_key_did_not_sign_says_nothing_about_whose_it_is(shapes: dict[str, bytes]) -> None:
    details = check_key(shapes["unsigned-second-name"], environment=ENVIRONMENT).details
    assert likeness("x", details) is not Likeness.FULL
    assert "x@b.sample" not in details.mails
    assert likeness("rsa", details) is Likeness.FULL


@pytest.mark.parametrize(
    ("name", "text", "mail", "expected"),
    [
        ("jose.other", "newkey.jose@example.org", "newkey.jose@example.org", Likeness.NONE),
        ("jose.other", "Jose Stranger <jose@a.example>", "jose@a.example", Likeness.NONE),
        ("jose.other", "Jose <jose@a.example>", "jose@a.example", Likeness.SOME),
        ("jose.other", "jose@a.example", "jose@a.example", Likeness.SOME),
        ("jane.doe", "Janie Doe <jdoe@a.example>", "jdoe@a.example", Likeness.SOME),
        ("jane.doe", "Jane Alice Doe <work@a.example>", "work@a.example", Likeness.SOME),
        ("jane.doe", "JD <jdoe@a.example>", "jdoe@a.example", Likeness.SOME),
        ("jane.doe", "JD <jd@a.example>", "jd@a.example", Likeness.NONE),
        ("jd", "Anybody <any@a.example>", "any@a.example", Likeness.SOME),
    ],
)
def test_a_first_name_beside_another_surname_is_no_likeness(
    shapes: dict[str, bytes], name: str, text: str, mail: str, expected: Likeness
) -> None:
    details = check_key(shapes["photographs"], environment=ENVIRONMENT).details
    owner = UserId(text, mail, revoked=False)
    assert likeness(name, replace(details, user_ids=(owner,))) is expected


def test_a_signature_that_only_the_older_provider_cannot_read_is_met_in_a_file_but_not_in_what_is_written(
    home: GpgHome,
) -> None:
    home.run(
        "--local-user",
        "rsa3072@a.example",
        "--cert-notation",
        "!odd@a.example=1",
        "--quick-sign-key",
        home.fingerprint("rsa"),
    )
    signed = base64.encodebytes(home.export("rsa"))
    as_it_is = judge_file(signed, "3.39.0", NOW, environment=ENVIRONMENT).verdict
    assert (as_it_is.kind, as_it_is.headline) == (BY_PROVIDER, Headline.UNREADABLE_PART)
    assert judge_file(signed, "4.67.0", NOW, environment=ENVIRONMENT).verdict.kind is WORKS
    written = check_key(signed, environment=ENVIRONMENT)
    assert judge(written.details, "3.39.0", NOW).kind is WORKS


def forms_of(lines: list[str], key: bytes) -> dict[str, str | bytes]:
    block = "\n".join(lines)
    checksum = next(index for index, line in enumerate(lines) if line.startswith("="))
    head, body = lines[0], lines[2:]
    mail = "From: a@b.sample\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
    mail += "Content-Transfer-Encoding: "
    return {
        "no checksum": "\n".join([*lines[:checksum], *lines[checksum + 1 :]]),
        "headers": "\n".join(
            [head, "Version: GnuPG v2", "Comment: a: b", "Comment:", "no colon here", "", *body]
        ),
        "folded header": "\n".join([head, "Comment: very (long", "  continued)", "", "", *body]),
        "no blank line": "\n".join([head, "Version: GnuPG v2", *body]),
        "double spaced": "\n\n".join(lines),
        "twice": f"{block}\n\nand again:\n{block}",
        "quoted twice": "\n".join(f"> > {line}" for line in lines),
        "in html": "<html><body><pre>" + "<br>\n".join(lines) + "</pre></body></html>",
        "entities": block.replace("+", "&#43;").replace("=", "&#61;"),
        "quoted-printable": quopri.encodestring(block.encode()).decode(),
        "mail, quoted-printable": f"{mail}quoted-printable\n\nhere it is\n"
        + quopri.encodestring(block.encode()).decode(),
        "mail, base64": f"{mail}base64\n\n" + base64.encodebytes(f"Hello,\n{block}\n".encode()).decode(),
        "marker": bytes([0xCA, 3]) + b"PGP" + key,
        "line break behind": key + b"\r\n",
        "line break behind, and as its last byte": key + packet_of(60, b"\n") + b"\n",
        "base64 of armored": base64.b64encode(block.encode()).decode(),
    }


def test_every_form_of_a_mail_or_an_editor_gives_the_same_bytes(home: GpgHome, armored: list[str]) -> None:
    key = home.export("rsa", "--export-options", "export-minimal")
    wanted = check_key(key, environment=ENVIRONMENT).key.text
    for form, data in forms_of(armored, key).items():
        assert check_key(data, environment=ENVIRONMENT).key.text == wanted, form


def test_damage_is_called_damage(armored: list[str], home: GpgHome) -> None:
    checksum = next(index for index, line in enumerate(armored) if line.startswith("="))
    for damaged in (
        "\n".join(armored[: len(armored) // 2]),
        "\n".join(armored[:-1]),
        "\n".join([*armored[:checksum], "=AAAA", *armored[checksum + 1 :]]),
        home.export("rsa") + b"garbage",
    ):
        with pytest.raises(DamagedKey):
            normalise(damaged)


@given(st.lists(st.tuples(st.sampled_from([2, 6, 13, 14, 17, 60]), st.binary(max_size=60))))
def test_whatever_the_packets_hold_there_is_an_answer(packets: list[tuple[int, bytes]]) -> None:
    found = [Packet(tag, packet_of(tag, body), body) for tag, body in packets]
    assert keybase_reads(found) in {True, False}
    assert keybase_reads([*found, Packet(2, b"", bytes([4, 0x10, 1, 99, 0, 0]))]) in {False, _stops(found)}


def _stops(packets: list[Packet]) -> bool:
    """Return whether the library stops at a curve before the remaining packets."""
    curves = tuple(
        bytes([len(unread_curve) // 2]) + bytes.fromhex(unread_curve)
        for unread_curve in UNREAD_CURVES.values()
    )
    return any(packet.tag in KEYS and packet.body[6:].startswith(curves) for packet in packets)


@given(st.data())
def test_a_key_that_is_crafted_further_is_refused_or_judged(data: st.DataObject) -> None:
    base = data.draw(st.sampled_from(sorted(SMALL)))
    binary = bytearray(SMALL[base])
    binary[data.draw(st.integers(0, len(binary) - 1))] = data.draw(st.integers(0, 255))
    try:
        key = normalise(bytes(binary))
    except KeyRefused:
        return
    assert isinstance(key, PublicKeyText)
    assert keybase_reads(split(key.binary)) in {True, False}


def _small() -> dict[str, bytes]:
    """Return keys made without gpg: four packets with arbitrary numbers."""
    key = b"\x04" + bytes(4) + b"\x01\x00\x08\xff\x00\x11\x01\x00\x01"
    signature = b"\x04\x13\x01\x08\x00\x06\x05\x02" + bytes(4) + b"\x00\x00\xab\xcd\x00\x08\xff"
    packets = [(6, key), (13, b"a <a@b.sample>"), (2, signature), (14, key), (2, signature)]
    whole = b"".join(packet_of(tag, body) for tag, body in packets)
    return {"whole": whole, **crafted(whole, whole)}


SMALL = _small()
assert Tag.PUBLIC_KEY == 6
