"""Errors of AWS and botocore: one table of kinds with their codes and sentences.

The codes are those on the "Common errors" pages of the IAM and STS API references, and the names of
botocore's exceptions. AWS gives codes, but people need the cause and the remedy; code decides by the kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, unique
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from workflows.core.later import on_demand
from workflows.core.sentences import OnboardError, Sentence

with on_demand():  # boto is slow to import
    from botocore import exceptions, parsers

_Answer = TypeVar("_Answer")
_Other = TypeVar("_Other")


@dataclass(frozen=True)
class _Row:
    """The sentences of a kind, as in `OnboardError`, and its codes."""

    title: str
    what: str
    why: str
    next: str
    codes: str = ""


@unique
class AwsFailure(Enum):
    """The kind of failure, for code to decide by."""

    NETWORK = _Row(
        "Can't reach AWS",
        "no answer came from AWS.",
        "The network is down, a VPN, proxy or firewall is in the way, or the region's name is wrong.",
        "Check the connection (does https://aws.amazon.com open?), then try again.",
        "EndpointConnectionError ConnectTimeoutError ReadTimeoutError ConnectionClosedError "
        "ConnectionError HTTPClientError ProxyConnectionError ResponseStreamingError "
        "IncompleteReadError",
    )
    CERTIFICATE = _Row(
        "Can't reach AWS",
        "no answer came from AWS.",
        "The certificate wasn't accepted: a proxy inspects the traffic, or this computer's clock is far off.",
        "Ask whether your network has its own certificate (set it with AWS_CA_BUNDLE), and check the clock.",
        "SSLError",
    )
    NOT_AWS = _Row(
        "Can't reach AWS",
        "something answered, but it wasn't AWS.",
        "A sign-in page of the network (hotel, guest WLAN) or a proxy answers in AWS's place.",
        "Sign in to the network in a browser, or ask the proxy's administrator; then try again.",
        "ResponseParserError",
    )
    LOCAL_AWS = _Row(
        "The local AWS doesn't answer",
        "nothing answers at {about}.",
        "This address on your own computer stands in for AWS, in the sandbox or through AWS_ENDPOINT_URL.",
        "In the sandbox, quit (^q) and resume: that starts its AWS again. Otherwise check AWS_ENDPOINT_URL.",
    )
    NO_CREDENTIALS = _Row(
        "No access key",
        "there is no complete access key to sign the request with.",
        "The profile has no access key, or only half of one.",
        "Import or create an access key first, then try again.",
        "NoCredentialsError PartialCredentialsError",
    )
    PROCESS = _Row(
        "No answer from the profile's program",
        "the profile's credential_process gave no access key.",
        "It failed, or took too long. The details below are its own message.",
        "Do what that says, then try again.",
        "CredentialRetrievalError",
    )
    PROFILE = _Row(
        "Can't use the profile files",
        "the AWS profile files have no such profile, or are partly unreadable.",
        (
            "A profile is missing or misspelt, a source_profile leads nowhere or in a circle, or a line is "
            "invalid."
        ),
        "Read the details below, then fix the file or write the profiles again.",
        "ProfileNotFound ConfigParseError ConfigNotFound InvalidConfigError "
        "InfiniteLoopConfigError UnknownCredentialError NoRegionError InvalidRegionError "
        "UnknownEndpointError",
    )
    KEY_UNKNOWN = _Row(
        "AWS doesn't accept this access key",
        "the access key is inactive, deleted (maybe with its user), mistyped, or only seconds old.",
        "AWS can take up to a minute to recognise a new key everywhere.",
        "Wait a moment and try again. If that doesn't help, ask the account's admin whether the key or its "
        "user was removed, or use another access key.",
        "InvalidClientTokenId InvalidAccessKeyId UnrecognizedClientException AuthFailure",
    )
    SIGNATURE = _Row(
        "The secret access key is wrong",
        "the secret access key doesn't belong to this access key id.",
        "A character is missing or mistyped, or they come from two different keys.",
        "Enter or import the key again, or create another one.",
        "SignatureDoesNotMatch InvalidSignatureException IncompleteSignature",
    )
    CLOCK = _Row(
        "This computer's clock is off",
        "AWS rejects requests whose time is more than five minutes off.",
        "The computer's clock differs from AWS's.",
        "Switch on automatic time in the system's settings, then try again.",
        "RequestExpired RequestTimeTooSkewed RequestInTheFuture",
    )
    EXPIRED = _Row(
        "The session has expired",
        "the temporary credentials are no longer valid.",
        "Sessions end after a set time.",
        "Enter a fresh MFA code to start a new one.",
        "ExpiredToken ExpiredTokenException TokenRefreshRequired RefreshWithMFAUnsupportedError",
    )
    SSO = _Row(
        "Sign in to SSO again",
        "the SSO session has expired, or there is none.",
        "Only `aws sso login` starts one. It lasts some hours, and its token stays on this computer.",
        "Run `aws sso login` with the profile named below, then try again.",
        "SSOError TokenRetrievalError",
    )
    DENIED = _Row(
        "AWS doesn't allow this",
        "you don't have permission.",
        "No policy of your groups allows it, or it is allowed only in a session started with an MFA code.",
        "If you have an MFA device, start with its code and try again. If you already did, ask your admin.",
        "AccessDenied AccessDeniedException UnauthorizedOperation NotAuthorized",
    )
    DENIED_EXPLICITLY = _Row(
        "AWS doesn't allow this without MFA",
        "one of your policies denies it.",
        "The usual policy denies nearly everything until you are signed in with an MFA code.",
        "Set up MFA, or enter a code from your device, and try again. If that doesn't help, ask your admin.",
    )
    DENIED_FROM_ABOVE = _Row(
        "AWS doesn't allow this",
        "a {about} denies it.",
        "A {about} limits what everybody below it may do, whatever their groups allow.",
        "Show the details below to the person who runs your AWS organization.",
    )
    NOT_GRANTED = _Row(
        "AWS doesn't allow this",
        "no policy of your groups allows it.",
        "Your groups don't allow it, or allow it only in a session started with an MFA code.",
        "If you have an MFA device, start with its code and try again. If you already did, ask your admin.",
    )
    NOT_TRUSTED = _Row(
        "AWS doesn't allow this",
        "its policy doesn't name you.",
        "A role's trust policy, or another resource's own policy, has to name your account.",
        "Ask your admin to let your account use it.",
    )
    MFA_CODE = _Row(
        "AWS rejected the MFA code",
        "AWS rejected the six digits.",
        "They were mistyped, are too old, were used already (each code works once), or come from another"
        " device; or the phone's clock is off.",
        "Wait for the app's next code and enter that one.",
        "InvalidAuthenticationCode",
    )
    MFA_DEVICE = _Row(
        "The MFA device doesn't match",
        "AWS knows no such MFA device for you.",
        "Its serial number is wrong, or the device belongs to another user or account.",
        "Look it up again in the console: Security credentials, Multi-factor authentication.",
    )
    THROTTLED = _Row(
        "AWS asks to slow down",
        "AWS got too many requests from this account.",
        "AWS limits how many requests an account may make in a second.",
        "Wait half a minute and try again.",
        "Throttling ThrottlingException TooManyRequestsException RequestLimitExceeded SlowDown",
    )
    NOT_FOUND = _Row(
        "AWS couldn't find it",
        "it doesn't exist in this account.",
        "It was removed meanwhile, its name is misspelt, or this is another account.",
        "Check the name and the account, then try again.",
        "NoSuchEntity NoSuchKey",
    )
    EXISTS = _Row(
        "It already exists",
        "that name is already taken.",
        "Somebody made it earlier, perhaps in an interrupted attempt.",
        "Use the existing one, or have it deleted first.",
        "EntityAlreadyExists",
    )
    LIMIT = _Row(
        "AWS allows no more of these",
        "the account or the user already has as many as AWS allows.",
        "A user has at most two access keys and eight MFA devices.",
        "Delete one that you no longer use, then try again.",
        "LimitExceeded",
    )
    PASSWORD_POLICY = _Row(
        "The password breaks the account's rules",
        "AWS rejected this new password.",
        "The account has a password policy.",
        "Choose another one that meets the rules shown.",
        "PasswordPolicyViolation",
    )
    REGION_DISABLED = _Row(
        "The region is switched off",
        "this account doesn't use that region.",
        "The region isn't enabled for the account, or its STS endpoint is deactivated.",
        "Use one of the project's regions in the profile, or have the region activated.",
        "RegionDisabledException OptInRequired",
    )
    UNAVAILABLE = _Row(
        "AWS is busy",
        "AWS can't do it right now.",
        "AWS has a problem, or is still busy with another change to the same thing.",
        "Wait a minute and try again; https://health.aws.amazon.com/health/status shows problems.",
        "EntityTemporarilyUnmodifiable ConcurrentModification ServiceFailure ServiceUnavailable "
        "InternalFailure InternalError",
    )
    INPUT = _Row(
        "AWS doesn't understand the input",
        "a value has a form that AWS doesn't accept.",
        "",
        "Check what you entered, then try again.",
        "ValidationError InvalidInput MalformedPolicyDocument ParamValidationError",
    )
    OTHER = _Row(
        "AWS reported an error",
        "AWS answered with an error that iam-onboard doesn't know.",
        "",
        "The details below are AWS's own message. Try again, or show them to your admin.",
    )


DENIALS: Final = frozenset(
    {
        AwsFailure.DENIED,
        AwsFailure.DENIED_EXPLICITLY,
        AwsFailure.DENIED_FROM_ABOVE,
        AwsFailure.NOT_GRANTED,
        AwsFailure.NOT_TRUSTED,
    }
)
UNREACHABLE: Final = frozenset(
    {AwsFailure.NETWORK, AwsFailure.CERTIFICATE, AwsFailure.NOT_AWS, AwsFailure.LOCAL_AWS}
)
KEY_REFUSED: Final = frozenset({AwsFailure.KEY_UNKNOWN, AwsFailure.SIGNATURE})

_KINDS: Final = {code: failure for failure in AwsFailure for code in failure.value.codes.split()}

_ABOVE: Final = re.compile(
    r"service control policy|resource control policy|permissions boundary|session policy"
)
"""The policies in IAM's access denied messages other than those of groups, users and roles."""
_DENIED: Final = frozenset({AwsFailure.DENIED})
_DENIED_OR_INPUT: Final = frozenset({AwsFailure.DENIED, AwsFailure.INPUT})
_CLOSER: Final = (
    # For codes with several causes, which only AWS's text distinguishes: the kinds by code, a pattern of the
    # text, the actual kind. Denials are worded as in "Access denied error messages" of the IAM User Guide.
    ({AwsFailure.SIGNATURE}, re.compile(r"signature expired|not yet current"), AwsFailure.CLOCK),
    (
        _DENIED_OR_INPUT,
        re.compile(r"must provide.*(?:one time pass|authentication) code"),
        AwsFailure.DENIED,
    ),
    (_DENIED_OR_INPUT, re.compile(r"(?:one time pass|authentication) code"), AwsFailure.MFA_CODE),
    (_DENIED_OR_INPUT, re.compile(r"mfa serial|unable to validate mfa"), AwsFailure.MFA_DEVICE),
    (_DENIED, _ABOVE, AwsFailure.DENIED_FROM_ABOVE),
    (_DENIED, re.compile(r"explicit deny"), AwsFailure.DENIED_EXPLICITLY),
    (_DENIED, re.compile(r"no identity-based policy"), AwsFailure.NOT_GRANTED),
    (_DENIED, re.compile(r"no resource-based policy|trust policy"), AwsFailure.NOT_TRUSTED),
)
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_REQUEST_TIME: Final = re.compile(r"(\d{8}T\d{6}Z)")


