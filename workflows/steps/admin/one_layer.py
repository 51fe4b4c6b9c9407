"""One layer without a session: what Plan, Apply and Hand over have to know, made for a single command.

In the wizard the steps before say whom the work is about. A command has only what it was given, so that is
put in the shape in which the steps read it; everything else is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from workflows.environment import World
from workflows.layer.project import Project
from workflows.steps.admin import new_passwords
from workflows.steps.admin.accepted_plan import Planned
from workflows.steps.admin.terraform_runs import run_folder
from workflows.steps.shared.leftovers import running_in
from workflows.steps.shared.module import Context
from workflows.terraform.runner import Kind, Run

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


def meant_for(context: Context, people: Iterable[str], passwords: Iterable[str] = ()) -> Context:
    """The same, where a plan is meant to be about these people: other changes in it are foreign.

    Args:
        context: one layer.
        people: about whom it is.
        passwords: who gets a new console password by it, too.
    """
    return _knowing(context, named=list(people), resetting=list(passwords))


def with_plan(context: Context, planned: Planned, passwords: Iterable[str] = ()) -> Context:
    """The same, where this plan was accepted, with every foreign change that is in it; see `meant_for`."""
    acknowledged = sorted(one.address for one in planned.foreign)
    plan = {**planned.as_facts(), "acknowledged": acknowledged}
    return _knowing(context, plan=plan, resetting=list(passwords))


def with_new_password(context: Context, name: str, others: Iterable[str] = ()) -> Context:
    """The same, where somebody got a new console password in this account and in others.

    Where the plan for it was made here, a password that is still the one from before is an error later; one
    that was made elsewhere (a pull request) has nothing to compare it with.
    """
    accounts = [context.item, *others]
    plans = {f"plan@{account}": {"passwords": [name], "access_keys": []} for account in accounts}
    noted = any(name in new_passwords.note_of(context, one).asked for one in accounts)
    named = [] if noted else [name]
    known = _knowing(context, layers=accounts, resetting=[name], named=named)
    return _over_accounts(known, accounts, plans)


def handing_over(context: Context, name: str, others: Iterable[str] = ()) -> Context:
    """The same, where somebody got everything that the state of this account and of others has of them."""
    accounts = [context.item, *others]
    added = {account: [name] for account in accounts}
    known = _knowing(context, layers=accounts, user_changes={"add": added, "remove": {}})
    return _over_accounts(known, accounts, {})


def _over_accounts(known: Context, accounts: Iterable[str], plans: Mapping[str, object]) -> Context:
    """The same, where these accounts are applied."""
    applied: dict[str, object] = {f"applied@{account}": {} for account in accounts}
    return replace(known, every={**known.every, **plans, **applied})


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
