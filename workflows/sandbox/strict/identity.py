"""The caller of a request: the principal of an access key, proven by Signature Version 4.

botocore's signer computes the signature that the client should have sent.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.iam.models import IAMBackend, Role, iam_backends

from workflows.sandbox.layout import Directory
from workflows.sandbox.strict.protocol import AwsRequest, Reason, refuse
from workflows.sandbox.strict.state import Session, State

CLOCK_SKEW = timedelta(minutes=5)
_STAMP = "%Y%m%dT%H%M%SZ"


def check_signature(request: AwsRequest, secret: str, now: float) -> None:
    """Check the signature of a request.

    Args:
        request: the request; it must have an `Authorization` header.
        secret: the secret of the access key that the request names.
        now: the sandbox's time, in seconds since the epoch.

    Raises:
        Refusal: the request's time is more than five minutes off, or the signature is wrong.
    """
    stamp = _check_time(request, now)
    if not hmac.compare_digest(_signature(request, secret, stamp), request.authorization.signature):
        raise refuse(request, Reason.BAD_SIGNATURE)


def _check_time(request: AwsRequest, now: float) -> str:
    """Return the request's time stamp, if it is close enough to the current time."""
    stamp = request.http.headers.get("x-amz-date", "")
    try:
        signed_at = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        raise refuse(request, Reason.BAD_SIGNATURE) from None
    current = datetime.fromtimestamp(now, UTC)
    if abs(current - signed_at) <= CLOCK_SKEW:
        return stamp
    if request.protocol in ("rest-xml", "ec2"):
        raise refuse(request, Reason.SKEWED)
    at = current.strftime(_STAMP)
    if signed_at < current:
        limit = (current - CLOCK_SKEW).strftime(_STAMP)
        words = f"Signature expired: {stamp} is now earlier than {limit} ({at} - 5 min.)"
    else:
        limit = (current + CLOCK_SKEW).strftime(_STAMP)
        words = f"Signature not yet current: {stamp} is still later than {limit} ({at} + 5 min.)"
    raise refuse(request, Reason.SKEWED, words)


def _signature(request: AwsRequest, secret: str, stamp: str) -> str:
    authorization, http = request.authorization, request.http
    signer_type = S3SigV4Auth if request.service == "s3" else SigV4Auth
    credentials = Credentials(authorization.access_key_id, secret)
    signer = signer_type(credentials, authorization.service, authorization.region)
    query = urlencode(
        parse_qsl(http.query_string.decode(), keep_blank_values=True), safe="-_.~", quote_via=quote
    )
    again = AWSRequest(
        method=http.method,
        url=f"http://{http.host}{http.raw_path}" + (f"?{query}" if query else ""),
        headers={name: http.headers.get(name, "") for name in authorization.signed_headers.split(";")},
        data=request.body,
    )
    again.context["timestamp"] = stamp
    return str(signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again))


@dataclass(frozen=True)
class Identity:
    """A caller.

    Attributes:
        account_id: the account that the caller acts in.
        name: the IAM user's or the role's name.
        arn: the ARN that GetCallerIdentity returns.
        user_id: the id that GetCallerIdentity returns.
        session_name: a role session's name, else "".
        mfa_at: when the caller gave an MFA code, in seconds since the epoch, or None.
        is_temporary: whether the credentials are temporary.
        is_bootstrap: whether the caller is an account's first administrator, who is unknown to moto.
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
        """Whether the caller acts as an IAM user, not in a role's session."""
        return not self.session_name


def account(account_id: str) -> IAMBackend:
    """Return moto's IAM backend of an account."""
    return iam_backends[account_id]["aws"]


def authenticate(state: State, request: AwsRequest, now: float) -> Identity:
    """Return the caller of a request, proven by its signature.

    Raises:
        Refusal: the request is unsigned, its key is unknown or inactive, its session has expired, or its
            signature is wrong.
    """
    key_id = request.authorization.access_key_id
    if not key_id:
        raise refuse(request, Reason.UNSIGNED)
    if key_id.startswith("ASIA"):
        return _temporary(state, request, key_id, now)
    identity, secret = _permanent(state.directory, request, key_id)
    check_signature(request, secret, now)
    return identity


