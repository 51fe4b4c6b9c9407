"""May this caller do this? Decided by the policies that are attached to it in moto."""

from __future__ import annotations

from datetime import UTC, datetime

from moto.iam.models import Group, Role, User

from workflows.sandbox.strict.identity import Identity, Kind, account
from workflows.sandbox.strict.policy import Verdict, evaluate
from workflows.sandbox.strict.refusal import Reason, Refusal, Style, refuse

_EVERYTHING = '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'
_OWN_CHANGE = '{{"Statement": {{"Effect": "Allow", "Action": "iam:ChangePassword", "Resource": "{arn}"}}}}'
_ALWAYS = ("sts:GetCallerIdentity",)
_UNLESS_DENIED = ("sts:GetSessionToken",)


def context_of(identity: Identity, now: float, region: str = "") -> dict[str, str]:
    """The condition keys of a request; those about MFA are absent with permanent credentials, as at AWS."""
    principal = identity.arn
    context = {
        "aws:CurrentTime": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:EpochTime": str(int(now)),
        "aws:PrincipalAccount": identity.account_id,
        "aws:PrincipalType": "User" if identity.is_user else "AssumedRole",
        "aws:SecureTransport": "true",
        "aws:SourceIp": "127.0.0.1",
        "aws:userid": identity.user_id,
    }
    if region:
        context["aws:RequestedRegion"] = region
    if identity.is_user:
        context["aws:username"] = identity.name
    else:
        principal = f"arn:aws:iam::{identity.account_id}:role/{identity.name}"
    context["aws:PrincipalArn"] = principal
    if identity.is_temporary:
        context["aws:MultiFactorAuthPresent"] = "true" if identity.mfa_at is not None else "false"
    if identity.mfa_at is not None:
        context["aws:MultiFactorAuthPresent"] = "true"
        context["aws:MultiFactorAuthAge"] = str(max(0, int(now - identity.mfa_at)))
    return context


def judge(identity: Identity, action: str, resource: str, context: dict[str, str]) -> Verdict:
    """What the caller's own policies say about an action."""
    if action in _ALWAYS:
        return Verdict.ALLOWED
    verdict = evaluate(_documents(identity), action, resource, context)
    if verdict is Verdict.ALLOWED and (boundary := _boundary(identity)) is not None:
        verdict = evaluate([boundary], action, resource, context)
    if action in _UNLESS_DENIED and verdict is Verdict.NOT_ALLOWED:
        return Verdict.ALLOWED
    return verdict


def denial(style: Style, identity: Identity, action: str, resource: str, verdict: Verdict) -> Refusal:
    """AWS's refusal for a verdict other than allowed.

    The words are those of "Troubleshoot access denied error messages" in the IAM user guide.
    """
    if style in (Style.S3, Style.EC2):
        return refuse(style, Reason.DENIED)
    words = f"User: {identity.arn} is not authorized to perform: {action} on resource: {resource}"
    if verdict is Verdict.DENIED:
        words += " with an explicit deny in an identity-based policy"
    else:
        words += f" because no identity-based policy allows the {action} action"
    return refuse(style, Reason.DENIED, words)


def _documents(identity: Identity) -> list[str]:
    if identity.is_bootstrap:
        return [_EVERYTHING]
    backend = account(identity.account_id)
    if identity.kind is Kind.ROLE_SESSION:
        role = _role(identity)
        return _attached(role) if role else []
    user = backend.get_user(identity.name)
    documents = _attached(user)
    for group in backend.get_groups_for_user(user.name):
        documents += _attached(group)
    policy = backend.account_password_policy
    if policy is not None and policy.allow_users_to_change_password:
        documents.append(_OWN_CHANGE.format(arn=user.arn))
    return documents


def _attached(holder: User | Group | Role) -> list[str]:
    managed = [
        version.document
        for policy in holder.managed_policies.values()
        for version in policy.versions
        if version.version_id == policy.default_version_id
    ]
    return [*managed, *holder.policies.values()]


def _role(identity: Identity) -> Role | None:
    return next(
        (role for role in account(identity.account_id).roles.values() if role.name == identity.name), None
    )


def _boundary(identity: Identity) -> str | None:
    role = _role(identity) if identity.kind is Kind.ROLE_SESSION else None
    if role is None or not role.permissions_boundary_arn:
        return None
    policy = account(identity.account_id).managed_policies[role.permissions_boundary_arn]
    return next(
        version.document for version in policy.versions if version.version_id == policy.default_version_id
    )
