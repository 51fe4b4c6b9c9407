"""Whose key it is, as far as the key itself tells: its user ids against an IAM name, and keys met twice."""

from __future__ import annotations

import re
from collections.abc import Mapping

from workflows.services.gpg.details import KeyDetails
from workflows.services.gpg.inspect import CheckedKey


def looks_like(name: str, details: KeyDetails) -> bool:
    """Whether a user id of a key names an IAM user.

    Args:
        name: the IAM name, as "jane.doe" or "machine.circle.ci".
        details: the key.

    Returns:
        True where a word of the name with three letters or more is in a user id that is not revoked, and
        where the name has no such word; it is a hint, and no proof.
    """
    words = {word for word in re.split(r"[^a-z0-9]+", name.casefold()) if len(word) > 2} - {"machine"}
    ids = " ".join(user_id.text for user_id in details.user_ids if not user_id.revoked).casefold()
    return not words or any(word in ids for word in words)


def same_keys(keys: Mapping[str, CheckedKey]) -> dict[str, tuple[str, ...]]:
    """For each name whose key is also another one's, those other names in their order."""
    owners: dict[frozenset[bytes], list[str]] = {}
    for name, checked in keys.items():
        owners.setdefault(checked.key.key_material, []).append(name)
    return {
        name: tuple(other for other in names if other != name)
        for names in owners.values()
        if len(names) > 1
        for name in names
    }
