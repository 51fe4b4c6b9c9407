"""What was answered: a state for each region of each account, as values that a journal can keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workflows.core.sentences import Sentence
from workflows.core.shapes import read


class StsState(StrEnum):
    """Where the STS endpoint of a region stands for an account.

    `FIXED` is active, and nobody can change it. `UNKNOWN`: no call that could tell may be made.
    """

    ACTIVE = "active"
    FIXED = "cannot be deactivated"
    DEACTIVATED = "deactivated"
    NOT_OPTED_IN = "not opted in"
    UNREACHABLE = "unreachable"
    DENIED = "denied"
    UNKNOWN = "unknown"


class OptIn(StrEnum):
    """Whether an account uses a region at all."""

    DEFAULT = "enabled by default"
    IN = "opted in"
    OUT = "not opted in"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class RegionAnswer:
    """One region of one account.

    Attributes:
        region: as `eu-west-3`.
        sts: where its STS endpoint stands.
        opt_in: whether the account uses the region.
        detail: AWS's own words where it refused; they may name the account. "" otherwise.
        named: whether a file of the project names the region.
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
        account_id: its twelve digits.
        partition: `aws`, `aws-cn`, `aws-us-gov`, ….
        profile: the profile that it was asked with, or "".
        role: the name of the role that the profile assumes, "" where it has a key of its own.
        regions: in alphabetical order; empty where the account could not be asked.
        token_version: of the global endpoint's tokens, 1 or 2; None where it could not be read.
        remarks: what else could not be read, each a sentence.
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
        """The account for the journal; AWS's own words are not kept."""
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
        """The account that `as_facts` gave."""
        name = f"sts_regions.accounts.{account}"
        regions = read(dict[str, dict[str, Any]], facts.get("regions"), f"{name}.regions")
        named = [{**answer, "region": region} for region, answer in sorted(regions.items())]
        return read(cls, {**facts, "account": account, "regions": named}, name)


@dataclass(frozen=True)
class Audit:
    """What all accounts of a project answered.

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
        """The answer of the account of that name, or None."""
        return next((account for account in self.accounts if account.account == name), None)

    def as_facts(self) -> dict[str, Any]:
        """The audit for the journal."""
        return {
            "asked_at": self.asked_at,
            "allowed": list(self.allowed),
            "accounts": {account.account: account.as_facts() for account in self.accounts},
        }

    @classmethod
    def from_facts(cls, project: str, facts: Mapping[str, Any]) -> Audit:
        """The audit that `as_facts` gave.

        Raises:
            WrongShape: they are others.
        """
        facts = read(dict[str, Any], facts, "sts_regions")
        answers = read(dict[str, dict[str, Any]], facts.get("accounts"), "sts_regions.accounts")
        accounts = tuple(AccountAnswer.from_facts(name, answer) for name, answer in answers.items())
        allowed = read(tuple[str, ...], facts.get("allowed"), "sts_regions.allowed")
        return cls(project, read(str, facts.get("asked_at"), "sts_regions.asked_at"), allowed, accounts)


def changes(before: Audit, now: Audit) -> tuple[Sentence, ...]:
    """What is other than it was, a line each: "security eu-west-3: active, now deactivated"."""
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
