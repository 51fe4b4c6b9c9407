"""Ask the STS endpoints of all regions of a partition in parallel, and each account about itself.

Each region gets a call for credentials of the account, since that account's setting counts, not the caller's
(IAM User Guide, "Manage AWS STS in an AWS Region"). The returned credentials are dropped at once. The
accounts share a connection to each region, so everything takes little longer than the slowest region.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cache
from time import monotonic
from typing import Any, TypeVar

from workflows.aws.clients import AwsClient, ClientFactory, Patience
from workflows.aws.errors import DENIALS, UNREACHABLE, AwsError, AwsFailure, about_key_of, calling_aws
from workflows.aws.sts import SESSION_NAME, SHORTEST_SESSION, assume_role, caller_identity
from workflows.aws.sts_regions.answers import AccountAnswer, OptIn, RegionAnswer, StsState
from workflows.core.grouping import by_key
from workflows.core.secret import Credentials
from workflows.core.sentences import Cancelled, OnboardError, Sentence
from workflows.profiles import plan
from workflows.profiles.aws_data import botocore_alone

FIXED_REGIONS = frozenset({"us-east-1"})


@cache
def regions_of(partition: str) -> tuple[str, ...]:
    """Return the regions of a partition with STS that botocore knows, in alphabetical order.

    Raises:
        OnboardError: botocore does not know the partition.
    """
    names = tuple(sorted(botocore_alone().get_available_regions("sts", partition)))
    if not names:
        raise OnboardError(
            "The partition is unknown",
            f"botocore knows no regions of the partition {partition}.",
            next="Update this program's boto3, and try again.",
        )
    return names


def partition_of_region(region: str) -> str:
    """Return the partition of a region: `aws`, `aws-cn`, `aws-us-gov`, ….

    Raises:
        OnboardError: botocore does not know the region.
    """
    if partition := plan.partition_of_region(region):
        return partition
    raise OnboardError(
        "The region is unknown",
        f"botocore knows no region {region!r}.",
        next="Correct `region_primary` in config/common.tfvars.",
    )


def settled(region: str, sts: StsState, opt_in: OptIn) -> StsState:
    """Interpret an endpoint's answer, given whether the account uses the region.

    Args:
        sts: the endpoint's answer.
        opt_in: whether the account uses the region.
    """
    if sts is StsState.ACTIVE and (opt_in is OptIn.IN or region in FIXED_REGIONS):
        return StsState.FIXED
    if sts is StsState.NOT_OPTED_IN and opt_in in {OptIn.IN, OptIn.DEFAULT}:
        return StsState.UNKNOWN  # the region doesn't know the key of an account that uses it
    if sts is not StsState.ACTIVE and opt_in is OptIn.OUT:
        return StsState.NOT_OPTED_IN
    return sts


_Value = TypeVar("_Value")

# OptInStatus of ec2:DescribeRegions and RegionOptStatus of account:ListRegions, without pending changes
_OPT_INS: Mapping[str, OptIn] = {
    **dict.fromkeys(("opt-in-not-required", "ENABLED_BY_DEFAULT"), OptIn.DEFAULT),
    **dict.fromkeys(("opted-in", "ENABLED"), OptIn.IN),
    **dict.fromkeys(("not-opted-in", "DISABLED"), OptIn.OUT),
}


@dataclass(frozen=True)
class Account:
    """An account's own settings.

    Attributes:
        opt_in: whether it uses a region, for known regions.
        token_version: 1 or 2, or None.
        remarks: sentences about values that could not be read.
    """

    opt_in: Mapping[str, OptIn] = field(default_factory=dict)
    token_version: int | None = None
    remarks: tuple[Sentence, ...] = ()


@dataclass(frozen=True)
class Way:
    """How to ask an account.

    Attributes:
        account: its name in the project.
        account_id: its twelve digits, or "".
        profile: the profile, or "" if there is none.
        source: the profile whose key signs; the same if no role is assumed.
        role_arn: the role to assume in each region, or ""; then each is asked to give the user's own key a
            session token.
        external_id: what the role's trust policy may require, or None.
        serial: the device whose code is needed, or "".
        problem: why the account can't be asked, or "".
    """

    account: str
    account_id: str
    profile: str = ""
    source: str = ""
    role_arn: str = ""
    external_id: str | None = None
    serial: str = ""
    problem: Sentence = ""


@dataclass(frozen=True, kw_only=True)
class Question(Way):
    """An account that can be asked.

    Attributes:
        partition: the partition with the regions to ask.
        region: the region for requests about the account.
        signing: credentials of the account, or credentials to assume the role.
        own: a session with MFA for the account's own settings, which may read more than the key; None
            without one, and with a role.
    """

    partition: str
    region: str
    signing: Credentials
    own: Credentials | None = None

    @property
    def can_tell(self) -> bool:
        """Whether a call can show the state: temporary credentials cannot get a session token."""
        return bool(self.role_arn) or self.signing.session_token is None


def read_account(factory: ClientFactory, question: Question) -> Account:
    """Read an account's own settings; an unreadable one becomes a remark.

    Raises:
        AwsError: the credentials do not work.
        OnboardError: another account answers.
    """
    remarks: list[str] = []

    def tried(words: str, read: Callable[[], _Value]) -> _Value | None:
        try:
            return read()
        except AwsError as error:
            remarks.append(f"{words} couldn't be read: {error.title}.")
            return None

    region, own = question.region, question.own or question.signing
    with ExitStack() as stack:
        with factory.client("sts", own, region) as client:
            if question.role_arn:
                own, arn = assume_role(
                    client, question.role_arn, external_id=question.external_id, seconds=SHORTEST_SESSION
                )
                stack.callback(own.drop)
                answering = arn.split(":")[4]
            else:
                answering = caller_identity(client).account
        if answering != question.account_id:
            raise OnboardError(
                "Wrong account",
                f"The profile belongs to the account {answering}, not to {question.account_id}.",
                next="Correct the profile in the project's credentials, then ask again.",
            )
        opt_in = tried("The opt-in status of the regions", lambda: opt_in_status(factory, own, region))
        version = tried("The global endpoint's token version", lambda: token_version(factory, own, region))
    return Account(opt_in or {}, version, tuple(remarks))


def opt_in_status(factory: ClientFactory, own: Credentials, region: str) -> dict[str, OptIn]:
    """Return whether the account uses each region, from the account service, or else from the heavier EC2.

    Raises:
        AwsError: both requests failed.
    """
    doing = "asking which regions the account uses"
    try:
        with calling_aws(doing), factory.client("account", own, region) as client:
            pages = client.get_paginator("list_regions").paginate(PaginationConfig={"PageSize": 50})
            listed = {
                entry["RegionName"]: entry["RegionOptStatus"] for page in pages for entry in page["Regions"]
            }
    except AwsError:
        with calling_aws(doing), factory.client("ec2", own, region) as ec2:
            found = ec2.describe_regions(AllRegions=True)["Regions"]
            listed = {entry["RegionName"]: entry.get("OptInStatus", "") for entry in found}
    return {name: _OPT_INS.get(status, OptIn.UNKNOWN) for name, status in listed.items()}


def token_version(factory: ClientFactory, own: Credentials, region: str) -> int | None:
    """Return the version of the global endpoint's tokens: 1 works in the default regions, 2 in all.

    Raises:
        AwsError: it could not be read.
    """
    with calling_aws("reading the account's summary"), factory.client("iam", own, region) as iam:
        version = iam.get_account_summary()["SummaryMap"].get("GlobalEndpointTokenVersion")
    return int(version) if version is not None else None


PATIENCE = Patience(connect=3, read=5, attempts=1)
MOST_AT_ONCE = 96
DEADLINE = PATIENCE.connect + PATIENCE.read + 2
"""Seconds after which a region counts as unreachable, even if the resolver or the network is still busy."""

_LOOK_EVERY = 0.1
_STATES: Mapping[AwsFailure, StsState] = {
    AwsFailure.REGION_DISABLED: StsState.DEACTIVATED,
    # The credentials work elsewhere, so the region does not know the account.
    AwsFailure.KEY_UNKNOWN: StsState.NOT_OPTED_IN,
    **dict.fromkeys(UNREACHABLE, StsState.UNREACHABLE),
    **dict.fromkeys(DENIALS, StsState.DENIED),
}
CANNOT_TELL = (
    "Temporary credentials without a role to assume may call neither GetSessionToken nor AssumeRole."
)


@dataclass(frozen=True)
class Answered:
    """Progress: a region has answered for an account."""

    account: str
    region: str
    sts: StsState
    done: int
    total: int


_Probes = dict[tuple[str, str], tuple[StsState, Sentence]]
"""The answers, with AWS's own messages, by account and region."""


