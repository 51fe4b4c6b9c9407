"""What is not right with the keys of several people together, and with keys that replace others."""

from __future__ import annotations

from collections.abc import Sequence

from workflows.core.errors import Problem
from workflows.core.sentences import joined
from workflows.steps.judged_keys import TakenKey


def about_replacement(key: TakenKey, *, confirmed: bool) -> list[Problem]:
    """What is not right with a key that replaces another one: it changes nothing, or was not confirmed."""
    replaced = key.replacement
    if replaced is None:
        return []
    problems = [Problem(words, "people", fatal=not replaced.resets) for words in replaced.by_hand]
    if replaced.unchanged and not replaced.resets:
        words = (
            f"{', '.join(replaced.unchanged)} has this very key of {key.name} already: nothing to replace."
        )
        problems.append(Problem(words, "people"))
    elif replaced.resets and not confirmed:
        made = joined(replaced.told, "; ")
        problems.append(Problem(f"The new key of {key.name} makes anew, and it is to be confirmed: {made}."))
    return problems


def about_each_other(keys: Sequence[TakenKey]) -> list[Problem]:
    """Two people with one key is odd; two keys for one file cannot be."""
    problems: list[Problem] = []
    owners: dict[str, str] = {}
    files: dict[tuple[str, str], TakenKey] = {}
    for key in keys:
        first = owners.setdefault(key.fingerprint, key.name)
        if first != key.name:
            problems.append(Problem(f"{first} and {key.name} have the same key.", "people", fatal=False))
        for account, reset in key.replacement.resets.items() if key.replacement else ():
            other = files.setdefault((account, reset.file), key)
            if other.fingerprint != key.fingerprint:
                who = f"{other.name} and {key.name}"
                words = f"{who} share {reset.file} of {account}: it can hold one key only."
                problems.append(Problem(words, "people"))
    return problems
