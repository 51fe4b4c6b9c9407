"""Who is calling: the principal behind an access key, and what its requests carry with them."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from enum import Enum

from moto.iam.models import IAMBackend, iam_backends

from workflows.sandbox.strict import signature
from workflows.sandbox.strict.directory import Directory
from workflows.sandbox.strict.refusal import Reason, refuse
from workflows.sandbox.strict.request import AwsRequest
from workflows.sandbox.strict.sessions import Sessions


class Kind(Enum):
    """What sort of principal calls, and with what sort of credentials."""

    BOOTSTRAP = "bootstrap"
    BOOTSTRAP_SESSION = "bootstrap session"
    USER = "user"
    USER_SESSION = "user session"
    ROLE_SESSION = "role session"


@dataclass(frozen=True)
class Identity:
    """A caller.

    Attributes:
        kind: the sort of principal and credentials.
        account_id: the account that it acts in.
        name: the IAM user's or the role's name.
        arn: as GetCallerIdentity gives it.
        user_id: as GetCallerIdentity gives it.
        session_name: a role session's name, else "".
        mfa_at: when it gave an MFA code, in seconds since the epoch, or None.
    """

    kind: Kind
    account_id: str
    name: str
    arn: str
    user_id: str
    session_name: str = ""
    mfa_at: float | None = None

    @property
    def is_user(self) -> bool:
        """Whether it acts as an IAM user."""
        return self.kind is not Kind.ROLE_SESSION

    @property
    def is_temporary(self) -> bool:
        """Whether its credentials are temporary."""
        return self.kind in (Kind.BOOTSTRAP_SESSION, Kind.USER_SESSION, Kind.ROLE_SESSION)

    @property
    def is_bootstrap(self) -> bool:
        """Whether it is an account's first administrator, whom moto does not know."""
        return self.kind in (Kind.BOOTSTRAP, Kind.BOOTSTRAP_SESSION)


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
        signature.check(request, secret, now)
        return identity

    def user(self, account_id: str, name: str, *, mfa_at: float | None, session: bool) -> Identity | None:
        """The identity of an IAM user or of a bootstrap administrator, or None if there is no such user."""
        user = account(account_id).users.get(name)
        if user is None:
            known = (account_id, name) in (
                (key.account_id, key.principal) for key in self._directory.bootstrap_keys.values()
            )
            kind = Kind.BOOTSTRAP_SESSION if session else Kind.BOOTSTRAP
            return _bootstrap(kind, account_id, name, mfa_at) if known else None
        kind = Kind.USER_SESSION if session else Kind.USER
        return Identity(kind, account_id, name, user.arn, user.id, mfa_at=mfa_at)

    def _permanent(self, request: AwsRequest, key_id: str) -> tuple[Identity, str]:
        bootstrap = self._directory.bootstrap_keys.get(key_id)
        if "x-amz-security-token" in request.headers:
            raise refuse(request.style, Reason.UNKNOWN_KEY)
        if bootstrap:
            return _bootstrap(Kind.BOOTSTRAP, bootstrap.account_id, bootstrap.principal), bootstrap.secret
        for account_id in self._directory.accounts.values():
            user = account(account_id).get_user_from_access_key_id(key_id)
            if user is None:
                continue
            key = user.get_access_key_by_id(key_id)
            if key.status != "Active":
                break
            return Identity(Kind.USER, account_id, user.name, user.arn, user.id), key.secret_access_key
        raise refuse(request.style, Reason.UNKNOWN_KEY)

    def _temporary(self, request: AwsRequest, key_id: str, now: float) -> Identity:
        session = self._sessions.find(key_id)
        token = request.headers.get("x-amz-security-token", "")
        if session is None or not hmac.compare_digest(token.encode(), session.token.encode()):
            raise refuse(request.style, Reason.UNKNOWN_KEY)
        signature.check(request, session.secret, now)
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
            Kind.ROLE_SESSION,
            account_id,
            name,
            f"arn:aws:sts::{account_id}:assumed-role/{name}/{session_name}",
            f"{role.id}:{session_name}",
            session_name,
            mfa_at,
        )


def _bootstrap(kind: Kind, account_id: str, name: str, mfa_at: float | None = None) -> Identity:
    arn = f"arn:aws:iam::{account_id}:user/{name}"
    user_id = "AIDA" + hashlib.sha256(arn.encode()).hexdigest()[:17].upper()
    return Identity(kind, account_id, name, arn, user_id, mfa_at=mfa_at)
