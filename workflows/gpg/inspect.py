"""Read a public key with GnuPG: algorithms, dates, user ids, and the permitted use of each part.

gpg reads the key from its standard input in a private, empty folder, imports nothing and starts no agent, so
neither the person's keyring nor its trust settings matter. The output is gpg's colon format (GnuPG's
doc/DETAILS).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from workflows.core.files import load_file
from workflows.core.openpgp import SIZE_LIMIT, MalformedPackets, Packet, Tag, signature_in, split, subpackets
from workflows.core.temporary import temporary_folder
from workflows.gpg.normalise import PublicKeyText, normalise
from workflows.gpg.provider_library import keybase_drops, keybase_reads, keybase_verifies
from workflows.gpg.refusals import KeyTooSlow, OtherKeyVersion, UnreadableKey
from workflows.gpg.tools import GpgRun, GpgTooSlow, run_gpg

CHECK_SECONDS: Final = 30.0
"""How long gpg may take to read one key; the largest allowed key takes about a second."""

# No agent, no keyring and no trust database: nothing but the key itself.
_ISOLATED = ("--no-options", "--no-keyring", "--no-autostart", "--trust-model", "always", "--with-colons")
_BINDING: Final = 0x18  # a subkey binding signature, section 5.2.1.9
_CREATED: Final = 2  # subpackets, section 5.2.3.7
_LIFETIME: Final = 9
_BEYOND: Final = 2 * 2**32  # the latest creation date plus the longest lifetime in four bytes each
# Public key algorithms by number: RFC 9580, section 9.1.
_RSA_NUMBERS = frozenset({1, 2, 3})
_ALGORITHM_NAMES = {
    1: "RSA",
    2: "RSA",
    3: "RSA",
    16: "ElGamal",
    17: "DSA",
    18: "ECDH",
    19: "ECDSA",
    22: "EdDSA",
}
_CAPABILITIES = {"e": "encrypt", "s": "sign", "c": "certify", "a": "authenticate"}


@dataclass(frozen=True)
class UserId:
    """One user id of a key.

    Attributes:
        text: the whole user id, such as "Jane Doe <jane@a.example>"; control characters are replaced.
        mail: the address in it, or "".
        revoked: whether its owner revoked it.
        signed: whether it has a valid signature by the key itself.
    """

    text: str
    mail: str
    revoked: bool
    signed: bool = True

    @property
    def holds(self) -> bool:
        """Whether it is valid evidence of the key's owner."""
        return self.signed and not self.revoked


@dataclass(frozen=True)
class KeyPart:
    """The primary key or one subkey.

    Attributes:
        key_id: 16 hexadecimal digits, upper case.
        fingerprint: 40 hexadecimal digits (64 for version 5 keys), upper case.
        algorithm: "RSA", "DSA", "ElGamal", "ECDH", "ECDSA", "EdDSA", or "algorithm N".
        bits: its size.
        curve: gpg's name of its elliptic curve ("cv25519", "nistp256"), or "".
        created: when it was created, UTC.
        expires: when it expires, UTC, or None for never; a subkey of an expired key expires with the key.
        own_expires: when a subkey itself expires, regardless of the primary key, as Keybase's library sees
            it.
        dropped: whether Keybase's library drops it (`provider_library.keybase_drops`).
        revoked: whether its owner revoked it.
        invalid: whether its binding signature is missing, wrong, or from the future.
        capabilities: a subset of "encrypt", "sign", "certify", "authenticate".
    """

    key_id: str
    fingerprint: str
    algorithm: str
    bits: int
    curve: str
    created: datetime
    expires: datetime | None
    revoked: bool
    invalid: bool
    capabilities: frozenset[str]
    own_expires: datetime | None = None
    dropped: bool = False

    @property
    def description(self) -> str:
        """Its name for people: "RSA 4096", "cv25519"."""
        return self.curve or f"{self.algorithm} {self.bits}"

    def is_expired(self, now: datetime) -> bool:
        """Return whether it has expired."""
        return self.expires is not None and self.expires <= now

    def is_usable(self, now: datetime) -> bool:
        """Return whether it is neither revoked, nor expired, nor wrongly bound."""
        return not (self.revoked or self.invalid or self.is_expired(now))


