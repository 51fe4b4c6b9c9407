"""The kinds of work that an admin decides on, and what a session of them is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workflows.core.sentences import count, listed
from workflows.core.shapes import texts
from workflows.machine.summaries import Summary

EDITING = ("joining", "leaving", "regrouping", "rekeying")
"""Kinds of work that edit the layers' files."""

OVER_TERRAFORM = (*EDITING, "resetting")
"""Kinds of work that a plan is made for."""

KINDS = (*OVER_TERRAFORM, "mfa_reset")
"""All kinds of work, each a fact of the Project step with the names of people."""

_VERBS = {
    "joining": "Add",
    "leaving": "Remove",
    "regrouping": "Change groups of",
    "resetting": "Reset password of",
    "rekeying": "Replace key of",
    "mfa_reset": "Replace MFA of",
}
ACCOUNT_SETTINGS = "Change account settings"
"""What the work on the account's own settings is called."""
_OWN = {"new-user": "Set up my access", "rotation": "Rotate my access key"}
_NAMED = 2
_LEAST = len("a, ")
"""What each name takes at least in a list."""


def people_of(summary: Summary) -> tuple[str, ...]:
    """All whom a session is about, by IAM name."""
    return tuple(name for kind in KINDS for name in texts(summary.about.get(kind)))


def works_of(summary: Summary) -> dict[str, tuple[str, ...]]:
    """Every kind of work that an admin's session does for people, as a verb, and for whom."""
    named = {verb: texts(summary.about.get(kind)) for kind, verb in _VERBS.items()}
    return {verb: names for verb, names in named.items() if names}


def phrased(works: Mapping[str, Sequence[str]], kinds: int, most: int = 1) -> str:
    """What is done for whom, in a line: "Add jane.doe and 2 more; 1 more task".

    Args:
        works: whom each kind of work is done for, by its verb.
        kinds: how many kinds are named.
        most: how many people of each are named; two always are, if they are all.
    """
    named = [
        f"{verb} {listed(names, max(most, _NAMED * (len(names) <= _NAMED)))}".rstrip()
        for verb, names in works.items()
    ]
    first, *others = named
    others = [work[0].lower() + work[1:] for work in others[: kinds - 1]]
    left = [count(len(works) - kinds, "more task")] if len(works) > kinds else []
    return "; ".join((first, *others, *left))


def within(works: Mapping[str, Sequence[str]], width: int) -> str:
    """The same with as many kinds, and then people, as a width has room for; never longer than that."""
    people = min(max(1, *map(len, works.values())), max(1, width // _LEAST + 1))
    lines = (
        phrased(works, kinds, most) for kinds in range(len(works), 0, -1) for most in range(people, 0, -1)
    )
    cut = f"{phrased(works, 1)[: max(0, width - 1)]}…"
    return next((line for line in lines if len(line) <= width), cut if width > 0 else "")


def work_of(summary: Summary, most: int = 1) -> str:
    """What a session does, for whom: "Add jane.doe", and how much else it does: "1 more task".

    What is done for oneself has the IAM user name behind it: who has several sees which is which.

    Args:
        summary: the session.
        most: how many kinds of work are named.
    """
    about = summary.about
    if summary.workflow != "admin":
        work = _OWN.get(summary.workflow, summary.workflow or "Session")
        names = texts([about.get("user")])
        return f"{work} ({names[0]})" if names and names[0] else work
    asked = texts(about.get("kinds"))
    if works := works_of(summary):
        return phrased(works, most)
    if about.get("regions_wanted") or "regions_wanted" in asked:
        return "Check STS regions"
    if about.get("account_wanted") or "account_wanted" in asked:
        return ACCOUNT_SETTINGS
    verb = _VERBS.get(asked[0], "") if len(asked) == 1 else ""
    return f"{verb} somebody" if verb else "Admin, nobody named yet"
