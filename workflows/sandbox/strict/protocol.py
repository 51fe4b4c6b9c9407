"""AWS requests as the strict layer reads them, and errors with each protocol's code, status and form.

moto's parsers and serializers, which use botocore's model of the service, read the requests and write the
responses and errors.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any
from urllib.parse import urlencode
from wsgiref.types import WSGIEnvironment

from botocore.exceptions import UnknownServiceError
from moto.core.exceptions import ServiceException
from moto.core.model import OperationModel, ServiceModel
from moto.core.parse import PROTOCOL_PARSERS, RequestParserError
from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.core.serialize import XFormedAttributePicker, get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound


class Reason(Enum):
    """The reason why a request fails before the service handles it."""

    UNSIGNED = "unsigned"
    UNKNOWN_KEY = "unknown key"
    BAD_SIGNATURE = "bad signature"
    SKEWED = "skewed clock"
    EXPIRED = "expired session"
    DENIED = "denied"


class Refusal(ServiceException):
    """AWS's error for a request that it would reject.

    Args:
        code: AWS's error code.
        message: AWS's message.
        status: the HTTP status; 0 for the one in the service's model, or 400.
    """

    def __init__(self, code: str, message: str, status: int = 0) -> None:
        super().__init__(code, message)
        self.status = status


_TOKEN_INVALID = "The security token included in the request is invalid."  # noqa: S105 - a message
_TOKEN_EXPIRED = "The security token included in the request is expired"  # noqa: S105 - a message
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS "
    "Secret Access Key and signing method. Consult the service documentation for details."
)
_NOT_VALIDATED = "AWS was not able to validate the provided access credentials"

_REFUSALS: dict[str, dict[Reason, tuple[int, str, str]]] = {
    "query": {
        Reason.UNSIGNED: (
            403,
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        ),
        Reason.UNKNOWN_KEY: (403, "InvalidClientTokenId", _TOKEN_INVALID),
        Reason.BAD_SIGNATURE: (403, "SignatureDoesNotMatch", _MISMATCH),
        Reason.SKEWED: (403, "SignatureDoesNotMatch", "Signature expired"),
        Reason.EXPIRED: (403, "ExpiredToken", _TOKEN_EXPIRED),
        Reason.DENIED: (403, "AccessDenied", "Access denied"),
    },
    "ec2": {
        Reason.UNKNOWN_KEY: (401, "AuthFailure", _NOT_VALIDATED),
        Reason.BAD_SIGNATURE: (401, "AuthFailure", _NOT_VALIDATED),
        Reason.SKEWED: (400, "RequestExpired", "Request has expired."),
        Reason.EXPIRED: (400, "RequestExpired", "Request has expired."),
        Reason.DENIED: (403, "UnauthorizedOperation", "You are not authorized to perform this operation."),
    },
    "rest-xml": {
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
    "json": {
        Reason.UNKNOWN_KEY: (400, "UnrecognizedClientException", _TOKEN_INVALID),
        Reason.BAD_SIGNATURE: (400, "InvalidSignatureException", _MISMATCH),
        Reason.SKEWED: (400, "InvalidSignatureException", "Signature expired"),
        Reason.EXPIRED: (400, "ExpiredTokenException", _TOKEN_EXPIRED),
        Reason.DENIED: (400, "AccessDeniedException", "Access denied"),
    },
}
_REFUSALS["rest-json"] = {
    reason: (403, code, message) for reason, (_, code, message) in _REFUSALS["json"].items()
}


def refuse(request: AwsRequest, reason: Reason, message: str = "") -> Refusal:
    """Return the error with the protocol's code and status; `message` replaces AWS's standard message."""
    status, code, standard = _REFUSALS[request.protocol][reason]
    return Refusal(code, message or standard, status)


def _model(service: str) -> ServiceModel:
    try:
        return get_service_model(service)
    except UnknownServiceError:  # or the request names no service
        return get_service_model("sts")


Written = tuple[int, list[tuple[str, str]], bytes]


def written(service: str, action: str, result: Mapping[str, Any] | ServiceException) -> Written:
    """Return the status, headers and body of a service's response or error."""
    model = _model(service)
    known = action in model.operation_names
    operation = model.operation_model(action) if known else OperationModel({}, model)
    serializer = get_serializer_class(model.service_name, model.protocol)
    with warnings.catch_warnings():  # about error codes that no service's model contains
        warnings.simplefilter("ignore")
        answer = serializer(operation, value_picker=XFormedAttributePicker()).serialize(result)
    body = answer["body"]
    data = body.encode() if isinstance(body, str) else bytes(body)
    headers = {"Content-Type": "text/xml", **answer["headers"], "Content-Length": str(len(data))}
    status = getattr(result, "status", 0) or answer["status_code"]
    return status, [(name, str(value)) for name, value in headers.items()], data


