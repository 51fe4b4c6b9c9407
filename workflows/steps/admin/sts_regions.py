"""STS regions, the documented task after the rollout: where each account's STS answers, and where it should.

It asks and reports; no API can switch them, so it gives the console's page with the clicks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from workflows.aws.clients import USUAL_REGION
from workflows.aws.sts_regions import ask as asking
from workflows.aws.sts_regions.answers import AccountAnswer, Audit
from workflows.aws.sts_regions.ask import (
    partition_of_region,
    regions_of,
)
from workflows.aws.sts_regions.report import markdown, record
from workflows.core.errors import OnboardError, Problem
from workflows.core.files import write_atomically
from workflows.core.secret import Secret
from workflows.core.sentences import Sentence
from workflows.layer.discover import find_project
from workflows.layer.mentioned import named_regions
from workflows.layer.project import Project
from workflows.machine.events import Facts
from workflows.machine.observations import AGREES, Observation, Verdict, unknown
from workflows.steps.admin import declarations
from workflows.steps.admin.sts_region_access import MfaSessions, Way, devices, opened, ways
from workflows.steps.admin.terraform_credentials import factory_for
from workflows.steps.shared.module import Context, Progress, Report
from workflows.steps.shared.paths import told_path, typed_path

STEP = declarations.STS_REGIONS


@dataclass(frozen=True)
class Request:
    """What came of it.

    Attributes:
        audit: the answers, or None where nothing was asked.
    """

    audit: Audit | None = None


@dataclass(frozen=True)
class Survey:
    """What there is to ask.

    Attributes:
        project: the project.
        allowed: the regions that it uses.
        ways: how each account is asked.
        devices: the devices whose codes are due.
    """

    project: Project = field(repr=False)
    allowed: tuple[str, ...]
    ways: tuple[Way, ...]
    devices: tuple[str, ...]


def allowed_regions(project: Project) -> tuple[str, ...]:
    """The regions that a project uses: `regions_allowed`, or else the primary and the secondary one."""
    return project.regions_allowed or tuple(
        region for region in (project.region_primary, project.region_secondary) if region
    )


def project_of(context: Context) -> Project:
    """The session's project.

    Raises:
        OnboardError: it is not there any more.
    """
    return find_project(context.root)


def survey(project: Project, context: Context, sessions: MfaSessions, report: Report) -> Survey:
    """What there is to ask; reads files and the vault only.

    Raises:
        OnboardError: a profile file cannot be parsed, or the vault cannot be read.
    """
    report(Progress("Looking at the project's profiles"))
    found = ways(context, project)
    return Survey(project, allowed_regions(project), found, devices(found, sessions))


def ask(
    what: Survey, codes: Mapping[str, Secret], context: Context, sessions: MfaSessions, report: Report
) -> Audit:
    """Ask all regions about all accounts; each answer is reported as it comes, as a `Told` in the progress.

    Args:
        what: what there is to ask.
        codes: the codes as typed, by device; they are dropped.
        context: what the step may read.
        sessions: the sessions of earlier codes.
        report: takes the progress.

    Raises:
        CodeWanted, WrongCode, RepeatedCode: a code is due, or cannot be used.
        Cancelled: it was stopped.
        OnboardError: the vault cannot be used.
    """

    def told(one: asking.Told) -> None:
        report(Progress(f"{one.account}: {one.region} is {one.sts}", one.done, one.total, payload=one))

    report(Progress("Getting the credentials of the accounts"))
    answers: dict[str, AccountAnswer] = {}
    with opened(context, what.project, what.ways, codes, sessions) as found:
        report(Progress("Asking every region"))
        factory = factory_for(context, what.project, asking.PATIENCE)
        for one in asking.ask(factory, found.questions, report=told, cancelled=context.cancelled):
            answers[one.account] = one
    report(Progress("Looking for regions in the project's files"))
    answers = {name: _with_named(one, what.project) for name, one in answers.items()}
    partition = partition_of_region(what.project.region_primary or USUAL_REGION)
    for way in what.ways:
        if way.account not in answers:
            words = found.problems[way.account]
            answers[way.account] = AccountAnswer(
                way.account, way.account_id, partition, way.profile, problem=words
            )
    at = context.world.now().isoformat(timespec="seconds")
    return Audit(what.project.name, at, what.allowed, tuple(answers[way.account] for way in what.ways))


def _with_named(answer: AccountAnswer, project: Project) -> AccountAnswer:
    """The answer with the regions marked that a file of the project names.

    Raises:
        OnboardError: a file cannot be read.
    """
    named = named_regions(project.root, regions_of(answer.partition))
    regions = tuple(replace(one, named=one.region in named) for one in answer.regions)
    return replace(answer, regions=regions)


def export(audit: Audit, *, with_ids: bool, context: Context, report: Report) -> Sentence:
    """Write the audit as Markdown and as JSON into the home folder, copy the Markdown, and say so.

    Args:
        audit: the answers.
        with_ids: whether account ids are in the Markdown; the JSON always has them.
        context: what the step may read.
        report: takes the progress.

    Raises:
        OnboardError: a file cannot be written, or nothing takes a copy.
    """
    report(Progress("Writing the answers"))
    world = context.world
    base = f"~/sts-regions-{audit.project}"
    text = markdown(audit, with_ids=with_ids)
    paths = [typed_path(base + ending, world.home) for ending in (".md", ".json")]
    for path, content in zip(paths, (text, json.dumps(record(audit), indent=2) + "\n"), strict=True):
        write_atomically(path, content.encode())
    names = " and ".join(told_path(path, world.home) for path in paths)
    ids = "with account ids" if with_ids else "without account ids in the Markdown"
    try:
        copied = world.clipboard.copy(text)
    except OnboardError as error:
        copied = f"It wasn't copied: {error.what}"
    return f"Written, {ids}: {names}. {copied}"


def validate(request: Request, _context: Context) -> list[Problem]:
    """Something was asked; accounts that could not be asked are a warning."""
    if request.audit is None:
        return [Problem("Not asked yet: Next (^n) asks, ^s skips it.")]
    missing = [one.account for one in request.audit.accounts if one.problem]
    if missing and len(missing) == len(request.audit.accounts):
        return [Problem("iam-onboard couldn't ask any account; the list says why.", fatal=False)]
    return []


def perform(request: Request, _context: Context, report: Report) -> Facts:
    """Record the answers.

    Raises:
        OnboardError: there are none.
    """
    report(Progress("Recording the answers"))
    if request.audit is None:
        raise OnboardError("Not asked yet", "There are no answers to keep.", next="Ask first.")
    return {"sts_regions": request.audit.as_facts()}


def observe(context: Context) -> Observation:
    """The project still uses the same regions; what AWS says is asked only when somebody wants it."""
    recorded = context.facts.get("sts_regions") or {}
    try:
        now = allowed_regions(project_of(context))
    except OnboardError as error:
        return unknown(error.what)
    if list(now) == list(recorded.get("allowed", ())):
        return AGREES
    return Observation(Verdict.CHANGED, "The project's regions have changed since the answers.")
