"""The account's settings in words: what each means, what AWS takes, what is weak.

Sources: IAM user guide, "Set an account password policy for IAM users"; IAM API reference,
UpdateAccountPasswordPolicy; terraform-aws-iam, modules/iam-account, for what counts where nothing is set.
"""

from __future__ import annotations

from collections.abc import Mapping

from workflows.core.errors import Problem
from workflows.core.sentences import Sentence
from workflows.layer.model import Constant
from workflows.layer.names import POLICY_NUMBERS, check_password_policy

ALIAS = "account_alias"
MEANINGS: Mapping[str, str] = {
    ALIAS: "Account alias",
    "create_account_password_policy": "Has a policy of its own",
    "minimum_password_length": "Shortest password",
    "require_lowercase_characters": "Needs a lower-case letter",
    "require_uppercase_characters": "Needs an upper-case letter",
    "require_numbers": "Needs a digit",
    "require_symbols": "Needs a symbol",
    "max_password_age": "Days until it expires",
    "password_reuse_prevention": "Old ones refused",
    "hard_expiry": "Once expired, only an admin can set a new one",
    "allow_users_to_change_password": "People may change their own",
}
"""What each setting means, in a few words."""

EXPLANATIONS: Mapping[str, str] = {
    ALIAS: "First part of https://ALIAS.signin.aws.amazon.com/console: 3 to 63 lower-case letters, digits "
    "and dashes; nobody else in AWS may have it. Another one is another address for everybody.",
    "create_account_password_policy": "Without one AWS's own counts: 8 characters, three kinds of them, no "
    "expiry; what is set below then means nothing.",
    "minimum_password_length": "AWS takes 6 to 128 characters. Passwords in use are left alone until they "
    "are changed.",
    "require_lowercase_characters": "A new password needs at least one letter from a to z.",
    "require_uppercase_characters": "A new password needs at least one letter from A to Z.",
    "require_numbers": "A new password needs at least one digit.",
    "require_symbols": "A new password needs one of ! @ # $ % ^ & * ( ) _ + - = [ ] { } | '",
    "max_password_age": "A password must be replaced after so many days, 1 to 1095; with 0 it never expires. "
    "Whoever's is older must replace it at the next sign-in.",
    "password_reuse_prevention": "A new password may be none of the last so many, 1 to 24; with 0 an old one "
    "may be used again.",
    "hard_expiry": "Who lets the password expire cannot replace it: an admin has to set a new one.",
    "allow_users_to_change_password": "Everybody in the account may replace the own password. At the first "
    "sign-in people must, so without this a group of theirs has to allow it.",
}
"""What each setting does, and what AWS takes."""

DEFAULTS: Mapping[str, bool] = {
    "create_account_password_policy": True,
    "require_lowercase_characters": True,
    "require_uppercase_characters": True,
    "require_numbers": True,
    "require_symbols": True,
    "hard_expiry": False,
    "allow_users_to_change_password": True,
}
"""What counts where a layer leaves a switch out."""

_ZEROS = {"max_password_age": "never", "password_reuse_prevention": "none"}
_KINDS = (
    *("require_lowercase_characters", "require_uppercase_characters"),
    *("require_numbers", "require_symbols"),
)


def limits(name: str) -> Sentence:
    """What AWS takes for a number of the policy, in words; "" for a switch."""
    if name not in POLICY_NUMBERS:
        return ""
    least, most = POLICY_NUMBERS[name]
    return f"{least} to {most}" + (f", 0: {_ZEROS[name]}" if name in _ZEROS else "")


def weaknesses(policy: Mapping[str, Constant]) -> tuple[Sentence, ...]:
    """What is weak about a policy, each a sentence.

    Args:
        policy: values by attribute; an attribute that is not there counts as the module's default.
    """
    found: list[Sentence] = []
    length = policy.get("minimum_password_length")
    if isinstance(length, int):
        found += [one.message for one in _warnings("minimum_password_length", length)]
    if policy.get("create_account_password_policy") is False:
        found.append("Without a policy of its own the account takes passwords of 8 characters.")
    if not any(policy.get(kind, True) for kind in _KINDS):
        found.append("No kind of character is asked for: letters alone would do.")
    if policy.get("allow_users_to_change_password") is False:
        found.append("People can replace their first password only if a group of theirs allows it.")
    if policy.get("hard_expiry") is True:
        found.append("Whoever lets a password expire is locked out until an admin sets a new one.")
    return tuple(found)


def _warnings(name: str, value: Constant) -> list[Problem]:
    return [one for one in check_password_policy(name, value) if not one.fatal]
