"""`iam-onboard regions`: the step STS regions without a screen.

Results go to standard output, questions to the terminal, and everything else to standard error.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace

from tui.cli import asking
from tui.cli.arguments import DONE, REFUSED, Commands, UsageError, argument, flag, one_of, repeatable
from tui.cli.context import own_context, report_progress
from tui.cli.output import columns, hand_out, note, say, say_json
from workflows.core.later import on_demand
from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError, Sentence

with on_demand():
    from tui import host
    from workflows.aws import sts
    from workflows.aws.sts_regions import answers, ask
    from workflows.layer import discover, model
    from workflows.steps.admin import sts_regions
    from workflows.steps.shared import module


def add_to(commands: Commands) -> None:
    """Declare the command."""
    commands.add(
        "regions",
        regions,
        argument("project", "PROJECT", "a folder of the project (default: this one)", nargs="?", default="."),
        repeatable("--account", "NAME", "ask only about this account"),
        one_of(
            flag("--json", "print JSON, account ids included"),
            flag("--markdown", "print Markdown, without account ids"),
        ),
        flag("--with-account-ids", "include account ids in the Markdown"),
        description="Ask every region's STS endpoint about each account with a profile, and compare the "
        "answers with `regions_allowed`. Changes nothing.",
        epilog="exit codes: 0 done, 1 failed or couldn't ask an account that you named, 2 wrong usage",
    )


def regions(machine: host.Machine, options: argparse.Namespace) -> int:
    """`iam-onboard regions [PROJECT]`.

    Raises:
        UsageError: the options don't fit together.
        OnboardError: there is no project, no such account, or a file can't be read.
    """
    if options.with_account_ids and not options.markdown:
        raise UsageError("--with-account-ids needs --markdown.")
    project = discover.find_project(machine.path(options.project).resolve())
    context = own_context(machine, {"project_root": str(project.root), "project": project.name})
    audit = _audit(context, project, options.account)
    if options.json:
        say_json(answers.record(audit))
    elif options.markdown:
        hand_out(answers.markdown(audit, with_ids=options.with_account_ids))
    else:
        say(*_lines(audit))
    failed = [answer.account for answer in audit.accounts if answer.problem]
    if not failed or (not options.account and len(failed) < len(audit.accounts)):
        return DONE
    note(f"Couldn't ask {', '.join(failed)}. The output says why.")
    return REFUSED


def _audit(context: module.Context, project: model.Project, accounts: list[str]) -> answers.Audit:
    known = [account.name for account in project.accounts]
    if unknown := [name for name in accounts if name not in known]:
        raise OnboardError(
            "No such account",
            f"The project has no account {', '.join(unknown)}.",
            next=f"Its accounts: {', '.join(known)}.",
        )
    what = sts_regions.survey(project, context, report_progress)
    chosen = tuple(way for way in what.ways if not accounts or way.account in accounts)
    return _asked(replace(what, ways=chosen), context)


def _asked(what: sts_regions.Survey, context: module.Context) -> answers.Audit:
    """Ask with the needed codes; omit what no code opens, whose answer says why."""
    tries = asking.Tries()
    while True:
        what, codes = _with_codes(what, context)
        try:
            return sts_regions.ask(what, codes, context, report_progress)
        except (sts.WrongCode, sts.RepeatedCode) as error:
            if not error.serial:
                raise
            if not tries.another(error):
                what = _without(what, error.serial, error.what)


def _with_codes(
    what: sts_regions.Survey, context: module.Context
) -> tuple[sts_regions.Survey, dict[str, Secret]]:
    """Ask for the code of each device that needs one; omit what a missing code would open."""
    codes: dict[str, Secret] = {}
    for serial in sts_regions.devices(what.ways, context):
        if not asking.has_terminal():
            what = _without(what, serial, "There is no terminal to ask on.")
            continue
        try:
            codes[serial] = asking.ask_code(serial, context.environment)
        except asking.NoCode as error:
            what = _without(what, serial, error.what)
    return what, codes


def _without(what: sts_regions.Survey, serial: str, why: Sentence) -> sts_regions.Survey:
    """Return the survey without a device: its key works without a code, its roles aren't asked."""

    def without(way: ask.Way) -> ask.Way:
        if way.serial != serial:
            return way
        if not way.role_arn:
            return replace(way, serial="")
        return replace(way, problem=f"{way.profile} needs a code from {serial}. {why}")

    return replace(what, ways=tuple(map(without, what.ways)))


def _lines(audit: answers.Audit) -> Iterator[str]:
    used = ", ".join(audit.allowed) or "none that it names"
    yield f"STS regions of {audit.project}; the project uses {used}"
    for answer in audit.accounts:
        yield ""
        yield f"{answer.account} ({answer.account_id or 'without an id'})"
        if answer.problem:
            yield f"  ✗ {answer.problem}"
        else:
            yield from _account_lines(answer, audit.allowed)


def _account_lines(answer: answers.AccountAnswer, allowed: tuple[str, ...]) -> Iterator[str]:
    marks = {
        answers.Verdict.NEEDED: "✗",
        answers.Verdict.UNUSED: "!",
        answers.Verdict.OPEN: "?",
        answers.Verdict.OFF: " ",
    }
    yield f"  tokens of the global endpoint: {answers.token_words(answer.token_version)}"
    yield from (f"  {remark}" for remark in answer.remarks)
    rows = [
        (marks.get(verdict, "✓"), state.region, str(state.sts), str(state.opt_in), str(verdict))
        for state, verdict in answers.by_urgency(answer, allowed)
    ]
    yield from columns(rows)
    wanted = answers.to_do(answer, allowed)
    yield from (f"  → {line}" for line in answers.instructions(answer, wanted))
    if wanted.missing:
        yield f"  The partition {answer.partition} has no {', '.join(wanted.missing)}."