@dataclass(frozen=True)
class KeyDetails:
    """The content of a key, as read by gpg.

    Attributes:
        primary: the primary key.
        subkeys: its subkeys in order, including revoked and expired ones.
        user_ids: its user ids in order.
        unread: whether Keybase's library can't read a part of it (`provider_library.keybase_reads`).
        names_dropped: whether Keybase's library drops all user ids (`provider_library.keybase_drops`).
    """

    primary: KeyPart
    subkeys: tuple[KeyPart, ...]
    user_ids: tuple[UserId, ...]
    unread: bool = False
    names_dropped: bool = False

    @property
    def fingerprint(self) -> str:
        """The primary key's fingerprint."""
        return self.primary.fingerprint

    @property
    def mails(self) -> tuple[str, ...]:
        """The mail addresses of the valid user ids."""
        return tuple(user_id.mail for user_id in self.user_ids if user_id.mail and user_id.holds)

    @property
    def parts(self) -> tuple[KeyPart, ...]:
        """The primary key and the subkeys."""
        return (self.primary, *self.subkeys)

    @property
    def encryption_parts(self) -> tuple[KeyPart, ...]:
        """The parts that may encrypt, usable or not."""
        return tuple(part for part in self.parts if "encrypt" in part.capabilities)

    def encryption_part(self, now: datetime) -> KeyPart | None:
        """Return the part that gpg would encrypt to: the newest usable subkey, or else the primary key."""
        usable = [part for part in self.encryption_parts if part.is_usable(now)]
        subkeys = [part for part in usable if part is not self.primary]
        return max(subkeys or usable, key=lambda part: part.created, default=None)

    def expires(self, now: datetime) -> datetime | None:
        """Return when the key stops being usable for passwords, UTC; None for never.

        That is when the primary key or the encryption part expires, whichever is sooner.
        """
        part = self.encryption_part(now) or max(
            self.encryption_parts, key=lambda candidate: candidate.created, default=self.primary
        )
        dates = [date for date in (self.primary.expires, part.expires) if date is not None]
        return min(dates, default=None)


@dataclass(frozen=True)
class CheckedKey:
    """A key as it would be written, and its content.

    Attributes:
        key: the minimal key, without other people's signatures, if gpg could reduce it.
        details: its content, as read by gpg.
    """

    key: PublicKeyText
    details: KeyDetails


def check_key(data: bytes | str, *, environment: Mapping[str, str]) -> CheckedKey:
    """Normalise, reduce and read a key, in one run of gpg.

    The reduced key has one signature per user id and subkey, so the provider can't choose between an old
    expiry date and the extended one, and its bytes are the same for each export. The original is kept if
    gpg would drop a subkey from it (one that is bound wrongly, or in the future).

    Args:
        data: a person's input (see `normalise`).
        environment: the person's environment.

    Raises:
        KeyRefused: there is not exactly one public key in it, or gpg cannot read it (`UnreadableKey`).
        GpgMissing: gpg is not installed.
    """
    key = normalise(data)
    with temporary_folder() as folder:
        reduced_file = folder / "reduced.gpg"
        options = ("--import-options", "import-export,import-minimal,import-show")
        arguments = [*_ISOLATED, *options, "--output", str(reduced_file), "--import"]
        run = _gpg(arguments, folder, environment, key.binary)
        reduced = _reduced(reduced_file, key)
    if reduced is None or _made_in_future(run):
        return CheckedKey(key, inspect_key(key.binary, environment=environment))
    return CheckedKey(reduced, _details(run, reduced.binary))


