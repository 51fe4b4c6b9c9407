"""Guess a key's owner from its user ids and an IAM name, and find keys used twice."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping

from workflows.core.grouping import by_key
from workflows.gpg.inspect import CheckedKey, KeyDetails, UserId


class Likeness(enum.IntEnum):
    """How much the user ids of a key look like an IAM name; a hint, no proof."""

    NONE = 0
    """They contain no word of the name."""
    SOME = 1
    """They contain a word of the name, or the name has no distinctive word."""
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
    telling = {word for word in wanted if len(word) > 2}
    text = " ".join(user_id.text for user_id in ids).casefold()
    return Likeness.SOME if not telling or any(word in text for word in telling) else Likeness.NONE


def _name_parts(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[^\W_]+", text.casefold())) - {"machine"}


def _names(user_id: UserId) -> tuple[frozenset[str], frozenset[str]]:
    """Return the words before the `@` of a user id's address, and the words of the person's name."""
    person = user_id.text.partition("<")[0].partition("(")[0]
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
