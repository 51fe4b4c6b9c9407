"""The sandbox's AWS, its sign-in console and its phone, as a process of its own on loopback.

It lives as long as somebody holds the sandbox's owner lock. The kernel drops that lock with its process, so
the server ends with the wizard however the wizard ends; only a Terraform that is still running keeps it
alive, because an apply without its AWS would lose what it has made.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflows.core.locks import FileLock
from workflows.sandbox import persistence
from workflows.sandbox.agents import end_agents
from workflows.sandbox.layout import Layout, Record
from workflows.sandbox.organization import found_organization
from workflows.sandbox.short import remove_short

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from werkzeug.serving import BaseWSGIServer

    from workflows.sandbox.strict import StrictAws

HOST = "127.0.0.1"
READY = "ready"
PORT_TAKEN = 3
_LOOK_EVERY = 0.1
_SAVE_EVERY = 2.0


class Clock:
    """The sandbox's time: the real one, plus what its clock file says."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self) -> float:
        """Seconds since the epoch."""
        try:
            ahead = float(self._path.read_text())
        except FileNotFoundError:
            ahead = 0.0
        return time.time() + ahead


def compose(record: Record, clock: Clock) -> tuple[StrictAws, WSGIApplication]:
    """Put moto, the strict layer and the console together; give the layer and the whole."""
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415 - moto belongs to this process
        DomainDispatcherApplication,
        create_backend_app,
    )

    from workflows.sandbox.console import console_application  # noqa: PLC0415 - as moto
    from workflows.sandbox.strict import StrictAws  # noqa: PLC0415 - as moto

    strict = StrictAws(DomainDispatcherApplication(create_backend_app), record.directory, clock)
    console = console_application(strict, record.directory)

    def route(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        first = environ.get("PATH_INFO", "").split("/")[1:2]
        app = console if first in (["console"], ["phone"]) and "HTTP_AUTHORIZATION" not in environ else strict
        return app(environ, start_response)

    return strict, route


def listen(port: int, app: WSGIApplication) -> BaseWSGIServer:
    """A server on loopback, with a thread a request.

    Raises:
        SystemExit: with PORT_TAKEN where another program has the port.
    """
    import socket  # noqa: PLC0415 - this process only

    from moto.moto_server.werkzeug_app import MotoRequestHandler  # noqa: PLC0415 - moto belongs to this process
    from werkzeug.serving import make_server  # noqa: PLC0415 - as moto

    class Quiet(MotoRequestHandler):
        """Nobody reads a line for each request."""

        def log_request(self, *_: Any) -> None:
            """Say nothing."""

    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            raise SystemExit(PORT_TAKEN) from None
        listener.listen(128)
        return make_server(
            HOST, port, app, threaded=True, request_handler=Quiet, fd=os.dup(listener.fileno())
        )


class Owners:
    """Whether somebody still needs the server."""

    def __init__(self, layout: Layout) -> None:
        self._owner = FileLock(layout.owner_lock)
        self._terraform = FileLock(layout.terraform_lock)

    def are_gone(self) -> bool:
        """True once no wizard and no Terraform is there; a new wizard then waits for this process to end."""
        if not self._owner.try_acquire():
            return False
        if not self._terraform.try_acquire():
            self._owner.release()
            return False
        self._terraform.release()
        return True


def serve(layout: Layout) -> None:
    """Serve until nobody needs it, or SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    alone = FileLock(layout.server_lock)
    if not alone.try_acquire():
        raise SystemExit("another server has this sandbox")
    record = Record.read(layout.record)
    strict, app = compose(record, Clock(layout.clock))
    gate = persistence.Gate(app)
    server = listen(record.port, gate)
    if persistence.load(layout, strict):
        found_organization(record.directory.accounts, record.directory.region)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    announce()
    owners, saved_at, unneeded = Owners(layout), time.monotonic(), False
    while not stop.wait(_LOOK_EVERY) and not (unneeded := owners.are_gone()):
        if gate.changed and time.monotonic() - saved_at > _SAVE_EVERY:
            persistence.save(layout, strict, gate)
            saved_at = time.monotonic()
    server.shutdown()
    thread.join()
    server.server_close()
    persistence.save(layout, strict, gate)
    # A server that is told to end has owners, who still use the short path; the next one is another.
    end_agents(layout, record, forget=unneeded and bool(record.short))
    if unneeded:
        remove_short(layout.folder, record.short)
    alone.release()


def announce() -> None:
    """Tell who started this process that requests are answered, and free its pipe."""
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


def main(arguments: list[str]) -> None:
    """Serve the sandbox in the folder that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m workflows.sandbox.server", description=__doc__)
    parser.add_argument("folder", type=Path, help="the sandbox's folder")
    serve(Layout(parser.parse_args(arguments).folder))


if __name__ == "__main__":
    main(sys.argv[1:])
