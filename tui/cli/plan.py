"""`iam-onboard plan LAYER`: the step Plan without a screen.

The plan goes to standard output; progress, warnings and what to do next go to standard error.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from tui.cli.exit_codes import DONE, UsageError
from tui.cli.layer_run import (
    Told,
    asked_code,
    layer_alone,
    plan_file,
    plans_of,
    refuse_beside_a_run,
    with_codes,
)
from tui.cli.output import hand_out, json_text, note
from tui.host import Machine
from workflows.core.errors import OnboardError
from workflows.core.secret import Secret
from workflows.core.sentences import Sentence, text_of
from workflows.core.text import safe
from workflows.steps.admin import new_passwords, recovery
from workflows.steps.admin import plan as step
from workflows.steps.admin.accepted_plan import Planned
from workflows.steps.admin.one_layer import forget_plan, may_be_committed, meant_for, take_in_ended_apply
from workflows.steps.admin.terraform_runs import located
from workflows.steps.shared.module import Context, Progress
from workflows.terraform.failures import InitWay
from workflows.terraform.record import changed_since
from workflows.terraform.runner import Kind


def plan(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard plan LAYER [--redact] [--out FILE]`.

    Raises:
        UsageError: the plan is to go to standard output.
        OnboardError: there is no such layer, the checkout is behind, the account is another one, or Terraform
            failed; the detail has its own words.
    """
    if options.out == "-":
        raise UsageError("a plan file can hold the state, so --out needs the name of a file.")
    target = plan_file(machine, options.out) if options.out else None
    with layer_alone(machine, options) as alone:
        context = meant_for(alone, options.people, options.passwords)
        if target is not None:
            plans_of(machine).refuse_target(target, located(context)[1].path)
            _warn_of_git(target, context)
        refuse_beside_a_run(context, (Kind.APPLY,))  # an older plan or init is waited for
        if log := take_in_ended_apply(context):
            note(f"An earlier apply has ended meanwhile; its log is {log}.")
        try:
            planned = _made(context, options)
            text = _text(planned, context, options)
            if target is not None:
                _keep(machine, planned, target, context)
        finally:
            forget_plan(context)
    hand_out(text)
    note(_what_next(options, target))
    return DONE


def _warn_of_git(target: Path, context: Context) -> None:
    if may_be_committed(target, context.world):
        note(
            f"warning: {target} is in a git checkout that doesn't ignore it. A plan file can hold the "
            "state: never commit it. Ignore *.tfplan, or keep it elsewhere."
        )


def _made(context: Context, options: argparse.Namespace) -> Planned:
    told = Told()

    def made(code: Secret | None) -> Planned:
        told(Progress(f"Planning {located(context)[1].relative}"))
        return step.make(context, told, code)

    if options.init:
        way = InitWay(options.init)
        code = asked_code(context)
        note(with_codes(context, code, lambda code: recovery.initialise(way, context, told, code)))
    planned = with_codes(context, asked_code(context), made)
    _refuse_missing(options.passwords, planned, context)
    return planned if options.people or options.passwords else replace(planned, foreign=())


def _refuse_missing(names: list[str], planned: Planned, context: Context) -> None:
    if missing := [name for name in names if name not in planned.passwords]:
        raise OnboardError(
            "There is no password to reset",
            f"The state of {context.item} has no console password of {', '.join(missing)}.",
            next=f"Check the name: `iam-onboard layer show {context.item}` lists who has a password there.",
        )


def _keep(machine: Machine, planned: Planned, target: Path, context: Context) -> None:
    plans = plans_of(machine)
    plans.refuse_target(target, planned.record.layer)  # once more: an init may have told of local modules
    plans.keep(planned, context.item, target, machine.now(), new_passwords.note_of(context))
    if changed := changed_since(planned.record):
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


def _text(planned: Planned, context: Context, options: argparse.Namespace) -> str:
    if options.redact:
        return step.markdown(context)
    if options.json:
        return f"{json_text(_record(planned, context))}\n"
    lines = _lines(planned, named=bool(options.people or options.passwords))
    return "".join(f"{safe(line)}\n" for line in lines)


def _record(planned: Planned, context: Context) -> dict[str, Any]:
    """The plan for programs; what it was made from is noted, and no part of the answer."""
    facts = planned.as_facts()
    left_out = ("plan", "inputs", "sources", "elsewhere", "state")
    return {"account": context.item, **{name: value for name, value in facts.items() if name not in left_out}}


def _lines(planned: Planned, *, named: bool) -> Iterator[str]:
    yield from map(text_of, planned.summary)
    counts = planned.counts
    yield ""
    yield f"Plan: {counts['add']} to add, {counts['change']} to change, {counts['destroy']} to destroy."
    yield from _section("Destroyed or replaced:", [one.words for one in planned.destroys])
    if named:
        yield from _section(
            "About other people or things than you named:", [one.words for one in planned.foreign]
        )
    yield from _section("Changed outside of Terraform:", planned.drift)


def _section(title: str, lines: Iterable[Sentence]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield ""
        yield title
        yield from (f"  {line}" for line in found)
