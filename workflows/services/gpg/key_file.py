"""A key file that lies in a layer already: what the provider makes of the file as it is.

What this program writes is normalised, so there only the key matters. A file that somebody else put there may
be armored, binary or broken, and it must not be rewritten without need (a changed `pgp_key` resets the
password), so it is judged to the letter: how the provider decodes it, and then the key in it. Every error was
met with provider 3.39.0 (`tests/e2e/test_provider_verdicts.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Final

from workflows.services.gpg import go_base64
from workflows.services.gpg.inspect import CheckedKey, check_key
from workflows.services.gpg.keybase_packets import unread
from workflows.services.gpg.packets import MalformedPackets, Packet, Tag, walk
from workflows.services.gpg.provider_library import OpenPgpLibrary, library_of
from workflows.services.gpg.refusals import (
    KeybaseName,
    KeyRefused,
    OtherKeyVersion,
    SecretKeyGiven,
    SeveralKeys,
)
from workflows.services.gpg.verdict import Verdict, VerdictKind, judge

_BEGUN: Final = "error parsing given PGP key"
_INVALID: Final = f"{_BEGUN}: openpgp: invalid data"
_OLD_VERSIONS: Final = frozenset({b"\x02", b"\x03"})
_READABLE: Final = "The key in it can be read: `iam-onboard pgp check --text` writes the right form."
_KEYS: Final = frozenset({Tag.PUBLIC_KEY, Tag.SECRET_KEY})


@dataclass(frozen=True)
class JudgedFile:
    """A key file and what is to be said about it.

    Attributes:
        verdict: on the file as it is.
        key: the key in it, normalised and read; None when there is not exactly one public key in it.
        refusal: why there is no key in it, or None.
    """

    verdict: Verdict
    key: CheckedKey | None
    refusal: KeyRefused | None


def judge_file(
    data: bytes,
    provider_version: str | None,
    now: datetime,
    *,
    environment: Mapping[str, str],
    gpg: str = "gpg",
) -> JudgedFile:
    """Say what the provider makes of a file in `keys/` as it is.

    Args:
        data: the file's content.
        provider_version: as for `verdict.judge`.
        now: the moment to judge for, timezone aware.
        environment: the person's environment.
        gpg: the name or path of gpg.

    Raises:
        GpgMissing: gpg is not installed.
    """
    try:
        key = check_key(data, environment=environment, gpg=gpg)
    except (SecretKeyGiven, KeybaseName) as refused:
        return JudgedFile(_must_not_be(refused), None, refused)
    except KeyRefused as refused:
        found = _form(data) or _content(data, provider_version)
        if found is None and isinstance(refused, SeveralKeys | OtherKeyVersion):
            return JudgedFile(_must_not_be(refused), None, refused)
        told = found or _refused(refused.title, refused.what, _BEGUN)
        return JudgedFile(replace(told, sentence_for_owner=refused.for_owner), None, refused)
    found = _form(data, _READABLE) or _content(data, provider_version, _READABLE)
    return JudgedFile(found or judge(key.details, provider_version, now), key, None)


def is_readable(data: bytes) -> bool:
    """Whether the provider can decode a key file at all; what it makes of the content is another matter."""
    return _form(data) is None


def _form(data: bytes, remark: str = "") -> Verdict | None:
    """Why the provider cannot even decode the file, or None if it can."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _refused(
            "A binary file",
            f"Terraform's file() reads text only, so already the plan fails. {remark}",
            "contents of the file are not valid UTF-8",
        )
    try:
        go_base64.decode(text)
    except go_base64.IllegalBase64 as error:
        armored = "-----BEGIN PGP" in text
        what = "It is armored text, and the provider" if armored else "The provider"
        return _refused(
            "Armored text" if armored else "Not plain base64",
            f"{what} takes nothing but base64 of the binary key. {remark}",
            f"error decoding given PGP key: {error}",
        )
    return None


def _content(data: bytes, provider_version: str | None, remark: str = "") -> Verdict | None:
    """Why the provider finds no key in what it decoded, or None; it reads the first one only."""
    binary = go_base64.decode(data.decode("utf-8"))
    seen: list[Packet] = []
    fault = ""
    try:
        for packet in walk(binary):
            if seen and packet.tag in _KEYS:
                break
            if packet.tag != Tag.MARKER:
                seen.append(packet)
    except MalformedPackets as error:
        fault = (
            "unexpected EOF" if error.truncated else "openpgp: invalid data: tag byte does not have MSB set"
        )
    if found := _unread(seen, provider_version):
        return found
    if fault and binary.startswith(b"-----BEGIN PGP"):
        what = f"It is base64 of armored text, and the provider wants base64 of the binary key. {remark}"
        return _refused("Base64 of armored text", what, f"{_BEGUN}: {fault}")
    if fault:
        # After a subkey the library reads signatures on it, and says so when it cannot.
        after_subkey = any(packet.tag in {Tag.PUBLIC_SUBKEY, Tag.SECRET_SUBKEY} for packet in seen)
        begun = f"{_INVALID}: subkey signature invalid: " if after_subkey else f"{_BEGUN}: "
        return _refused("Damaged", "The key in the file is not whole.", begun + fault)
    if not seen:  # nothing at all, or nothing but markers
        return _refused("Empty", "There is no key in the file.", f"{_BEGUN}: EOF")
    if seen[0].body[:1] == b"\x04" and not _has_identity(seen):
        what = "The key has no user id that is signed by itself, and the provider demands one."
        return _refused("No user id", what, f"{_INVALID}: entity without any identities")
    return None


def _unread(packets: list[Packet], provider_version: str | None) -> Verdict | None:
    """Why the provider gives up at a packet, or None; the packets after it do not matter."""
    if not packets:
        return None
    version = packets[0].body[:1]
    if packets[0].tag not in _KEYS or version in _OLD_VERSIONS:
        what = "What is in the file is not a public key, or one of the format of before 1998."
        return _refused("Not a key", what, f"{_INVALID}: first packet was not a public/private key")
    keybase = library_of(provider_version) is OpenPgpLibrary.KEYBASE
    if keybase and version not in {b"\x04", b""}:
        what = "It is not a version 4 key, and the locked AWS provider reads no other."
        fault = f"{_BEGUN}: openpgp: unsupported feature: public key version"
        return _refused("A newer key format", what, fault)
    reason = unread(packets) if keybase else ""
    if reason:
        what = "A signature or a part of the key is of a kind that the locked AWS provider does not know."
        return _refused("A part that the provider cannot read", what, f"{_BEGUN}: {reason}")
    return None


def _has_identity(packets: list[Packet]) -> bool:
    return any(
        packet.tag == Tag.USER_ID and following.tag == Tag.SIGNATURE
        for packet, following in pairwise(packets)
    )


def _refused(headline: str, explanation: str, error: str) -> Verdict:
    return Verdict(
        kind=VerdictKind.REFUSED_BY_PROVIDER,
        headline=headline,
        explanation=explanation.strip(),
        provider_error=error,
        sentence_for_owner="",
        warnings=(),
    )


def _must_not_be(refusal: KeyRefused) -> Verdict:
    """The verdict on what the provider takes and what must not lie in a layer."""
    return Verdict(
        kind=VerdictKind.REFUSED_BY_US,
        headline=refusal.title,
        explanation=f"{refusal.what} {refusal.why}",
        provider_error="",
        sentence_for_owner=refusal.for_owner,
        warnings=(),
    )
