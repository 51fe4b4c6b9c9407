"""The answers: a state for each region of each account, as values that a journal can keep.

What they mean for the project is shown to people, as Markdown too, and to programs as JSON. Neither contains
credentials. Account ids are only included on request: without them, the report can be put into a pull
request.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workflows.core.grouping import by_key
from workflows.core.sentences import Sentence, count, text_of
from workflows.core.shapes import read
from workflows.core.text import safe
from workflows.profiles.shell_lines import switch_role_url

SOURCE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_region-endpoints.html"
"""The IAM User Guide, "AWS STS Regions and endpoints": which endpoints can be deactivated.

US East (N. Virginia) cannot, and neither can any region that an account has opted into: there STS is active
as soon as the region is.
"""


class StsState(StrEnum):
    """The state of a region's STS endpoint for an account.

    `FIXED` is active, and nobody can change it. `UNKNOWN`: no call that shows the state is allowed.
    """

    ACTIVE = "active"
    FIXED = "cannot be deactivated"
    DEACTIVATED = "deactivated"
    NOT_OPTED_IN = "not opted in"
    UNREACHABLE = "unreachable"
    DENIED = "denied"
    UNKNOWN = "unknown"


class OptIn(StrEnum):
    """Whether an account uses a region."""

    DEFAULT = "enabled by default"
    IN = "opted in"
    OUT = "not opted in"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class RegionAnswer:
    """One region of one account.

    Attributes:
        region: its name, such as `eu-west-3`.
        sts: the state of its STS endpoint.
        opt_in: whether the account uses the region.
        detail: AWS's own error message, which may contain the account, or "".
        named: whether a file of the project mentions the region.
    """

    region: str
    sts: StsState
    opt_in: OptIn
    detail: Sentence = ""
    named: bool = False


@dataclass(frozen=True)
class AccountAnswer:
    """One account.

    Attributes:
        account: its name in the project.
        account_id: its 12-digit id.
        partition: `aws`, `aws-cn`, `aws-us-gov`, ….
        profile: the profile used, or "".
        role: the name of the role that the profile assumes; "" if it has its own key.
        regions: in alphabetical order; empty if the account could not be asked.
        token_version: the version of the global endpoint's tokens, 1 or 2; None if unreadable.
        remarks: sentences about other values that could not be read.
        problem: why the account could not be asked, or "".
    """

    account: str
    account_id: str
    partition: str
    profile: str = ""
    role: str = ""
    regions: tuple[RegionAnswer, ...] = ()
    token_version: int | None = None
    remarks: tuple[Sentence, ...] = ()
    problem: Sentence = ""

    def as_facts(self) -> dict[str, Any]:
        """Return the account for the journal, without AWS's own messages."""
        return {
            "account_id": self.account_id,
            "partition": self.partition,
            "profile": self.profile,
            "role": self.role,
            "regions": {
                region.region: {"sts": str(region.sts), "opt_in": str(region.opt_in), "named": region.named}
                for region in self.regions
            },
            "token_version": self.token_version,
            "problem": self.problem,
        }

    @classmethod
    def from_facts(cls, account: str, facts: Mapping[str, Any]) -> AccountAnswer:
        """Restore an account from `as_facts`."""
        name = f"sts_regions.accounts.{account}"
        regions = read(dict[str, dict[str, Any]], facts.get("regions"), f"{name}.regions")
        named = [{**answer, "region": region} for region, answer in sorted(regions.items())]
        return read(cls, {**facts, "account": account, "regions": named}, name)


