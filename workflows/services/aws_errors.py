"""What AWS and botocore say when something fails, in words that tell a person what to do next.

AWS's own messages name codes and API operations; a new user needs the cause and the remedy. The codes are
those of the "Common errors" pages of the IAM and STS API references and of botocore's exceptions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any

from workflows.errors import OnboardError


class AwsFailure(Enum):
    """What kind of failure it was, for a program to decide by."""

    NETWORK = "network"
    NO_CREDENTIALS = "no credentials"
    PROFILE = "profile"
    KEY_UNKNOWN = "key unknown"
    SIGNATURE = "signature"
    CLOCK = "clock"
    EXPIRED = "expired"
    SSO = "sso"
    DENIED = "denied"
    DENIED_EXPLICITLY = "denied explicitly"
    MFA_CODE = "mfa code"
    MFA_DEVICE = "mfa device"
    THROTTLED = "throttled"
    NOT_FOUND = "not found"
    EXISTS = "exists"
    LIMIT = "limit"
    PASSWORD_POLICY = "password policy"  # noqa: S105 - the name of a failure
    REGION_DISABLED = "region disabled"
    UNAVAILABLE = "unavailable"
    INPUT = "input"
    OTHER = "other"


class AwsError(OnboardError):
    """A failure of AWS or on the way to it.

    Attributes:
        failure: its kind.
        code: AWS's error code or the name of botocore's exception, as "AccessDenied".
    """

    def __init__(
        self, failure: AwsFailure, code: str, explanation: Explanation, *, doing: str, detail: str
    ) -> None:
        what = f"{doing[:1].upper()}{doing[1:]} did not work: {explanation.what}"
        super().__init__(explanation.title, what, why=explanation.why, next=explanation.next, detail=detail)
        self.failure = failure
        self.code = code


@dataclass(frozen=True)
class Explanation:
    """The words for one kind of failure; the fields are those of `OnboardError`."""

    title: str
    what: str
    why: str
    next: str


_FAILURES: Mapping[str, AwsFailure] = {
    "AccessDenied": AwsFailure.DENIED,
    "AccessDeniedException": AwsFailure.DENIED,
    "UnauthorizedOperation": AwsFailure.DENIED,
    "NotAuthorized": AwsFailure.DENIED,
    "InvalidClientTokenId": AwsFailure.KEY_UNKNOWN,
    "InvalidAccessKeyId": AwsFailure.KEY_UNKNOWN,
    "UnrecognizedClientException": AwsFailure.KEY_UNKNOWN,
    "AuthFailure": AwsFailure.KEY_UNKNOWN,
    "SignatureDoesNotMatch": AwsFailure.SIGNATURE,
    "InvalidSignatureException": AwsFailure.SIGNATURE,
    "IncompleteSignature": AwsFailure.SIGNATURE,
    "RequestExpired": AwsFailure.CLOCK,
    "RequestTimeTooSkewed": AwsFailure.CLOCK,
    "RequestInTheFuture": AwsFailure.CLOCK,
    "ExpiredToken": AwsFailure.EXPIRED,
    "ExpiredTokenException": AwsFailure.EXPIRED,
    "TokenRefreshRequired": AwsFailure.EXPIRED,
    "InvalidAuthenticationCode": AwsFailure.MFA_CODE,
    "Throttling": AwsFailure.THROTTLED,
    "ThrottlingException": AwsFailure.THROTTLED,
    "TooManyRequestsException": AwsFailure.THROTTLED,
    "RequestLimitExceeded": AwsFailure.THROTTLED,
    "SlowDown": AwsFailure.THROTTLED,
    "NoSuchEntity": AwsFailure.NOT_FOUND,
    "EntityAlreadyExists": AwsFailure.EXISTS,
    "LimitExceeded": AwsFailure.LIMIT,
    "PasswordPolicyViolation": AwsFailure.PASSWORD_POLICY,
    "RegionDisabledException": AwsFailure.REGION_DISABLED,
    "OptInRequired": AwsFailure.REGION_DISABLED,
    "EntityTemporarilyUnmodifiable": AwsFailure.UNAVAILABLE,
    "ConcurrentModification": AwsFailure.UNAVAILABLE,
    "ServiceFailure": AwsFailure.UNAVAILABLE,
    "ServiceUnavailable": AwsFailure.UNAVAILABLE,
    "InternalFailure": AwsFailure.UNAVAILABLE,
    "InternalError": AwsFailure.UNAVAILABLE,
    "ValidationError": AwsFailure.INPUT,
    "InvalidInput": AwsFailure.INPUT,
    "MalformedPolicyDocument": AwsFailure.INPUT,
    # from here on the names of botocore's own exceptions
    "EndpointConnectionError": AwsFailure.NETWORK,
    "ConnectTimeoutError": AwsFailure.NETWORK,
    "ReadTimeoutError": AwsFailure.NETWORK,
    "ConnectionClosedError": AwsFailure.NETWORK,
    "ConnectionError": AwsFailure.NETWORK,
    "HTTPClientError": AwsFailure.NETWORK,
    "ProxyConnectionError": AwsFailure.NETWORK,
    "ResponseStreamingError": AwsFailure.NETWORK,
    "IncompleteReadError": AwsFailure.NETWORK,
    "SSLError": AwsFailure.NETWORK,
    "ResponseParserError": AwsFailure.NETWORK,
    "NoCredentialsError": AwsFailure.NO_CREDENTIALS,
    "PartialCredentialsError": AwsFailure.NO_CREDENTIALS,
    "CredentialRetrievalError": AwsFailure.NO_CREDENTIALS,
    "RefreshWithMFAUnsupportedError": AwsFailure.EXPIRED,
    "SSOError": AwsFailure.SSO,
    "TokenRetrievalError": AwsFailure.SSO,
    "ProfileNotFound": AwsFailure.PROFILE,
    "ConfigParseError": AwsFailure.PROFILE,
    "ConfigNotFound": AwsFailure.PROFILE,
    "InvalidConfigError": AwsFailure.PROFILE,
    "InfiniteLoopConfigError": AwsFailure.PROFILE,
    "UnknownCredentialError": AwsFailure.PROFILE,
    "NoRegionError": AwsFailure.PROFILE,
    "InvalidRegionError": AwsFailure.PROFILE,
    "UnknownEndpointError": AwsFailure.PROFILE,
    "ParamValidationError": AwsFailure.INPUT,
}

_EXPLANATIONS: Mapping[AwsFailure, Explanation] = {
    AwsFailure.NETWORK: Explanation(
        "AWS cannot be reached",
        "no answer came from AWS.",
        "The network is down, a VPN, proxy or firewall is in the way, or the region's name is wrong.",
        "Check the connection (does https://aws.amazon.com open?), then try again.",
    ),
    AwsFailure.NO_CREDENTIALS: Explanation(
        "No access key",
        "there is no complete access key to sign the request with.",
        "The profile has no access key, only half of one, or its credential_process gave none.",
        "Import or create an access key first, then try again.",
    ),
    AwsFailure.PROFILE: Explanation(
        "The profile files cannot be used",
        "the AWS profile files have no such profile, or a part of them cannot be read.",
        "A profile is missing or misspelt, a source_profile leads nowhere or in a circle, or a line is bad.",
        "Look at the details below, correct the file or write the profiles again.",
    ),
    AwsFailure.KEY_UNKNOWN: Explanation(
        "AWS does not know this access key",
        "AWS does not accept the access key.",
        "The key was deleted or made inactive, its id is mistyped, or it is so new (about ten seconds) that"
        " AWS does not know it everywhere yet.",
        "Wait a moment and try again. If it stays, create or import another access key.",
    ),
    AwsFailure.SIGNATURE: Explanation(
        "The secret access key is wrong",
        "the request's signature does not match the access key.",
        "The secret access key does not belong to this access key id: a character is missing, or they come"
        " from two different keys.",
        "Import the key again from its file, or create another one.",
    ),
    AwsFailure.CLOCK: Explanation(
        "This computer's clock is off",
        "AWS refuses requests whose time is more than five minutes off.",
        "The computer's clock differs from AWS's.",
        "Switch automatic time on in the system's settings, then try again.",
    ),
    AwsFailure.EXPIRED: Explanation(
        "The session has expired",
        "the temporary credentials are no longer valid.",
        "Sessions end after a set time.",
        "Enter a fresh MFA code to start a new one.",
    ),
    AwsFailure.SSO: Explanation(
        "Sign in to SSO again",
        "the SSO session has expired, or there is none.",
        "`aws sso login` begins one that lasts some hours and leaves a token here; AWS takes no other.",
        "Run `aws sso login` with the profile that is named below, then try again.",
    ),
    AwsFailure.DENIED: Explanation(
        "AWS does not allow this",
        "you are not allowed to do it.",
        "No policy of your groups allows it, or it is allowed only in a session that began with an MFA code.",
        "If you have an MFA device, begin with its code and try again. If you did, ask your administrator.",
    ),
    AwsFailure.DENIED_EXPLICITLY: Explanation(
        "AWS does not allow this without MFA",
        "one of your policies denies it.",
        "The usual policy denies nearly everything until you are signed in with an MFA code.",
        "Set up MFA, or enter a code from your device, and try again. If it stays, ask your administrator.",
    ),
    AwsFailure.MFA_CODE: Explanation(
        "The MFA code was not accepted",
        "AWS did not accept the six digits.",
        "They were mistyped, are too old, were used already (each code works once), or come from another"
        " device; or the phone's clock is off.",
        "Wait for the app's next code and enter that one.",
    ),
    AwsFailure.MFA_DEVICE: Explanation(
        "The MFA device does not fit",
        "AWS knows no such MFA device for you.",
        "Its serial number is wrong, or the device belongs to another user or account.",
        "Look it up again in the console: Security credentials, Multi-factor authentication.",
    ),
    AwsFailure.THROTTLED: Explanation(
        "AWS asks to slow down",
        "AWS got too many requests from this account.",
        "AWS limits how many requests an account may make in a second.",
        "Wait half a minute and try again.",
    ),
    AwsFailure.NOT_FOUND: Explanation(
        "AWS has no such thing",
        "what was asked for does not exist in this account.",
        "It was removed meanwhile, its name is misspelt, or this is another account.",
        "Check the name and the account, then try again.",
    ),
    AwsFailure.EXISTS: Explanation(
        "It exists already",
        "there is one of that name already.",
        "It was made earlier, perhaps by an attempt that was interrupted.",
        "Use the existing one, or have it deleted first.",
    ),
    AwsFailure.LIMIT: Explanation(
        "AWS allows no more of them",
        "the account or the user already has as many as AWS allows.",
        "A user has at most two access keys and eight MFA devices.",
        "Delete one that is no longer used, then try again.",
    ),
    AwsFailure.PASSWORD_POLICY: Explanation(
        "The password breaks the account's rules",
        "AWS does not accept this new password.",
        "The account has a password policy.",
        "Choose another one that keeps the rules shown.",
    ),
    AwsFailure.REGION_DISABLED: Explanation(
        "The region is switched off",
        "this account does not use that region.",
        "The region is not enabled for the account, or its STS endpoint is deactivated.",
        "Use one of the project's regions in the profile, or have the region activated.",
    ),
    AwsFailure.UNAVAILABLE: Explanation(
        "AWS is busy with it",
        "AWS cannot do it right now.",
        "AWS has a disturbance, or another change to the same thing is still under way.",
        "Wait a minute and try again; https://health.aws.amazon.com/health/status shows disturbances.",
    ),
    AwsFailure.INPUT: Explanation(
        "AWS does not understand the input",
        "a value has a form that AWS does not accept.",
        "",
        "Check what was entered, then try again.",
    ),
    AwsFailure.OTHER: Explanation(
        "AWS reported an error",
        "AWS answered with an error that this program has no words for.",
        "",
        "The details below are AWS's own words; try again, or show them to your administrator.",
    ),
}

_REQUEST_TIME = re.compile(r"(\d{8}T\d{6}Z)")


def translate(error: Exception, doing: str = "asking AWS") -> AwsError:
    """Put an error of botocore into words.

    Args:
        error: a `botocore.exceptions.ClientError` or `BotoCoreError`; any other exception becomes `OTHER`,
            named by its type alone.
        doing: what was being done, as a phrase that can begin a sentence ("listing your access keys").

    Returns:
        The error to raise, `from None`: the original may hold a session token in its text.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - boto is slow to import
    from botocore.parsers import ResponseParserError  # noqa: PLC0415 - boto is slow to import

    if isinstance(error, ClientError):
        return _from_answer(error.response, doing)
    if isinstance(error, BotoCoreError | ResponseParserError):
        return _from_botocore(error, doing)
    return AwsError(
        AwsFailure.OTHER,
        type(error).__name__,
        _EXPLANATIONS[AwsFailure.OTHER],
        doing=doing,
        detail=type(error).__name__,
    )