def inspect_key(binary: bytes, *, environment: Mapping[str, str]) -> KeyDetails:
    """Read one binary public key with `gpg --show-keys`.

    A key from the future (made with a wrong clock) is read as of one hour after its creation, since gpg
    would otherwise find no valid signature in it.

    Args:
        binary: a `PublicKeyText.binary`.
        environment: the person's environment.

    Raises:
        UnreadableKey: gpg finds no key in it.
        GpgMissing: gpg is not installed.
    """
    with temporary_folder() as folder:

        def listed(*options: str) -> GpgRun:
            return _gpg([*options, *_ISOLATED, "--show-keys"], folder, environment, binary)

        run = listed()
        details = _details(run, binary)
        if _made_in_future(run):
            moment = details.primary.created + timedelta(hours=1)
            details = _details(listed("--faked-system-time", f"{moment:%Y%m%dT%H%M%S}"), binary)
    return details


def _gpg(arguments: Sequence[str], home: Path, environment: Mapping[str, str], key: bytes) -> GpgRun:
    """Run gpg to read a key.

    Raises:
        KeyTooSlow: it did not end in time.
        GpgMissing: gpg is not installed.
    """
    try:
        return run_gpg(arguments, gnupg_home=home, environment=environment, stdin=key, seconds=CHECK_SECONDS)
    except GpgTooSlow as slow:
        raise KeyTooSlow(seconds=CHECK_SECONDS) from slow


def _details(run: GpgRun, binary: bytes) -> KeyDetails:
    keys = parse_listings(run.output.decode("utf-8", errors="replace"))
    if len(keys) != 1:
        version = split(binary)[0].body[0]
        if version in {4, 5}:
            raise UnreadableKey(detail=run.messages)
        raise OtherKeyVersion(version=version, age="an old" if version < 4 else "a newer")
    packets = split(binary)
    return as_keybase_sees(replace(keys[0], unread=not keybase_reads(packets)), packets)


def as_keybase_sees(details: KeyDetails, packets: Sequence[Packet]) -> KeyDetails:
    """Return the key with Keybase's library's reading of its signatures.

    Args:
        details: the key.
        packets: the packets for the provider, of this key or of its version with more signatures.
    """
    dropped = keybase_drops(packets)
    names = [drops for tag, drops in dropped if tag == Tag.USER_ID]
    details = replace(details, names_dropped=bool(names) and all(names))
    subkeys = [drops for tag, drops in dropped if tag == Tag.PUBLIC_SUBKEY]
    if len(subkeys) != len(details.subkeys):
        return details
    seen = zip(details.subkeys, own_expiries(packets), subkeys, strict=True)
    parts = tuple(replace(part, own_expires=date, dropped=drops) for part, date, drops in seen)
    return replace(details, subkeys=parts)


def _made_in_future(run: GpgRun) -> bool:
    """Return whether gpg complains that the key is from the future (there is no status line for that)."""
    return "in the future (time warp or clock problem)" in run.messages


def _reduced(file: Path, original: PublicKeyText) -> PublicKeyText | None:
    """Return the reduced key, or None if there is none or a part of the key is missing."""
    if not file.is_file():
        return None
    reduced = PublicKeyText(load_file(file, SIZE_LIMIT))
    try:
        return reduced if reduced.key_material == original.key_material else None
    except MalformedPackets:
        return None


