"""What happened between a plan and the return to it: to the branch, to the commit, and to the state.

The files decide whether a plan may be applied (see `judged_plan.staleness`). A commit that was merged or a
branch that was left changes nothing about it as long as the files are the same, but a person wants to know.
The state is asked with the layer's own profile, since Terraform would refuse the plan only when it is
applied.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from workflows.core.errors import OnboardError
from workflows.core.secret import Secret
from workflows.core.sentences import Sentence
from workflows.git import Git
from workflows.steps.admin import judged_plan, plan_resources
from workflows.steps.admin.accepted_plan import Planned
from workflows.steps.admin.plan_resources import Difference, Resource
from workflows.steps.admin.terraform_runs import OpenLayer, open_layer
from workflows.steps.shared.module import Context, Progress, Report
from workflows.terraform.record import refuse_another_plan
from workflows.terraform.state_mark import changed_words

_FRESH = timedelta(minutes=10)
_SHORT = 8


def is_old(made: Planned, context: Context) -> bool:
    """Whether a plan was made so long ago that its state may have changed since."""
    try:
        moment = datetime.fromisoformat(made.record.made_at)
    except ValueError:
        return False
    return moment.tzinfo is not None and context.world.now() - moment > _FRESH


def of_the_checkout(made: Planned, context: Context) -> tuple[Sentence, ...]:
    """What git reports on the checkout since the plan was made, in sentences; nothing without a checkout.

    The upstream is not asked: it is as it was last fetched.
    """
    record = made.record
    git = Git(context.root, context.world.environment)
    if not record.commit or not git.is_repository():
        return ()
    told = []
    head, branch = git.head(), git.branch() or ""
    if record.branch and branch != record.branch:
        told.append(f"The plan is from the branch {record.branch}; now it is {branch or 'no branch'}.")
    if head != record.commit:
        told.append(
            f"The checkout went from {record.commit[:_SHORT]} to {head[:_SHORT]}; "
            "what the plan was made from is compared file by file."
        )
    commit = (context.facts.get("commit") or {}).get("sha")
    if commit and (default := git.holder(commit)):
        told.append(f"Your commit {commit[:_SHORT]} is in {default}: it was merged.")
    return tuple(told)


def of_the_state(made: Planned, context: Context, report: Report, code: Secret | None = None) -> Sentence:
    """What happened to the state since the plan was made, as a sentence; "" if nothing did.

    Raises:
        CodeWanted, WrongAccount: as `open_layer`.
        OnboardError: it cannot be read.
    """
    if made.record.state is None:
        return ""
    with open_layer(context, report, code=code) as layer:
        return _state_words(made, layer, context, report)


def refuse_another_state(made: Planned, layer: OpenLayer, context: Context, report: Report) -> None:
    """Let a plan be applied only to the state that it was made against.

    Raises:
        OnboardError: the state was changed since, or cannot be read.
    """
    if words := _state_words(made, layer, context, report):
        raise OnboardError("The state has changed", words, next="Plan again, and read the new plan.")


def _state_words(made: Planned, layer: OpenLayer, context: Context, report: Report) -> Sentence:
    mark = made.record.state
    if mark is None:
        return ""
    report(Progress("Asking whether the state is still the one that was planned against"))
    now = layer.terraform.state_mark(cancelled=context.cancelled)
    return changed_words(mark, now) if now else ""


@dataclass(frozen=True)
class Return:
    """How things stand when somebody comes to a plan.

    Attributes:
        refusal: why it cannot be accepted or applied any more, as a sentence, or "".
        since: what happened meanwhile that is no reason against it, each a sentence.
        resources: the resources of the last plan.
        differences: what changed from the plan before.
        old: whether the state should be asked, since the plan was not made just now.
    """

    refusal: Sentence = ""
    since: tuple[Sentence, ...] = ()
    resources: tuple[Resource, ...] = ()
    differences: tuple[Difference, ...] = ()
    old: bool = False


def look(made: Planned | None, context: Context) -> Return:
    """Look at what is on this machine; AWS is not asked, and an applied plan is left alone."""
    if made is None or context.facts.get("applied"):
        return Return()
    return Return(
        judged_plan.staleness(made, context),
        of_the_checkout(made, context),
        plan_resources.kept(context),
        plan_resources.differences(context),
        old=is_old(made, context),
    )


@dataclass(frozen=True)
class Left:
    """What is left of a plan after the one that was to take its place failed.

    Attributes:
        planned: the plan, or None if its file is gone or another one.
        found: how things stand with it.
    """

    planned: Planned | None = None
    found: Return = Return()


def left(made: Planned | None, context: Context) -> Left:
    """Look whether a plan is still there: what fails before Terraform begins has not removed it.

    Raises:
        OSError: its file cannot be read.
    """
    if made is None:
        return Left()
    try:
        refuse_another_plan(made.record)
    except OnboardError:
        return Left()
    return Left(made, look(made, context))


def check(made: Planned, context: Context, report: Report, code: Secret | None = None) -> Return:
    """Look, and ask whether the state is still the one that was planned against.

    Raises:
        CodeWanted, WrongAccount: as `open_layer`.
        OnboardError: the state cannot be read.
    """
    found = look(made, context)
    if found.refusal:
        return found
    words = of_the_state(made, context, report, code)
    return replace(found, refusal=f"{words} Plan again." if words else "")