@dataclass(frozen=True)
class Audit:
    """The answers of all accounts of a project.

    Attributes:
        project: its short name.
        asked_at: when, ISO 8601 in UTC.
        allowed: the regions that the project uses.
        accounts: in the project's order.
    """

    project: str
    asked_at: str
    allowed: tuple[str, ...]
    accounts: tuple[AccountAnswer, ...]

    def account(self, name: str) -> AccountAnswer | None:
        """Return the answer of the account of that name, or None."""
        return next((account for account in self.accounts if account.account == name), None)

    def as_facts(self) -> dict[str, Any]:
        """Return the audit for the journal."""
        return {
            "asked_at": self.asked_at,
            "allowed": list(self.allowed),
            "accounts": {account.account: account.as_facts() for account in self.accounts},
        }

    @classmethod
    def from_facts(cls, project: str, facts: Mapping[str, Any]) -> Audit:
        """Restore an audit from `as_facts`.

        Raises:
            WrongShape: the facts have another shape.
        """
        facts = read(dict[str, Any], facts, "sts_regions")
        answers = read(dict[str, dict[str, Any]], facts.get("accounts"), "sts_regions.accounts")
        accounts = tuple(AccountAnswer.from_facts(name, answer) for name, answer in answers.items())
        allowed = read(tuple[str, ...], facts.get("allowed"), "sts_regions.allowed")
        return cls(project, read(str, facts.get("asked_at"), "sts_regions.asked_at"), allowed, accounts)


def changes(before: Audit, now: Audit) -> tuple[Sentence, ...]:
    """Return what changed, one line each: "security eu-west-3: active, now deactivated"."""
    lines = []
    for account in now.accounts:
        earlier = before.account(account.account)
        if earlier is None or not earlier.regions:
            continue
        was = {region.region: region.sts for region in earlier.regions}
        lines += [
            f"{account.account} {region.region}: {was[region.region]}, now {region.sts}"
            for region in account.regions
            if region.region in was and was[region.region] is not region.sts
        ]
        if account.token_version != earlier.token_version and None not in {
            account.token_version,
            earlier.token_version,
        }:
            lines.append(
                f"{account.account} global endpoint: tokens of version {earlier.token_version}, "
                f"now {account.token_version}"
            )
    return tuple(lines)


class Verdict(StrEnum):
    """What a region's answer means for the project."""

    NEEDED = "inactive and needed"
    UNUSED = "active and unused"
    OPEN = "not known"
    NAMED = "active and named in its files"
    ALLOWED = "active and allowed"
    OFF = "inactive and unused"


_ORDER = {verdict: place for place, verdict in enumerate(Verdict)}


def judge(answer: RegionAnswer, allowed: tuple[str, ...]) -> Verdict:
    """Judge a region's answer for a project that uses these regions.

    A region only mentioned in files may be in use: it is neither needed nor to be deactivated.
    """
    used = answer.region in allowed
    if answer.sts in {StsState.ACTIVE, StsState.FIXED}:
        return Verdict.ALLOWED if used else Verdict.NAMED if answer.named else Verdict.UNUSED
    if answer.sts in {StsState.DEACTIVATED, StsState.NOT_OPTED_IN}:
        return Verdict.NEEDED if used else Verdict.OFF
    return Verdict.OPEN


def by_urgency(answer: AccountAnswer, allowed: tuple[str, ...]) -> tuple[tuple[RegionAnswer, Verdict], ...]:
    """Return the regions with their verdicts, most urgent first, then in alphabetical order."""
    judged = [(region, judge(region, allowed)) for region in answer.regions]
    switchable = {StsState.ACTIVE, StsState.DEACTIVATED}  # in the console
    return tuple(
        sorted(judged, key=lambda pair: (_ORDER[pair[1]], pair[0].sts not in switchable, pair[0].region))
    )


@dataclass(frozen=True)
class ToDo:
    """What must be done by hand in an account.

    Attributes:
        deactivate: unused regions with an active endpoint that can be deactivated.
        activate: used regions with a deactivated endpoint.
        enable: used regions that the account has not opted into.
        not_known: regions that could not be asked.
        missing: regions of the project that the partition does not have.
    """

    deactivate: tuple[str, ...]
    activate: tuple[str, ...]
    enable: tuple[str, ...]
    not_known: tuple[str, ...]
    missing: tuple[str, ...]


def to_do(answer: AccountAnswer, allowed: tuple[str, ...]) -> ToDo:
    """Return what must be done by hand in an account so that exactly the allowed regions are active."""

    def those(verdict: Verdict, *states: StsState) -> tuple[str, ...]:
        return tuple(
            region.region
            for region in answer.regions
            if judge(region, allowed) is verdict and (not states or region.sts in states)
        )

    names = {region.region for region in answer.regions}
    return ToDo(
        those(Verdict.UNUSED, StsState.ACTIVE),
        those(Verdict.NEEDED, StsState.DEACTIVATED),
        those(Verdict.NEEDED, StsState.NOT_OPTED_IN),
        those(Verdict.OPEN),
        tuple(region for region in allowed if names and region not in names),
    )


