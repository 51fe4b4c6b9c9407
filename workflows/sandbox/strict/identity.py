"""Who is calling: the principal behind an access key, proven by Signature Version 4, and its call.

The signature is really checked: botocore's own signer computes again what the client should have sent.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, quote

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials
from moto.iam.models import IAMBackend, iam_backends

from workflows.sandbox.strict.directory import Directory
from workflows.sandbox.strict.protocol import Authorization, AwsRequest, Reason, Refusal, Style, refuse
from workflows.sandbox.strict.state import Sessions, State

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


def check_signature(request: AwsRequest, secret: str, now: float) -> None:
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


@dataclass(frozen=True)
class Identity:
    """A caller.

    Attributes:
        account_id: the account that it acts in.
        name: the IAM user's or the role's name.
        arn: as GetCallerIdentity gives it.
        user_id: as GetCallerIdentity gives it.
        session_name: a role session's name, else "".
        mfa_at: when it gave an MFA code, in seconds since the epoch, or None.
        is_temporary: whether its credentials are temporary.
        is_bootstrap: whether it is an account's first administrator, whom moto does not know.
    """

    account_id: str
    name: str
    arn: str
    user_id: str
    session_name: str = ""
    mfa_at: float | None = None
    is_temporary: bool = False
    is_bootstrap: bool = False

    @property
    def is_user(self) -> bool:
        """Whether it acts as an IAM user, and not in a role's session."""
        return not self.session_name


def account(account_id: str) -> IAMBackend:
    """Moto's IAM of an account."""
    return iam_backends[account_id]["aws"]


class Identities:
    """Finds the caller of a request and proves that it is the caller."""

    def __init__(self, directory: Directory, sessions: Sessions) -> None:
        self._directory = directory
        self._sessions = sessions

    def authenticate(self, request: AwsRequest, now: float) -> Identity:
        """The caller of a request, proven by its signature.

        Raises:
            Refusal: unsigned, an unknown or inactive key, an expired session, or a wrong signature.
        """
        if request.authorization is None:
            raise refuse(request.style, Reason.UNSIGNED)
        key_id = request.authorization.access_key_id
        if key_id.startswith("ASIA"):
            return self._temporary(request, key_id, now)
        identity, secret = self._permanent(request, key_id)
        check_signature(request, secret, now)
        return identity

    def user(self, account_id: str, name: str, *, mfa_at: float | None, session: bool) -> Identity | None:
        """The identity of an IAM user or of a bootstrap administrator, or None if there is no such user."""
        user = account(account_id).users.get(name)
        if user is None:
            known = (account_id, name) in (
                (key.account_id, key.principal) for key in self._directory.bootstrap_keys.values()
            )
            return _bootstrap(account_id, name, mfa_at, session=session) if known else None
        return Identity(account_id, name, user.arn, user.id, mfa_at=mfa_at, is_temporary=session)

    def _permanent(self, request: AwsRequest, key_id: str) -> tuple[Identity, str]:
        bootstrap = self._directory.bootstrap_keys.get(key_id)
        if "x-amz-security-token" in request.headers:
            raise refuse(request.style, Reason.UNKNOWN_KEY)
        if bootstrap:
            return _bootstrap(bootstrap.account_id, bootstrap.principal), bootstrap.secret
        for account_id in self._directory.accounts.values():
            user = account(account_id).get_user_from_access_key_id(key_id)
            if user is None:
                continue
            key = user.get_access_key_by_id(key_id)
            if key.status != "Active":
                break
            return Identity(account_id, user.name, user.arn, user.id), key.secret_access_key
        raise refuse(request.style, Reason.UNKNOWN_KEY)

    def _temporary(self, request: AwsRequest, key_id: str, now: float) -> Identity:
        session = self._sessions.find(key_id)
        token = request.headers.get("x-amz-security-token", "")
        if session is None or not hmac.compare_digest(token.encode(), session.token.encode()):
            raise refuse(request.style, Reason.UNKNOWN_KEY)
        check_signature(request, session.secret, now)
        if session.expires_at <= now:
            raise refuse(request.style, Reason.EXPIRED)
        if session.user and session.mfa_at is None and request.service == "iam":
            raise refuse(request.style, Reason.UNKNOWN_KEY)  # GetSessionToken's own rule: IAM only with MFA
        if session.user:
            identity = self.user(session.account_id, session.user, mfa_at=session.mfa_at, session=True)
        else:
            identity = self._role_session(
                session.account_id, session.role, session.session_name, session.mfa_at
            )
        if identity is None:
            raise refuse(request.style, Reason.UNKNOWN_KEY)
        return identity

    @staticmethod
    def _role_session(account_id: str, name: str, session_name: str, mfa_at: float | None) -> Identity | None:
        role = next((role for role in account(account_id).roles.values() if role.name == name), None)
        if role is None:
            return None
        return Identity(
            account_id,
            name,
            f"arn:aws:sts::{account_id}:assumed-role/{name}/{session_name}",
            f"{role.id}:{session_name}",
            session_name,
            mfa_at,
            is_temporary=True,
        )


def _bootstrap(account_id: str, name: str, mfa_at: float | None = None, *, session: bool = False) -> Identity:
    arn = f"arn:aws:iam::{account_id}:user/{name}"
    user_id = "AIDA" + hashlib.sha256(arn.encode()).hexdigest()[:17].upper()
    return Identity(account_id, name, arn, user_id, mfa_at=mfa_at, is_temporary=session, is_bootstrap=True)


@dataclass(frozen=True)
class Call:
    """A call by somebody who is known, at a time (seconds since the epoch)."""

    identity: Identity
    request: AwsRequest
    state: State
    now: float

    @property
    def backend(self) -> IAMBackend:
        """Moto's IAM of the caller's account."""
        return account(self.identity.account_id)

    def text(self, name: str) -> str:
        """A parameter, "" if it was not given."""
        return self.request.text(name)


Operation = Callable[[Call], dict[str, Any] | None]
"""Answers a call, or checks it and gives None: then moto answers it."""
