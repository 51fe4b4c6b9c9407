"""Rare kinds of keys, made at run time, for the table of verdicts and its readers."""

from __future__ import annotations

from support.ed25519_keys import Kind, Short, ed25519_keys, signature
from support.pgp import PAST, GpgHome

from workflows.core.openpgp import Packet, Tag, split

PHOTOGRAPH = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffd9")
"""The shortest data that GnuPG accepts as a JPEG picture (RFC 9580, section 5.12.1)."""


def odd_keys(home: GpgHome) -> dict[str, bytes]:
    """Return kind -> key, for keys with more or fewer parts than usual and for data that is no public key.

    Args:
        home: the folder of `support.pgp.all_kinds_of_keys`.
    """
    _curves(home)
    home.key("rsa-for-both-expired", usage="cert,sign,encr", subkey=None, at=PAST, expires="1y")
    _prolonged(home)
    _sha1(home)
    _two_names(home)
    _uses(home)
    _notations(home)
    names = [
        *("secp256k1", "nistp521", "nistp256-with-rsa", "brainpool-with-rsa", "rsa-with-nistp256"),
        *("rsa-with-cv25519-and-rsa", "rsa-with-rsa-and-nistp256", "rsa-expired-and-nistp256"),
        *("rsa-for-both-expired", "prolonged", "sha1", "two-names"),
        *("brainpool512", "critical-notation", "critical-notation-on-one-name"),
        *("authenticating-primary", "newer-signing-subkey", "designated-revoker", "certifying-only"),
    ]
    rsa = home.export("rsa")
    return {name: home.export(name) for name in names} | {
        "every-name-revoked": every_name_revoked(home),
        "odd-name": _odd_name(home),
        "version-5": _version_5(home),
        "photograph": with_photograph(home, "photograph"),
        "photographs": with_photograph(home, "photographs", 3),
        "many-signatures": with_signatures(home, "many-signatures", 300),
        "no-user-id": without(rsa, Tag.USER_ID),
        "secret": home.run("--export-secret-keys", home.fingerprint("rsa")),
        "two-keys": rsa + home.export("rsa3072"),
        "message": home.encrypt("rsa", "hello"),
        "signature": home.run("--detach-sign", stdin=b"hello"),
        "signed-short-by-another": signed_short_by_another(rsa),
        **crafted(rsa, home.export("two-names")),
        **ed25519_keys(split(rsa)[3]),
    }


def without(key: bytes, tag: int) -> bytes:
    """Return a key without the packets of one type and their signatures."""
    kept: list[Packet] = []
    skipping = False
    for packet in split(key):
        skipping = packet.tag == tag or (skipping and packet.tag == Tag.SIGNATURE)
        if not skipping:
            kept.append(packet)
    return b"".join(packet.raw for packet in kept)


def with_photograph(home: GpgHome, name: str, count: int = 1) -> bytes:
    """Return a new RSA key with pictures."""
    fingerprint = home.key(name)
    picture = home.path / "picture.jpg"
    picture.write_bytes(PHOTOGRAPH)
    for _ in range(count):
        home.edit(fingerprint, "addphoto", str(picture), "y")
    return home.export(name)


def with_signatures(home: GpgHome, name: str, count: int) -> bytes:
    """Return a new RSA key whose user id has signatures of `count` unknown keys."""
    fingerprint = home.key(name)
    home.run("--local-user", "rsa@a.example", "--quick-sign-key", fingerprint)
    packets = split(home.export(name))
    foreign = packets[3]
    assert foreign.tag == Tag.SIGNATURE
    # A signature of an unknown key cannot be checked, so only its last bytes need to differ.
    crowd = [foreign.raw[:-4] + number.to_bytes(4) for number in range(count)]
    return b"".join([packet.raw for packet in packets[:4]] + crowd + [packet.raw for packet in packets[4:]])


def signed_short_by_another(rsa: bytes) -> bytes:
    """Return a key with one user id, which an Ed25519 key signed with a short R."""
    primary, name, certificate, *rest = split(rsa)
    foreign = signature(Kind.CERTIFICATION, primary, name, short=Short.R)
    return primary.raw + name.raw + certificate.raw + foreign + b"".join(packet.raw for packet in rest)


def _curves(home: GpgHome) -> None:
    home.key("secp256k1", "secp256k1", subkey="secp256k1")
    home.key("brainpool512", "brainpoolP512r1", subkey="brainpoolP512r1")
    home.key("nistp521", "nistp521", subkey="nistp521")
    home.key("nistp256-with-rsa", "nistp256")
    home.key("brainpool-with-rsa", "brainpoolP256r1")
    home.key("rsa-with-nistp256", subkey="nistp256")
    home.add_subkey(home.key("rsa-with-cv25519-and-rsa", subkey="cv25519"))
    home.add_subkey(home.key("rsa-with-rsa-and-nistp256"), "nistp256")
    expired = home.key("rsa-expired-and-nistp256", at=PAST, expires="never", subkey_expires="1y")
    home.add_subkey(expired, "nistp256")


def _prolonged(home: GpgHome) -> None:
    fingerprint = home.key("prolonged", at=PAST, expires="1y")
    subkey = home.subkeys(fingerprint)[0]
    home.run("--quick-set-expire", fingerprint, "20y")
    home.run("--quick-set-expire", fingerprint, "20y", subkey)


def _sha1(home: GpgHome) -> None:
    old = ("--cert-digest-algo", "SHA1")
    home.run(*old, "--quick-gen-key", "sha1 <sha1@a.example>", "rsa2048", "cert,sign", "2y")
    home.run(*old, "--quick-add-key", home.fingerprint("sha1"), "rsa2048", "encr", "2y")


