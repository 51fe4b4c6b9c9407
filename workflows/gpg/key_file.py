"""Judge an existing key file in a layer, exactly as the provider would read it.

This program writes normalised files, for which only the key matters. A file from somebody else may be
armored, binary or broken, and it must not be rewritten without need (a changed `pgp_key` resets the
password). So this checks how the provider decodes the exact file, and then the key in it. Every case was
tried with provider 3.39.0 (`tests/e2e/test_provider_verdicts.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Final

from workflows.core.openpgp import MalformedPackets, Packet, Tag, decode_key_file, walk
from workflows.core.sentences import Sentence, joined
from workflows.gpg.inspect import CheckedKey, as_keybase_sees, check_key
from workflows.gpg.provider_library import OpenPgpLibrary, keybase_reads, library_of
from workflows.gpg.refusals import KeybaseName, KeyRefused, OtherKeyVersion, SecretKeyGiven, SeveralKeys
from workflows.gpg.verdict import REJECTION, Headline, Verdict, VerdictKind, judge, named

_READABLE: Final = "The key in it works: `iam-onboard pgp check --text` prints it in the right form."
_PRIMARY: Final = frozenset({Tag.PUBLIC_KEY, Tag.SECRET_KEY})


@dataclass(frozen=True)
class JudgedFile:
    """A key file and the verdict on it.

    Attributes:
        verdict: the verdict on the unchanged file.
        key: the key in it, normalised and read; None unless the file has exactly one public key.
    """

    verdict: Verdict
    key: CheckedKey | None


def judge_file(
    data: bytes,
    provider_version: str | None,
    now: datetime,
    *,
    environment: Mapping[str, str],
) -> JudgedFile:
    """Predict what the provider does with an unchanged file in `keys/`.

    Args:
        data: the file's content.
        provider_version: as for `verdict.judge`.
        now: the time to judge for, with time zone.
        environment: the person's environment.

    Raises:
        GpgMissing: gpg is not installed.
    """
    try:
        key = check_key(data, environment=environment)
    except (SecretKeyGiven, KeybaseName) as refused:
        return JudgedFile(_must_not_be(refused), None)
    except KeyRefused as refused:
        found = _form(data) or _content(data, provider_version)
        if found is None and isinstance(refused, SeveralKeys | OtherKeyVersion):
            return JudgedFile(_must_not_be(refused), None)
        verdict = found or _rejected(refused.title, refused.what)
        return JudgedFile(replace(verdict, sentence_for_owner=refused.for_owner), None)
    found = _form(data, _READABLE) or _content(data, provider_version, _READABLE)
    if found is None:
        packets, _ = _first_key(decode_key_file(data))
        found = judge(as_keybase_sees(key.details, packets), provider_version, now)
    return JudgedFile(found, key)


def _form(data: bytes, remark: str = "") -> Verdict | None:
    """Return why the provider can't even decode the file, or None if it can."""
    try:
        decode_key_file(data)
    except UnicodeDecodeError:
        what = joined(("Terraform's file() only reads text, so even the plan fails.", remark))
        return Verdict(VerdictKind.REFUSED_BY_PROVIDER, Headline.BINARY_FILE, what)
    except ValueError:
        if b"-----BEGIN PGP" in data:
            headline, what = Headline.ARMORED, "It is armored text, but the provider"
        else:
            headline, what = Headline.NOT_BASE64, "The provider"
        return _rejected(headline, joined((f"{what} accepts only base64 of the binary key.", remark)))
    return None


def _content(data: bytes, provider_version: str | None, remark: str = "") -> Verdict | None:
    """Return why the provider finds no key in the decoded data, or None; it reads only the first one."""
    binary = decode_key_file(data)
    seen, whole = _first_key(binary)
    if found := _unread(seen, provider_version):
        return found
    if binary.startswith(b"-----BEGIN PGP"):
        what = f"It is base64 of armored text, but the provider needs base64 of the binary key. {remark}"
        return _rejected(Headline.BASE64_OF_ARMORED, what)
    if not whole:
        return _rejected(Headline.DAMAGED, "The key in the file is incomplete.")
    if not seen:  # nothing, or only markers
        return _rejected(Headline.EMPTY, "There is no key in the file.")
    is_named = (Tag.USER_ID, Tag.SIGNATURE) in pairwise(packet.tag for packet in seen)
    if seen[0].body[:1] == b"\x04" and not is_named:
        return _rejected(
            Headline.NO_USER_ID, "The key has no self-signed user id, and the provider needs one."
        )
    return None


def _first_key(binary: bytes) -> tuple[list[Packet], bool]:
    """Return the packets of the first key without markers, and whether all of them are complete."""
    seen: list[Packet] = []
    try:
        for packet in walk(binary):
            if seen and packet.tag in _PRIMARY:
                break
            if packet.tag != Tag.MARKER:
                seen.append(packet)
    except MalformedPackets:
        return seen, False
    return seen, True


def _unread(packets: list[Packet], provider_version: str | None) -> Verdict | None:
    """Return why the provider gives up at a packet, or None; packets after it don't matter."""
    if not packets:
        return None
    version = packets[0].body[:1]
    if packets[0].tag not in _PRIMARY or version in {b"\x02", b"\x03"}:
        what = "The file doesn't hold a public key, or its format is from before 1998."
        return _rejected(Headline.NO_KEY, what)
    if library_of(provider_version) is not OpenPgpLibrary.KEYBASE:
        return None
    if version not in {b"\x04", b""}:
        what = f"It isn't a version 4 key, and {named(provider_version)} reads no others."
        return _rejected(Headline.NEWER_FORMAT, what)
    if not keybase_reads(packets):
        what = f"{named(provider_version)} doesn't know the kind of one of the key's signatures or parts."
        return _rejected(Headline.UNREADABLE_PART, what)
    return None


def _rejected(headline: Sentence, explanation: Sentence) -> Verdict:
    return Verdict(VerdictKind.REFUSED_BY_PROVIDER, headline, joined((explanation, REJECTION)))


def _must_not_be(refusal: KeyRefused) -> Verdict:
    """Return the verdict on a file that the provider accepts but that must not be in a layer."""
    what = joined((refusal.what, refusal.why))
    return Verdict(VerdictKind.REFUSED_BY_US, refusal.title, what, refusal.for_owner)