_FIELDS: Final = {
    AwsFailure.MFA_CODE: "code",
    **dict.fromkeys(KEY_REFUSED, "secret"),
    AwsFailure.KEY_UNKNOWN: "key_id",
}
"""The request's field for some failures."""


class AwsError(OnboardError):
    """A failure of AWS or on the way to it.

    Args:
        failure: its kind, with the sentences.
        code: AWS's error code or the name of botocore's exception, such as "AccessDenied".
        doing: the failed activity, as a phrase that can begin a sentence ("listing your access keys").
        detail: AWS's or botocore's own message.
        about: the policy or address in some kinds' sentences.
        why: overrides the kind's own, if more is known.
        next: overrides the kind's own, if more is known.

    Attributes:
        failure: see above.
        code: see above.
    """

    def __init__(
        self,
        failure: AwsFailure,
        code: str,
        *,
        doing: str,
        detail: Sentence,
        about: str = "",
        why: Sentence = "",
        next: Sentence = "",  # noqa: A002
    ) -> None:
        row = failure.value
        super().__init__(
            row.title,
            f"{doing[:1].upper()}{doing[1:]} didn't work: {row.what.format(about=about)}",
            why=why or row.why.format(about=about),
            next=next or row.next,
            detail=detail,
        )
        self.failure = failure
        self.code = code
        self.field = _FIELDS.get(failure, "")

    @property
    def denied(self) -> bool:
        """Whether AWS knows the caller but denies the request."""
        return self.failure in DENIALS


