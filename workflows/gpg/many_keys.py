"""Read many keys in parallel, choose one of them, guess their owners, and find keys used twice.

Starting gpg, one process per key, takes the time, so threads are enough.
"""

from __future__ import annotations

import enum
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Final, TypeVar

from workflows.core.grouping import by_key
from workflows.core.temporary import temporary_folder
from workflows.gpg.inspect import CheckedKey, KeyDetails, UserId, check_key
from workflows.gpg.normalise import KEYRING_LIMIT, public_keys
from workflows.gpg.refusals import KeyRefused, KeyTooLarge, NoSuchKeyHere
from workflows.gpg.tools import run_gpg

_KEYBOX_MAGIC: Final = b"KBXf"  # at byte 8 of a pubring.kbx (GnuPG's kbx/keybox-blob.c)

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def check_keys(data: bytes | str, *, environment: Mapping[str, str]) -> tuple[CheckedKey | KeyRefused, ...]:
    """Read every key in a person's input: one key, several, a keyring, GnuPG's keybox file.

    Args:
        data: any form that `normalise` accepts, or the content of a `pubring.kbx`.
        environment: the person's environment.

    Returns:
        For each key, in order, the key or why gpg can't read it; at least one.

    Raises:
        KeyRefused: the input has no public key, or something else (`SecretKeyGiven`).
        GpgMissing: gpg is not installed.
    """
    if isinstance(data, bytes) and data[8:12] == _KEYBOX_MAGIC:
        data = _from_keybox(data, environment)

    def check(binary: bytes) -> CheckedKey | KeyRefused:
        try:
            return check_key(binary, environment=environment)
        except KeyRefused as refused:
            return refused

    return tuple(in_parallel(check, [key.binary for key in public_keys(data)]))


def is_named(fingerprint: str, mails: Iterable[str], wanted: str) -> bool:
    """Return whether a person means this key.

    Args:
        fingerprint: the key's fingerprint.
        mails: the key's email addresses.
        wanted: the person's input: a fingerprint or its end (at least 8 digits; blanks are allowed), or a
            email address.
    """
    if "@" in wanted:
        return wanted.strip().casefold() in map(str.casefold, mails)
    digits = "".join(wanted.split()).removeprefix("0x").upper()
    return len(digits) >= 8 and fingerprint.endswith(digits)


def choose(keys: Iterable[CheckedKey | KeyRefused], wanted: str) -> CheckedKey:
    """Return the one key that a person means.

    Args:
        keys: from `check_keys`.
        wanted: as for `is_named`.

    Raises:
        NoSuchKeyHere: none of them is it, or more than one.
    """
    readable = [key for key in keys if isinstance(key, CheckedKey)]
    found = [key for key in readable if is_named(key.details.fingerprint, key.details.mails, wanted)]
    if len(found) != 1:
        raise NoSuchKeyHere(
            matches=f"{len(found)} of the keys match" if found else "None of the keys matches",
            wanted=wanted.strip(),
            detail="\n".join(key.details.fingerprint for key in (found or readable)[:20]),
        )
    return found[0]


def in_parallel(
    work: Callable[[_Item], _Result], items: Sequence[_Item], tick: Callable[[int], None] | None = None
) -> list[_Result]:
    """Process items in parallel on all cores and return the results in order; raise the first failure.

    Args:
        work: called in threads, once per item.
        tick: called in this thread after each item with the number of finished ones. An exception from it
            ends the work, without starting further items, and is raised here.
    """
    workers = max(1, min(len(items), 8, 2 * (os.cpu_count() or 1)))
    with ThreadPoolExecutor(workers) as pool:
        running = [pool.submit(work, item) for item in items]
        try:
            for done, future in enumerate(as_completed(running), 1):
                future.result()
                if tick is not None:
                    tick(done)
        except BaseException:  # Ctrl-C and exceptions from `tick`, too: start no further items
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return [future.result() for future in running]


def _from_keybox(data: bytes, environment: Mapping[str, str]) -> bytes:
    """Return the public keys in a keybox, as gpg exports them from a copy."""
    if len(data) > KEYRING_LIMIT:
        raise KeyTooLarge(parts="bytes", count=len(data), limit=KEYRING_LIMIT)
    with temporary_folder() as folder:
        keybox = folder / "given.kbx"
        keybox.write_bytes(data)
        run = run_gpg(
            ["--no-options", "--no-autostart", "--no-default-keyring", "--keyring", str(keybox), "--export"],
            gnupg_home=folder,
            environment=environment,
        )
    return run.output


class Likeness(enum.IntEnum):
    """How much the user ids of a key look like an IAM name; a hint, no proof."""

    NONE = 0
    """They lack a word of the name, and each name or address in them has a word that the name lacks."""
    SOME = 1
    """They contain all distinctive words of the name, or a name or an address with only such words."""
    FULL = 2
    """They contain a mail address or a person's name with exactly the words of the name."""


def likeness(name: str, details: KeyDetails) -> Likeness:
    """Return how much a key looks like an IAM user's.

    Args:
        name: the IAM name, such as "jane.doe" or "machine.circle.ci".
        details: the key; only its valid user ids count.
    """
    wanted = _name_parts(name)
    ids = [user_id for user_id in details.user_ids if user_id.holds]
    if wanted and any(wanted in _names(user_id) for user_id in ids):
        return Likeness.FULL
    telling = _telling(wanted)
    text = " ".join(user_id.text for user_id in ids).casefold()
    no_other = any(_has_no_other(user_id, telling) for user_id in ids)
    return Likeness.SOME if no_other or all(word in text for word in telling) else Likeness.NONE


def _has_no_other(user_id: UserId, telling: frozenset[str]) -> bool:
    """Return whether a user id's name or address has only words of an IAM name.

    An address of whole ones is read with the name beside it: jane@… of Jane Smith isn't jane.doe's.
    """
    mail, person = map(_telling, _names(user_id))
    named = filter(None, (person, mail | person if mail <= telling else mail))
    return any(all(any(part in word for part in telling) for word in words) for words in named)


def _telling(words: frozenset[str]) -> frozenset[str]:
    return frozenset(word for word in words if len(word) > 2)


def _name_parts(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[^\W_]+", text.casefold())) - {"machine"}


def _names(user_id: UserId) -> tuple[frozenset[str], frozenset[str]]:
    """Return the words before the `@` of a user id's address, and the words of the person's name."""
    person = user_id.text.partition("<")[0].partition("(")[0].removeprefix(user_id.mail)
    return _name_parts(user_id.mail.partition("@")[0]), _name_parts(person)


def same_keys(keys: Mapping[str, CheckedKey]) -> dict[str, tuple[str, ...]]:
    """Return, for each name that shares a key, the other names with that key, in order."""
    owners = by_key((checked.key.key_material, name) for name, checked in keys.items())
    return {
        name: tuple(owner for owner in names if owner != name)
        for names in owners.values()
        if len(names) > 1
        for name in names
    }