def counted(wanted: ToDo) -> list[tuple[int, str]]:
    """Count the regions for each kind of work, with its text."""
    parts = (
        (wanted.deactivate, "to switch off"),
        (wanted.activate, "to switch on"),
        (wanted.enable, "to opt into"),
        (wanted.missing, "not in the partition"),
        (wanted.not_known, "not known"),
    )
    return [(len(regions), words) for regions, words in parts if regions]


def left_over(audit: Audit) -> list[Sentence]:
    """Return what is left to do by hand, a line per account: "2 regions to switch off in x"."""
    left = {
        account.account: [
            f"{count(number, 'region')} {words}" for number, words in counted(to_do(account, audit.allowed))
        ]
        for account in audit.accounts
    }
    return [f"{', '.join(parts)} in {account}" for account, parts in left.items() if parts]


def not_asked(audit: Audit) -> list[Sentence]:
    """Return which accounts couldn't be asked: "Not asked: x, y (no profile)"."""
    missed = by_key(
        (" (no profile)" if account.account_id and not account.profile else "", account.account)
        for account in audit.accounts
        if account.problem
    )
    return [f"Not asked: {', '.join(names)}{why}" for why, names in missed.items()]


_CONSOLES = {
    "aws": ("console.aws.amazon.com", "signin.aws.amazon.com"),
    "aws-us-gov": ("console.amazonaws-us-gov.com", "signin.amazonaws-us-gov.com"),
    "aws-cn": ("console.amazonaws.cn", "signin.amazonaws.cn"),
}


def settings_page(partition: str) -> str:
    """Return the URL of IAM's Account settings page in a partition; "" if unknown."""
    hosts = _CONSOLES.get(partition)
    return f"https://{hosts[0]}/iam/home#/account_settings" if hosts else ""


def entrance(answer: AccountAnswer) -> str:
    """Return the URL for entering the account: Switch role, or its sign-in; "" if unknown."""
    hosts = _CONSOLES.get(answer.partition)
    if hosts is None:
        return ""
    if answer.role:
        return switch_role_url(answer.account_id, answer.role, answer.account, answer.partition)
    return f"https://{answer.account_id}.{hosts[1]}/console"


def instructions(answer: AccountAnswer, wanted: ToDo, *, with_ids: bool = True) -> tuple[str, ...]:
    """Return what to click in an account, one line each; empty if there is nothing to do.

    Args:
        wanted: what must be done in it.
        with_ids: whether to show the URL for entering the account, which contains its id.
    """
    if not (wanted.deactivate or wanted.activate or wanted.enable):
        return ()
    way = entrance(answer) if with_ids else ""
    lines = [f"Switch to {answer.account}: {way}" if way else f"Sign in to the account {answer.account}."]
    if wanted.deactivate or wanted.activate:
        page = settings_page(answer.partition) or "IAM, Account settings"
        lines += [
            f"Open {page}",
            "Under Security Token Service (STS), Endpoints, choose in the column STS status:",
        ]
        if wanted.deactivate:
            lines.append(f"  Inactive, then Deactivate, for {', '.join(wanted.deactivate)}")
        if wanted.activate:
            lines.append(f"  Active, then Activate, for {', '.join(wanted.activate)}")
    if wanted.enable:
        opted_into = f"https://{_CONSOLES['aws'][0]}/billing/home#/account"
        page = opted_into if answer.partition == "aws" else "Account, AWS Regions"
        lines += [
            f"Open {page}",
            f"Under AWS Regions choose Enable for {', '.join(wanted.enable)}; that also activates STS there.",
        ]
    return tuple(lines)


_ACCOUNT_ID = re.compile(r"\b\d{12}\b")


