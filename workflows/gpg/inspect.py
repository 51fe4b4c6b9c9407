"""What is in a public key, as GnuPG reads it: algorithms, dates, user ids, what each part may be used for.

gpg reads the key from its standard input in a private, empty folder, imports nothing and starts no agent, so
neither the person's keyring nor its trust settings matter. What it lists is in its colon format (GnuPG's
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
"""How long gpg may read one key; the largest that is given to it takes about a second."""

# No agent, no keyring and no trust database: nothing but the key itself.
_ISOLATED = ("--no-options", "--no-keyring", "--no-autostart", "--trust-model", "always", "--with-colons")
_BINDING: Final = 0x18  # a subkey binding signature, section 5.2.1.9
_CREATED: Final = 2  # subpackets, section 5.2.3.7
_LIFETIME: Final = 9
_BEYOND: Final = 2 * 2**32  # the latest date of birth and the longest life that four bytes each can say
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
        text: all of it, as "Jane Doe <jane@a.example>"; control characters are replaced.
        mail: the address in it, or "".
        revoked: whether its owner revoked it.
        signed: whether the key itself signed it, and the signature holds.
    """

    text: str
    mail: str
    revoked: bool
    signed: bool = True

    @property
    def holds(self) -> bool:
        """Whether it says something about whose key it is."""
        return self.signed and not self.revoked


@dataclass(frozen=True)
class KeyPart:
    """The primary key or one subkey.

    Attributes:
        key_id: 16 hexadecimal digits, upper case.
        fingerprint: 40 hexadecimal digits (64 for version 5 keys), upper case.
        algorithm: "RSA", "DSA", "ElGamal", "ECDH", "ECDSA", "EdDSA", or "algorithm N".
        bits: its size.
        curve: the name of its elliptic curve as gpg has it ("cv25519", "nistp256"), or "".
        created: when it was made, UTC.
        expires: when it stops being valid, UTC, or None for never; for a subkey of an expired key, then.
        own_expires: the same for a subkey alone, whatever the primary key's date is; as Keybase's library
            sees it.
        dropped: whether Keybase's library drops it (`provider_library.keybase_drops`).
        revoked: whether its owner revoked it.
        invalid: whether the signature that binds it is missing, wrong, or from the future.
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
        """As a person would say it: "RSA 4096", "cv25519"."""
        return self.curve or f"{self.algorithm} {self.bits}"

    def is_expired(self, now: datetime) -> bool:
        """Whether its date of expiry has come."""
        return self.expires is not None and self.expires <= now

    def is_usable(self, now: datetime) -> bool:
        """Whether it is neither revoked, nor expired, nor wrongly bound."""
        return not (self.revoked or self.invalid or self.is_expired(now))


@dataclass(frozen=True)
class KeyDetails:
    """What gpg reads in one key.

    Attributes:
        primary: the primary key.
        subkeys: its subkeys in their order, revoked and expired ones too.
        user_ids: its user ids in their order.
        unread: whether a part of it is nothing that `provider_library.keybase_reads`.
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
        """The mail addresses of the user ids that hold."""
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
        """The part that a message would be encrypted to: the newest usable subkey, else the primary key."""
        usable = [part for part in self.encryption_parts if part.is_usable(now)]
        subkeys = [part for part in usable if part is not self.primary]
        return max(subkeys or usable, key=lambda part: part.created, default=None)

    def expires(self, now: datetime) -> datetime | None:
        """When the key stops being usable for passwords, UTC; None for never.

        That is when its primary key or the part that is encrypted to expires, whichever is sooner.
        """
        part = self.encryption_part(now) or max(
            self.encryption_parts, key=lambda candidate: candidate.created, default=self.primary
        )
        dates = [date for date in (self.primary.expires, part.expires) if date is not None]
        return min(dates, default=None)


@dataclass(frozen=True)
class CheckedKey:
    """A key as it would be written, and what is in it.

    Attributes:
        key: minimal, so without other people's signatures, wherever gpg could reduce it.
        details: what gpg reads in it.
    """

    key: PublicKeyText
    details: KeyDetails


def check_key(data: bytes | str, *, environment: Mapping[str, str]) -> CheckedKey:
    """Normalise, reduce and read a key, in one run of gpg.

    The reduced key has one signature a user id and a subkey, which leaves the provider no choice between an
    old date of expiry and the extended one, and is the same bytes for each export. It is left out where
    gpg would drop a subkey from it (one that is bound wrongly, or in the future).

    Args:
        data: what a person handed over (see `normalise`).
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

    A key that was made in the future (by a wrong clock) is read as of one hour after its creation, as gpg
    finds no valid signature in it otherwise.

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
    """One run of gpg that reads a key.

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
    """A key with what Keybase's library makes of the signatures on it.

    Args:
        details: the key.
        packets: those that the provider gets: of the key itself, or of one with more signatures.
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
    """Whether gpg complains that the key is younger than its own clock (it has no status line for that)."""
    return "in the future (time warp or clock problem)" in run.messages


def _reduced(file: Path, original: PublicKeyText) -> PublicKeyText | None:
    """The reduced key, unless there is none or a part of the key is missing from it."""
    if not file.is_file():
        return None
    reduced = PublicKeyText(load_file(file, SIZE_LIMIT))
    try:
        return reduced if reduced.key_material == original.key_material else None
    except MalformedPackets:
        return None


def own_expiries(packets: Iterable[Packet]) -> tuple[datetime | None, ...]:
    """For each subkey, in its order, when it expires by itself, UTC; None for never.

    Of a primary key that has expired, gpg lists the subkeys as expired on the same day. Keybase's library
    looks at the subkey alone, so the date is read in the newest signature that binds it and that it can
    verify (RFC 9580, sections 5.2.3 and 5.2.3.13).

    Args:
        packets: those of one public key, in their order.
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
                found[-1] = _moment(made + lifetime) if lifetime else None
    return tuple(found)


def _moment(seconds: int) -> datetime | None:
    """That many seconds after 1970, UTC; None for a day beyond the calendar, as far off as never.

    OpenPGP's numbers have four bytes; a damaged signature may hold a longer one.
    """
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds) if seconds < _BEYOND else None


def _binding(packet: Packet) -> dict[int, int]:
    """The numbers in the hashed subpackets of a binding signature by their type; {} for any other packet."""
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
        A `KeyDetails` for each `pub` or `sec` record, in their order.
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
    # Lower case letters are this part's own capabilities, upper case ones those of the whole key.
    letters = fields[11] if len(fields) > 11 else ""
    return KeyPart(
        key_id=fields[4],
        fingerprint="",  # it has a record of its own
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
        # The date of the newest self-signature that holds; a revoked one has none.
        signed=bool(fields[5]) or fields[1] == "r",
    )


def _date(field: str) -> datetime | None:
    if not field:
        return None
    if "T" in field:
        return datetime.strptime(field, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return datetime.fromtimestamp(int(field), UTC)