def asked(
    question: Callable[[], _Answer],
    otherwise: _Other,
    when: Set[AwsFailure] = DENIALS,
    *,
    doing: str = "asking AWS",
) -> _Answer | _Other:
    """Return AWS's answer, or a default if it fails in an expected way.

    Args:
        question: asks AWS.
        when: the expected failures; by default, denials.
        doing: as for `translate`.

    Raises:
        AwsError: another failure.
    """
    try:
        with calling_aws(doing):
            return question()
    except AwsError as error:
        if error.failure in when:
            return otherwise
        raise


def translate(error: Exception, doing: str = "asking AWS") -> AwsError:
    """Translate a botocore error.

    Args:
        error: a `botocore.exceptions.ClientError`, or a local error: a `BotoCoreError`, or botocore's
            `ResponseParserError`; of any other error, only the type is shown.
        doing: the failed activity, as a phrase that can begin a sentence ("listing your access keys").

    Returns:
        The error to raise, `from None`: the original may have a session token in its text.
    """
    if isinstance(error, exceptions.ClientError):
        return _from_answer(error.response, doing)
    name = type(error).__name__
    kinds = (_KINDS[parent.__name__] for parent in type(error).__mro__ if parent.__name__ in _KINDS)
    failure = next(kinds, AwsFailure.OTHER)
    address = str(getattr(error, "kwargs", {}).get("endpoint_url", "")).rstrip("/")
    if failure is AwsFailure.NETWORK and urlsplit(address).hostname in _LOOPBACK:
        failure = AwsFailure.LOCAL_AWS
    # A validation error repeats the rejected value, which may be a password.
    repeats = failure in {AwsFailure.INPUT, AwsFailure.NOT_AWS}
    silent = repeats or not isinstance(error, exceptions.BotoCoreError | parsers.ResponseParserError)
    return AwsError(failure, name, doing=doing, detail=name if silent else f"{name}: {error}", about=address)


