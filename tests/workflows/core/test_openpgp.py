from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given, strategies as st
from support.pgp import GpgHome, gpg_home

from workflows.core import openpgp
from workflows.core.openpgp import (
    MalformedPackets,
    Packet,
    Tag,
    decode_key_file,
    fingerprint_of,
    grouped,
    holds,
    signature_in,
    split,
)


@pytest.fixture(scope="module")
def home() -> Iterator[GpgHome]:
    with gpg_home() as folder:
        folder.key("jane", "ed25519", subkey="cv25519")
        folder.key("juan", "ed25519", subkey="cv25519")
        yield folder


def test_packets_of_old_and_new_lengths_are_walked() -> None:
    bodies = [b"a" * 10, b"b" * 300, b"c" * 70_000]
    old = b"".join(
        bytes([0x80 | (1 << 2) | kind]) + len(body).to_bytes(1 << kind) + body
        for kind, body in enumerate(bodies)
    )
    new = b"\xc1\x0a" + bodies[0] + b"\xc1" + bytes([192 + ((300 - 192) >> 8), (300 - 192) & 255]) + bodies[1]
    partial = b"\xd2" + bytes([224 + 3]) + b"d" * 8 + b"\x02ee"
    assert [packet.body for packet in split(old)] == bodies
    assert [packet.body for packet in split(new + partial)] == [*bodies[:2], b"d" * 8 + b"ee"]
    assert [packet.body for packet in split(b"\x87rest")] == [b"rest"]
    for broken in (b"\x00", b"\xc1", b"\xc1\x05abc", b"\xd2\xe3abc"):
        with pytest.raises(MalformedPackets):
            split(broken)


def test_more_packets_or_bytes_than_anybody_has_are_refused() -> None:
    packet = b"\xcd\x00"
    assert len(split(packet * 1000)) == 1000
    for data in (packet * (openpgp.PACKET_LIMIT + 1), b"\xcd\xff" + bytes(openpgp.SIZE_LIMIT)):
        with pytest.raises(MalformedPackets) as refused:
            split(data)
        assert not refused.value.truncated


def test_a_fingerprint_is_the_one_that_gpg_gives_a_key(home: GpgHome) -> None:
    primary = split(home.export("jane"))[0]
    assert fingerprint_of(primary) == home.fingerprint("jane")
    assert grouped(home.fingerprint("jane")).replace(" ", "") == home.fingerprint("jane")
    assert re.fullmatch(r"([0-9A-F]{4} ){9}[0-9A-F]{4}", grouped(home.fingerprint("jane")))


def test_a_signature_is_read_as_gpg_made_it(home: GpgHome) -> None:
    _, _, certificate, _, binding = split(home.export("jane"))
    for packet, kind in ((certificate, 0x13), (binding, 0x18)):
        signature = signature_in(packet)
        assert signature is not None
        assert (signature.kind, signature.algorithm) == (kind, 22)
        assert signature.issuer.hex().upper() == home.fingerprint("jane")[-16:]
        assert len(signature.bit_lengths) == 2
        assert all(200 < bits <= 256 for bits in signature.bit_lengths)


def test_what_is_no_whole_signature_of_version_4_is_read_without_failure(home: GpgHome) -> None:
    key, _, certificate, *_ = split(home.export("jane"))
    assert signature_in(key) is None
    assert signature_in(Packet(Tag.SIGNATURE, b"", b"\x03" + certificate.body[1:])) is None
    for end in range(len(certificate.body)):
        cut = signature_in(Packet(Tag.SIGNATURE, b"", certificate.body[:end]))
        assert (cut is None) == (end < 6)
        assert cut is None or len(cut.bit_lengths) <= 2


def test_a_key_file_that_has_all_of_a_key_stays_as_it_is(home: GpgHome) -> None:
    key = home.export("jane")
    new, one_line = base64.encodebytes(key), base64.b64encode(key)
    for present in (new, one_line, new.replace(b"\n", b"\r\n"), b"\n \n" + new):
        assert holds(present, new)
    home.run("--local-user", "juan@a.example", "--quick-sign-key", home.fingerprint("jane"))
    assert holds(base64.encodebytes(home.export("jane")), new)
    for present in (base64.encodebytes(home.export("juan")), home.export("jane", "--armor"), key, b"", b"no"):
        assert not holds(present, new)


def test_a_key_file_without_a_new_date_or_subkey_does_not_hold_the_key() -> None:
    with gpg_home() as home:
        fingerprint = home.key("ana", "ed25519", subkey="cv25519")
        before = base64.encodebytes(home.export("ana"))
        home.run("--quick-set-expire", fingerprint, "5y")
        prolonged = base64.encodebytes(home.export("ana"))
        home.add_subkey(fingerprint, "cv25519")
        more = base64.encodebytes(home.export("ana"))
    assert not holds(before, prolonged)
    assert not holds(prolonged, more)
    assert not holds(more, prolonged)


@given(st.binary(max_size=300), st.sampled_from(["", "\n", "\r\n"]), st.sampled_from(["", " \u00a0\t\n"]))
def test_what_the_provider_decodes_is_what_was_encoded(data: bytes, end: str, around: str) -> None:
    text = base64.b64encode(data).decode()
    wrapped = end.join(text[start : start + 76] for start in range(0, len(text), 76))
    assert decode_key_file(f"{around}{wrapped}{around}".encode()) == data


@pytest.mark.parametrize(
    "text", ["A", "AAA", "AA=", "AAAA=", "=AAA", "AA==AAAA", "AA A", "AA\tA", "AA-_", "A==="]
)
def test_what_the_provider_cannot_decode_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="decode"):
        decode_key_file(text.encode())


@given(st.text(alphabet="AQgw=\n -_%", max_size=60))
def test_nothing_is_decoded_that_a_lenient_reader_reads_otherwise(text: str) -> None:
    with suppress(ValueError):
        decoded = decode_key_file(text.encode())
        assert decoded == base64.b64decode(text)
