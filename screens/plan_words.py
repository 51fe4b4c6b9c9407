"""The sentences of the plan's screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workflows.core.sentences import Sentence, text_of
from workflows.numbers import count
from workflows.steps.plan_resources import Difference
from workflows.steps.planned import Planned, Told

EXPORT = (
    "Markdown for a pull request: what is done, without account ids, ARNs, keys and encrypted texts. "
    "A path in your home folder:"
)
"""What the export asks for."""
_MOST_LINES = 6
_NO_PLAN = (
    "No plan yet. Next (^n) lets Terraform make one.\nApplied already, by a pull request? Then press e."
)
_ELSEWHERE = "✓ Applied elsewhere: the state holds what was decided. Next (^n) goes on."


def standing(planned: Planned | None, refusal: Sentence, *, elsewhere: bool, facts: Mapping[str, Any]) -> str:
    """How things stand with the plan, and what Next does.

    Args:
        planned: the plan, or None.
        refusal: why it cannot be accepted any more, or "".
        elsewhere: whether it was seen to be applied elsewhere.
        facts: the step's facts, for the commit that waits to be pushed.
    """
    if elsewhere:
        return _ELSEWHERE
    if planned is None:
        return "\n".join([_NO_PLAN, *pushing(facts.get("commit"))])
    counts = planned.counts
    words = f"{counts['add']} to add, {counts['change']} to change, {counts['destroy']} to destroy"
    if planned.empty:
        words = "No changes: this account is already as the files say."
    if refusal:
        return f"! {refusal}\n  Next (^n) plans again.  The plan was: {words}"
    return f"✓ {words}\n  Next (^n) accepts exactly this plan; then comes Apply."


def pushing(commit: Mapping[str, Any] | None) -> list[str]:
    """That a commit was made, and the command that takes it to the others; the push is the person's own."""
    if not commit:
        return []
    if not commit["branch"]:
        return [f"Committed as {commit['sha'][:8]}, on no branch: pushing it is up to you."]
    return [f"Committed as {commit['sha'][:8]}. Yours to push: git push -u origin {commit['branch']}"]


def told_destroys(destroys: Sequence[Told]) -> list[str]:
    """Every destroy and replace by name, as far as there is room; the list of resources has them all."""
    lines = [f"- {one.words}" for one in destroys]
    if len(lines) <= _MOST_LINES:
        return lines
    return [*lines[:_MOST_LINES], f"  and {len(lines) - _MOST_LINES} more: look for - or ± in the list below"]


def told_summary(summary: Sequence[Sentence], *, listed: bool) -> list[str]:
    """The plan by person, as far as there is room where the list of resources has it all."""
    lines = [text_of(one) for one in summary]
    if not listed or len(lines) <= _MOST_LINES:
        return lines
    return [*lines[:_MOST_LINES], f"and {len(lines) - _MOST_LINES} more lines; all are in the list below"]


def told_drift(drift: Sequence[Sentence], *, listed: bool) -> list[str]:
    """What was changed outside of Terraform."""
    if not drift:
        return []
    lines = [f"  {words}" for words in drift]
    if listed and len(lines) > _MOST_LINES:
        lines = [*lines[:_MOST_LINES], f"  and {len(lines) - _MOST_LINES} more; look for “outside” below"]
    return ["Changed outside of Terraform since the last apply:", *lines]


def told_differences(differences: Sequence[Difference]) -> list[str]:
    """That this plan is not the one from before, with the first of what is otherwise."""
    if not differences:
        return []
    head = f"≠ {count(len(differences), 'difference')} to the plan before (d shows all of it):"
    few = [f"  {one.sign} {one.words}" for one in differences[:2]]
    more = [f"  and {len(differences) - 2} more"] if len(differences) > 2 else []
    return [head, *few, *more]


def all_differences(differences: Sequence[Difference]) -> str:
    """What is otherwise than in the plan before, resource by resource, with the lines inside."""
    if not differences:
        return "There is no plan before this one, or both do the same."
    signs = {sign: sum(one.sign == sign for one in differences) for sign in "+-~"}
    head = (
        f"{signs['+']} only in the new plan (+), {signs['-']} only in the one before (-), "
        f"{signs['~']} in both, but otherwise (~)."
    )
    return "\n\n".join([head, *(one.as_text() for one in differences)])
