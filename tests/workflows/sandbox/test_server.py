from __future__ import annotations

import socket

from workflows.sandbox.sandbox import free_port
from workflows.sandbox.server import HOST, listen


def test_a_closed_server_listens_no_more() -> None:
    port = free_port()
    server = listen(port, lambda _environ, _start_response: [])
    with socket.create_connection((HOST, port)):
        pass
    server.server_close()
    with socket.socket() as client:
        assert client.connect_ex((HOST, port)) != 0
