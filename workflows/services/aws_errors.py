"""What AWS and botocore say when something fails, put into words that tell a person what to do next."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from workflows.core.errors import OnboardError
from workflows.services.aws_failure_words import (
    EXPLANATIONS,
    NOT_AWS,
    Explanation,
    denied_from_above,
    local_aws_gone,
)
from workflows.services.aws_failures import FAILURES, AwsFailure

__all__ = ["AwsError", "AwsFailure", "Explanation", "about_key_of", "calling_aws", "translate"]

_ABOUT_A_KEY = frozenset({AwsFailure.KEY_UNKNOWN, AwsFailure.SIGNATURE})
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_REQUEST_TIME = re.compile(r"(\d{8}T\d{6}Z)")


class AwsError(OnboardError):
    """A failure of AWS or on the way to it.

    Attributes:
        failure: its kind.
        code: AWS's error code or the name of botocore's exception, as "AccessDenied".
        message: the code with what AWS or botocore says, for who has to tell causes apart that share a code.
    """

    def __init__(
        self, failure: AwsFailure, code: str, explanation: Explanation, *, doing: str, detail: str
    ) -> None:
        what = f"{doing[:1].upper()}{doing[1:]} did not work: {explanation.what}"
        super().__init__(explanation.title, what, why=explanation.why, next=explanation.next, detail=detail)
        self.failure = failure
        self.code = code
        self.message = detail


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
        EXPLANATIONS[AwsFailure.OTHER],
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


@contextmanager
def about_key_of(profile: str) -> Iterator[None]:
    """Where AWS does not take the access key that is used inside the block, say of which profile it is.

    Args:
        profile: the profile whose own key signs the requests; not one that takes on a role with it.

    Raises:
        AwsError: the call failed.
    """
    try:
        yield
    except AwsError as error:
        if error.failure in _ABOUT_A_KEY:
            error.what = f"{error.what} It is the access key of the profile {profile}."
        raise


def _from_answer(response: Mapping[str, Any], doing: str) -> AwsError:
    """Words for an error that AWS itself answered with."""
    code = str(response.get("Error", {}).get("Code", "Unknown"))
    message = str(response.get("Error", {}).get("Message", ""))
    metadata = response.get("ResponseMetadata", {})
    failure = FAILURES.get(code, AwsFailure.OTHER)
    if failure is AwsFailure.OTHER and int(metadata.get("HTTPStatusCode", 0)) >= 500:
        failure = AwsFailure.UNAVAILABLE
    failure = _by_message(failure, message)
    explanation = denied_from_above(message) if failure is AwsFailure.DENIED else None
    if "Code" not in response.get("Error", {}) and failure is AwsFailure.OTHER:
        failure, explanation = AwsFailure.NETWORK, NOT_AWS
        code = f"an answer with the HTTP status {metadata.get('HTTPStatusCode')} that is not one of AWS's"
    explanation = explanation or EXPLANATIONS[failure]
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
        if "explicit deny" in lowered and denied_from_above(message) is None:
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
    kinds = (FAILURES[parent.__name__] for parent in type(error).__mro__ if parent.__name__ in FAILURES)
    failure = next(kinds, AwsFailure.OTHER)
    # A validation error repeats the value that was refused, and that may be a password.
    detail = name if failure is AwsFailure.INPUT or name == "ResponseParserError" else f"{name}: {error}"
    explanation = NOT_AWS if name == "ResponseParserError" else EXPLANATIONS[failure]
    address = str(getattr(error, "kwargs", {}).get("endpoint_url", ""))
    if failure is AwsFailure.NETWORK and urlsplit(address).hostname in _LOOPBACK:
        explanation = local_aws_gone(address)
    if name == "SSLError":
        why = "The certificate was not accepted: a proxy that inspects traffic, or a clock that is far off."
        remedy = "Ask whether your network has a certificate of its own (AWS_CA_BUNDLE), and check the clock."
        explanation = Explanation(explanation.title, explanation.what, why, remedy)
    return AwsError(failure, name, explanation, doing=doing, detail=detail)
