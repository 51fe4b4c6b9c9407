"""A fake endpoint of SSO and STS, and the token file of `aws sso login`."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from workflows.aws.clients import ProfileFiles

START = "https://bb.awsapps.com/start"
TOKEN = "t0ken-of-jane"
IDENTITY = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>arn:aws:sts::222222222222:assumed-role/DevOps/jane.doe</Arn>
<UserId>AROA:jane.doe</UserId><Account>222222222222</Account></GetCallerIdentityResult>
<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>"""


class Portal(BaseHTTPRequestHandler):
    """GetRoleCredentials for callers with the token, and GetCallerIdentity for its credentials."""

    def do_GET(self) -> None:
        server: Any = self.server
        asked = urlsplit(self.path)
        server.asked.append((asked.path, parse_qs(asked.query)))
        if self.headers.get("x-amz-sso_bearer_token") != TOKEN:
            self._answer(401, {"message": "Session token not found or invalid"}, "UnauthorizedException")
            return
        expiration = int((datetime.now(UTC) + timedelta(hours=1)).timestamp() * 1000)
        given = {"accessKeyId": "ASIASSO", "secretAccessKey": "s" * 40, "sessionToken": "session"}
        self._answer(200, {"roleCredentials": {**given, "expiration": expiration}})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        signed = "Credential=ASIASSO/" in self.headers.get("authorization", "")
        body = IDENTITY.encode() if signed else b"<x/>"
        self.send_response(200 if signed else 403)
        self.send_header("content-type", "text/xml")
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, status: int, body: dict[str, Any], error: str = "") -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        if error:
            self.send_header("x-amzn-errortype", error)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_arguments: object) -> None:
        """Log nothing."""


@pytest.fixture
def portal() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Portal)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def sign_in(
    files: ProfileFiles, name: str, token: str = TOKEN, lasts: timedelta = timedelta(hours=8)
) -> Path:
    """Write the file that `aws sso login` writes for a session or, in the older form, for a start URL."""
    assert files.sso_cache is not None
    files.sso_cache.mkdir(parents=True, exist_ok=True)
    file = files.sso_cache / f"{hashlib.sha1(name.encode()).hexdigest()}.json"  # noqa: S324 - botocore's name
    expires = (datetime.now(UTC) + lasts).strftime("%Y-%m-%dT%H:%M:%SZ")
    file.write_text(json.dumps({"startUrl": START, "accessToken": token, "expiresAt": expires}))
    return file
