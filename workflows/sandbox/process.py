"""Starts the sandbox's server and watches over it from the wizard's side."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from workflows.core.errors import OnboardError
from workflows.core.files import OWN_LIMIT, load_file
from workflows.core.locks import FileLock, is_held, is_shared
from workflows.core.processes import own_module
from workflows.sandbox.layout import Layout
from workflows.sandbox.server import HOST, PORT_TAKEN, READY

_FIRST_PORT, _LAST_PORT = 20_000, 31_999
_START_SECONDS = 60.0
_END_SECONDS = 30.0
_LOOK_EVERY = 0.02


class PortTaken(Exception):  # noqa: N818 - an answer, not a failure
    """Another program has the sandbox's port."""


def free_port() -> int:
    """A loopback port that nobody listens on, below those that systems hand out for outgoing connections."""
    for _ in range(200):
        port = _FIRST_PORT + int.from_bytes(os.urandom(4), "big") % (_LAST_PORT - _FIRST_PORT)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise OnboardError("No free port", f"No port from {_FIRST_PORT} to {_LAST_PORT} is free on {HOST}.")


class ServerProcess:
    """The server of one sandbox, as its owner sees it: it lives while an owner does."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._owner = FileLock(layout.owner_lock)
        self._process: subprocess.Popen[bytes] | None = None

    def own(self) -> bool:
        """Become an owner, and say whether a server runs already (of a wizard that died during an apply)."""
        self._owner.acquire(shared=True)
        return self.is_running()

    def is_running(self) -> bool:
        """Whether the sandbox has a server, its own or another's."""
        return is_held(self._layout.server_lock)

    def start(self, environment: Mapping[str, str]) -> None:
        """Start the server and wait until it answers.

        Raises:
            PortTaken: another program has its port.
            OnboardError: it did not come up; the end of its log is the detail.
        """
        command = [*own_module("workflows.sandbox.server"), str(self._layout.folder)]
        with self._layout.server_log.open("ab") as log:
            process = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=self._layout.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        assert process.stdout is not None  # noqa: S101 - asked for above
        with process.stdout as output:
            answered, _, _ = select.select([output], [], [], _START_SECONDS)
            line = output.readline() if answered else b""
        if line.strip() == READY.encode():
            self._process = process
            return
        if not answered:
            process.kill()
        if process.wait() == PORT_TAKEN:
            raise PortTaken
        raise OnboardError(
            "The sandbox's AWS did not start",
            "The process that plays AWS ended before it answered.",
            why='It needs the extra named demo: pip install "iam-onboard[demo]"',
            next="Start the demo again; if it fails the same way, report it with the text below.",
            detail=_end_of(self._layout.server_log),
        )

    def leave(self) -> None:
        """Stop owning it. The server saves what AWS knows and ends; during an apply, once that is over.

        Raises:
            OnboardError: no Terraform runs, and yet the server has not ended in time.
        """
        self._owner.release()
        process, self._process = self._process, None
        deadline = time.monotonic() + _END_SECONDS
        while is_held(self._layout.server_lock):
            if is_shared(self._layout.terraform_lock):
                if process is not None:  # it outlives this call, but never becomes a zombie
                    threading.Thread(target=process.wait, daemon=True).start()
                return
            if time.monotonic() > deadline:
                raise OnboardError(
                    "The sandbox's AWS did not end",
                    f"Its process still runs after {_END_SECONDS:.0f} seconds.",
                    detail=_end_of(self._layout.server_log),
                )
            time.sleep(_LOOK_EVERY)
        if process is not None:
            process.wait(_END_SECONDS)


def _end_of(log: Path) -> str:
    return load_file(log, OWN_LIMIT).decode(errors="replace")[-4000:].strip() if log.exists() else ""
