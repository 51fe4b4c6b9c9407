"""STS: the owner of a key, sessions with an MFA code, and roles.

Facts are those of the STS API reference. AWS accepts each TOTP code only once per device and rejects a
repeated code exactly like a mistyped one, so this remembers the codes sent and prevents repetitions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock

from workflows.aws.authenticator import code_problem, normal_code
from workflows.aws.clients import AwsClient
from workflows.aws.errors import AwsError, AwsFailure, calling_aws
from workflows.core.secret import Credentials, Secret
from workflows.core.sentences import OnboardError, Sentence

SESSION_SECONDS = 3600
SHORTEST_SESSION = 900
SESSION_NAME = "iam-onboard"
REMEMBERED_CODES = 50

_ARN = re.compile(
    r"arn:(?P<partition>[\w-]+):(?P<service>[\w-]+):[\w-]*:(?P<account>\d{12})?:(?P<resource>.+)"
)


class CodeRefused(OnboardError):  # noqa: N818 - as the other refusals are named
    """Six digits that AWS won't accept; `serial` is the device for the code, "" if unknown."""

    field = "code"

    def __init__(self, title: Sentence, what: Sentence, *, serial: str = "", **more: Sentence) -> None:
        super().__init__(title, what, **more)
        self.serial = serial


class WrongCode(CodeRefused):
    """AWS rejected the code, or it is not six digits."""


class RepeatedCode(CodeRefused):
    """This code of the device was sent to AWS before; a code works only once."""


@dataclass(frozen=True)
class Identity:
    """The caller, as reported by GetCallerIdentity.

    Attributes:
        arn: the ARN of the user or of the assumed role's session.
        account: the 12-digit account id.
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
    """The codes sent to AWS by this process, for each device; one object serves a whole session.

    Nothing is stored on disk: a code is worthless after a minute.
    """

    _given: dict[str, list[str]] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def claim(self, serial: str, code: str) -> str:
        """Record that this code is about to be used, and return its six digits.

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
    """Return the partition of an ARN: `aws`, `aws-us-gov`, `aws-cn`, ….

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
    """Return the owner of the client's credentials. No policy can deny this call.

    Raises:
        AwsError: the key is unknown, expired, …, or AWS cannot be reached.
    """
    with calling_aws("asking AWS who owns this access key"):
        answer = sts.get_caller_identity()
    return Identity(answer["Arn"], answer["Account"])


def session_token(sts: AwsClient, serial: str, code: str, *, memory: CodeMemory) -> Credentials:
    """Start a session with an MFA code; its credentials satisfy policies that require MFA, including roles'.

    Args:
        sts: a client with the user's own access key.
        serial: the device's serial, from ListMFADevices.
        code: the code as typed; blanks are allowed.
        memory: the codes sent so far.

    Raises:
        WrongCode: not six digits, or rejected.
        RepeatedCode: sent before.
        AwsError: any other failure.
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
            next=error.next,
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
        sts: a client with the user's key or an MFA session.
        session_name: the session's name in the account's logs.
        external_id: the external id, if the trust policy requires one.
        seconds: the session's length; None for AWS's default, one hour.

    Returns:
        The role's credentials, and the ARN of the session.

    Raises:
        AwsError: the role is missing, does not trust you, ….
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
