"""The rules for the values in a message, with their source in AWS's, GnuPG's or Leverage's documentation.

Messages come from other people, and their values end up in a browser's address bar, a file name, a profile
file and on a terminal. So every value is checked before anybody sees or uses it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence

from workflows.core.openpgp import (
    ENCRYPTED_DATA,
    SECRET_KEYS,
    MalformedPackets,
    Packet,
    Tag,
    fingerprint_of,
    split,
)
from workflows.core.sentences import Problem, Sentence, joined
from workflows.core.text import one_line
from workflows.messages.envelope import Flaw, MessageError
from workflows.profiles.shell_lines import SIGN_IN_DOMAINS

MAX_CIPHERTEXT = 16 * 1024
MAX_PUBLIC_KEY = 64 * 1024
MAX_PROSE = 500
MAX_POLICY = 20

_IAM_NAME = r"[A-Za-z0-9_+=,.@-]"
_NAME_OF = "(letters, digits and +=,.@_- only, at most"
_FORMS: Mapping[str, tuple[str, str]] = {
    "project": (
        r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}",
        "a project's short name (letters, digits, - and _, at most 32)",
    ),
    # IAM API reference, CreateUser and CreateRole: 1-64 of \w+=,.@-
    "user": (_IAM_NAME + "{1,64}", f"an IAM user name {_NAME_OF} 64)"),
    "role": (_IAM_NAME + "{1,64}", f"an IAM role name {_NAME_OF} 64)"),
    # AWS CLI user guide, configuration files: "default" and the kinds of sections have a meaning there
    "profile": (
        r"(?i:(?!(?:default|profile|sso-session|services|plugins|preview)\Z))" + _IAM_NAME + "{1,128}",
        f"a profile name {_NAME_OF} 128, and none that AWS's own files use, as default)",
    ),
    "account_name": (r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", "an account's name (letters, digits, - _ and .)"),
    "account_id": (r"[0-9]{12}", "an account id (twelve digits)"),
    # IAM API reference, CreateAccountAlias: 3-63, no dash at an end, no two in a row, not twelve digits.
    # An account may have none.
    "account_alias": (
        r"(?:(?!\d{12}\Z)[a-z0-9](?:[a-z0-9]|-(?!-)){1,61}[a-z0-9])?",
        "an account alias (3 to 63 lower-case letters, digits and single -)",
    ),
    "region": (r"[a-z0-9-]{1,40}", "a region's name"),  # botocore checks whether it exists
    "key_fingerprint": (r"[0-9A-F]{40}", "the fingerprint of a PGP key (40 hexadecimal digits)"),
    "access_key_id": (r"AKIA[A-Z0-9]{12,124}", "an access key id (AKIA and 12 or more of A-Z and 0-9)"),
    "partition": ("|".join(SIGN_IN_DOMAINS), f"a partition ({', '.join(SIGN_IN_DOMAINS)})"),
}
"""For each field, the pattern of its whole value, and its name in errors."""
_TRICKS = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069"
    "\\ud800-\\udfff\\U000e0000-\\U000e01ef]"
)
"""Control, bidirectional, surrogate and tag characters, but no joiners, which some languages' names need."""


_OF_A_POLICY = frozenset(map(chr, range(0x20, 0x7F))) | frozenset(
    "\u201c\u201d\u2018\u2019\u2013\u2014\u2026"  # quotation marks, dashes, an ellipsis
)


def check(**values: str) -> list[Problem]:
    """Return what is wrong with the values of some fields, named as in a message ("user", "account_id")."""
    return [
        Problem(f"{shown(value)} isn't {_FORMS[field][1]}.", field)
        for field, value in values.items()
        if not re.fullmatch(_FORMS[field][0], value)
    ]


def prose(value: str, field: str, maximum: int = MAX_PROSE) -> list[Problem]:
    """Check a text for people: its length, and no characters that could play tricks on a terminal."""
    if len(value) > maximum:
        return [Problem(f"{field} has {len(value)} characters; at most {maximum} are accepted.", field)]
    if _TRICKS.search(value):
        return [Problem(f"{field} holds control characters.", field)]
    return []


