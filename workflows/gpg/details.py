"""A public key as data, and gpg's listing of keys in its colon format read into it.

Facts about the format from GnuPG's doc/DETAILS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

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
        card: of a part of a secret key: "+" for here, "#" for not here, else the serial number of its
            card; "" in a listing of public keys.
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
    card: str = ""
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
    def created(self) -> datetime:
        """When the primary key was made, UTC."""
        return self.primary.created

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
        own_expires=_moment(fields[6]),
        revoked=fields[1] == "r",
        invalid=fields[1] == "i",
        card=fields[14] if len(fields) > 14 else "",
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


def _moment(field: str) -> datetime | None:
    if not field:
        return None
    if "T" in field:
        return datetime.strptime(field, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return datetime.fromtimestamp(int(field), UTC)