def record(audit: Audit, *, with_ids: bool = True) -> dict[str, Any]:
    """Return the audit as a JSON object.

    Args:
        with_ids: whether to include account ids, and links with ids.
    """
    return {
        "project": audit.project,
        "asked_at": audit.asked_at,
        "regions_allowed": list(audit.allowed),
        "accounts": [_account_record(account, audit, with_ids) for account in audit.accounts],
    }


def _account_record(answer: AccountAnswer, audit: Audit, with_ids: bool) -> dict[str, Any]:  # noqa: FBT001
    allowed = audit.allowed
    wanted = to_do(answer, allowed)
    ids = {"account_id": answer.account_id, "entrance": entrance(answer)} if with_ids else {}
    return {
        "account": answer.account,
        **ids,
        "partition": answer.partition,
        "profile": answer.profile,
        "problem": _plain(answer.problem, audit, with_ids),
        "global_endpoint_token_version": answer.token_version,
        "remarks": [_plain(words, audit, with_ids) for words in answer.remarks],
        "regions": [
            {
                "region": region.region,
                "sts": str(region.sts),
                "opt_in": str(region.opt_in),
                "allowed": region.region in allowed,
                "named": region.named,
                "verdict": str(judge(region, allowed)),
                "detail": _plain(region.detail, audit, with_ids),
            }
            for region in answer.regions
        ],
        "deactivate": list(wanted.deactivate),
        "activate": list(wanted.activate),
        "enable": list(wanted.enable),
        "not_known": list(wanted.not_known),
        "missing": list(wanted.missing),
        "console": settings_page(answer.partition),
    }


def markdown(audit: Audit, *, with_ids: bool = False) -> str:
    """Return the audit as Markdown.

    Args:
        with_ids: whether to include account ids, and links with ids.
    """
    text = "\n".join(_lines(audit, with_ids)).rstrip() + "\n"
    return safe(text, len(text))


def _lines(audit: Audit, with_ids: bool) -> Iterator[str]:  # noqa: FBT001 - passed on from a keyword
    yield f"# STS regions of {audit.project}\n"
    used = ", ".join(audit.allowed) or "none named"
    yield f"Asked at {audit.asked_at}. Regions that the project uses: {used}.\n"
    if not with_ids:
        yield "This text has no account ids and no secrets.\n"
    for answer in audit.accounts:
        yield f"## {answer.account}{f' ({answer.account_id})' if with_ids else ''}\n"
        if answer.problem:
            yield f"Not asked: {_plain(answer.problem, audit, with_ids)}\n"
            continue
        yield f"Tokens of the global endpoint: {token_words(answer.token_version)}.\n"
        for words in answer.remarks:
            yield f"- {_plain(words, audit, with_ids)}"
        if answer.remarks:
            yield ""
        yield "| Region | STS | Opt-in | For the project |"
        yield "|---|---|---|---|"
        for row, verdict in by_urgency(answer, audit.allowed):
            yield f"| {row.region} | {row.sts} | {row.opt_in} | {verdict} |"
        yield ""
        yield from _what_to_do(answer, audit.allowed, with_ids)
    yield f"Which endpoints can't be deactivated: {SOURCE}"


def _what_to_do(answer: AccountAnswer, allowed: tuple[str, ...], with_ids: bool) -> Iterator[str]:  # noqa: FBT001
    wanted = to_do(answer, allowed)
    if clicks := instructions(answer, wanted, with_ids=with_ids):
        yield "By hand, because no API does it:\n"
        for line in clicks:
            yield f"    - {line.strip()}" if line.startswith(" ") else f"- {line}"
        yield ""
    if wanted.missing:
        yield f"Not in the partition {answer.partition}: {', '.join(wanted.missing)}.\n"


def token_words(version: int | None) -> Sentence:
    """Describe tokens of a version."""
    return {
        1: "version 1 (opt-in regions reject these)",
        2: "version 2 (good in every region)",
    }.get(version or 0, "not known")


def _plain(sentence: Sentence, audit: Audit, with_ids: bool) -> str:  # noqa: FBT001
    """Return a failure's text, without account ids unless wanted."""
    words = text_of(sentence)
    if not with_ids:
        for account in audit.accounts:
            words = words.replace(account.account_id, account.account) if account.account_id else words
        words = _ACCOUNT_ID.sub("another account", words)
    return words
