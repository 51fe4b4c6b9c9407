"""The strict layer as a WSGI application in front of moto's."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from botocore.model import OperationModel
from botocore.parsers import create_parser
from moto.core.exceptions import ServiceException
from moto.core.serialize import XFormedAttributePicker, get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app

from workflows.sandbox.strict import iam, regions, tokens
from workflows.sandbox.strict.authorization import action_of, context_of, denial, judge, resource_of
from workflows.sandbox.strict.directory import Directory
from workflows.sandbox.strict.identity import Call, Identities, Identity, Operation
from workflows.sandbox.strict.policy import Verdict
from workflows.sandbox.strict.protocol import AwsRequest, Refusal, Style, environ_for, read, render
from workflows.sandbox.strict.state import State

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


_Headers = list[tuple[str, str]]


@cache
def _operation(service: str, action: str) -> OperationModel:
    return get_service_model(service).operation_model(action)


def _written(service: str, action: str, result: dict[str, Any]) -> tuple[int, _Headers, bytes]:
    """The status, headers and body with which the service would give this result."""
    operation = _operation(service, action)
    serializer = get_serializer_class(service, operation.service_model.protocol)
    answer = serializer(operation, value_picker=XFormedAttributePicker()).serialize(result)
    body = answer["body"]
    data = body.encode() if isinstance(body, str) else bytes(body)
    headers = {**answer["headers"], "Content-Length": str(len(data))}
    headers.setdefault("Content-Type", "text/xml")
    return answer["status_code"], [(name, str(value)) for name, value in headers.items()], data


def _parsed(service: str, action: str, status: int, headers: _Headers, body: bytes) -> dict[str, Any]:
    """A service's answer as boto3 would give it.

    Raises:
        Refusal: the answer is an error.
    """
    operation = _operation(service, action)
    parser = create_parser(operation.service_model.protocol)
    answer = {"status_code": status, "headers": dict(headers), "body": body}
    parsed: dict[str, Any] = parser.parse(answer, operation.output_shape)
    if status >= 300:
        raise Refusal(parsed["Error"]["Code"], parsed["Error"]["Message"], status)
    return parsed


_OPERATIONS: dict[str, Mapping[str, Operation]] = {
    "iam": {**iam.OPERATIONS, **regions.IAM_OPERATIONS},
    "ec2": regions.EC2_OPERATIONS,
    "sts": tokens.OPERATIONS,
    "account": regions.OPERATIONS,
}
_STATUSES = {"NoSuchEntity": 404, "EntityAlreadyExists": 409, "DeleteConflict": 409, "LimitExceeded": 409}


class StrictAws:
    """Moto behind AWS's front door.

    Args:
        app: moto's `DomainDispatcherApplication`, or any WSGI application that honours `x-moto-account-id`.
        directory: the sandbox's accounts and bootstrap keys.
        clock: the sandbox's time, in seconds since the epoch.
    """

    def __init__(self, app: WSGIApplication, directory: Directory, clock: Callable[[], float]) -> None:
        self._app = app
        self.clock = clock
        self.state = State(directory)
        self.identities = Identities(directory, self.state.sessions)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request from outside, once its signature proves who sent it."""
        request = read(environ)
        try:
            identity = self.identities.authenticate(request, self.clock())
            return self._perform(identity, request, environ, start_response)
        except Refusal as refusal:
            return _refused(refusal, request.style, request.method, start_response)

    def call(
        self, identity: Identity, service: str, action: str, parameters: Mapping[str, str]
    ) -> dict[str, Any]:
        """Make a call for somebody whom the console knows; all but the signature is checked.

        Args:
            identity: the signed-in user.
            service: a service of the query protocol, such as `iam`.
            action: the operation.
            parameters: its arguments.

        Returns:
            The answer, as boto3 would give it.

        Raises:
            Refusal: AWS would refuse.
        """
        scope = f"console/20000101/{self.state.directory.region}/{service}/aws4_request"
        header = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}"
        form = {"Action": action, **parameters}
        environ = EnvironBuilder(
            "/", method="POST", data=form, headers=Headers({"Authorization": header})
        ).get_environ()
        request = read(environ)

        def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            return self._perform(identity, request, environ, start_response)

        body, status, headers = run_wsgi_app(application, environ, buffered=True)
        return _parsed(service, action, int(status.split()[0]), list(headers.items()), b"".join(body))

    def _perform(
        self, identity: Identity, request: AwsRequest, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        now = self.clock()
        request = iam.for_own_user(identity, request)
        call = Call(identity, request, self.state, now)
        regions.check_used(call)
        self._authorise(call)
        operations = _OPERATIONS.get(request.service, {})
        operation = operations.get(request.action)
        if operation is None and request.service == "sts":
            words = f"Could not find operation {request.action} in the sandbox's STS"
            raise Refusal("InvalidAction", words)
        try:
            result = operation(call) if operation else None
        except ServiceException as error:
            raise Refusal(error.code, error.message, _STATUSES.get(error.code, 400)) from error
        if result is None:
            return self._app(environ_for(environ, request, identity.account_id), start_response)
        status, headers, body = _written(request.service, request.action, result)
        start_response(f"{status} {HTTPStatus(status).phrase}", headers)
        return [body]

    @staticmethod
    def _authorise(call: Call) -> None:
        """Refuse what the caller's policies do not allow; AssumeRole decides for itself, after its code."""
        request, identity = call.request, call.identity
        action = action_of(request)
        if action == "sts:AssumeRole":
            return
        resource = resource_of(request, identity)
        region = request.authorization.region if request.authorization else ""
        verdict = judge(identity, action, resource, context_of(identity, call.now, region))
        if verdict is not Verdict.ALLOWED:
            raise denial(request.style, identity, action, resource, verdict)


def _refused(refusal: Refusal, style: Style, method: str, start_response: StartResponse) -> Iterable[bytes]:
    request_id = str(uuid.uuid4())
    content_type, body = render(style, refusal, request_id)
    headers = [
        ("Content-Type", content_type),
        ("Content-Length", str(len(body))),
        ("x-amzn-RequestId", request_id),
        ("x-amzn-ErrorType", refusal.code),
    ]
    start_response(f"{refusal.status} {HTTPStatus(refusal.status).phrase}", headers)
    return [] if method == "HEAD" else [body]
