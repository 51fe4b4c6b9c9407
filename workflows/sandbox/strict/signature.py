"""Signature Version 4, really checked: botocore's own signer computes again what the client should have sent.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, quote

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from workflows.sandbox.strict.refusal import Reason, Refusal, Style, refuse
from workflows.sandbox.strict.request import Authorization, AwsRequest

CLOCK_SKEW = timedelta(minutes=5)
_STAMP = "%Y%m%dT%H%M%SZ"
_UNSIGNED_PAYLOADS = ("UNSIGNED-PAYLOAD", "STREAMING-")


class _OnlySignedHeaders:
    """Sign exactly the headers that are given, where botocore's signer would pick."""

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        headers = HTTPHeaders()
        for name, value in request.headers.items():
            if name.lower() in request.context["signed"]:
                headers[name.lower()] = value
        return headers


class _Signer(_OnlySignedHeaders, SigV4Auth):  # type: ignore[misc]  # botocore has no types
    pass


class _S3Signer(_OnlySignedHeaders, S3SigV4Auth):  # type: ignore[misc]  # botocore has no types
    pass


def check(request: AwsRequest, secret: str, now: float) -> None:
    """Check a signed request against the secret of the key that it names.

    Args:
        request: the request; it must carry an `Authorization` header.
        secret: the secret access key.
        now: the sandbox's time, in seconds since the epoch.

    Raises:
        Refusal: the time is more than five minutes off, a header is not covered, the body is not the
            one that was hashed, or the signature is another.
    """
    authorization = request.authorization
    if authorization is None:
        raise refuse(request.style, Reason.UNSIGNED)
    stamp = _check_time(request, authorization, now)
    _check_coverage(request, authorization)
    _check_body(request)
    if not hmac.compare_digest(_signature(request, authorization, secret, stamp), authorization.signature):
        raise refuse(request.style, Reason.BAD_SIGNATURE)


def _check_time(request: AwsRequest, authorization: Authorization, now: float) -> str:
    """The request's time stamp, once it is known to be near enough."""
    given = request.headers.get("x-amz-date") or request.headers.get("date", "")
    try:
        try:
            signed_at = datetime.strptime(given, _STAMP).replace(tzinfo=UTC)
        except ValueError:
            signed_at = parsedate_to_datetime(given).astimezone(UTC)
    except ValueError as error:
        raise Refusal(
            "IncompleteSignature", f"Date must be in ISO-8601 'basic format'. Got '{given}'.", 400
        ) from error
    stamp, current = signed_at.strftime(_STAMP), datetime.fromtimestamp(now, UTC)
    if stamp[:8] != authorization.day:
        raise refuse(request.style, Reason.BAD_SIGNATURE)
    if abs(current - signed_at) <= CLOCK_SKEW:
        return stamp
    if request.style in (Style.S3, Style.EC2):
        raise refuse(request.style, Reason.SKEWED)
    at = current.strftime(_STAMP)
    if signed_at < current:
        limit = (current - CLOCK_SKEW).strftime(_STAMP)
        words = f"Signature expired: {stamp} is now earlier than {limit} ({at} - 5 min.)"
    else:
        limit = (current + CLOCK_SKEW).strftime(_STAMP)
        words = f"Signature not yet current: {stamp} is still later than {limit} ({at} + 5 min.)"
    raise refuse(request.style, Reason.SKEWED, words)


def _check_coverage(request: AwsRequest, authorization: Authorization) -> None:
    """The host and every `x-amz-` header must be signed, or anybody on the way could change them."""
    must = {"host"} | {name for name in request.headers if name.startswith("x-amz-")}
    if "x-amz-date" not in request.headers:
        must.add("date")
    if not must <= set(authorization.signed_headers):
        raise refuse(request.style, Reason.BAD_SIGNATURE)


def _check_body(request: AwsRequest) -> None:
    stated = request.headers.get("x-amz-content-sha256")
    if stated is None:
        if request.style is Style.S3:
            raise Refusal(
                "InvalidRequest", "Missing required header for this request: x-amz-content-sha256", 400
            )
        return
    if request.style is Style.S3 and stated.startswith(_UNSIGNED_PAYLOADS):
        return
    if not hmac.compare_digest(stated.encode(), hashlib.sha256(request.body).hexdigest().encode()):
        if request.style is Style.S3:
            raise Refusal(
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            )
        raise refuse(request.style, Reason.BAD_SIGNATURE)


def _signature(request: AwsRequest, authorization: Authorization, secret: str, stamp: str) -> str:
    signer_type = _S3Signer if request.style is Style.S3 else _Signer
    credentials = Credentials(authorization.access_key_id, secret)
    signer = signer_type(credentials, authorization.service, authorization.region)
    query = "&".join(
        f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
        for name, value in parse_qsl(request.query, keep_blank_values=True)
    )
    again = AWSRequest(
        method=request.method,
        url=f"http://{request.headers['host']}{request.raw_path}" + (f"?{query}" if query else ""),
        headers=dict(request.headers),
        data=request.body,
    )
    again.context["timestamp"] = stamp
    again.context["signed"] = frozenset(authorization.signed_headers)
    return str(signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again))