def own_expiries(packets: Iterable[Packet]) -> tuple[datetime | None, ...]:
    """Return when each subkey itself expires, in order, UTC; None for never.

    If the primary key has expired, gpg lists the subkeys as expired on the same day. Keybase's library only
    checks the subkey, so this reads the date from the newest binding signature that it can verify (RFC 9580,
    sections 5.2.3 and 5.2.3.13).

    Args:
        packets: the packets of one public key, in order.
    """
    found: list[datetime | None] = []
    made, newest = 0, -1
    for packet in packets:
        if packet.tag == Tag.PUBLIC_SUBKEY:
            found.append(None)
            made, newest = int.from_bytes(packet.body[1:5]), -1
        elif packet.tag == Tag.SIGNATURE and found:
            signature = _binding(packet)
            created = signature.get(_CREATED, -1)
            if created >= newest and signature:
                newest, lifetime = created, signature.get(_LIFETIME, 0)
                expires = made + lifetime  # a damaged signature may have more than OpenPGP's four bytes
                forever = not lifetime or expires >= _BEYOND
                found[-1] = None if forever else datetime.fromtimestamp(0, UTC) + timedelta(seconds=expires)
    return tuple(found)


def _binding(packet: Packet) -> dict[int, int]:
    """Return the numbers in a binding signature's hashed subpackets by type; {} for any other packet."""
    signature = signature_in(packet)
    if signature is None or signature.kind != _BINDING or not keybase_verifies(signature):
        return {}
    found = subpackets(signature.hashed)
    return {kind & 0x7F: int.from_bytes(data) for kind, data in found if kind & 0x7F in {_CREATED, _LIFETIME}}


def parse_listings(listing: str) -> tuple[KeyDetails, ...]:
    """Read gpg's listing of keys in its colon format.

    Args:
        listing: the output of a listing command with `--with-colons`.

    Returns:
        A `KeyDetails` for each `pub` or `sec` record, in order.
    """
    keys: list[tuple[list[KeyPart], list[UserId]]] = []
    for fields in (line.split(":") for line in listing.splitlines()):
        if fields[0] in {"pub", "sec"}:
            keys.append(([], []))
        parts, user_ids = keys[-1] if keys else ([], [])
        if fields[0] in {"pub", "sec", "sub", "ssb"}:
            parts.append(_part(fields))
        elif fields[0] == "fpr" and parts and not parts[-1].fingerprint:
            parts[-1] = replace(parts[-1], fingerprint=fields[9])
        elif fields[0] == "uid":
            user_ids.append(_user_id(fields))
    return tuple(KeyDetails(parts[0], tuple(parts[1:]), tuple(user_ids)) for parts, user_ids in keys)


def _part(fields: list[str]) -> KeyPart:
    algorithm = int(fields[3])
    # Lower-case letters are this part's own capabilities, upper-case ones those of the whole key.
    letters = fields[11] if len(fields) > 11 else ""
    return KeyPart(
        key_id=fields[4],
        fingerprint="",  # from a separate record
        algorithm=_ALGORITHM_NAMES.get(algorithm, f"algorithm {algorithm}"),
        bits=int(fields[2] or 0),
        curve=fields[16] if len(fields) > 16 and algorithm not in _RSA_NUMBERS else "",
        created=_date(fields[5]) or datetime.fromtimestamp(0, UTC),
        expires=_date(fields[6]),
        own_expires=_date(fields[6]),
        revoked=fields[1] == "r",
        invalid=fields[1] == "i",
        capabilities=frozenset(_CAPABILITIES[letter] for letter in letters if letter in _CAPABILITIES),
    )


def _user_id(fields: list[str]) -> UserId:
    raw = re.sub(r"\\x([0-9a-fA-F]{2})", lambda match: chr(int(match[1], 16)), fields[9])
    text = "".join(character if character.isprintable() else "\ufffd" for character in raw)
    before, bracket, after = text.rpartition("<")
    mail = after.partition(">")[0] if bracket else before or after
    return UserId(
        text=text,
        mail=mail if "@" in mail and " " not in mail else "",
        revoked=fields[1] == "r",
        # The date of the newest valid self-signature; a revoked user id has none.
        signed=bool(fields[5]) or fields[1] == "r",
    )


def _date(field: str) -> datetime | None:
    if not field:
        return None
    if "T" in field:
        return datetime.strptime(field, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return datetime.fromtimestamp(int(field), UTC)
