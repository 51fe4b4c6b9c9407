"""A user, its console password, and the policy that passwords have to keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workflows.core.secret import Secret
from workflows.services.aws_errors import AwsError, AwsFailure, calling_aws
from workflows.services.clients import AwsClient
from workflows.services.iam.arguments import named, utc


@dataclass(frozen=True)
class User:
    """An IAM user.

    Attributes:
        name: the user name.
        arn: its ARN.
        created: when it was made (UTC).
        password_last_used: the last sign-in to the console (UTC); None if there was none that AWS recorded.
    """

    name: str
    arn: str
    created: datetime
    password_last_used: datetime | None


def get_user(iam: AwsClient, user: str | None = None) -> User:
    """The user and its last sign-in. Allowed without MFA.

    Raises:
        AwsError: it could not be read.
    """
    with calling_aws("reading your user"):
        found = iam.get_user(**named(user))["User"]
    used = found.get("PasswordLastUsed")
    return User(found["UserName"], found["Arn"], utc(found["CreateDate"]), utc(used) if used else None)


def password_last_used(iam: AwsClient, user: str | None = None) -> datetime | None:
    """The last sign-in to the console (UTC), or None. AWS may tell it some minutes late.

    Raises:
        AwsError: it could not be read.
    """
    return get_user(iam, user).password_last_used


def must_change_password(iam: AwsClient, user: str | None = None) -> bool | None:
    """Whether the next sign-in has to choose a new password: the one-time password is not replaced yet.

    Returns:
        None if the user has no password, or if this may not be asked: usually only with MFA.

    Raises:
        AwsError: it could not be asked, for another reason.
    """
    try:
        with calling_aws("asking whether the password is to be changed"):
            profile = iam.get_login_profile(**named(user))["LoginProfile"]
    except AwsError as error:
        if error.denied or error.failure is AwsFailure.NOT_FOUND:
            return None
        raise
    return bool(profile.get("PasswordResetRequired", False))


def change_password(iam: AwsClient, old: Secret, new: Secret) -> None:
    """Change the caller's own console password. Allowed without MFA.

    Raises:
        AwsError: `PASSWORD_POLICY`, or `DENIED` when the old password is wrong or the policy forbids it.
    """
    with calling_aws("changing the password"):
        iam.change_password(OldPassword=old.reveal(), NewPassword=new.reveal())


def get_account_password_policy(iam: AwsClient) -> Mapping[str, Any]:
    """The account's own policy as IAM answers it; empty if it has none, so AWS's default holds.

    Raises:
        AwsError: it could not be read; people usually may not without MFA.
    """
    try:
        with calling_aws("reading the account's password policy"):
            policy: Mapping[str, Any] = iam.get_account_password_policy()["PasswordPolicy"]
    except AwsError as error:
        if error.failure is AwsFailure.NOT_FOUND:
            return {}
        raise
    return policy


def find_user(iam: AwsClient, user: str) -> User | None:
    """The user, or None if the account has none of that name.

    Raises:
        AwsError: it could not be asked.
    """
    try:
        return get_user(iam, user)
    except AwsError as error:
        if error.failure is AwsFailure.NOT_FOUND:
            return None
        raise


def account_alias(iam: AwsClient) -> str:
    """The account's alias, "" if it has none or the caller may not ask.

    Raises:
        AwsError: it could not be asked, for another reason.
    """
    try:
        with calling_aws("asking for the account's alias"):
            aliases = iam.list_account_aliases()["AccountAliases"]
    except AwsError as error:
        if error.denied:
            return ""
        raise
    return str(aliases[0]) if aliases else ""
