"""What is in a public key, as GnuPG reads it: algorithms, dates, user ids, what each part may be used for.

gpg reads the key from its standard input in a private, empty folder, imports nothing and starts no agent, so
neither the person's keyring nor its trust settings matter. Facts about the format from GnuPG's doc/DETAILS.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from workflows.services.gpg.normalise import PublicKeyText, normalise
from workflows.services.gpg.packets import MalformedPackets
from workflows.services.gpg.refusals import KeyRefused
from workflows.services.gpg.tools import GpgRun, run_gpg

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
# No agent, no keyring and no trust database: nothing but the key itself.
_ISOLATED = ("--no-options", "--no-keyring", "--no-autostart", "--trust-model", "always", "--with-colons")
_READ_ONLY = (*_ISOLATED, "--show-keys")


class UnreadableKey(KeyRefused):
    """GnuPG itself cannot make sense of the key; `detail` holds its words."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "GnuPG cannot read this key",
            "It has the form of a public key, but gpg finds no usable key in it.",
            why="It may be damaged, or made in a format that this version of gpg does not know.",
            next="Ask its owner for an RSA key, exported with  gpg --armor --export NAME",
            detail=detail,
        )


@dataclass(frozen=True)
class UserId:
    """One user id of a key.

    Attributes:
        text: all of it, as "Jane Doe <jane@a.example>"; control characters are replaced.
        mail: the address in it, or "".
        revoked: whether its owner revoked it.
    """

    text: str
    mail: str
    revoked: bool


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
        expires: when it stops being valid, UTC, or None for never.
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

    @property
    def description(self) -> str:
        """As a person would say it: "RSA 4096", "cv25519"."""
        return self.curve or f"{self.algorithm} {self.bits}"

    @property
    def is_rsa(self) -> bool:
        """Whether it is an RSA key."""
        return self.algorithm == "RSA"

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
    """

    primary: KeyPart
    subkeys: tuple[KeyPart, ...]
    user_ids: tuple[UserId, ...]

    @property
    def fingerprint(self) -> str:
        """The primary key's fingerprint."""
        return self.primary.fingerprint

    @property
    def grouped_fingerprint(self) -> str:
        """The fingerprint in groups of four, to be read out over the phone."""
        digits = self.fingerprint
        return " ".join(digits[start : start + 4] for start in range(0, len(digits), 4))

    @property
    def created(self) -> datetime:
        """When the primary key was made, UTC."""
        return self.primary.created

    @property
    def mails(self) -> tuple[str, ...]:
        """The mail addresses of the user ids that are not revoked."""
        return tuple(user_id.mail for user_id in self.user_ids if user_id.mail and not user_id.revoked)

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


def check_key(data: bytes | str, *, environment: Mapping[str, str], gpg: str = "gpg") -> CheckedKey:
    """Normalise, reduce and read a key, in one run of gpg.

    The reduced key has one signature a user id and a subkey, which leaves the provider no choice between an
    old date of expiry and the prolonged one, and is the same bytes whoever exports it. It is not taken where
    gpg would drop a subkey from it (one that is bound wrongly, or in the future).

    Args:
        data: what a person handed over (see `normalise`).
        environment: the person's environment.
        gpg: the name or path of gpg.

    Raises:
        KeyRefused: there is not exactly one public key in it, or gpg cannot read it (`UnreadableKey`).
        GpgMissing: gpg is not installed.
    """
    key = normalise(data)
    with _private_folder() as folder:
        reduced_file = folder / "reduced.gpg"
        run = run_gpg(
            [
                *_ISOLATED,
                "--import-options",
                "import-export,import-minimal,import-show",
                "--output",
                str(reduced_file),
                "--import",
            ],
            gnupg_home=folder,
            environment=environment,
            program=gpg,
            stdin=key.binary,
        )
        reduced = _reduced(reduced_file, key)
    if reduced is None or _made_in_future(run):
        return CheckedKey(key, inspect_key(key.binary, environment=environment, gpg=gpg))
    return CheckedKey(reduced, _details(run))


