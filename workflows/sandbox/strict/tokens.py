"""STS: who am I, a session with MFA, a role in another account. Nothing of moto's STS is used."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from moto.iam.models import Role

from workflows.sandbox.strict.authorization import context_of, denial, judge
from workflows.sandbox.strict.iam import check_code
from workflows.sandbox.strict.identity import Call, Operation, account
from workflows.sandbox.strict.policy import Verdict, evaluate_trust
from workflows.sandbox.strict.protocol import Refusal, Style
from workflows.sandbox.strict.state import Session

_ROLE_ARN = re.compile(r"arn:aws:iam::(?P<account>\d{12}):role/(?:[\w+=,.@/-]*/)?(?P<name>[\w+=,.@-]{1,64})")
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}")
_SHORTEST = 900
_LONGEST_SESSION = 129_600
_CHAINED_LONGEST = 3_600


def _get_caller_identity(call: Call) -> dict[str, Any]:
    who = call.identity
    return {"UserId": who.user_id, "Account": who.account_id, "Arn": who.arn}


def _get_session_token(call: Call) -> dict[str, Any]:
    if call.identity.is_temporary:
        raise Refusal("AccessDenied", "Cannot call GetSessionToken with session credentials", 403)
    _check_region(call, call.identity.account_id)
    seconds = _duration(call, 43_200, _LONGEST_SESSION)
    mfa_at = _mfa(call)
    session = call.state.sessions.issue(
        account_id=call.identity.account_id,
        now=call.now,
        seconds=seconds,
        user=call.identity.name,
        mfa_at=mfa_at,
    )
    return {"Credentials": _credentials(session)}


def _assume_role(call: Call) -> dict[str, Any]:
    match = _ROLE_ARN.fullmatch(call.text("RoleArn"))
    if match is None:
        raise Refusal("ValidationError", f"{call.text('RoleArn')} is invalid")
    name = call.text("RoleSessionName")
    if not _SESSION_NAME.fullmatch(name):
        raise Refusal(
            "ValidationError",
            f"1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: [\w+=,.@-]*",
        )
    mfa_at = _mfa(call)
    caller = replace(call.identity, mfa_at=call.identity.mfa_at if mfa_at is None else mfa_at)
    role = _assumable(replace(call, identity=caller), match["account"], match["name"])
    _check_region(call, match["account"])
    chained = not caller.is_user
    longest = int(role.max_session_duration or 3_600)
    seconds = _duration(call, 3_600, min(longest, _CHAINED_LONGEST) if chained else longest)
    session = call.state.sessions.issue(
        account_id=match["account"],
        now=call.now,
        seconds=seconds,
        role=role.name,
        session_name=name,
        mfa_at=caller.mfa_at,
    )
    arn = f"arn:aws:sts::{match['account']}:assumed-role/{role.name}/{name}"
    return {
        "Credentials": _credentials(session),
        "AssumedRoleUser": {"AssumedRoleId": f"{role.id}:{name}", "Arn": arn},
    }


def _get_access_key_info(call: Call) -> dict[str, Any]:
    key_id = call.text("AccessKeyId")
    if bootstrap := call.state.directory.bootstrap_keys.get(key_id):
        return {"Account": bootstrap.account_id}
    if session := call.state.sessions.find(key_id):
        return {"Account": session.account_id}
    for account_id in call.state.directory.accounts.values():
        if account(account_id).get_user_from_access_key_id(key_id):
            return {"Account": account_id}
    raise Refusal("InvalidClientTokenId", "The security token included in the request is invalid.", 403)


def _assumable(call: Call, account_id: str, name: str) -> Role:
    """The role, if both sides let the caller have it; a missing one is denied in the same words."""
    caller, resource = call.identity, call.text("RoleArn")
    region = call.request.authorization.region if call.request.authorization else ""
    context = context_of(caller, call.now, region) | {"sts:RoleSessionName": call.text("RoleSessionName")}
    if external_id := call.text("ExternalId"):
        context["sts:ExternalId"] = external_id
    own = judge(caller, "sts:AssumeRole", resource, context)
    role = None
    if account_id in call.state.directory.accounts.values():
        role = next((role for role in account(account_id).roles.values() if role.arn == resource), None)
    words = f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {resource}"
    refusal = Refusal("AccessDenied", words, 403)
    if own is Verdict.DENIED:
        raise denial(Style.QUERY, caller, "sts:AssumeRole", resource, own)
    if role is None or role.name != name:
        raise refusal
    itself = context["aws:PrincipalArn"]
    root = f"arn:aws:iam::{caller.account_id}:root"
    trust, named = evaluate_trust(
        role.assume_role_policy_document, (itself, caller.arn, root, caller.account_id), context
    )
    by_name = named in (itself, caller.arn) and account_id == caller.account_id
    if trust is not Verdict.ALLOWED or not (own is Verdict.ALLOWED or by_name):
        raise refusal
    return role


def _check_region(call: Call, account_id: str) -> None:
    """Refuse a region whose endpoint gives no credentials of the account."""
    region = call.request.authorization.region if call.request.authorization else ""
    if not call.state.regions.gives_tokens(account_id, region):
        words = (
            f"STS is not activated in this region for account:{account_id}. Your account administrator can "
            "activate STS in this region using the IAM Console."
        )
        raise Refusal("RegionDisabledException", words, 403)


def _mfa(call: Call) -> float | None:
    """When MFA was given in this very call: now, or None if no code came with it."""
    serial, code = call.text("SerialNumber"), call.text("TokenCode")
    if not serial and not code:
        return None
    if not (serial and code):
        words = (
            "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code."
        )
        raise Refusal("AccessDenied", words, 403)
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
    "GetAccessKeyInfo": _get_access_key_info,
    "GetCallerIdentity": _get_caller_identity,
    "GetSessionToken": _get_session_token,
}