def password_policy(sentences: Sequence[str]) -> list[Problem]:
    """Check sentences about a password policy, as this program writes them: a few, in plain characters."""
    if len(sentences) > MAX_POLICY:
        return [Problem(f"The password policy has more than {MAX_POLICY} sentences.", "password_policy")]
    found = [problem for sentence in sentences for problem in prose(sentence, "password_policy")]
    odd = sorted(
        {character for sentence in sentences for character in sentence if character not in _OF_A_POLICY}
    )
    if odd and not found:
        signs = ", ".join(f"U+{ord(character):04X}" for character in odd[:5])
        found = [
            Problem(
                f"The password policy has characters that don't belong in one: {signs}.", "password_policy"
            )
        ]
    return found


def ciphertext(value: str | None, field: str) -> list[Problem]:
    """Check a base64 OpenPGP message: encrypted to a key, never plaintext; errors don't repeat it."""
    if value is None:
        return []
    reason = "it is too long" if len(value) > MAX_CIPHERTEXT else _not_encrypted(value)
    return [Problem(f"{field} isn't an encrypted text: {reason}.", field)] if reason else []


def _not_encrypted(text: str) -> Sentence:
    """Return why a base64 text is not a complete OpenPGP message to a public key (half a sentence), or ""."""
    try:
        tags = [packet.tag for packet in _packets(text) if packet.tag != Tag.MARKER]
    except ValueError as error:
        return str(error)
    if not tags:
        return "it is empty"
    if Tag.SECRET_KEY in tags:
        return "it is a secret key"
    if tags[0] != Tag.PUBLIC_KEY_ENCRYPTED_SESSION_KEY or tags[-1] not in ENCRYPTED_DATA:
        return "it isn't a message that was encrypted to a public key"
    return ""


def public_key(value: str, wanted: str) -> list[Problem]:
    """Check a base64 text: exactly one public key, with the fingerprint `wanted`, and nothing secret."""
    reason = "it is too long" if len(value) > MAX_PUBLIC_KEY else _not_the_key(value, wanted)
    return [Problem(f"The public key can't be used: {reason}.", "public_key")] if reason else []


def _not_the_key(text: str, wanted: str) -> Sentence:
    """Return why a base64 text is not the one public key with a fingerprint (half a sentence), or ""."""
    try:
        packets = _packets(text)
    except ValueError as error:
        return str(error)
    tags = [packet.tag for packet in packets]
    if not SECRET_KEYS.isdisjoint(tags):
        return "it holds a SECRET key; never send that to anybody"
    if not tags or tags[0] != Tag.PUBLIC_KEY:
        return "it isn't a public key"
    if tags.count(Tag.PUBLIC_KEY) > 1:
        return "it holds more than one public key"
    actual = fingerprint_of(packets[0])
    return f"its fingerprint is {actual}, not {wanted}" if actual not in {None, wanted} else ""


def _packets(text: str) -> tuple[Packet, ...]:
    """Return the packets in a base64 text without blanks.

    Raises:
        ValueError: it is not base64, or not complete OpenPGP data; the message is half a sentence.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise ValueError("it isn't base64") from None
    try:
        return split(data)
    except MalformedPackets as error:
        raise ValueError("it ends too early" if error.truncated else "it isn't OpenPGP data") from None


def sign_in_url(url: str, *, alias: str, account: str, partition: str) -> list[Problem]:
    """Check that an address is AWS's own sign-in page of this account.

    Args:
        url: the address from the message.
        alias: the account's alias, or "".
        account: the account's id.
        partition: "aws", "aws-us-gov" or "aws-cn".
    """
    domain = SIGN_IN_DOMAINS.get(partition)
    if domain is None:
        return []  # the partition is rejected already
    pages = (f"https://{label}.{domain}" for label in (alias, account) if label)
    if url in {f"{page}{path}" for page in pages for path in ("", "/", "/console", "/console/")}:
        return []
    wanted = f"https://{alias or account}.{domain}/console"
    what = f"The sign-in address {shown(url)} isn't AWS's sign-in page of this account. It has to be {wanted}"
    return [Problem(what, "sign_in_url")]


def shown(value: str) -> str:
    """Make a foreign value safe and short enough for a sentence."""
    return f"“{one_line(value, 60)}”"


def refuse(problems: list[Problem], kind: str) -> None:
    """Raise one error that lists all fatal problems.

    Raises:
        MessageError: there is a fatal problem.
    """
    fatal = [problem.message for problem in problems if problem.fatal]
    if fatal:
        raise MessageError(
            Flaw.BREAKS_RULES,
            kind=kind,
            what=fatal[0] if len(fatal) == 1 else f"{len(fatal)} fields in it are wrong.",
            detail="" if len(fatal) == 1 else joined(fatal[:20], "\n"),
        )
