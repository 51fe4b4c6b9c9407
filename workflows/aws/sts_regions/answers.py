"""The answers: a state for each region of each account, as values that a journal can keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workflows.core.sentences import Sentence
from workflows.core.shapes import read


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