@contextmanager
def calling_aws(doing: str) -> Iterator[None]:
    """Translate whatever botocore raises inside the block; `doing` is as in `translate`.

    Raises:
        AwsError: the call failed.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - boto is slow to import
    from botocore.parsers import ResponseParserError  # noqa: PLC0415 - boto is slow to import

    try:
        yield
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        raise translate(error, doing) from None


def _from_answer(response: Mapping[str, Any], doing: str) -> AwsError:
    """Words for an error that AWS itself answered with."""
    code = str(response.get("Error", {}).get("Code", "Unknown"))
    message = str(response.get("Error", {}).get("Message", ""))
    metadata = response.get("ResponseMetadata", {})
    failure = _FAILURES.get(code, AwsFailure.OTHER)
    if failure is AwsFailure.OTHER and int(metadata.get("HTTPStatusCode", 0)) >= 500:
        failure = AwsFailure.UNAVAILABLE
    failure = _by_message(failure, message)
    explanation = _EXPLANATIONS[failure]
    if failure in {AwsFailure.SIGNATURE, AwsFailure.CLOCK}:
        # AWS repeats the signed request after the first sentence, and a session token is a part of that.
        message = re.split(r"\.\s|\n", message, maxsplit=1)[0]
        if failure is AwsFailure.CLOCK:
            explanation = _with_offset(explanation, message, metadata.get("HTTPHeaders", {}))
    return AwsError(failure, code, explanation, doing=doing, detail=f"{code}: {message}" if message else code)


def _by_message(failure: AwsFailure, message: str) -> AwsFailure:
    """A closer kind where AWS uses one code for several causes and tells them apart in the text alone."""
    lowered = message.lower()
    if failure is AwsFailure.SIGNATURE and ("signature expired" in lowered or "not yet current" in lowered):
        return AwsFailure.CLOCK
    if failure in {AwsFailure.DENIED, AwsFailure.INPUT}:
        if "one time pass code" in lowered or "authentication code" in lowered:
            missing = "must provide" in lowered
            return AwsFailure.DENIED if missing else AwsFailure.MFA_CODE
        if "mfa serial" in lowered or "unable to validate mfa" in lowered:
            return AwsFailure.MFA_DEVICE
        if "explicit deny" in lowered:
            return AwsFailure.DENIED_EXPLICITLY
    return failure


def _with_offset(explanation: Explanation, message: str, headers: Mapping[str, str]) -> Explanation:
    """Tell how far the clock is off: our time stands in AWS's message, AWS's own in the Date header."""
    stamp = _REQUEST_TIME.search(message)
    date = headers.get("date")
    if stamp is None or date is None:
        return explanation
    ours = datetime.strptime(stamp.group(1), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    seconds = round((ours - parsedate_to_datetime(date)).total_seconds())
    if seconds == 0:
        return explanation
    direction = "ahead of" if seconds > 0 else "behind"
    minutes, rest = divmod(abs(seconds), 60)
    why = f"This computer's clock is {minutes} min {rest} s {direction} AWS's."
    return Explanation(explanation.title, explanation.what, why, explanation.next)


def _from_botocore(error: Exception, doing: str) -> AwsError:
    """Words for an error that happened on this side of the wire."""
    name = type(error).__name__
    kinds = (_FAILURES[parent.__name__] for parent in type(error).__mro__ if parent.__name__ in _FAILURES)
    failure = next(kinds, AwsFailure.OTHER)
    # A validation error repeats the value that was refused, and that may be a password.
    detail = name if failure is AwsFailure.INPUT or name == "ResponseParserError" else f"{name}: {error}"
    explanation = _EXPLANATIONS[failure]
    if name == "ResponseParserError":
        what = "something answered, but it was not AWS."
        why = "A sign-in page of the network (hotel, guest WLAN) or a proxy answers in AWS's place."
        explanation = Explanation(
            explanation.title, what, why, "Sign in to the network in a browser, then try again."
        )
    if name == "SSLError":
        why = "The certificate was not accepted: a proxy that inspects traffic, or a clock that is far off."
        remedy = "Ask whether your network has a certificate of its own (AWS_CA_BUNDLE), and check the clock."
        explanation = Explanation(explanation.title, explanation.what, why, remedy)
    return AwsError(failure, name, explanation, doing=doing, detail=detail)