def _two_names(home: GpgHome) -> None:
    fingerprint = home.key("two-names")
    home.run("--quick-add-uid", fingerprint, "former <former@b.sample>")
    home.run("--quick-revoke-uid", fingerprint, "former <former@b.sample>")


def _uses(home: GpgHome) -> None:
    """Make keys with additional uses, similar to keys in the test suite of GnuPG."""
    home.key("authenticating-primary", usage="cert,auth")
    home.run("--quick-add-key", home.key("newer-signing-subkey", usage="cert"), "rsa2048", "sign", "2y")
    revoked_by = home.key("designated-revoker")
    home.edit(revoked_by, "addrevoker", home.fingerprint("rsa"), "y")
    home.key("certifying-only", usage="cert", subkey=None)


def _notations(home: GpgHome) -> None:
    """Make keys with an unknown notation that is marked as critical (RFC 9580, section 5.2.3.24)."""
    critical = ("--cert-notation", "!odd@a.example=1")
    made = ("critical-notation <critical-notation@a.example>", "rsa2048", "cert,sign", "2y")
    home.run(*critical, "--quick-gen-key", *made)
    home.add_subkey(home.fingerprint("critical-notation"))
    key = home.key("critical-notation-on-one-name")
    home.run(*critical, "--quick-add-uid", key, "second <second@b.sample>")


def crafted(rsa: bytes, two_names: bytes) -> dict[str, bytes]:
    """Return kind -> key that GnuPG does not make: damaged signatures, other versions, unknown packets.

    Args:
        rsa: a key with one user id and one subkey.
        two_names: a key with two user ids.
    """
    primary, name, certificate, subkey, binding = (packet.raw for packet in split(rsa))
    second = [packet.raw for packet in split(two_names)]
    return {
        "bad-self-signature": primary + name + damaged(certificate) + subkey + binding,
        "bad-binding": primary + name + certificate + subkey + damaged(binding),
        "no-signatures": primary + name + subkey,
        "unsigned-name": primary + name + subkey + binding,
        "unsigned-second-name": primary
        + name
        + certificate
        + packet_of(Tag.USER_ID, b"x <x@b.sample>")
        + subkey
        + binding,
        "one-bad-self-signature": b"".join([*second[:2], damaged(second[2]), *second[3:]]),
        "unknown-packet": primary + packet_of(60, b"private") + name + certificate + subkey + binding,
        "version-3": _version_3(),
        "version-6": packet_of(Tag.PUBLIC_KEY, b"\x06" + bytes(4) + b"\x1b" + (32).to_bytes(4) + b"\x01" * 32)
        + name,
        "unknown-algorithm": packet_of(Tag.PUBLIC_KEY, b"\x04" + bytes(4) + b"\x63" + b"\x01" * 60)
        + name
        + certificate,
        "long-name": primary + packet_of(Tag.USER_ID, b"x" * 3000) + certificate + subkey + binding,
    }


def damaged(signature: bytes) -> bytes:
    """Return a signature packet with changed bytes at its end."""
    return signature[:-5] + bytes(byte ^ 0xFF for byte in signature[-5:])


def packet_of(tag: int, body: bytes) -> bytes:
    """Return a packet with a new format header (RFC 9580, section 4.2.1)."""
    length = bytes([len(body)]) if len(body) < 192 else b"\xff" + len(body).to_bytes(4)
    return bytes([0xC0 | tag]) + length + body


def _version_3() -> bytes:
    """Return a key and a self-signature as PGP 2.6 made them (RFC 4880, sections 5.5.2, 5.2.2)."""
    modulus = (1 << 1023) + 12345
    number = b"\x04\x00" + modulus.to_bytes(128)
    key = b"\x03" + (900_000_000).to_bytes(4) + bytes(2) + b"\x01" + number + b"\x00\x11\x01\x00\x01"
    signed = b"\x03\x05\x10" + (900_000_000).to_bytes(4) + bytes(8) + b"\x01\x01" + b"ab" + number
    name = packet_of(Tag.USER_ID, b"Old Timer <old@a.example>")
    return packet_of(Tag.PUBLIC_KEY, key) + name + packet_of(Tag.SIGNATURE, signed)


def every_name_revoked(home: GpgHome) -> bytes:
    """Return a new RSA key with two revoked user ids.

    It is made from two copies, as gpg does not revoke the last valid user id.
    """
    fingerprint = home.key("former")
    home.run("--quick-add-uid", fingerprint, "later <later@b.sample>")
    whole = home.run("--export-secret-keys", fingerprint)
    home.run("--quick-revoke-uid", fingerprint, "former <former@a.example>")
    first = home.run("--export", fingerprint)
    home.run("--yes", "--delete-secret-and-public-key", fingerprint)
    home.run("--import", stdin=whole)
    home.run("--quick-revoke-uid", fingerprint, "later <later@b.sample>")
    home.run("--import", stdin=first)
    return home.run("--export", fingerprint)


def _odd_name(home: GpgHome) -> bytes:
    home.run("--quick-gen-key", "--allow-freeform-uid", "Zoë", "rsa2048", "cert,sign,encr", "2y")
    return home.run("--export", "Zoë")


def _version_5(home: GpgHome) -> bytes:
    compliance = ("--compliance", "gnupg")
    make = (*compliance, "--quick-gen-key", "version-5 <version-5@a.example>", "ed448", "cert,sign", "2y")
    try:
        home.run(*make)
    except AssertionError as error:  # gpg 2.4 cannot read the secret key of one in 80 such keys
        if "No secret key" not in str(error):
            raise
        home.run(*make)
    home.run(*compliance, "--quick-add-key", home.fingerprint("version-5"), "cv448", "encr", "2y")
    return home.export("version-5")
