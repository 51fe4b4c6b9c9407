"""`iam-onboard regions`: the step STS regions without a screen.

What was asked for goes to standard output; questions go to the terminal, everything else to standard error.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tui.cli import asking
from tui.cli.context import own_context, tell
from tui.cli.exit_codes import DONE, REFUSED, UsageError
from tui.cli.output import columns, hand_out, note, say, say_json
from tui.host import Machine
from workflows.aws.sts import RepeatedCode, WrongCode
from workflows.aws.sts_regions.answers import AccountAnswer, Audit
from workflows.aws.sts_regions.report import (
    Verdict,
    by_urgency,
    instructions,
    markdown,
    record,
    to_do,
    token_words,
)
from workflows.core.errors import OnboardError
from workflows.core.secret import Secret
from workflows.core.sentences import Sentence
from workflows.layer.discover import find_project
from workflows.layer.project import Project
from workflows.steps.admin import sts_regions
from workflows.steps.admin.sts_regions import MfaSessions, Survey, Way, devices
from workflows.steps.shared.module import Context

_MARKS = {
    Verdict.NEEDED: "✗",
    Verdict.UNUSED: "!",
    Verdict.OPEN: "?",
    Verdict.NAMED: "✓",
    Verdict.ALLOWED: "✓",
    Verdict.OFF: " ",
}


def regions(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard regions [PROJECT]`.

    Raises:
        UsageError: the options do not fit together.
        OnboardError: there is no project, no such account, or a file cannot be read.
    """
    if options.with_account_ids and not options.markdown:
        raise UsageError("--with-account-ids needs --markdown.")
    project = find_project((machine.working_folder / Path(options.project).expanduser()).resolve())
    context = own_context(machine, {"project_root": str(project.root), "project": project.name})
    sessions = MfaSessions(context)
    try:
        audit = _audit(context, project, sessions, options.account)
    finally:
        sessions.drop()
    if options.json:
        say_json(record(audit))
    elif options.markdown:
        hand_out(markdown(audit, with_ids=options.with_account_ids))
    else:
        say(*_lines(audit))
    return _exit_code(audit, named=bool(options.account))


def _audit(context: Context, project: Project, sessions: MfaSessions, accounts: list[str]) -> Audit:
    known = [one.name for one in project.accounts]
    unknown = [name for name in accounts if name not in known]
    if unknown:
        raise OnboardError(
            "No such account",
            f"The project has no account {', '.join(unknown)}.",
            next=f"Its accounts: {', '.join(known)}.",
        )
    what = sts_regions.survey(project, context, sessions, tell)
    chosen = tuple(way for way in what.ways if not accounts or way.account in accounts)
    return _asked(replace(what, ways=chosen), context, sessions)


def _asked(what: Survey, context: Context, sessions: MfaSessions) -> Audit:
    """Ask with the codes that are due; what no code opens is left out, and its answer says why."""
    tries = asking.Tries()
    while True:
        what, codes = _with_codes(what, context, sessions)
        try:
            return sts_regions.ask(what, codes, context, sessions, tell)
        except (WrongCode, RepeatedCode) as error:
            if not error.serial:
                raise
            if not tries.another(error):
                what = _without(what, error.serial, error.what)


def _with_codes(what: Survey, context: Context, sessions: MfaSessions) -> tuple[Survey, dict[str, Secret]]:
    """Ask for the code of each device that is due; where none can be had, what it would open is left out."""
    codes: dict[str, Secret] = {}
    for serial in devices(what.ways, sessions):
        if not asking.has_terminal():
            what = _without(what, serial, "There is no terminal to ask on.")
            continue
        try:
            codes[serial] = asking.ask_code(serial, context.world)
        except asking.NoCode as error:
            what = _without(what, serial, error.what)
    return replace(what, devices=tuple(codes)), codes


def _without(what: Survey, serial: str, why: Sentence) -> Survey:
    """The survey without a device: its key goes without a code, and a role that wants one is not asked."""
    return replace(what, ways=tuple(_without_code(way, serial, why) for way in what.ways))


def _without_code(way: Way, serial: str, why: Sentence) -> Way:
    if way.serial != serial:
        return way
    if not way.role_arn:
        return replace(way, serial="")
    return replace(way, problem=f"{way.profile} needs a code of {serial}. {why}")


def _exit_code(audit: Audit, *, named: bool) -> int:
    failed = [one.account for one in audit.accounts if one.problem]
    if not failed or (not named and len(failed) < len(audit.accounts)):
        return DONE
    note(f"Couldn't ask {', '.join(failed)}. The output says why.")
    return REFUSED


def _lines(audit: Audit) -> Iterator[str]:
    used = ", ".join(audit.allowed) or "none that it names"
    yield f"STS regions of {audit.project}; the project uses {used}"
    for answer in audit.accounts:
        yield ""
        yield f"{answer.account} ({answer.account_id or 'without an id'})"
        if answer.problem:
            yield f"  not asked: {answer.problem}"
        else:
            yield from _account_lines(answer, audit.allowed)


def _account_lines(answer: AccountAnswer, allowed: tuple[str, ...]) -> Iterator[str]:
    yield f"  tokens of the global endpoint: {token_words(answer.token_version)}"
    for words in answer.remarks:
        yield f"  {words}"
    rows = [
        (_MARKS[verdict], one.region, str(one.sts), str(one.opt_in), str(verdict))
        for one, verdict in by_urgency(answer, allowed)
    ]
    yield from columns(rows)
    wanted = to_do(answer, allowed)
    for line in instructions(answer, wanted):
        yield f"  → {line}"
    if wanted.missing:
        yield f"  The partition {answer.partition} has no {', '.join(wanted.missing)}."
