"""The sandbox's AWS, its sign-in console and its phone, as a process of its own on loopback.

It lives as long as somebody holds the sandbox's owner lock. The kernel drops that lock with its process, so
the server ends with the wizard however the wizard ends; only a Terraform that is still running keeps it
alive, because an apply without its AWS would lose what it has made.

moto keeps everything in memory, and goes on in a new process from what `kept_aws` kept. It makes up the id of
every account it is asked for, and the sandbox's accounts have theirs already: so the organisation is made
inside this process, out of moto's own parts, with the ids put in.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.organizations import utils
from moto.organizations.models import organizations_backends
from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.wrappers import Response

from workflows.core.files import OWN_LIMIT, load_file, replace_file
from workflows.core.locks import FileLock
from workflows.core.parsing import parse_json
from workflows.sandbox import kept_aws
from workflows.sandbox.console.application import console_application
from workflows.sandbox.layout import HOST, PORT_TAKEN, READY, Layout, Record, end_agents, remove_short
from workflows.sandbox.project import email_of
from workflows.sandbox.strict.application import StrictAws

MANAGEMENT = "management"


def found_organization(accounts: Mapping[str, str], region: str) -> None:
    """Make the organisation, unless it exists. The accounts' roles must exist already.

    Args:
        accounts: account name -> id, including the management account.
        region: the region under which moto stores the organisation.
    """
    backend = organizations_backends[accounts[MANAGEMENT]]["aws"]
    if backend.org is not None:
        return
    # moto makes a role for the first account under a random id, before it sets the management account's id.
    nowhere = "000000000000"
    with mock.patch.object(utils, "make_random_account_id", return_value=nowhere):
        backend.create_organization(region, FeatureSet="ALL")
    iam_backends.pop(nowhere, None)
    backend.accounts[0].name, backend.accounts[0].email = MANAGEMENT, email_of(MANAGEMENT)
    for name, account_id in accounts.items():
        if name != MANAGEMENT:
            with mock.patch.object(utils, "make_random_account_id", return_value=account_id):
                backend.create_account(AccountName=name, Email=email_of(name))


class Gate:
    """Lets one request through at a time, and none while the state is being copied.

    moto's backends are plain objects without locks, so concurrent requests can lose a response. An SDK then
    repeats its request, and would mistake the state lock that it has already taken for another process's.

    Attributes:
        alone: the lock that the current request or `save` holds.
        changed: whether a request that may have changed the state was handled since the last copy.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self.alone = threading.Lock()
        self.changed = False
        self._answers: dict[str, Response] = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        with self.alone:
            self.changed = self.changed or environ["REQUEST_METHOD"] not in ("GET", "HEAD", "OPTIONS")
            call = environ.get("HTTP_AMZ_SDK_INVOCATION_ID", "")
            if not call or not environ.get("HTTP_X_AMZ_TARGET", "").endswith(".PutItem"):
                return self._app(environ, start_response)
            return self._once(call, environ, start_response)

    def _once(self, call: str, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a write; one that an SDK repeats gets the response that was lost."""
        answer = self._answers.get(call) or Response.from_app(self._app, environ, buffered=True)
        if answer.status_code < 500:  # an SDK should retry after a server error
            self._answers[call] = answer
        return answer(environ, start_response)


def save(layout: Layout, strict: StrictAws, gate: Gate) -> None:
    """Write the state to the sandbox's folder, each file atomically."""
    with gate.alone:
        aws_state = json.dumps(kept_aws.dump()).encode()
        strict_state = json.dumps(strict.state.dump()).encode()
        gate.changed = False
    replace_file(layout.aws_state, aws_state, synced=False)
    replace_file(layout.strict_state, strict_state, synced=False)


def load(layout: Layout, strict: StrictAws) -> bool:
    """Load the state that `save` wrote; return whether AWS's state exists."""
    if layout.aws_state.exists():
        kept_aws.load(parse_json(load_file(layout.aws_state, OWN_LIMIT)))
    if layout.strict_state.exists():
        strict.state.load(parse_json(load_file(layout.strict_state, OWN_LIMIT)))
    return layout.aws_state.exists()


def sandbox_time(clock: Path) -> float:
    """Return the real time in seconds since the epoch, plus the seconds in the sandbox's clock file."""
    try:
        ahead = float(load_file(clock, OWN_LIMIT))
    except FileNotFoundError:
        ahead = 0.0
    return time.time() + ahead


def compose(record: Record, clock: Callable[[], float]) -> tuple[StrictAws, WSGIApplication]:
    """Combine moto, the strict layer and the console; return the strict layer and the whole application."""
    strict = StrictAws(DomainDispatcherApplication(create_backend_app), record.directory, clock)
    console = console_application(strict, record.token)

    def route(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return (strict if "HTTP_AUTHORIZATION" in environ else console)(environ, start_response)

    return strict, route


def listen(port: int, app: WSGIApplication) -> BaseWSGIServer:
    """Return a server on loopback that uses a thread per request.

    Raises:
        SystemExit: with PORT_TAKEN, if another program uses the port.
    """

    class Quiet(MotoRequestHandler):
        """A request handler without a log."""

        def log_request(self, *_: Any) -> None:
            """Log nothing."""

    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            raise SystemExit(PORT_TAKEN) from None
        listener.listen(128)
        # The server duplicates the descriptor.
        return make_server(HOST, port, app, threaded=True, request_handler=Quiet, fd=listener.fileno())


class Owners:
    """Finds out whether the server is still needed."""

    def __init__(self, layout: Layout) -> None:
        self._owner = FileLock(layout.owner_lock)
        self._terraform = FileLock(layout.terraform_lock)

    def are_gone(self) -> bool:
        """Return whether no wizard and no Terraform uses the sandbox; if so, new ones wait for this process.

        Both locks are then held until this process ends. If Terraform's were released, a wizard that leaves
        could mistake this process for a running Terraform, since `is_shared` checks twice.
        """
        if not self._owner.try_acquire():
            return False
        if not self._terraform.try_acquire():
            self._owner.release()
            return False
        return True


def serve(layout: Layout) -> None:
    """Serve until the server is no longer needed, or until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    alone = FileLock(layout.server_lock)
    if not alone.try_acquire():
        raise SystemExit("another server has this sandbox")
    record = Record.read(layout.record)
    strict, app = compose(record, partial(sandbox_time, layout.clock))
    gate = Gate(app)
    server = listen(record.port, gate)
    if load(layout, strict):
        found_organization(record.directory.accounts, record.directory.region)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    announce()
    owners, saved_at, unneeded = Owners(layout), time.monotonic(), False
    while not stop.wait(0.1) and not (unneeded := owners.are_gone()):
        if gate.changed and time.monotonic() - saved_at > 2.0:
            save(layout, strict, gate)
            saved_at = time.monotonic()
    server.shutdown()
    thread.join()
    server.server_close()
    save(layout, strict, gate)
    # After SIGTERM the sandbox still has owners, which use the short path and may start another server.
    end_agents(layout, record, forget=unneeded and bool(record.short))
    if unneeded:
        remove_short(layout.folder, record.short)
    alone.release()


def announce() -> None:
    """Tell the parent process that the server accepts requests, and close the pipe to it."""
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


if __name__ == "__main__":
    serve(Layout(Path(sys.argv[1])))
