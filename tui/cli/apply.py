"""`iam-onboard apply LAYER PLANFILE`: the step Apply without a screen, for a plan that `plan --out` kept.

Results go to standard output, questions to the terminal, and everything else to standard error.
"""

from __future__ import annotations

import argparse
import shlex
import stat
from pathlib import Path
from typing import Any

from tui.cli import asking
from tui.cli.arguments import BINARY, JSON, LAYER, TRUST_BINARY, Commands, argument, flag
from tui.cli.context import refuse_problems
from tui.cli.output import note, say, say_json
from workflows.core.later import on_demand
from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError, count

with on_demand():
    from tui import host
    from tui.cli import layer_run
    from workflows.core import files
    from workflows.steps.admin import (
        accepted_plan,
        apply as step,
        judged_plan,
        new_passwords,
        one_layer,
        terraform_runs,
    )
    from workflows.steps.shared import leftovers, module
    from workflows.terraform import results


def add_to(commands: Commands) -> None:
    """Declare the command."""
    commands.add(
        "apply",
        apply,
        LAYER,
        BINARY,
        TRUST_BINARY,
        argument("plan", "PLANFILE", "the file from `iam-onboard plan LAYER --out FILE`"),
        flag("--yes", "apply everything, even what is destroyed or what you didn't name, without asking"),
        JSON,
        description="Apply a plan if its files, program and state are unchanged, then remove the plan "
        "file. A plan that only adds or changes what you named is applied without a question. Ctrl-C asks "
        "Terraform once to stop, and waits for it. If you close the terminal, the apply continues; run the "
        "same command again to see how it ended.",
    )


def apply(machine: host.Machine, options: argparse.Namespace) -> None:
    """`iam-onboard apply LAYER PLANFILE`.

    Raises:
        ApplyFailed: Terraform failed part-way; the message says who is done and who isn't.
        ApplyCancelled: the person stopped it; likewise.
        LeftRunning: the terminal was closed while the apply continues.
        OnboardError: the plan is unknown or not confirmed, or the files, the program or the state changed.
    """
    file = layer_run.plan_file(machine, options.plan)
    with files.explained(file, "read"):
        mode = file.stat().st_mode

    def known() -> None:
        layer_run.plans_of(machine).find(file)

    with layer_run.layer_alone(machine, options, before_asking=known) as alone:
        plans = layer_run.plans_of(machine)
        kept = plans.find(file)
        if mode & (stat.S_IRGRP | stat.S_IROTH):
            note(
                f"warning: other users of this computer can read {file}, and a plan file can hold the state. "
                "iam-onboard wrote it for you alone (mode 0600)."
            )
        path = terraform_runs.located(alone)[1].path
        if kept.planned.record.layer != path:
            raise OnboardError(
                "This plan is for another layer",
                f"It is for {kept.planned.record.layer}, but you named {path}.",
                next="Name that layer, or plan this one.",
            )
        context = one_layer.with_plan(alone, kept.planned, kept.passwords.asked)
        given = _applied(kept, file, plans, context, options)
    _report(given["applied"], kept, options)


def _applied(
    kept: one_layer.KeptPlan,
    file: Path,
    plans: one_layer.KeptPlans,
    context: module.Context,
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Apply a private copy of the plan, which nobody else can exchange; remove what is used up."""
    planned = kept.planned
    copy = planned.record.plan
    begun = not planned.empty and results.apply_begun(terraform_runs.run_folder(context), planned.record)
    done = False
    try:
        if not begun:
            layer_run.refuse_beside_a_run(context)
            files.private_folder(copy.parent)
            files.write_atomically(copy, kept.data)
            new_passwords.write(kept.passwords, context)
            with layer_run.warning_of_keys(planned, context):
                _refuse_old(planned, context)
            _confirm(planned, options)
        given = _run(planned, context, begun=begun)
        done = True
        return given
    finally:
        if leftovers.running_in(context.folder, context.item) is None:
            if done or not copy.exists():
                file.unlink(missing_ok=True)  # first, because an existing plan file is recognised
                plans.forget(planned.record.plan_sha256)
            one_layer.forget_plan(context)


def _refuse_old(planned: accepted_plan.Planned, context: module.Context) -> None:
    if reason := judged_plan.staleness(planned, context):
        raise OnboardError(
            "The plan is older than the files",
            reason,
            why="It would apply the files as they were before they changed.",
            next="Plan again, and read the new plan.",
        )
    judged_plan.refuse_rejected_keys(planned, context)
    note(*(f"note: {drift}" for drift in judged_plan.of_the_checkout(planned, context)))


def _confirm(planned: accepted_plan.Planned, options: argparse.Namespace) -> None:
    """Show what is destroyed or foreign, and require confirmation.

    Raises:
        OnboardError: it isn't confirmed.
    """
    foreign = [change for change in planned.foreign if change not in planned.destroys]
    for title, changes in (
        ("Destroyed or replaced:", planned.destroys),
        ("Changes to people or things that you didn't name:", foreign),
    ):
        if changes:
            note(title, *(f"  {change.words}" for change in changes), "")
    if options.yes or not (planned.destroys or foreign):
        return
    if not asking.has_terminal():
        raise _not_confirmed("There is no terminal to ask on.")
    for name in planned.gone:
        if asking.ask(f"Type {name} to remove this user for good: ").strip() != name:
            raise _not_confirmed(f"You didn't confirm the removal of {name}.")
    people = set(planned.gone)
    unconfirmed = [
        change
        for change in (*planned.destroys, *foreign)
        if not change.people or not people.issuperset(change.people)
    ]
    question = f"Type yes to apply {count(len(unconfirmed), 'such change')}: "
    if unconfirmed and asking.ask(question).strip() != "yes":
        raise _not_confirmed("You didn't confirm that.")


def _not_confirmed(reason: str) -> OnboardError:
    return OnboardError(
        "Nothing was applied",
        f"The plan destroys something, or changes something that you didn't name. {reason}",
        next="Read the list above. If you want all of it, confirm on a terminal or add --yes.",
    )


def _run(planned: accepted_plan.Planned, context: module.Context, *, begun: bool) -> dict[str, Any]:
    def performed(code: Secret | None) -> dict[str, Any]:
        request = step.Request(planned.gone, code)
        refuse_problems(step, request, context)
        return dict(step.perform(request, context, layer_run.RunReport()))

    code = None if begun or planned.empty else layer_run.asked_code(context)
    return layer_run.with_codes(context, code, performed)


def _report(applied: dict[str, Any], kept: one_layer.KeptPlan, options: argparse.Namespace) -> None:
    planned = kept.planned
    if options.json:
        lists = {"passwords": list(planned.passwords), "access_keys": list(planned.access_keys)}
        say_json({**applied, **lists})
    elif planned.empty:
        say("The plan changes nothing.")
    else:
        added, changed, destroyed = (applied[name] for name in ("added", "changed", "destroyed"))
        say(f"Applied: {added} added, {changed} changed, {destroyed} destroyed.")
    for name in () if planned.empty else sorted({*planned.passwords, *planned.access_keys}):
        command = ["iam-onboard", "handoff", "create", options.layer, name]
        command += ["--new-password"] if name in kept.passwords.asked else []
        note(f"To hand over: {shlex.join(command)}")