_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<access_key_id>[^/,\s]+)/\d{8}/(?P<region>[^/]+)/"
    r"(?P<service>[^/]+)/aws4_request,\s*SignedHeaders=(?P<signed_headers>[^,\s]+)"
    r",\s*Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True)
class Authorization:
    """The parts of a Signature Version 4 `Authorization` header; all "" if there is none."""

    access_key_id: str = ""
    region: str = ""
    service: str = ""
    signed_headers: str = ""
    signature: str = ""


@dataclass(frozen=True)
class AwsRequest:
    """A request to an AWS service.

    Attributes:
        http: method, path, query and headers as they were sent.
        body: the whole body.
        authorization: the parsed `Authorization` header.
        action: the operation's name (`CreateUser`), or "" if it is not in the service's model.
        parameters: argument name -> value; for S3 only the arguments in the path.
    """

    http: Request
    body: bytes = field(repr=False)
    authorization: Authorization
    action: str
    parameters: Mapping[str, Any] = field(repr=False)

    @property
    def service(self) -> str:
        """The service's signing name, or "" for an unsigned request."""
        return self.authorization.service

    @property
    def protocol(self) -> str:
        """The service's protocol, by botocore's name."""
        return str(_model(self.service).protocol)

    def text(self, name: str) -> str:
        """Return a parameter as text, or "" if it was not given."""
        return str(self.parameters.get(name) or "")

    def with_parameter(self, name: str, value: str) -> AwsRequest:
        """Return a copy of this query protocol request with one more form field."""
        body = self.body + f"&{urlencode({name: value})}".encode()
        return replace(self, parameters={**self.parameters, name: value}, body=body)


def read(environ: WSGIEnvironment) -> AwsRequest:
    """Read the whole request from a WSGI environment, including its body (see `environ_for`)."""
    http = Request(environ)
    body = http.get_data()
    match = _AUTHORIZATION.fullmatch(http.headers.get("Authorization", "").strip())
    authorization = Authorization(**match.groupdict()) if match else Authorization()
    action, parameters = _operation(http, authorization.service, body)
    return AwsRequest(http, body, authorization, action, parameters)


def environ_for(request: AwsRequest, account_id: str) -> WSGIEnvironment:
    """Return the WSGI environment for moto, with the request's body and the caller's account."""
    environ = {
        **request.http.environ,
        "wsgi.input": io.BytesIO(request.body),
        "CONTENT_LENGTH": str(len(request.body)),
        "HTTP_X_MOTO_ACCOUNT_ID": account_id,
    }
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    return environ


def _operation(http: Request, service: str, body: bytes) -> tuple[str, dict[str, Any]]:
    """Return the operation's name and its arguments, by the service's model."""
    try:
        operation, named = get_service_router(service).match(http)
        protocol = operation.service_model.protocol
        if protocol == "rest-xml":  # the body may be an object
            return operation.name, named
        parser: Any = PROTOCOL_PARSERS[protocol](operation)
        sent = {"values": http.values, "headers": http.headers, "body": body, "url_params": named}
        return operation.name, parser.parse(sent)
    except (NotFound, UnknownServiceError, NotImplementedError, RequestParserError, ValueError):
        return "", {}
