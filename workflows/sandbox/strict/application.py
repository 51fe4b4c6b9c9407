"""The strict layer as a WSGI application in front of moto's, and its operations about regions and sessions.

moto's STS is not used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from botocore.parsers import create_parser
from moto.core.exceptions import ServiceException
from moto.core.utils import get_service_model
from moto.iam.models import Role
from werkzeug.test import Client

from workflows.sandbox.layout import Directory
from workflows.sandbox.strict import iam
from workflows.sandbox.strict.authorization import (
    Verdict,
    action_of,
    context_of,
    denial,
    evaluate_trust,
    judge,
    resource_of,
)
from workflows.sandbox.strict.iam import check_code
from workflows.sandbox.strict.identity import Call, Identity, Operation, authenticate, role_named
from workflows.sandbox.strict.protocol import AwsRequest, Reason, Refusal, environ_for, read, refuse, written
from workflows.sandbox.strict.state import Session, State, all_regions, issue


def _list_regions(call: Call) -> dict[str, Any]:
    """Return all regions on one page, as they fit on it."""
    return {
        "Regions": [{"RegionName": name, "RegionOptStatus": _status(call, name)} for name in all_regions()]
    }


def _status(call: Call, region: str) -> str:
    return call.state.regions.status(call.identity.account_id, region)


def _describe_regions(call: Call) -> dict[str, Any] | None:
    """Return all regions or the enabled ones, with opt-in status; moto answers for named or filtered ones."""
    if any(name.startswith(("RegionName", "Filter")) for name in call.request.parameters):
        return None
    words = {"ENABLED_BY_DEFAULT": "opt-in-not-required", "ENABLED": "opted-in", "DISABLED": "not-opted-in"}
    every = call.request.parameters.get("AllRegions")
    return {
        "Regions": [
            {
                "RegionName": name,
                "Endpoint": f"ec2.{name}.amazonaws.com",
                "OptInStatus": words[_status(call, name)],
            }
            for name in all_regions()
            if every or _status(call, name) != "DISABLED"
        ]
    }


def _get_account_summary(call: Call) -> dict[str, Any]:
    version = call.state.regions.token_versions.get(call.identity.account_id, 1)
    return {"SummaryMap": {**call.backend.account_summary.summary_map, "GlobalEndpointTokenVersion": version}}


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


_OPERATIONS: dict[str, Mapping[str, Operation]] = {
    "iam": {**iam.OPERATIONS, "GetAccountSummary": _get_account_summary},
    "ec2": {"DescribeRegions": _describe_regions},
    "sts": {
        "AssumeRole": _assume_role,
        "GetCallerIdentity": _get_caller_identity,
        "GetSessionToken": _get_session_token,
    },
    "account": {"ListRegions": _list_regions},
}


class StrictAws:
    """moto, with AWS's checks in front of it.

    Args:
        app: moto's `DomainDispatcherApplication`, or any WSGI application that supports `x-moto-account-id`.
        directory: the sandbox's accounts and bootstrap keys.
        clock: returns the sandbox's time, in seconds since the epoch.
    """

    def __init__(self, app: WSGIApplication, directory: Directory, clock: Callable[[], float]) -> None:
        self._app = app
        self.clock = clock
        self.state = State(directory)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle a request from outside, whose signature must prove who sent it."""
        return self._respond(
            environ, start_response, lambda request: authenticate(self.state, request, self.clock())
        )

    def call(
        self, identity: Identity, service: str, action: str, parameters: Mapping[str, str]
    ) -> dict[str, Any]:
        """Make a call for a user who is signed in to the console; all but the signature is checked.

        Args:
            identity: the signed-in user.
            service: a service of the query protocol, such as `iam`.
            parameters: the operation's arguments.

        Returns:
            The response in boto3's form.

        Raises:
            Refusal: AWS would reject the call.
        """
        scope = f"console/20000101/{self.state.directory.region}/{service}/aws4_request"
        header = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}"
        browser = Client(partial(self._respond, identify=lambda _: identity))
        answer = browser.post("/", data={"Action": action, **parameters}, headers=[("Authorization", header)])
        operation = get_service_model(service).operation_model(action)
        parsed: dict[str, Any] = create_parser(operation.service_model.protocol).parse(
            {"status_code": answer.status_code, "headers": dict(answer.headers), "body": answer.data},
            operation.output_shape,
        )
        if answer.status_code >= 300:
            raise Refusal(parsed["Error"]["Code"], parsed["Error"]["Message"], answer.status_code)
        return parsed

    def _respond(
        self,
        environ: WSGIEnvironment,
        start_response: StartResponse,
        identify: Callable[[AwsRequest], Identity],
    ) -> Iterable[bytes]:
        request = read(environ)
        try:
            return self._perform(identify(request), request, start_response)
        except ServiceException as refusal:
            return _answer(request, refusal, start_response)

    def _perform(
        self, identity: Identity, request: AwsRequest, start_response: StartResponse
    ) -> Iterable[bytes]:
        request = iam.for_own_user(identity, request)
        call = Call(identity, request, self.state, self.clock())
        if request.service == "sts" and _status(call, request.authorization.region) == "DISABLED":
            raise refuse(request, Reason.UNKNOWN_KEY)  # as AWS does for a region that isn't enabled
        self._authorise(call)
        operation = _OPERATIONS.get(request.service, {}).get(request.action)
        if operation is None and request.service == "sts":
            raise Refusal("InvalidAction", f"Could not find operation {request.action} in the sandbox's STS")
        result = operation(call) if operation else None
        if result is None:
            return self._app(environ_for(request, identity.account_id), start_response)
        return _answer(request, result, start_response)

    @staticmethod
    def _authorise(call: Call) -> None:
        """Reject what the caller's policies do not allow; AssumeRole does so itself, after checking MFA."""
        request, identity = call.request, call.identity
        action = action_of(request)
        if action == "sts:AssumeRole":
            return
        resource = resource_of(request, identity)
        context = context_of(identity, call.now, request.authorization.region)
        verdict = judge(identity, action, resource, context)
        if verdict is not Verdict.ALLOWED:
            raise denial(request, identity, action, resource, verdict)


def _answer(
    request: AwsRequest, result: Mapping[str, Any] | ServiceException, start_response: StartResponse
) -> Iterable[bytes]:
    status, headers, body = written(request.service, request.action, result)
    start_response(f"{status} {HTTPStatus(status).phrase}", headers)
    return [] if request.http.method == "HEAD" else [body]