def ask(
    factory: ClientFactory,
    questions: Sequence[Question],
    *,
    report: Callable[[Answered], None],
    cancelled: threading.Event,
) -> tuple[AccountAnswer, ...]:
    """Ask every region about every account.

    Args:
        factory: makes the clients, with `PATIENCE`.
        questions: one per account.
        report: called from this thread as the regions answer.
        cancelled: once set, no further answer is awaited.

    Returns:
        An answer for each question, in order; its `problem` says why an account can't be asked.

    Raises:
        Cancelled: it was stopped.
    """
    groups = _by_signature(questions)
    tasks = [(region, group) for group in groups for region in regions_of(group[0].partition)]
    total = sum(len(group) for _, group in tasks)
    probes: _Probes = {}
    accounts: dict[str, Account | OnboardError] = {}
    size = max(1, min(MOST_AT_ONCE, len(tasks) + len(questions)))
    pool = ThreadPoolExecutor(size, thread_name_prefix="sts-regions")
    try:
        # Start with the regions: the slowest one takes longer than the accounts' own settings.
        futures: dict[Future[Any], str | None] = {
            pool.submit(_probe, factory, region, group): None for region, group in tasks
        }
        futures.update(
            {pool.submit(_ask_account, factory, question): question.account for question in questions}
        )
        rounds = -(-len(futures) // size)
        for future in _as_they_come(futures, DEADLINE * rounds, cancelled):
            account, result = futures[future], future.result()
            if account is not None:
                accounts[account] = result
            else:
                probes.update(result)
                for (name, region), (state, _) in result.items():
                    report(Answered(name, region, state, len(probes), total))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return tuple(_answer(question, accounts.get(question.account), probes) for question in questions)


def _by_signature(questions: Iterable[Question]) -> list[list[Question]]:
    """Group the answerable questions by credentials and partition."""
    able = (question for question in questions if question.can_tell)
    groups = by_key(((asked.signing.access_key_id, asked.partition), asked) for asked in able)
    return list(groups.values())


def _as_they_come(
    futures: Iterable[Future[Any]], seconds: float, cancelled: threading.Event
) -> Iterator[Future[Any]]:
    """Yield futures as they finish, until the time is up; unfinished ones are left alone."""
    waiting, end = set(futures), monotonic() + seconds
    while waiting and monotonic() < end:
        done, waiting = wait(waiting, timeout=_LOOK_EVERY, return_when=FIRST_COMPLETED)
        if cancelled.is_set():
            raise Cancelled("Stopped", "You stopped asking the regions.", next="Ask again when you like.")
        yield from done


def _probe(factory: ClientFactory, region: str, group: Sequence[Question]) -> _Probes:
    """Ask one region about all accounts with the same credentials."""
    found: _Probes = {}
    try:
        with factory.client("sts", group[0].signing, region) as client:
            for question in group:
                found[question.account, region] = _tell(client, question, region)
                if found[question.account, region][0] is StsState.UNREACHABLE:
                    break
    except AwsError as error:
        found[group[0].account, region] = StsState.UNKNOWN, error.detail
    last = list(found.values())[-1]
    return {(question.account, region): found.get((question.account, region), last) for question in group}


def _tell(client: AwsClient, question: Question, region: str) -> tuple[StsState, Sentence]:
    try:
        with calling_aws(f"asking STS in {region}"):
            if question.role_arn:
                external = {"ExternalId": question.external_id} if question.external_id else {}
                client.assume_role(
                    RoleArn=question.role_arn,
                    RoleSessionName=SESSION_NAME,
                    DurationSeconds=SHORTEST_SESSION,
                    **external,
                )
            else:
                client.get_session_token(DurationSeconds=SHORTEST_SESSION)
    except AwsError as error:
        if error.code == "OptInRequired":
            return StsState.NOT_OPTED_IN, error.detail
        return _STATES.get(error.failure, StsState.UNKNOWN), error.detail
    return StsState.ACTIVE, ""


def _ask_account(factory: ClientFactory, question: Question) -> Account | OnboardError:
    try:
        with about_key_of(question.source or question.profile):
            return read_account(factory, question)
    except OnboardError as error:
        return error


def _answer(question: Question, account: Account | OnboardError | None, probes: _Probes) -> AccountAnswer:
    role = question.role_arn.rpartition(":role/")[2]
    answer = AccountAnswer(question.account, question.account_id, question.partition, question.profile, role)
    if isinstance(account, OnboardError):
        return replace(answer, problem=account.sentences)
    if account is None:
        account = Account(remarks=("AWS didn't return the account's own settings in time.",))
    unanswered: tuple[StsState, Sentence] = StsState.UNREACHABLE, f"no answer within {DEADLINE:g} seconds"
    untold = unanswered if question.can_tell else (StsState.UNKNOWN, CANNOT_TELL)
    regions = []
    for region in regions_of(question.partition):
        state, detail = probes.get((question.account, region), untold)
        opt_in = account.opt_in.get(region, OptIn.UNKNOWN)
        regions.append(RegionAnswer(region, settled(region, state, opt_in), opt_in, detail))
    return replace(
        answer,
        regions=tuple(regions),
        token_version=account.token_version,
        remarks=account.remarks if question.can_tell else (CANNOT_TELL, *account.remarks),
    )
