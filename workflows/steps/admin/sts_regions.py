"""STS regions, the documented task after the rollout: where each account's STS answers, and where it should.

It only asks and reports. No API can switch regions, so it shows the console's page and clicks. Each account
is asked with the profile that applies its layers, else with one of the usual names, else with any that
assumes a role in it. One code of a device serves all accounts that the device opens: it starts a session,
which assumes the roles.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from workflows.aws.clients import USUAL_REGION, ClientFactory, profile_map
from workflows.aws.errors import AwsError, about_key_of
from workflows.aws.sts import partition_of
from workflows.aws.sts_regions import ask as asking
from workflows.aws.sts_regions.answers import AccountAnswer, Audit, markdown, record
from workflows.aws.sts_regions.ask import Question, Way, partition_of_region, regions_of
from workflows.core.secret import Credentials, Secret
from workflows.core.sentences import OnboardError, Problem, Sentence
from workflows.layer.discover import find_project
from workflows.layer.mentioned import backend_profile, named_regions
from workflows.layer.model import Project
from workflows.machine.events import AGREES, Facts, Observation, Verdict
from workflows.steps.admin.terraform_runs import CodeWanted, DeviceSessions, factory_for, project_files
from workflows.steps.shared.module import Context, Progress, Report
from workflows.steps.shared.paths import save_text

_USUAL = ("administrator", "oaar", "devops", "auditor")


def _way(
    project: Project,
    account: str,
    account_id: str,
    profiles: Mapping[str, Mapping[str, Any]],
) -> Way:
    if not account_id:
        return Way(account, "", problem="The project doesn't give the account's id.")
    names = [
        backend_profile(project, account),
        *(f"{project.name}-{account}-{role}" for role in _USUAL),
        f"{project.name}-{account}",
        *sorted(name for name, profile in profiles.items() if _role_account(profile) == account_id),
    ]
    fitting = [name for name in names if _role_account(profiles.get(name)) in {"", account_id}]
    if not fitting:
        wanted = names[0] or f"{project.name}-{account}-devops"
        words = f"There is no profile for it in ~/.aws/{project.name}, such as {wanted}."
        return Way(account, account_id, problem=words)
    settings = profiles[fitting[0]]
    return Way(
        account,
        account_id,
        fitting[0],
        str(settings.get("source_profile") or fitting[0]),
        str(settings.get("role_arn") or ""),
        settings.get("external_id"),
        str(settings.get("mfa_serial") or ""),
    )


def _role_account(settings: Mapping[str, Any] | None) -> str | None:
    """Return the account of a profile's role, "" for a profile without one, None if there is no profile."""
    if settings is None:
        return None
    return "".join(str(settings.get("role_arn") or "").split(":")[4:5])


def devices(found: Iterable[Way], context: Context) -> tuple[str, ...]:
    """Return the devices whose codes are needed now, each once."""
    sessions = DeviceSessions(context.environment)
    serials = dict.fromkeys(way.serial for way in found if way.serial and not way.problem)
    return tuple(serial for serial in serials if sessions.find(serial) is None)


@contextlib.contextmanager
def opened(
    context: Context,
    project: Project,
    found: Sequence[Way],
    codes: Mapping[str, Secret],
    report: Report,
) -> Iterator[tuple[tuple[Question, ...], Mapping[str, Sentence]]]:
    """Open the credentials for all accounts; keys and codes are dropped afterwards.

    Args:
        found: how to ask each account.
        codes: the codes as typed, by device.

    Yields:
        The questions for accounts with credentials, and why the others can't be asked.

    Raises:
        CodeWanted: codes are needed, and none was given.
        WrongCode, RepeatedCode: a code can't be used.
    """
    keys: dict[str, Credentials] = {}
    try:
        due = devices(found, context)
        needed = [way for way in found if way.role_arn and way.serial in due and not way.problem]
        if needed and not any(codes.values()):
            raise CodeWanted(needed[0].profile, needed[0].serial)
        problems, questions = {way.account: way.problem for way in found if way.problem}, []
        for way in (usable for usable in found if not usable.problem):
            context.raise_if_cancelled()
            try:
                questions.append(_question(context, project, way, keys, codes, report))
            except (AwsError, CodeWanted) as error:
                problems[way.account] = error.sentences
        yield tuple(questions), problems
    finally:
        for code in codes.values():
            code.drop()
        for key in keys.values():
            key.drop()


def _question(
    context: Context,
    project: Project,
    way: Way,
    keys: dict[str, Credentials],
    codes: Mapping[str, Secret],
    report: Report,
) -> Question:
    factory = factory_for(context, project)
    if way.source not in keys:
        keys[way.source] = factory.profile_credentials(project_files(context, project), way.source)
    key, home = keys[way.source], project.region_primary or USUAL_REGION
    session = _session(context, factory, way, key, codes, report) if way.serial else None
    partition = partition_of(way.role_arn) if way.role_arn else partition_of_region(home)
    signing = session if session is not None and way.role_arn else key
    own = None if way.role_arn else session
    return Question(**vars(way), partition=partition, region=home, signing=signing, own=own)


def _session(
    context: Context,
    factory: ClientFactory,
    way: Way,
    key: Credentials,
    codes: Mapping[str, Secret],
    report: Report,
) -> Credentials | None:
    """Return the session of the way's device; None if no code was given and the key works without one."""
    sessions, code = DeviceSessions(context.environment), codes.get(way.serial)
    session = sessions.find(way.serial)
    if session is None and code:
        with factory.client("sts", key) as client, about_key_of(way.source):
            return sessions.begin(client, way.serial, code, report)
    if session is None and way.role_arn:
        raise CodeWanted(way.profile, way.serial)
    return session


