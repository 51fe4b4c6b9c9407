"""`iam-onboard apply LAYER PLANFILE`: the step Apply without a screen, for a plan that `plan --out` kept.

What was done goes to standard output; questions go to the terminal, everything else to standard error.
"""

from __future__ import annotations

import argparse
import shlex
import stat
from pathlib import Path
from typing import Any

from tui.cli import asking
from tui.cli.exit_codes import DONE
from tui.cli.layer_run import (
    Told,
    asked_code,
    layer_alone,
    plan_file,
    plans_of,
    refuse_beside_a_run,
    with_codes,
)
from tui.cli.output import note, say, say_json
from tui.host import Machine
from workflows.core.counts import count
from workflows.core.errors import OnboardError
from workflows.core.files import private_folder, write_atomically
from workflows.core.secret import Secret
from workflows.steps.admin import apply as step
from workflows.steps.admin import judged_plan, new_passwords
from workflows.steps.admin.accepted_plan import Planned
from workflows.steps.admin.judged_plan import staleness
from workflows.steps.admin.one_layer import KeptPlan, KeptPlans, forget_plan, with_plan
from workflows.steps.admin.terraform_runs import located, run_folder
from workflows.steps.shared.leftovers import running_in
from workflows.steps.shared.module import Context
from workflows.terraform.kept import apply_begun


def apply(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard apply LAYER PLANFILE`.

    Raises:
        ApplyFailed: Terraform failed on the way; the words say who is done and who is not.
        ApplyCancelled: the person stopped it; likewise.
        LeftRunning: the terminal was closed; the apply goes on.
        OnboardError: the plan is unknown, not confirmed, or not what the files, the program or the state are.
    """
    file = plan_file(machine, options.plan)
    plans = plans_of(machine)
    kept = plans.find(file)
    _warn_of_readers(file)
    with layer_alone(machine, options) as alone:
        _refuse_another_layer(kept, alone)
        context = with_plan(alone, kept.planned, kept.passwords.asked)
        given = _applied(kept, file, plans, context, options)
    _tell(given["applied"], kept, options)
    return DONE


def _warn_of_readers(file: Path) -> None:
    if file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        note(
            f"warning: other users of this computer can read {file}, and a plan file can hold the state. "
            "iam-onboard had written it for you alone (0600)."
        )


def _refuse_another_layer(kept: KeptPlan, context: Context) -> None:
    location = located(context)[1]
    if kept.planned.record.layer != location.path:
        raise OnboardError(
            "This plan is for another layer",
            f"It is for {kept.planned.record.layer}, but you named {location.path}.",
            next="Name that layer, or plan this one.",
        )


def _applied(
    kept: KeptPlan, file: Path, plans: KeptPlans, context: Context, options: argparse.Namespace
) -> dict[str, Any]:
    """Apply a private copy of the plan, which nobody else can exchange; what is used up is removed."""
    planned = kept.planned
    copy = planned.record.plan
    begun = not planned.empty and apply_begun(run_folder(context), planned.record)
    done = False
    try:
        if not begun:
            refuse_beside_a_run(context)
            private_folder(copy.parent)
            write_atomically(copy, kept.data)
            new_passwords.write(kept.passwords, context)
            _refuse_old(planned, context)
            _confirm(planned, options)
        given = _run(planned, context, begun=begun)
        done = True
        return dict(given)
    finally:
        if running_in(context.folder, context.item) is None:
            if done or not copy.exists():
                plans.forget(planned.record.plan_sha256)
                file.unlink(missing_ok=True)
            forget_plan(context)


def _refuse_old(planned: Planned, context: Context) -> None:
    if words := staleness(planned, context):
        raise OnboardError(
            "The plan is older than the files",
            words,
            why="Applying it would do what the files said before they changed.",
            next="Plan again, and read the new plan.",
        )
    note(*(f"note: {words}" for words in judged_plan.of_the_checkout(planned, context)))


def _confirm(planned: Planned, options: argparse.Namespace) -> None:
    """Show what is destroyed or foreign, and let only happen what somebody has confirmed.

    Raises:
        OnboardError: it is not confirmed.
    """
    foreign = [one for one in planned.foreign if one not in planned.destroys]
    for title, changes in (
        ("Destroyed or replaced:", planned.destroys),
        ("About other people or things than you named:", foreign),
    ):
        if changes:
            note(title, *(f"  {one.words}" for one in changes), "")
    if options.yes or not (planned.destroys or foreign):
        return
    if not asking.has_terminal():
        raise _not_confirmed("There is no terminal to ask on.")
    for name in planned.gone:
        if asking.ask(f"Type {name} to remove this user for good: ").strip() != name:
            raise _not_confirmed(f"You didn't confirm the removal of {name}.")
    people = set(planned.gone)
    others = [
        one for one in (*planned.destroys, *foreign) if not one.people or not people.issuperset(one.people)
    ]
    question = f"Type yes to apply {count(len(others), 'such change')}: "
    if others and asking.ask(question).strip() != "yes":
        raise _not_confirmed("You didn't confirm that.")


def _not_confirmed(words: str) -> OnboardError:
    return OnboardError(
        "Nothing was applied",
        f"The plan destroys something, or changes what you did not name. {words}",
        next="Read the list above. If you want all of it, confirm on a terminal or add --yes.",
    )


def _run(planned: Planned, context: Context, *, begun: bool) -> dict[str, Any]:
    code = None if begun or planned.empty else asked_code(context, step.time_needed(context))

    def performed(code: Secret | None) -> dict[str, Any]:
        return dict(step.perform(step.Request(planned.gone, code, check_state=True), context, Told()))

    return with_codes(context, code, performed)


def _tell(applied: dict[str, Any], kept: KeptPlan, options: argparse.Namespace) -> None:
    planned = kept.planned
    got = sorted({*planned.passwords, *planned.access_keys})
    if options.json:
        lists = {"passwords": list(planned.passwords), "access_keys": list(planned.access_keys)}
        say_json({**applied, **lists})
    elif planned.empty:
        say("The plan changes nothing.")
    else:
        added, changed, destroyed = (applied[name] for name in ("added", "changed", "destroyed"))
        say(f"Applied: {added} added, {changed} changed, {destroyed} destroyed.")
    for name in () if planned.empty else got:
        command = ["iam-onboard", "handoff", "create", options.layer, name]
        command += ["--new-password"] if name in kept.passwords.asked else []
        note(f"To hand over: {shlex.join(command)}")
