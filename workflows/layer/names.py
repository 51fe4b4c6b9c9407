"""IAM's rules for names, aliases, password policies and managed policies, checked before anything is written.

Sources: IAM API reference, CreateUser, CreateGroup, CreateAccountAlias and UpdateAccountPasswordPolicy;
user guide, "IAM and AWS STS quotas" (names are unique regardless of case), "IAM identifiers" (the forms of
ARNs) and "Managed policies and inline policies".

A nonexistent policy passes `plan` and fails `apply` half way, so names are looked up in a list of AWS's own
policies: `aws_managed_policies.txt`, of September 2026, without those for service-linked roles and root
sessions, which no group can have. The list ages, so an unknown name only causes a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final, Literal

from workflows.core.sentences import Problem
from workflows.layer.model import Constant

_LONGEST: Final = {"user": 64, "group": 128}
_NAME: Final = re.compile(r"[A-Za-z0-9_+=,.@-]+")
_ALIAS: Final = re.compile(r"[a-z0-9](?:[a-z0-9]|-(?!-))*[a-z0-9]")

ALIAS: Final = "account_alias"

POLICY_NUMBERS: Final = {
    "minimum_password_length": (6, 128),
    "password_reuse_prevention": (1, 24),
    "max_password_age": (1, 1095),
}
"""The minimum and maximum that IAM accepts."""

POLICY_OFF: Final = {
    "max_password_age": "passwords never expire",
    "password_reuse_prevention": "an old password may be used again",
}
"""What 0 means: IAM rejects it, but the provider leaves a 0 out of the request, which switches the limit off
(aws_iam_account_password_policy; the module's default of max_password_age is 0)."""

POLICY_SWITCHES: Final = (
    "create_account_password_policy",
    "require_lowercase_characters",
    "require_uppercase_characters",
    "require_numbers",
    "require_symbols",
    "hard_expiry",
    "allow_users_to_change_password",
)

POLICY_ATTRIBUTES: Final = (*POLICY_NUMBERS, *POLICY_SWITCHES)
"""The password policy's attributes of terraform-aws-iam, modules/iam-account."""


MACHINE = "machine."
"""The prefix of machine users' names."""


def is_machine_name(name: str) -> bool:
    """Return whether a name is that of a machine user, by the convention of Leverage's reference layers."""
    return name.casefold().startswith(MACHINE)


def check_account_alias(alias: str) -> list[Problem]:
    """Return what is wrong with an account alias."""
    rules = (
        (
            not 3 <= len(alias) <= 63,
            f"An account alias has 3 to 63 characters; this one has {len(alias)}.",
        ),
        (
            not _ALIAS.fullmatch(alias),
            (
                "An account alias has lower-case letters, digits and single dashes only, and begins and ends "
                "with a letter or digit."
            ),
        ),
        (
            len(alias) == 12 and alias.isdigit(),
            "An account alias can't be a 12-digit number, because that is an account id.",
        ),
    )
    return [Problem(message, "alias") for broken, message in rules if broken][:1]


def check_password_policy(attribute: str, value: Constant, called: str = "") -> list[Problem]:
    """Return what is wrong with, or weak about, one attribute of the password policy.

    Args:
        attribute: its name in the module.
        called: its name in messages; by default the attribute's name.
    """
    name = called or attribute
    if attribute in POLICY_NUMBERS:
        least, most = POLICY_NUMBERS[attribute]
        if value == 0 and not isinstance(value, bool) and attribute in POLICY_OFF:
            return [Problem(f"{name} = 0: {POLICY_OFF[attribute]}.", attribute, fatal=False)]
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            off = f", or 0: {POLICY_OFF[attribute]}" if attribute in POLICY_OFF else ""
            return [Problem(f"{name} is a whole number from {least} to {most}{off}.", attribute)]
        if attribute == "minimum_password_length" and value < 14:
            return [Problem("Fewer than 14 characters is a weak password policy.", attribute, fatal=False)]
        return []
    if attribute in POLICY_SWITCHES:
        return [] if isinstance(value, bool) else [Problem(f"{name} is true or false.", attribute)]
    known = ", ".join(POLICY_ATTRIBUTES)
    return [Problem(f"There is no {attribute} in the password policy; there are: {known}.", attribute)]


def check_name(name: str, what: Literal["user", "group"], taken: Iterable[str] = ()) -> list[Problem]:
    """Return what is wrong with a name for a new IAM user or group.

    Args:
        what: the kind of thing to name.
        taken: existing names; compared ignoring case.
    """
    odd = "".join(dict.fromkeys(character for character in name if not _NAME.fullmatch(character)))
    shown = "spaces" if odd == " " else f"{odd.strip()} or spaces" if " " in odd else odd
    same = next((known for known in taken if known.casefold() == name.casefold()), None)
    why = "" if same == name else ": IAM doesn't distinguish upper and lower case"
    most = _LONGEST[what]
    forms = (
        (not name, f"Enter a {what} name: letters, digits and  + = , . @ _ -"),
        (
            len(name) > most,
            f"A {what} name has at most {most} characters; this one has {len(name)}.",
        ),
        (
            not _NAME.fullmatch(name),
            f"A {what} name has letters (a to z), digits and  + = , . @ _ -  only, no {shown}.",
        ),
    )
    wrong = [message for broken, message in forms if broken][:1]
    if same is not None:
        wrong.append(f"There is already a {what} {same}{why}.")
    return [Problem(message, "name") for message in wrong]


ARN: Final = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):iam::(?P<owner>aws|\d{12}):policy/(?P<name>[\w+=,.@/-]+)", re.ASCII
)
"""The ARN of a managed policy, AWS's own or a customer's."""

_POLICY_NAME: Final = re.compile(r"[\w+=,.@/-]+", re.ASCII)


@cache
def known_policies() -> Mapping[str, str]:
    """Return AWS's own managed policies: name to path, such as `job-function/ViewOnlyAccess`."""
    from importlib.resources import files  # noqa: PLC0415 - reading a layer is quicker without

    text = (files("workflows.layer") / "aws_managed_policies.txt").read_text(encoding="ascii")
    return {path.rpartition("/")[2]: path for path in text.split()}


def policy_arn(text: str, partition: str = "aws") -> str:
    """Return the ARN for a person's input: an ARN unchanged, a name as AWS's own policy.

    Args:
        text: an ARN, or the name of one of AWS's policies, in any case, with or without its path.
        partition: the partition for a name: `aws`, `aws-us-gov` or `aws-cn`.
    """
    text = text.strip().strip("\"'")
    if not text or text.startswith("arn:") or not _POLICY_NAME.fullmatch(text):
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
    from difflib import get_close_matches  # noqa: PLC0415 - reading a layer is quicker without

    plain, known = name.rpartition("/")[2], known_policies()
    close = [known[plain]] if plain in known else get_close_matches(plain, known, 1, 0.75)
    meant = f" Did you mean {close[0]}?" if close else ""
    return Problem(f"AWS had no policy {name} when this version was made.{meant}", "arn", fatal=False)


def short_policy(policy: str) -> str:
    """Shorten a policy by the common prefix of ARNs, or of references to the project's own policies."""
    if (match := ARN.fullmatch(policy.strip('"'))) is not None:
        return match["name"] if match["owner"] == "aws" else f"{match['name']} (own)"
    return policy.strip('"').removeprefix("aws_iam_policy.").removesuffix(".arn")
