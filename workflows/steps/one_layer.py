"""One layer without a session: what Plan, Apply and Hand over have to know, made for a single command.

In the wizard the steps before say whom the work is about. A command has only what it was given, so that is
put in the shape in which the steps read it; everything else is the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from workflows.layer.project import Project
from workflows.services.terraform.outcome import Kind
from workflows.services.terraform.runner import Run
from workflows.steps.base import Context
from workflows.steps.left_behind import running_in
from workflows.steps.planned import Planned
from workflows.steps.terraform_runs import run_folder
from workflows.world import World

PLAN_FILE = "plan.tfplan"
_OF_A_PLAN = (PLAN_FILE, "plan.md", "resources.json", "resources.before.json")


def layer_context(world: World, project: Project, account: str, folder: Path) -> Context:
    """What the steps may read of one layer.

    Args:
        world: the outside.
        project: the project.
        account: the account of the layer.
        folder: a private folder (0700) for the runs of this project's layers.
    """
    facts = {"project_root": str(project.root), "project": project.name, "layers": [account]}
    return Context(world, facts, facts, account, folder)


def meant_for(context: Context, people: Iterable[str]) -> Context:
    """The same, where a plan is meant to be about these people: other changes in it are foreign."""
    return _knowing(context, memberships={context.item: {name: {} for name in people}})


def with_plan(context: Context, planned: Planned) -> Context:
    """The same, where this plan was accepted, with every foreign change that is in it."""
    acknowledged = sorted(one.address for one in planned.foreign)
    return _knowing(context, plan={**planned.as_facts(), "acknowledged": acknowledged})


def handing_over(context: Context, name: str, others: Iterable[str] = ()) -> Context:
    """The same, where somebody got everything that the state of this account and of others has of them."""
    accounts = [context.item, *others]
    added = {account: [name] for account in accounts}
    known = _knowing(context, layers=accounts, user_changes={"add": added, "remove": {}})
    return replace(known, every={**known.every, **{f"applied@{account}": {} for account in accounts}})


def _knowing(context: Context, **facts: object) -> Context:
    return replace(context, facts={**context.facts, **facts}, every={**context.every, **facts})


def forget_plan(context: Context) -> None:
    """Remove the layer's last plan and what was noted of it, unless Terraform runs there and may read it."""
    if running_in(context.folder, context.item) is None:
        for name in _OF_A_PLAN:
            (run_folder(context) / name).unlink(missing_ok=True)


def take_in_ended_apply(context: Context) -> Path | None:
    """Put away the output of an apply that ended while nobody watched, redacted.

    Returns:
        Where its log is, or None where there was no such apply.
    """
    run = Run.attach(run_folder(context) / Kind.APPLY)
    if run is None or run.is_running():
        return None
    log = run_folder(context) / "apply.log"
    run.keep_redacted(log)
    return log