def user_of(directory: Directory, account_id: str, name: str, mfa_at: float | None) -> Identity | None:
    """Return an IAM user or bootstrap administrator with a session, or None if there is no such user."""
    user = account(account_id).users.get(name)
    if user is None:
        known = (account_id, name) in (
            (key.account_id, key.principal) for key in directory.bootstrap_keys.values()
        )
        return _bootstrap(account_id, name, mfa_at, session=True) if known else None
    return Identity(account_id, name, user.arn, user.id, mfa_at=mfa_at, is_temporary=True)


def _permanent(directory: Directory, request: AwsRequest, key_id: str) -> tuple[Identity, str]:
    bootstrap = directory.bootstrap_keys.get(key_id)
    if "x-amz-security-token" in request.http.headers:
        raise refuse(request, Reason.UNKNOWN_KEY)
    if bootstrap:
        return _bootstrap(bootstrap.account_id, bootstrap.principal), bootstrap.secret
    for account_id in directory.accounts.values():
        user = account(account_id).get_user_from_access_key_id(key_id)
        if user is None:
            continue
        key = user.get_access_key_by_id(key_id)
        if key.status != "Active":
            break
        return Identity(account_id, user.name, user.arn, user.id), key.secret_access_key
    raise refuse(request, Reason.UNKNOWN_KEY)


def _temporary(state: State, request: AwsRequest, key_id: str, now: float) -> Identity:
    session = state.sessions.get(key_id)
    token = request.http.headers.get("x-amz-security-token", "")
    if session is None or not hmac.compare_digest(token.encode(), session.token.encode()):
        raise refuse(request, Reason.UNKNOWN_KEY)
    check_signature(request, session.secret, now)
    if session.expires_at <= now:
        raise refuse(request, Reason.EXPIRED)
    if session.user and session.mfa_at is None and request.service == "iam":
        raise refuse(request, Reason.UNKNOWN_KEY)  # a session without MFA cannot call IAM
    user = session.user
    identity = (
        user_of(state.directory, session.account_id, user, session.mfa_at) if user else _of_role(session)
    )
    if identity is None:
        raise refuse(request, Reason.UNKNOWN_KEY)
    return identity


def role_named(account_id: str, name: str) -> Role | None:
    """Return an account's role, or None."""
    return next((role for role in account(account_id).roles.values() if role.name == name), None)


def _of_role(session: Session) -> Identity | None:
    role = role_named(session.account_id, session.role)
    if role is None:
        return None
    name = session.session_name
    return Identity(
        session.account_id,
        role.name,
        f"arn:aws:sts::{session.account_id}:assumed-role/{role.name}/{name}",
        f"{role.id}:{name}",
        name,
        session.mfa_at,
        is_temporary=True,
    )


def _bootstrap(account_id: str, name: str, mfa_at: float | None = None, *, session: bool = False) -> Identity:
    arn = f"arn:aws:iam::{account_id}:user/{name}"
    user_id = "AIDA" + hashlib.sha256(arn.encode()).hexdigest()[:17].upper()
    return Identity(account_id, name, arn, user_id, mfa_at=mfa_at, is_temporary=session, is_bootstrap=True)


@dataclass(frozen=True)
class Call:
    """An authenticated call and its time, in seconds since the epoch."""

    identity: Identity
    request: AwsRequest
    state: State
    now: float

    @property
    def backend(self) -> IAMBackend:
        """The IAM backend of the caller's account in moto."""
        return account(self.identity.account_id)

    def text(self, name: str) -> str:
        """Return a parameter, or "" if it was not given."""
        return self.request.text(name)


Operation = Callable[[Call], dict[str, Any] | None]
"""Handles a call: returns the response, or None if moto should handle the call after these checks."""
