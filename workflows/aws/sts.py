"""STS: who a key belongs to, a session that began with an MFA code, and roles.

Facts are those of the STS API reference. AWS accepts each TOTP code once for a device and answers a repeated
code exactly as a mistyped one, so this remembers the codes given and stops a repetition in time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock

from workflows.aws.authenticator import code_problem, normal_code
from workflows.aws.clients import AwsClient, Credentials
from workflows.aws.errors import AwsError, AwsFailure, calling_aws
from workflows.core.errors import OnboardError
from workflows.core.secret import Secret
from workflows.core.sentences import Sentence

SESSION_SECONDS = 3600
SHORTEST_SESSION = 900
SESSION_NAME = "iam-onboard"
REMEMBERED_CODES = 50

_ARN = re.compile(
    r"arn:(?P<partition>[\w-]+):(?P<service>[\w-]+):[\w-]*:(?P<account>\d{12})?:(?P<resource>.+)"
)


class CodeRefused(OnboardError):  # noqa: N818 - as the other refusals are named
    """Six digits that AWS does not take; `serial` is the device that they have to be of, "" if unknown."""

    field = "code"

    def __init__(self, title: Sentence, what: Sentence, *, serial: str = "", **more: Sentence) -> None:
        super().__init__(title, what, **more)
        self.serial = serial


class WrongCode(CodeRefused):
    """AWS did not accept them, or they are not six digits."""


class RepeatedCode(CodeRefused):
    """AWS was given this code of the device before; a code works once."""


@dataclass(frozen=True)
class Identity:
    """Who signed a request, as GetCallerIdentity reports it.

    Attributes:
        arn: of the user or of the assumed role's session.
        account: the twelve digits.
    """

    arn: str
    account: str

    @property
    def partition(self) -> str:
        """`aws`, `aws-us-gov`, `aws-cn`, …."""
        return partition_of(self.arn)

    @property
    def user_name(self) -> str | None:
        """The IAM user's name, without its path; None for a role."""
        resource = self.arn.split(":", 5)[5]
        return resource.rsplit("/", 1)[1] if resource.startswith("user/") else None


@dataclass
class CodeMemory:
    """The codes already given to AWS in this process, for each device; one object serves a whole session.

    None of it is stored: a code is worthless after a minute.
    """

    _given: dict[str, list[str]] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def claim(self, serial: str, code: str) -> str:
        """Remember that this code is about to be used, and return its six digits.

        Raises:
            WrongCode: it is not six digits.
            RepeatedCode: it was claimed before for this device.
        """
        if (problem := code_problem(code)) is not None:
            raise WrongCode(
                "That isn't an MFA code",
                problem.message,
                next="Enter the six digits that the app shows now.",
                serial=serial,
            )
        digits = normal_code(code)
        with self._lock:
            given = self._given.setdefault(serial, [])
            if digits in given:
                raise RepeatedCode(
                    "This code was used already",
                    "AWS has already seen this MFA code.",
                    why="AWS accepts each code once.",
                    next="Wait until the app shows the next code (up to 30 seconds) and enter that one.",
                    serial=serial,
                )
            given.append(digits)
            del given[:-REMEMBERED_CODES]
        return digits


def partition_of(arn: str) -> str:
    """The partition of an ARN: `aws`, `aws-us-gov`, `aws-cn`, ….

    Raises:
        OnboardError: it is not an ARN.
    """
    match = _ARN.fullmatch(arn)
    if match is None:
        raise OnboardError(
            "Not an ARN",
            f"“{arn}” isn't a valid ARN.",
            next="It looks like arn:aws:iam::123456789012:role/DevOps.",
        )
    return match["partition"]


def caller_identity(sts: AwsClient) -> Identity:
    """Whose credentials the client signs with. No policy can forbid this call.

    Raises:
        AwsError: the key is unknown, expired, …, or AWS cannot be reached.
    """
    with calling_aws("asking AWS who owns this access key"):
        answer = sts.get_caller_identity()
    return Identity(answer["Arn"], answer["Account"])


def session_token(sts: AwsClient, serial: str, code: str, *, memory: CodeMemory) -> Credentials:
    """Begin a session with an MFA code; its credentials satisfy policies that ask for MFA, roles included.

    Args:
        sts: a client that signs with the user's own access key.
        serial: the device's, as ListMFADevices reports it.
        code: as typed; blanks in it are allowed.
        memory: the codes given so far.

    Raises:
        WrongCode: not six digits, or not accepted.
        RepeatedCode: given before.
        AwsError: anything else.
    """
    digits = memory.claim(serial, code)
    try:
        with calling_aws("starting a session with your MFA code"):
            answer = sts.get_session_token(
                SerialNumber=serial, TokenCode=digits, DurationSeconds=SESSION_SECONDS
            )
    except AwsError as error:
        if error.failure is not AwsFailure.MFA_CODE:
            raise
        raise WrongCode(
            error.title,
            error.what,
            why=error.why,
            next=f"{error.next} It must come from {serial}.",
            detail=error.detail,
            serial=serial,
        ) from None
    return _credentials(answer["Credentials"])


def assume_role(
    sts: AwsClient,
    role_arn: str,
    *,
    session_name: str = SESSION_NAME,
    external_id: str | None = None,
    seconds: int | None = None,
) -> tuple[Credentials, str]:
    """Assume a role.

    Args:
        sts: a client of the user's key or of an MFA session.
        role_arn: the role.
        session_name: how the session appears in the account's logs.
        external_id: where the trust policy asks for one.
        seconds: the session's length; None is AWS's default, one hour.

    Returns:
        The role's credentials, and the ARN of the session.

    Raises:
        AwsError: the role is not there, does not trust you, ….
    """
    optional = {"ExternalId": external_id, "DurationSeconds": seconds}
    given = {name: value for name, value in optional.items() if value is not None}
    with calling_aws(f"assuming the role {role_arn}"):
        answer = sts.assume_role(RoleArn=role_arn, RoleSessionName=session_name, **given)
    return _credentials(answer["Credentials"]), answer["AssumedRoleUser"]["Arn"]


def _credentials(answer: dict[str, object]) -> Credentials:
    expires = answer["Expiration"]
    return Credentials(
        str(answer["AccessKeyId"]),
        Secret(str(answer["SecretAccessKey"])),
        Secret(str(answer["SessionToken"])),
        expires.astimezone(UTC) if isinstance(expires, datetime) else None,
    )