@contextmanager
def calling_aws(doing: str) -> Iterator[None]:
    """Translate botocore's errors inside the block; `doing` as for `translate`.

    Raises:
        AwsError: the call failed.
    """
    try:
        yield
    except (exceptions.BotoCoreError, exceptions.ClientError, parsers.ResponseParserError) as error:
        raise translate(error, doing) from None


@contextmanager
def about_key_of(profile: str) -> Iterator[None]:
    """Name the profile if AWS rejects the access key used inside the block, or if there is none.

    Args:
        profile: the profile whose own key signs the requests; not one that assumes a role with it.

    Raises:
        AwsError: the call failed.
    """
    try:
        with about_key(f"the access key of the profile {profile}"):
            yield
    except AwsError as error:
        if error.failure in {AwsFailure.NO_CREDENTIALS, AwsFailure.PROCESS}:
            error.what = f"{error.what} The profile is {profile}."
        raise


@contextmanager
def about_key(which: Sentence) -> Iterator[None]:
    """Name the access key used inside the block if AWS rejects it.

    Raises:
        AwsError: the call failed.
    """
    try:
        yield
    except AwsError as error:
        if error.failure in KEY_REFUSED:
            error.what = f"{error.what} This is about {which}."
        raise


def _from_answer(response: Mapping[str, Any], doing: str) -> AwsError:
    """Translate an error response from AWS."""
    metadata = response.get("ResponseMetadata", {})
    if "Code" not in response.get("Error", {}):
        code = f"an answer with the HTTP status {metadata.get('HTTPStatusCode')} that is not one of AWS's"
        return AwsError(AwsFailure.NOT_AWS, code, doing=doing, detail=code)
    code, message = str(response["Error"]["Code"]), str(response["Error"].get("Message", ""))
    lowered = message.lower()
    failure = _KINDS.get(code, AwsFailure.OTHER)
    if failure is AwsFailure.OTHER and int(metadata.get("HTTPStatusCode", 0)) >= 500:
        failure = AwsFailure.UNAVAILABLE
    closer = (kind for kinds, pattern, kind in _CLOSER if failure in kinds and pattern.search(lowered))
    failure = next(closer, failure)
    policy = _ABOVE.search(lowered)
    if failure in {AwsFailure.SIGNATURE, AwsFailure.CLOCK}:
        # After the first sentence AWS repeats the signed request, which contains the session token.
        message = re.split(r"\.\s|\n", message, maxsplit=1)[0]
    why = _offset(message, metadata.get("HTTPHeaders", {})) if failure is AwsFailure.CLOCK else ""
    detail = f"{code}: {message}" if message else code
    return AwsError(failure, code, doing=doing, detail=detail, about=policy[0] if policy else "", why=why)


def _offset(message: str, headers: Mapping[str, str]) -> str:
    """Return how far the clock is off, from our time in the message and AWS's in the Date header, or ""."""
    stamp = _REQUEST_TIME.search(message)
    date = headers.get("date")
    if stamp is None or date is None:
        return ""
    ours = datetime.strptime(stamp.group(1), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    seconds = round((ours - parsedate_to_datetime(date)).total_seconds())
    if seconds == 0:
        return ""
    direction = "ahead of" if seconds > 0 else "behind"
    minutes, rest = divmod(abs(seconds), 60)
    return f"This computer's clock is {minutes} min {rest} s {direction} AWS's."