@dataclass(frozen=True)
class Request:
    """The result to record.

    Attributes:
        audit: the answers, or None if nothing was asked.
    """

    audit: Audit | None = None


@dataclass(frozen=True)
class Survey:
    """What can be asked.

    Attributes:
        project: the project.
        allowed: the regions that it uses.
        ways: how to ask each account.
        devices: the devices whose codes are needed.
    """

    project: Project = field(repr=False)
    allowed: tuple[str, ...]
    ways: tuple[Way, ...]
    devices: tuple[str, ...]


def allowed_regions(project: Project) -> tuple[str, ...]:
    """Return the regions that a project uses: `regions_allowed`, else the primary and secondary ones."""
    return project.regions_allowed or tuple(
        region for region in (project.region_primary, project.region_secondary) if region
    )


def survey(project: Project, context: Context, report: Report) -> Survey:
    """Find out what can be asked, from files and the keyring only.

    Raises:
        OnboardError: a profile file can't be parsed.
    """
    report(Progress("Looking at the project's profiles"))
    profiles = profile_map(project_files(context, project))
    found = tuple(_way(project, account.name, account.id, profiles) for account in project.accounts)
    return Survey(project, allowed_regions(project), found, devices(found, context))


def ask(what: Survey, codes: Mapping[str, Secret], context: Context, report: Report) -> Audit:
    """Ask all regions about all accounts, reporting each answer as it comes as an `Answered`.

    Args:
        codes: the codes as typed, by device; they are dropped.

    Raises:
        CodeWanted, WrongCode, RepeatedCode: a code is needed, or can't be used.
        Cancelled: it was stopped.
    """

    def answered(answer: asking.Answered) -> None:
        words = f"{answer.account}: {answer.region} is {answer.sts}"
        report(Progress(words, answer.done, answer.total, payload=answer))

    report(Progress("Getting the credentials of the accounts"))
    with opened(context, what.project, what.ways, codes, report) as (questions, problems):
        report(Progress("Asking every region"))
        factory = factory_for(context, what.project, asking.PATIENCE)
        asked = asking.ask(factory, questions, report=answered, cancelled=context.cancelled)
        answers = {answer.account: answer for answer in asked}
    report(Progress("Looking for regions in the project's files"))
    partition = partition_of_region(what.project.region_primary or USUAL_REGION)
    accounts = tuple(
        _with_named(answers[way.account], what.project)
        if way.account in answers
        else AccountAnswer(way.account, way.account_id, partition, way.profile, problem=problems[way.account])
        for way in what.ways
    )
    at = context.environment.now().isoformat(timespec="seconds")
    return Audit(what.project.name, at, what.allowed, accounts)


def _with_named(answer: AccountAnswer, project: Project) -> AccountAnswer:
    """Mark the regions in the answer that a file of the project names.

    Raises:
        OnboardError: a file can't be read.
    """
    named = named_regions(project.root, regions_of(answer.partition))
    return replace(
        answer, regions=tuple(replace(region, named=region.region in named) for region in answer.regions)
    )


def export(audit: Audit, *, with_ids: bool, context: Context, report: Report) -> Sentence:
    """Write the audit as Markdown and JSON into the home folder, copy the Markdown, and report both.

    Args:
        with_ids: whether to include account ids.

    Raises:
        OnboardError: a file can't be written, or there is no clipboard.
    """
    report(Progress("Writing the answers"))
    environment = context.environment
    text = markdown(audit, with_ids=with_ids)
    texts = {".md": text, ".json": json.dumps(record(audit, with_ids=with_ids), indent=2) + "\n"}
    base = environment.in_home(f"sts-regions-{audit.project}")
    names = " and ".join(
        save_text(base + end, content, environment.home, numbered=True) for end, content in texts.items()
    )
    try:
        copied = environment.copy(text)
    except OnboardError as error:
        copied = f"It wasn't copied: {error.what}"
    return f"Written, {'with' if with_ids else 'without'} account ids: {names}. {copied}"


def validate(request: Request, _context: Context) -> list[Problem]:
    """Require answers; warn about accounts that couldn't be asked."""
    if request.audit is None:
        return [Problem("Not asked yet: ^n asks, ^s skips it.")]
    if request.audit.accounts and all(account.problem for account in request.audit.accounts):
        return [Problem("iam-onboard couldn't ask any account; the list says why.", fatal=False)]
    return []


def perform(request: Request, _context: Context, _report: Report) -> Facts:
    """Record the answers.

    Raises:
        OnboardError: there are none.
    """
    if request.audit is None:
        raise OnboardError("Not asked yet", "There are no answers to keep.", next="Ask first.")
    return {"sts_regions": request.audit.as_facts()}


def observe(context: Context) -> Observation:
    """Check that the project still uses the same regions; AWS is asked only on request.

    Raises:
        OnboardError: the project is gone.
    """
    recorded = context.facts.get("sts_regions") or {}
    now = allowed_regions(find_project(context.root))
    changed = Observation(Verdict.CHANGED, "The project's regions have changed since AWS was asked.")
    return AGREES if list(now) == list(recorded.get("allowed", ())) else changed
