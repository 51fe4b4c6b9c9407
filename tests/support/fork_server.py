"""A single-threaded process that forks in place of the test's process.

A fork copies locks that other threads hold, but not these threads, so nothing releases the locks in the
child, which may wait for them forever.
"""

from __future__ import annotations

import os
import pickle
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import NoReturn

_NUMBER = struct.Struct("!q")
_PREPARED = "tests.conftest"
"""The module that prepares tests, and the children too: time zone, and Textual without a clock."""


class ForkServer:
    """Starts the process; its children share the modules that it has loaded."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            code = f"from support import fork_server; fork_server.serve({theirs.fileno()})"
            path = os.pathsep.join(filter(None, sys.path))
            self._process = subprocess.Popen(
                [sys.executable, "-c", code],
                pass_fds=[theirs.fileno()],
                env={**os.environ, "PYTHONPATH": path},
            )

    def fork(self, run: Callable[..., NoReturn], *descriptors: int) -> int:
        """Run a function in a child, with the environment and the working folder of this process.

        Args:
            run: called with the child's numbers of the descriptors; ends its process; it must be picklable.
            descriptors: open files that the child gets.

        Returns:
            The child's process id.
        """
        request = pickle.dumps((dict(os.environ), str(Path.cwd()), run))
        socket.send_fds(self._socket, [_NUMBER.pack(len(request))], descriptors)
        self._socket.sendall(request)
        return self._number()

    def wait(self) -> int:
        """Wait for the end of the last child and return its wait status."""
        return self._number()

    def _number(self) -> int:
        answer = self._socket.recv(_NUMBER.size, socket.MSG_WAITALL)
        assert len(answer) == _NUMBER.size, "the fork server has ended: its last words are above"
        (number,) = _NUMBER.unpack(answer)
        return int(number)

    def close(self) -> None:
        """End the process."""
        self._socket.close()
        self._process.wait()


def serve(descriptor: int) -> None:
    """Fork on requests from the other end of a socket, until that is closed."""
    import_module(_PREPARED)
    with socket.socket(fileno=descriptor) as connection:
        while True:
            size, descriptors, *_ = socket.recv_fds(connection, _NUMBER.size, 8)
            if not size:
                return
            request = connection.recv(_NUMBER.unpack(size)[0], socket.MSG_WAITALL)
            environment, folder, run = pickle.loads(request)  # noqa: S301 - the test wrote it
            child = os.fork()
            if child == 0:
                connection.close()
                os.environ.clear()
                os.environ.update(environment)
                os.chdir(folder)
                run(*descriptors)
            for opened in descriptors:
                os.close(opened)
            connection.sendall(_NUMBER.pack(child))
            _, status = os.waitpid(child, 0)
            connection.sendall(_NUMBER.pack(status))
