"""Whose key it is, as far as the key itself shows: its user ids against an IAM name, and keys met twice."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping

from workflows.core.grouping import by_key
from workflows.gpg.inspect import CheckedKey, KeyDetails, UserId


class Likeness(enum.IntEnum):
    """How much the user ids of a key look like an IAM name; a hint, and no proof."""

    NONE = 0
    """No word of the name is in them."""
    SOME = 1
    """A word of the name is in them, or the name has no word that says anything."""
    FULL = 2
    """A mail address or a person's name in them has exactly the words of the name."""


def likeness(name: str, details: KeyDetails) -> Likeness:
    """How much a key looks like an IAM user's.

    Args:
        name: the IAM name, as "jane.doe" or "machine.circle.ci".
        details: the key; user ids that do not hold do not count.
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
    """The words before the `@` of a user id's address, and those of the person's name."""
    person = user_id.text.partition("<")[0].partition("(")[0]
    return _name_parts(user_id.mail.partition("@")[0]), _name_parts(person)


def same_keys(keys: Mapping[str, CheckedKey]) -> dict[str, tuple[str, ...]]:
    """For each name whose key is also another one's, those other names in their order."""
    owners = by_key((checked.key.key_material, name) for name, checked in keys.items())
    return {
        name: tuple(owner for owner in names if owner != name)
        for names in owners.values()
        if len(names) > 1
        for name in names
    }
