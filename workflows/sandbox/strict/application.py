"""The strict layer as a WSGI application in front of moto's."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

from moto.core.exceptions import ServiceException
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app

from workflows.sandbox.strict import answers, devices, regions, tokens, users
from workflows.sandbox.strict.authorization import context_of, denial, judge
from workflows.sandbox.strict.call import Call, Operation, State
from workflows.sandbox.strict.codes import Codes
from workflows.sandbox.strict.directory import Directory
from workflows.sandbox.strict.identity import Identities, Identity
from workflows.sandbox.strict.passwords import Passwords
from workflows.sandbox.strict.policy import Verdict
from workflows.sandbox.strict.refusal import Refusal, Style, render
from workflows.sandbox.strict.region_settings import RegionSettings
from workflows.sandbox.strict.request import AwsRequest, environ_for, read
from workflows.sandbox.strict.resources import action_of, resource_of
from workflows.sandbox.strict.sessions import Sessions

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_OPERATIONS: dict[str, Mapping[str, Operation]] = {
    "iam": {**devices.OPERATIONS, **users.OPERATIONS, **regions.IAM_OPERATIONS},
    "ec2": regions.EC2_OPERATIONS,
    "sts": tokens.OPERATIONS,
    "account": regions.OPERATIONS,
}
_STATUSES = {"NoSuchEntity": 404, "EntityAlreadyExists": 409, "DeleteConflict": 409, "LimitExceeded": 409}


class Persistent(Protocol):
    """A part of the sandbox whose state outlives the process."""

    def dump(self) -> dict[str, Any]:
        """Everything, as a JSON object."""

    def load(self, data: dict[str, Any]) -> None:
        """Take over what `dump` gave."""


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
        self.state = State(directory, Sessions(), Codes(), Passwords(), RegionSettings())
        self.identities = Identities(directory, self.state.sessions)
        self._parts: dict[str, Persistent] = {
            "sessions": self.state.sessions,
            "codes": self.state.codes,
            "passwords": self.state.passwords,
            "regions": self.state.regions,
        }
        self._loaded: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

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
        return answers.parse(service, action, int(status.split()[0]), list(headers.items()), b"".join(body))

    def attach(self, name: str, part: Persistent) -> None:
        """Keep a part's state together with the layer's own; it gets what an earlier `load` had for it."""
        with self._lock:
            self._parts[name] = part
            loaded = self._loaded.pop(name, None)
        if loaded is not None:
            part.load(loaded)

    def dump(self) -> dict[str, Any]:
        """The whole state as a JSON object. It holds secrets: keep it in a private file."""
        with self._lock:
            return {**self._loaded, **{name: part.dump() for name, part in self._parts.items()}}

    def load(self, data: dict[str, Any]) -> None:
        """Take over a state that `dump` gave; parts that are not attached yet get theirs when they are."""
        with self._lock:
            known = {name: part for name, part in self._parts.items() if name in data}
            self._loaded = {name: value for name, value in data.items() if name not in known}
        for name, part in known.items():
            part.load(data[name])

    def _perform(
        self, identity: Identity, request: AwsRequest, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        now = self.clock()
        request = users.for_own_user(identity, request)
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
        status, headers, body = answers.write(request.service, request.action, result)
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