def inspect_key(binary: bytes, *, environment: Mapping[str, str], gpg: str = "gpg") -> KeyDetails:
    """Read one binary public key with `gpg --show-keys`.

    A key that was made in the future (by a wrong clock) is read as of one hour after its creation, as gpg
    finds no valid signature in it otherwise.

    Args:
        binary: a `PublicKeyText.binary`.
        environment: the person's environment.
        gpg: the name or path of gpg.

    Raises:
        UnreadableKey: gpg finds no key in it.
        GpgMissing: gpg is not installed.
    """
    with _private_folder() as folder:
        run = run_gpg(_READ_ONLY, gnupg_home=folder, environment=environment, program=gpg, stdin=binary)
        details = _details(run)
        if _made_in_future(run):
            moment = details.created + timedelta(hours=1)
            run = run_gpg(
                ["--faked-system-time", f"{moment:%Y%m%dT%H%M%S}", *_READ_ONLY],
                gnupg_home=folder,
                environment=environment,
                program=gpg,
                stdin=binary,
            )
            details = _details(run)
    return details


def parse_listings(listing: str) -> tuple[KeyDetails, ...]:
    """Read gpg's listing of keys in its colon format.

    Args:
        listing: the output of a listing command with `--with-colons`.

    Returns:
        A `KeyDetails` for each `pub` or `sec` record, in their order.
    """
    keys: list[list[list[str]]] = []
    for line in listing.splitlines():
        fields = line.split(":")
        if fields[0] in {"pub", "sec"}:
            keys.append([])
        if keys and fields[0] in {"pub", "sec", "sub", "ssb", "fpr", "uid"}:
            keys[-1].append(fields)
    return tuple(_key_details(records) for records in keys)


def _key_details(records: list[list[str]]) -> KeyDetails:
    parts: list[KeyPart] = []
    for index, fields in enumerate(records):
        if fields[0] in {"pub", "sec", "sub", "ssb"}:
            following = records[index + 1] if index + 1 < len(records) else []
            fingerprint = following[9] if following and following[0] == "fpr" else ""
            parts.append(_part(fields, fingerprint))
    user_ids = tuple(_user_id(fields) for fields in records if fields[0] == "uid")
    return KeyDetails(primary=parts[0], subkeys=tuple(parts[1:]), user_ids=user_ids)


def _part(fields: list[str], fingerprint: str) -> KeyPart:
    algorithm = int(fields[3])
    # Lower case letters are this part's own capabilities, upper case ones those of the whole key.
    letters = fields[11] if len(fields) > 11 else ""
    return KeyPart(
        key_id=fields[4],
        fingerprint=fingerprint,
        algorithm=_ALGORITHM_NAMES.get(algorithm, f"algorithm {algorithm}"),
        bits=int(fields[2] or 0),
        curve=fields[16] if len(fields) > 16 and algorithm not in _RSA_NUMBERS else "",
        created=_moment(fields[5]) or datetime.fromtimestamp(0, UTC),
        expires=_moment(fields[6]),
        revoked=fields[1] == "r",
        invalid=fields[1] == "i",
        capabilities=frozenset(_CAPABILITIES[letter] for letter in letters if letter in _CAPABILITIES),
    )


def _user_id(fields: list[str]) -> UserId:
    raw = re.sub(r"\\x([0-9a-fA-F]{2})", lambda match: chr(int(match[1], 16)), fields[9])
    text = "".join(character if character.isprintable() else "\ufffd" for character in raw)
    before, bracket, after = text.rpartition("<")
    mail = after.partition(">")[0] if bracket else before or after
    return UserId(text=text, mail=mail if "@" in mail and " " not in mail else "", revoked=fields[1] == "r")


def _moment(field: str) -> datetime | None:
    if not field:
        return None
    if "T" in field:
        return datetime.strptime(field, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return datetime.fromtimestamp(int(field), UTC)


def _details(run: GpgRun) -> KeyDetails:
    keys = parse_listings(run.output.decode("utf-8", errors="replace"))
    if len(keys) != 1:
        raise UnreadableKey(run.messages)
    return keys[0]


def _made_in_future(run: GpgRun) -> bool:
    """Whether gpg complains that the key is younger than its own clock (it has no status line for that)."""
    return "in the future (time warp or clock problem)" in run.messages


def _reduced(file: Path, original: PublicKeyText) -> PublicKeyText | None:
    """The reduced key, unless there is none or a part of the key is missing from it."""
    if not file.is_file():
        return None
    reduced = PublicKeyText(file.read_bytes())
    try:
        return reduced if reduced.key_material == original.key_material else None
    except MalformedPackets:
        return None


@contextmanager
def _private_folder() -> Iterator[Path]:
    """An empty folder that only this user can enter, removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="io-") as folder:
        yield Path(folder)
