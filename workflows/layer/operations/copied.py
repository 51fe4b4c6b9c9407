"""What a new person takes over from the sibling that is followed, though it may be the sibling's own.

A map of objects or a block may hold more than a name, a key and switches: groups, policies, an SSH key, a
mail address. The editor cannot know what these should be for somebody new, so whoever asks is told to look.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from workflows.layer.operations.spelling import Renaming

_OWN = re.compile(r"group|polic|boundary|role|ssh|mail|phone|full_?name", re.IGNORECASE)
"""Names of fields that say who somebody is or what somebody may."""
_NOTHING = frozenset({"false", "null", "[]", "{}", '""'})


def copied_values(
    sibling: Mapping[str, str],
    others: Iterable[Mapping[str, str]],
    known: Collection[str | None],
    renaming: Renaming,
) -> tuple[str, ...]:
    """The fields whose values are taken over as they are, though not everybody has the same.

    Args:
        sibling: the fields of the sibling that is followed, as source texts by name.
        others: those of the others of its kind.
        known: the fields that are written for the new person: name, key and switches.
        renaming: how the sibling's name is put in the new person's; a value that holds it is not taken over.
    """
    siblings = list(others)
    return tuple(
        field
        for field, text in sibling.items()
        if field not in known
        and renaming.plainly(text) == text
        and (
            (_OWN.search(field) is not None and text not in _NOTHING)
            or any(one.get(field) != text for one in siblings)
        )
    )
