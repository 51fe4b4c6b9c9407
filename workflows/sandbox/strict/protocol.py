"""AWS requests as the strict layer reads them, and refusals in each protocol's own code, status and words."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode
from xml.sax.saxutils import escape

from moto.core.request import Request
from moto.core.routing import get_service_router
from werkzeug.exceptions import NotFound

from workflows.core.parsing import parse_json

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class Style(Enum):
    """How a service writes an error."""

    QUERY = "query"
    EC2 = "ec2"
    S3 = "s3"
    JSON = "json"
    REST_JSON = "rest-json"


class Reason(Enum):
    """Why a request fails before the service itself looks at it."""

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


_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<key>[^/,\s]+)/(?P<day>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request"
    r",\s*SignedHeaders=(?P<headers>[^,\s]+),\s*Signature=(?P<signature>[0-9a-f]{64})\s*"
)
_STYLES = {"s3": Style.S3, "ec2": Style.EC2, "iam": Style.QUERY, "sts": Style.QUERY}


@dataclass(frozen=True)
class Authorization:
    """The parts of a Signature Version 4 `Authorization` header."""

    access_key_id: str
    day: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str


@dataclass(frozen=True)
class AwsRequest:
    """A request to an AWS service.

    Attributes:
        method: the HTTP method.
        raw_path: the path exactly as sent, still percent-encoded.
        query: the query string exactly as sent.
        headers: lower-case name -> value.
        body: the whole body.
        authorization: the parsed `Authorization` header, or None if there is none or it is of another kind.
        action: the operation's name (`CreateUser`), or "" where the service's model knows none for it.
        parameters: the operation's arguments by name: form fields, the top level of a JSON body, a path's
            parts.
    """

    method: str
    raw_path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    authorization: Authorization | None
    action: str
    parameters: Mapping[str, Any] = field(repr=False)

    @property
    def service(self) -> str:
        """The service's signing name, or "" in an unsigned request."""
        return self.authorization.service if self.authorization else ""

    @property
    def style(self) -> Style:
        """How this service writes an error."""
        if self.service in _STYLES:
            return _STYLES[self.service]
        if "x-amz-target" in self.headers:
            return Style.JSON
        content_type = self.headers.get("content-type", "")
        if content_type.startswith("application/x-www-form-urlencoded"):
            return Style.QUERY
        return Style.REST_JSON if self.service else Style.S3

    def text(self, name: str) -> str:
        """A parameter as text, "" if it was not given."""
        return str(self.parameters.get(name) or "")

    def with_parameter(self, name: str, value: str) -> AwsRequest:
        """The same request of the query protocol with one more form field."""
        parameters = {**self.parameters, name: value}
        return replace(self, parameters=parameters, body=urlencode(parameters).encode())


def read(environ: WSGIEnvironment) -> AwsRequest:
    """Read the whole request from a WSGI environment; its body is consumed (see `environ_for`)."""
    body = _body(environ)
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
    }
    authorization = parse_authorization(headers.get("authorization", ""))
    sent = environ.get("REQUEST_URI") or environ.get("RAW_URI")
    raw_path = (
        sent.split("?", 1)[0] if sent else quote(environ.get("PATH_INFO", "/").encode("latin-1"), safe="/~")
    )
    if "://" in raw_path:
        raw_path = "/" + raw_path.split("://", 1)[1].partition("/")[2]
    query = environ.get("QUERY_STRING", "")
    action, parameters = _what(environ, authorization, headers, query, body)
    return AwsRequest(
        method=environ["REQUEST_METHOD"],
        raw_path=raw_path,
        query=query,
        headers=headers,
        body=body,
        authorization=authorization,
        action=action,
        parameters=parameters,
    )


def parse_authorization(header: str) -> Authorization | None:
    """The parts of a Signature Version 4 header, or None if the header is not one."""
    match = _AUTHORIZATION.fullmatch(header.strip())
    if match is None:
        return None
    return Authorization(
        access_key_id=match["key"],
        day=match["day"],
        region=match["region"],
        service=match["service"],
        signed_headers=tuple(match["headers"].split(";")),
        signature=match["signature"],
    )


def environ_for(environ: WSGIEnvironment, request: AwsRequest, account_id: str) -> WSGIEnvironment:
    """The environment with which moto sees the request: its body again, and the account it acts in."""
    copy = dict(environ)
    copy["wsgi.input"] = io.BytesIO(request.body)
    copy["CONTENT_LENGTH"] = str(len(request.body))
    copy.pop("HTTP_TRANSFER_ENCODING", None)
    copy["HTTP_X_MOTO_ACCOUNT_ID"] = account_id
    return copy


def _body(environ: WSGIEnvironment) -> bytes:
    if environ.get("wsgi.input_terminated"):
        return bytes(environ["wsgi.input"].read())
    length = environ.get("CONTENT_LENGTH") or "0"
    return bytes(environ["wsgi.input"].read(int(length))) if length.isdigit() else b""


def _what(
    environ: WSGIEnvironment,
    authorization: Authorization | None,
    headers: Mapping[str, str],
    query: str,
    body: bytes,
) -> tuple[str, dict[str, Any]]:
    """The operation and its arguments, by the protocol that the request speaks."""
    if target := headers.get("x-amz-target"):
        return target.rpartition(".")[2], _json_object(body)
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        if "Action" in form:
            return form["Action"], form
    asked = dict(parse_qsl(query, keep_blank_values=True))
    if "Action" in asked:
        return asked["Action"], asked
    if authorization is None:
        return "", {}
    try:
        operation, arguments = get_service_router(authorization.service).match(Request(dict(environ)))
    except (NotFound, LookupError, ValueError):  # the service is not in botocore, or has no such path
        return "", {}
    return str(operation.name), {**_json_object(body), **arguments}


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        data = parse_json(body or b"{}")
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
