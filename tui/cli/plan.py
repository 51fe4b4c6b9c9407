"""`iam-onboard plan LAYER`: the step Plan without a screen.

The plan goes to standard output; progress, warnings and next steps go to standard error.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tui.cli.arguments import (
    BINARY,
    JSON,
    LAYER,
    TRUST_BINARY,
    Commands,
    UsageError,
    flag,
    one_of,
    option,
    repeatable,
)
from tui.cli.output import hand_out, json_text, note
from workflows.core.later import on_demand
from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError, text_of
from workflows.core.text import safe

with on_demand():
    from tui import host
    from tui.cli import layer_run
    from workflows.steps.admin import (
        accepted_plan,
        new_passwords,
        one_layer,
        plan as step,
        recovery,
        terraform_runs,
    )
    from workflows.steps.shared import module
    from workflows.terraform import failures, record, runner


def add_to(commands: Commands) -> None:
    """Declare the command."""
    commands.add(
        "plan",
        plan,
        LAYER,
        BINARY,
        TRUST_BINARY,
        one_of(
            flag(
                "--redact", "print Markdown for a pull request, without account ids, ARNs, keys and secrets"
            ),
            JSON,
        ),
        option("--out", "FILE", "keep the plan file for `iam-onboard apply` (mode 0600)"),
        repeatable(
            "--for", "NAME", "the person you plan for; other changes are listed separately", dest="people"
        ),
        repeatable(
            "--password",
            "NAME",
            "reset this person's console password (-replace of the login profile)",
            dest="passwords",
        ),
        option(
            "--init",
            None,
            "run init first: with newer providers, or for a changed backend",
            choices=("upgrade", "reconfigure"),
        ),
        description="Plan a layer with its own profile, and show the plan by person. Runs init first if "
        "needed. Changes nothing, and stops if the checkout is behind its upstream.",
    )


def plan(machine: host.Machine, options: argparse.Namespace) -> None:
    """`iam-onboard plan LAYER [--redact] [--out FILE]`.

    Raises:
        UsageError: the plan would go to standard output.
        OnboardError: there is no such layer, the checkout is behind, the account is another one, or Terraform
            failed; the detail has its message.
    """
    if options.out == "-":
        raise UsageError("a plan file can hold the state, so --out needs the name of a file.")
    target = layer_run.plan_file(machine, options.out) if options.out else None
    with layer_run.layer_alone(machine, options, current=True) as alone:
        context = one_layer.meant_for(alone, options.people, options.passwords)
        _, location = terraform_runs.located(context)
        if target is not None:
            layer_run.plans_of(machine).refuse_target(target, location.path)
            if one_layer.may_be_committed(target, context.environment):
                note(
                    f"warning: {target} is in a git checkout that doesn't ignore it. A plan file can hold "
                    "the state: never commit it. Ignore *.tfplan, or keep it elsewhere."
                )
        layer_run.refuse_beside_a_run(context, runner.Kind.APPLY)  # an older plan or init is waited for
        if log := one_layer.take_in_ended_apply(context):
            note(f"An earlier apply has ended since; its log is {log}.")
        try:
            planned = _made(location.relative, context, options)
            with layer_run.warning_of_keys(planned, context):
                text = _text(planned, context, options)
            if target is not None:
                _keep(machine, planned, target, context)
        finally:
            one_layer.forget_plan(context)
    hand_out(text)
    note(_what_next(options, target))


def _made(layer: str, context: module.Context, options: argparse.Namespace) -> accepted_plan.Planned:
    report = layer_run.RunReport()

    def made(code: Secret | None) -> accepted_plan.Planned:
        report(module.Progress(f"Planning {layer}"))
        return step.make(context, report, code)

    if options.init:
        way = failures.InitWay(options.init)
        code = layer_run.asked_code(context)
        note(
            layer_run.with_codes(context, code, lambda code: recovery.initialise(way, context, report, code))
        )
    planned = layer_run.with_codes(context, layer_run.asked_code(context), made)
    if missing := [name for name in options.passwords if name not in planned.passwords]:
        raise OnboardError(
            "There is no password to reset",
            f"The state of {context.item} has no console password for {', '.join(missing)}.",
            next=f"Check the name: `iam-onboard layer show {context.item}` lists who has a password there.",
        )
    return planned if options.people or options.passwords else replace(planned, foreign=())


def _keep(
    machine: host.Machine, planned: accepted_plan.Planned, target: Path, context: module.Context
) -> None:
    plans = layer_run.plans_of(machine)
    plans.refuse_target(target, planned.record.layer)  # again, since an init may have found local modules
    plans.keep(planned, context.item, target, machine.now(), new_passwords.note_of(context))
    if changed := record.changed_since(planned.record):
        target.unlink()
        plans.forget(planned.record.plan_sha256)
        raise OnboardError(
            "The plan is stale already",
            f"{', '.join(changed[:3])} changed while Terraform planned.",
            next="Plan again. If that doesn't help, keep the plan in a folder outside the project.",
        )


def _what_next(options: argparse.Namespace, target: Path | None) -> str:
    if target is None:
        return "Nothing was changed or kept. Add --out FILE to keep the plan for `iam-onboard apply`."
    command = shlex.join(["iam-onboard", "apply", options.layer, options.out])
    return f"The plan is in {target}. To apply it: {command}"


def _text(planned: accepted_plan.Planned, context: module.Context, options: argparse.Namespace) -> str:
    if options.redact:
        return step.markdown(context)
    if options.json:
        # Its sources are recorded, but not part of the answer.
        left_out = ("plan", "inputs", "sources", "elsewhere", "state")
        facts = {name: value for name, value in planned.as_facts().items() if name not in left_out}
        return f"{json_text({'account': context.item, **facts})}\n"
    return "".join(f"{safe(line)}\n" for line in _lines(planned))


def _lines(planned: accepted_plan.Planned) -> Iterator[str]:
    counts = planned.counts
    yield from map(text_of, planned.summary)
    yield f"\nPlan: {counts['add']} to add, {counts['change']} to change, {counts['destroy']} to destroy."
    for title, lines in (
        ("Destroyed or replaced:", [change.words for change in planned.destroys]),
        ("Changes to people or things that you didn't name:", [change.words for change in planned.foreign]),
        ("Changed outside of Terraform:", planned.drift),
    ):
        if lines:
            yield from ("", title, *(f"  {line}" for line in lines))
