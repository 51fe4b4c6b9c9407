"""Who is done after an apply that stopped on the way, who is not, and why, told by person."""

from __future__ import annotations

from dataclasses import replace

from workflows.core.sentences import Sentence, joined
from workflows.numbers import count
from workflows.services.terraform.results import ApplyResult, Trouble
from workflows.steps.planned import Planned


def standing(planned: Planned, result: ApplyResult) -> Sentence:
    """Who is done after an apply that stopped on the way, and who is not.

    After a killed one nobody is done for certain: what AWS has may be missing from the state.
    """
    left = _left(planned, result)
    people = sorted({name for names in planned.owners.values() for name in names})
    waiting = unfinished(planned, result)
    done = [name for name in people if name not in waiting]
    done_words = "Done, but perhaps missing from the state" if result.killed else "Done"
    done_words = "Done, but not in the state yet" if result.unwritten else done_words
    parts = [f"{done_words}: {', '.join(done)}."] if done else []
    parts += [f"Not done, or not whole: {', '.join(waiting)}."] if waiting else []
    others = len([address for address in left if not planned.owners.get(address)])
    parts += [f"{count(others, 'other resource')} left."] if others else []
    return " ".join(parts) or "Nothing of it is left undone."


def unfinished(planned: Planned, result: ApplyResult) -> list[str]:
    """Those for whom an apply that stopped on the way has not done everything, sorted."""
    left = _left(planned, result)
    return sorted({name for address in left for name in planned.owners.get(address, ())})


def _left(planned: Planned, result: ApplyResult) -> set[str]:
    """The resources that are not as planned yet; one that Terraform said nothing about is not, either."""
    if result.succeeded:
        return set()
    return {*planned.owners, *result.failed, *result.remaining} - set(result.done)


def causes(planned: Planned, result: ApplyResult) -> tuple[Sentence, ...]:
    """What went wrong in an apply, a line for each person and cause; other resources by their address."""
    told: dict[Trouble, list[str]] = {}
    for trouble in result.troubles:
        who = planned.owners.get(trouble.address) or ((trouble.address,) if trouble.address else ())
        names = told.setdefault(replace(trouble, address=""), [])
        names += [name for name in who if name not in names]
    return tuple(
        f"{_listed(names)}{joined((f'{one.title}.', one.why, one.next))}" for one, names in told.items()
    )


def _listed(names: list[str]) -> str:
    """The names in front of what they have in common; a long list is cut."""
    if not names:
        return ""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{', '.join(names[:5])}{more}: "
