"""The strict layer as a WSGI application in front of moto's."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from workflows.sandbox.strict.directory import Directory
from workflows.sandbox.strict.identity import Identities, Identity
from workflows.sandbox.strict.refusal import Refusal, render
from workflows.sandbox.strict.request import AwsRequest, environ_for, read
from workflows.sandbox.strict.sessions import Sessions

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class StrictAws:
    """moto behind AWS's front door.

    Args:
        app: moto's `DomainDispatcherApplication`, or any WSGI application that honours `x-moto-account-id`.
        directory: the sandbox's accounts and bootstrap keys.
        clock: the sandbox's time, in seconds since the epoch.
    """

    def __init__(self, app: WSGIApplication, directory: Directory, clock: Callable[[], float]) -> None:
        self._app = app
        self.directory = directory
        self.clock = clock
        self.sessions = Sessions()
        self.identities = Identities(directory, self.sessions)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request = read(environ)
        try:
            identity = self.identities.authenticate(request, self.clock())
            return self._perform(identity, request, environ, start_response)
        except Refusal as refusal:
            request_id = str(uuid.uuid4())
            content_type, body = render(request.style, refusal, request_id)
            headers = [
                ("Content-Type", content_type),
                ("Content-Length", str(len(body))),
                ("x-amzn-RequestId", request_id),
                ("x-amzn-ErrorType", refusal.code),
            ]
            start_response(f"{refusal.status} {HTTPStatus(refusal.status).phrase}", headers)
            return [b"" if request.method == "HEAD" else body]

    def _perform(
        self, identity: Identity, request: AwsRequest, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        return self._app(environ_for(environ, request, identity.account_id), start_response)

    def dump(self) -> dict[str, Any]:
        """The layer's whole state as a JSON object. It holds secrets: keep it in a private file."""
        return {"sessions": self.sessions.dump()}

    def load(self, data: dict[str, Any]) -> None:
        """Take over a state that `dump` gave."""
        self.sessions.load(data["sessions"])
