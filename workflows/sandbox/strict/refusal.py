"""AWS's refusals, in each protocol's own code, status and words, so that every SDK understands them."""

from __future__ import annotations

import json
from enum import Enum
from xml.sax.saxutils import escape


class Style(Enum):
    """How a service writes an error."""

    QUERY = "query"
    EC2 = "ec2"
    S3 = "s3"
    JSON = "json"
    REST_JSON = "rest-json"


class Reason(Enum):
    """Why a request is refused before the service itself looks at it."""

    UNSIGNED = "unsigned"
    UNKNOWN_KEY = "unknown key"
    BAD_SIGNATURE = "bad signature"
    SKEWED = "skewed clock"
    EXPIRED = "expired session"
    DENIED = "denied"


class Refusal(Exception):  # noqa: N818 - AWS's word for it is neither error nor exception
    """A request that AWS would refuse.

    Args:
        code: AWS's error code, as SDKs compare it.
        message: AWS's message.
        status: the HTTP status.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


_TOKEN_INVALID = "The security token included in the request is invalid."  # noqa: S105 - a message
_TOKEN_EXPIRED = "The security token included in the request is expired"  # noqa: S105 - a message
_NO_TOKEN = "Request is missing Authentication Token"  # noqa: S105 - a message
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS "
    "Secret Access Key and signing method. Consult the service documentation for details."
)
_NOT_VALIDATED = "AWS was not able to validate the provided access credentials"

_WORDS: dict[Style, dict[Reason, tuple[int, str, str]]] = {
    Style.QUERY: {
        Reason.UNSIGNED: (403, "MissingAuthenticationToken", _NO_TOKEN),
        Reason.UNKNOWN_KEY: (403, "InvalidClientTokenId", _TOKEN_INVALID),
        Reason.BAD_SIGNATURE: (403, "SignatureDoesNotMatch", _MISMATCH),
        Reason.SKEWED: (403, "SignatureDoesNotMatch", "Signature expired"),
        Reason.EXPIRED: (403, "ExpiredToken", _TOKEN_EXPIRED),
        Reason.DENIED: (403, "AccessDenied", "Access denied"),
    },
    Style.EC2: {
        Reason.UNSIGNED: (400, "MissingParameter", "The request must contain the parameter AWSAccessKeyId"),
        Reason.UNKNOWN_KEY: (401, "AuthFailure", _NOT_VALIDATED),
        Reason.BAD_SIGNATURE: (401, "AuthFailure", _NOT_VALIDATED),
        Reason.SKEWED: (400, "RequestExpired", "Request has expired."),
        Reason.EXPIRED: (400, "RequestExpired", "Request has expired."),
        Reason.DENIED: (403, "UnauthorizedOperation", "You are not authorized to perform this operation."),
    },
    Style.S3: {
        Reason.UNSIGNED: (403, "AccessDenied", "Access Denied"),
        Reason.UNKNOWN_KEY: (
            403,
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        ),
        Reason.BAD_SIGNATURE: (403, "SignatureDoesNotMatch", _MISMATCH),
        Reason.SKEWED: (
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        ),
        Reason.EXPIRED: (400, "ExpiredToken", "The provided token has expired."),
        Reason.DENIED: (403, "AccessDenied", "Access Denied"),
    },
    Style.JSON: {
        Reason.UNSIGNED: (400, "MissingAuthenticationTokenException", _NO_TOKEN),
        Reason.UNKNOWN_KEY: (400, "UnrecognizedClientException", _TOKEN_INVALID),
        Reason.BAD_SIGNATURE: (400, "InvalidSignatureException", _MISMATCH),
        Reason.SKEWED: (400, "InvalidSignatureException", "Signature expired"),
        Reason.EXPIRED: (400, "ExpiredTokenException", _TOKEN_EXPIRED),
        Reason.DENIED: (400, "AccessDeniedException", "Access denied"),
    },
}
_WORDS[Style.REST_JSON] = {
    reason: (403, code, message) for reason, (_, code, message) in _WORDS[Style.JSON].items()
}


def refuse(style: Style, reason: Reason, message: str = "") -> Refusal:
    """The refusal for a reason, in a style's code and status; `message` replaces AWS's standard words."""
    status, code, words = _WORDS[style][reason]
    return Refusal(code, message or words, status)


def render(style: Style, refusal: Refusal, request_id: str) -> tuple[str, bytes]:
    """The content type and the body of a refusal."""
    code, message = escape(refusal.code), escape(refusal.message)
    if style in (Style.JSON, Style.REST_JSON):
        body = json.dumps({"__type": refusal.code, "message": refusal.message, "Message": refusal.message})
        return "application/x-amz-json-1.1", body.encode()
    if style is Style.EC2:
        xml = (
            f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
            f"<RequestID>{request_id}</RequestID></Response>"
        )
    elif style is Style.S3:
        xml = (
            f"<Error><Code>{code}</Code><Message>{message}</Message>"
            f"<RequestId>{request_id}</RequestId></Error>"
        )
    else:
        xml = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    return "text/xml", f'<?xml version="1.0" encoding="UTF-8"?>\n{xml}'.encode()
