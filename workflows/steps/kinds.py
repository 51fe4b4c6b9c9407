"""The kinds of work that an admin can choose, and how a session with them is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workflows.core.sentences import count, listed
from workflows.core.shapes import texts
from workflows.machine.summaries import Summary

EDITING = ("joining", "leaving", "regrouping", "rekeying")
"""Kinds of work that edit the layers' files."""

OVER_TERRAFORM = (*EDITING, "resetting")
"""Kinds of work that need a plan."""

KINDS = (*OVER_TERRAFORM, "mfa_reset")
"""All kinds of work. Each is a fact of the Project step and holds people's names."""

_VERBS = {
    "joining": "Add",
    "leaving": "Remove",
    "regrouping": "Change groups of",
    "resetting": "Reset password of",
    "rekeying": "Replace key of",
    "mfa_reset": "Replace MFA of",
}
ACCOUNT_SETTINGS = "Change account settings"
"""The name for work on the account's own settings."""
_OF_NOBODY = {"regions_wanted": "Check STS regions", "account_wanted": ACCOUNT_SETTINGS}
_OWN = {"new-user": "Set up my access", "rotation": "Rotate my access key"}
REPLACING = "replacing"
"""The detail of a new user's session that was begun to replace their PGP key."""
_NAMED = 2
_LEAST = len("a, ")
"""Space that each name takes at least in a list."""


def replaces_key(summary: Summary) -> bool:
    """Return whether a session was begun to replace one's own PGP key."""
    return bool(summary.details.get(REPLACING))


def people_of(summary: Summary) -> tuple[str, ...]:
    """Return the IAM names of everybody in a session."""
    return tuple(name for kind in KINDS for name in texts(summary.about.get(kind)))


def works_of(summary: Summary) -> dict[str, tuple[str, ...]]:
    """Return the people of an admin's session, by the phrase for each kind of work; some is about nobody."""
    named = {verb: texts(summary.about.get(kind)) for kind, verb in _VERBS.items()}
    works = {verb: names for verb, names in named.items() if names}
    return works | {words: () for kind, words in _OF_NOBODY.items() if summary.about.get(kind)}


def phrased(works: Mapping[str, Sequence[str]], kinds: int, most: int = 1, *, changes: bool = False) -> str:
    """Return the work in one line, such as "Add jane.doe and 2 more; 1 more task".

    Args:
        works: the people of each kind of work, by its verb.
        kinds: how many kinds to name.
        most: how many people of each kind to name; if there are only two, both are named.
        changes: whether to count the changes in the other kinds, instead of the kinds as tasks.
    """
    named = [
        f"{verb} {listed(names, max(most, _NAMED * (len(names) <= _NAMED)))}".rstrip()
        for verb, names in works.items()
    ]
    first, *others = named
    others = [work[0].lower() + work[1:] for work in others[: kinds - 1]]
    left = [max(1, len(names)) if changes else 1 for names in works.values()][kinds:]
    rest = [count(sum(left), "more change" if changes else "more task")] if left else []
    return "; ".join((first, *others, *rest))


def within(works: Mapping[str, Sequence[str]], width: int, *, changes: bool = False) -> str:
    """Return the line with as many kinds, and then people, as fit into a width; never longer than that.

    Args:
        works: as for `phrased`.
        width: the maximum length.
        changes: as for `phrased`.
    """
    people = min(max(1, *map(len, works.values())), max(1, width // _LEAST + 1))
    lines = (
        phrased(works, kinds, most, changes=changes)
        for kinds in range(len(works), 0, -1)
        for most in range(people, 0, -1)
    )
    cut = f"{phrased(works, 1, changes=changes)[: max(0, width - 1)]}…"
    return next((line for line in lines if len(line) <= width), cut if width > 0 else "")


def work_of(summary: Summary, most: int = 1) -> str:
    """Return a session's work, such as "Add jane.doe; 1 more task".

    Sessions for one's own access end with the IAM user name, which distinguishes several identities.

    Args:
        most: how many kinds of work to name.
    """
    about = summary.about
    if summary.workflow != "admin":
        own = _OWN.get(summary.workflow, summary.workflow or "Session")
        work = "Replace my PGP key" if replaces_key(summary) else own
        names = texts([about.get("user")])
        return f"{work} ({names[0]})" if names and names[0] else work
    asked = texts(about.get("kinds"))
    if works := works_of(summary):
        return phrased(works, most)
    if of_nobody := [words for kind, words in _OF_NOBODY.items() if kind in asked]:
        return of_nobody[0]
    verb = _VERBS.get(asked[0], "") if len(asked) == 1 else ""
    return f"{verb} somebody" if verb else "Admin, nobody named yet"
