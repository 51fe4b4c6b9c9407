"""STS: GetCallerIdentity, GetSessionToken with MFA, AssumeRole. moto's STS is not used."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from moto.iam.models import Role

from workflows.sandbox.strict.authorization import context_of, denial, judge
from workflows.sandbox.strict.iam import check_code
from workflows.sandbox.strict.identity import Call, Operation, role_named
from workflows.sandbox.strict.policy import Verdict, evaluate_trust
from workflows.sandbox.strict.protocol import Refusal
from workflows.sandbox.strict.state import Session, issue

_ROLE_ARN = re.compile(r"arn:aws:iam::(?P<account>\d{12}):role/(?:[\w+=,.@/-]*/)?(?P<name>[\w+=,.@-]{1,64})")
_SHORTEST = 900


def _get_caller_identity(call: Call) -> dict[str, Any]:
    who = call.identity
    return {"UserId": who.user_id, "Account": who.account_id, "Arn": who.arn}


def _get_session_token(call: Call) -> dict[str, Any]:
    if call.identity.is_temporary:
        raise Refusal("AccessDenied", "Cannot call GetSessionToken with session credentials", 403)
    seconds = _duration(call, 43_200, 129_600)
    who = {"user": call.identity.name, "mfa_at": _mfa(call)}
    session = issue(call.state.sessions, call.identity.account_id, call.now, seconds, **who)
    return {"Credentials": _credentials(session)}


def _assume_role(call: Call) -> dict[str, Any]:
    match = _ROLE_ARN.fullmatch(call.text("RoleArn"))
    if match is None:
        raise Refusal("ValidationError", f"{call.text('RoleArn')} is invalid")
    name = call.text("RoleSessionName")
    mfa_at = _mfa(call)
    caller = replace(call.identity, mfa_at=call.identity.mfa_at if mfa_at is None else mfa_at)
    role = _assumable(replace(call, identity=caller), match["account"], match["name"])
    longest = int(role.max_session_duration or 3_600)
    seconds = _duration(call, 3_600, longest if caller.is_user else min(longest, 3_600))
    session = issue(
        call.state.sessions,
        match["account"],
        call.now,
        seconds,
        role=role.name,
        session_name=name,
        mfa_at=caller.mfa_at,
    )
    arn = f"arn:aws:sts::{match['account']}:assumed-role/{role.name}/{name}"
    return {
        "Credentials": _credentials(session),
        "AssumedRoleUser": {"AssumedRoleId": f"{role.id}:{name}", "Arn": arn},
    }


def _assumable(call: Call, account_id: str, name: str) -> Role:
    """Return the role, if the caller's policies and the role's trust policy allow that.

    A missing role is denied with the same message.
    """
    caller, resource = call.identity, call.text("RoleArn")
    context = context_of(caller, call.now, call.request.authorization.region) | {
        "sts:RoleSessionName": call.text("RoleSessionName")
    }
    if external_id := call.text("ExternalId"):
        context["sts:ExternalId"] = external_id
    own = judge(caller, "sts:AssumeRole", resource, context)
    role = role_named(account_id, name) if account_id in call.state.directory.accounts.values() else None
    words = f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {resource}"
    refusal = Refusal("AccessDenied", words, 403)
    if own is Verdict.DENIED:
        raise denial(call.request, caller, "sts:AssumeRole", resource, own)
    if role is None or role.arn != resource:
        raise refusal
    itself = {context["aws:PrincipalArn"], caller.arn}
    its_account = {caller.account_id, f"arn:aws:iam::{caller.account_id}:root", "*"}
    trust = role.assume_role_policy_document
    by_name = account_id == caller.account_id and evaluate_trust(trust, itself, context) is Verdict.ALLOWED
    trusted = evaluate_trust(trust, itself | its_account, context) is Verdict.ALLOWED
    if not trusted or not (own is Verdict.ALLOWED or by_name):
        raise refusal
    return role


def _mfa(call: Call) -> float | None:
    """Check the call's MFA code, and return the current time; None if there is no code."""
    serial, code = call.text("SerialNumber"), call.text("TokenCode")
    if not serial and not code:
        return None
    check_code(call, serial, code)
    return call.now


def _duration(call: Call, usual: int, longest: int) -> int:
    given = call.text("DurationSeconds") or str(usual)
    if not given.isdigit() or int(given) < _SHORTEST:
        raise Refusal(
            "ValidationError",
            f"1 validation error detected: Value '{given}' at 'durationSeconds' failed to satisfy "
            f"constraint: Member must have value greater than or equal to {_SHORTEST}",
        )
    if int(given) > longest:
        words = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        raise Refusal("ValidationError", words)
    return int(given)


def _credentials(session: Session) -> dict[str, Any]:
    return {
        "AccessKeyId": session.access_key_id,
        "SecretAccessKey": session.secret,
        "SessionToken": session.token,
        "Expiration": datetime.fromtimestamp(session.expires_at, UTC),
    }


OPERATIONS: dict[str, Operation] = {
    "AssumeRole": _assume_role,
    "GetCallerIdentity": _get_caller_identity,
    "GetSessionToken": _get_session_token,
}
