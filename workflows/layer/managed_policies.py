"""Managed policies by ARN or by AWS's own name, checked before anything is written.

A nonexistent policy passes `plan` and fails `apply` half way, so names are looked up in a list of AWS's own
policies. The list ages, so an unknown name only causes a warning.

Sources: IAM user guide, "IAM identifiers" (the forms of ARNs) and "Managed policies and inline policies"; the
names in `aws_managed_policies.txt` are AWS's own of September 2026, except those for service-linked roles and
root sessions, which no group can have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Final

from workflows.core.errors import Problem

ARN: Final = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):iam::(?P<owner>aws|\d{12}):policy/(?P<name>[\w+=,.@/-]+)", re.ASCII
)
"""The ARN of a managed policy, AWS's own or a customer's."""

_NAME: Final = re.compile(r"[\w+=,.@/-]+", re.ASCII)


@cache
def known_policies() -> Mapping[str, str]:
    """Return AWS's own managed policies: name to path, such as `job-function/ViewOnlyAccess`."""
    text = (files("workflows.layer") / "aws_managed_policies.txt").read_text(encoding="ascii")
    return {path.rpartition("/")[2]: path for path in text.split()}


def policy_arn(text: str, partition: str = "aws") -> str:
    """Return the ARN for a person's input: an ARN unchanged, a name as AWS's own policy.

    Args:
        text: an ARN, or the name of one of AWS's policies, in any case, with or without its path.
        partition: the partition for a name: `aws`, `aws-us-gov` or `aws-cn`.
    """
    text = text.strip().strip("\"'")
    if not text or text.startswith("arn:") or not _NAME.fullmatch(text):
        return text
    name = text.rpartition("/")[2].casefold()
    known = next((path for policy, path in known_policies().items() if policy.casefold() == name), text)
    return f"arn:{partition}:iam::aws:policy/{known}"


def partition_of(policies: Iterable[str]) -> str:
    """Return the partition of some policies' ARNs; `aws` if unknown."""
    found = (ARN.fullmatch(policy) for policy in policies)
    return next((match["partition"] for match in found if match), "aws")


def check_policy_arn(arn: str, account_id: str | None = None) -> list[Problem]:
    """Return what is wrong with, or doubtful about, the ARN of a policy to attach.

    Args:
        arn: the ARN.
        account_id: the group's account, 12 digits, or None if unknown.
    """
    match = ARN.fullmatch(arn)
    if match is None:
        what = "A managed policy is named by its ARN, or by its name if it is AWS's own"
        return [Problem(f"{what}: arn:aws:iam::aws:policy/ReadOnlyAccess, or ReadOnlyAccess.", "arn")]
    name, owner = match["name"], match["owner"]
    if account_id and owner not in {"aws", account_id}:
        message = f"The policy belongs to the account {owner}, the group to {account_id}. AWS rejects that."
        return [Problem(message, "arn")]
    if owner != "aws":
        return []
    if name.startswith(("aws-service-role/", "root-task/")):
        return [Problem(f"{name} is for AWS's own services; a group can't have it.", "arn")]
    return [] if known_policies().get(name.rpartition("/")[2]) == name else [_doubt(name)]


def _doubt(name: str) -> Problem:
    plain, known = name.rpartition("/")[2], known_policies()
    close = [known[plain]] if plain in known else get_close_matches(plain, known, 1, 0.75)
    meant = f" Did you mean {close[0]}?" if close else ""
    return Problem(f"AWS had no policy {name} when this version was made.{meant}", "arn", fatal=False)


def short_policy(policy: str) -> str:
    """Shorten a policy by the common prefix of ARNs, or of references to the project's own policies."""
    if (match := ARN.fullmatch(policy.strip('"'))) is not None:
        return match["name"] if match["owner"] == "aws" else f"{match['name']} (own)"
    return policy.strip('"').removeprefix("aws_iam_policy.").removesuffix(".arn")
