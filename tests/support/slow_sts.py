"""A server on loopback for the STS of all regions, each with its own answer and delay."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/([^/]+)/([^/]+)/")
_GIVEN = (
    "<Credentials><AccessKeyId>ASIAEXAMPLEEXAMPLE01</AccessKeyId><SecretAccessKey>canary-secret"
    "</SecretAccessKey><SessionToken>canary-token</SessionToken><Expiration>2030-01-01T00:00:00Z"
    "</Expiration></Credentials>"
)
_BODIES = {
    "GetSessionToken": _GIVEN,
    "AssumeRole": _GIVEN + "<AssumedRoleUser><AssumedRoleId>A:b</AssumedRoleId>"
    "<Arn>arn:aws:sts::{account}:assumed-role/DevOps/iam-onboard</Arn></AssumedRoleUser>",
    "GetCallerIdentity": "<UserId>A</UserId><Account>{account}</Account>"
    "<Arn>arn:aws:iam::{account}:user/jane.doe</Arn>",
    "GetAccountSummary": "<SummaryMap><entry><key>GlobalEndpointTokenVersion</key><value>2</value></entry>"
    "</SummaryMap>",
}
_EC2 = (
    '<DescribeRegionsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><regionInfo>{items}</regionInfo>'
    "</DescribeRegionsResponse>"
)


@dataclass
class SlowSts:
    """The answers of the regions.

    Attributes:
        account: the account that signs and answers.
        delays: region -> seconds until it answers.
        listed: whether the account service answers; otherwise EC2 must be asked.
        refusals: region -> the error code and HTTP status with which it rejects calls.
        opt_in: region -> EC2's opt-in status; EC2 does not list other regions.
        asked: region and operation of every STS call so far.
        most_at_once: the greatest number of concurrent STS calls so far.
    """

    account: str = "222222222222"
    delays: Mapping[str, float] = field(default_factory=dict)
    refusals: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    opt_in: Mapping[str, str] = field(default_factory=dict)
    listed: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)
    most_at_once: int = 0
    url: str = ""
    _inside: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, header: str, form: Mapping[str, list[str]]) -> tuple[int, str]:
        """Return the status and the body for a request."""
        scope = _SCOPE.search(header)
        assert scope is not None, header
        region, service = scope.groups()
        if service == "account":
            return self._listed()
        action = form["Action"][0]
        if service == "ec2":
            items = "".join(
                f"<item><regionName>{name}</regionName><optInStatus>{word}</optInStatus></item>"
                for name, word in self.opt_in.items()
            )
            return 200, _EC2.format(items=items)
        if service == "sts" and action in {"GetSessionToken", "AssumeRole"}:
            with self._lock:
                self.asked.append((region, action))
                self._inside += 1
                self.most_at_once = max(self.most_at_once, self._inside)
            time.sleep(self.delays.get(region, 0.0))
            with self._lock:
                self._inside -= 1
            if region in self.refusals:
                code, status = self.refusals[region]
                return (
                    status,
                    f"<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>",
                )
        body = _BODIES[action].format(account=self.account)
        return 200, f"<{action}Response><{action}Result>{body}</{action}Result></{action}Response>"

    def _listed(self) -> tuple[int, str]:
        if not self.listed:
            return 403, '{"message": "no", "__type": "AccessDeniedException"}'
        words = {
            "opt-in-not-required": "ENABLED_BY_DEFAULT",
            "opted-in": "ENABLED",
            "not-opted-in": "DISABLED",
        }
        regions = [{"RegionName": name, "RegionOptStatus": words[word]} for name, word in self.opt_in.items()]
        return 200, json.dumps({"Regions": regions})


@contextmanager
def slow_sts(**how: object) -> Iterator[SlowSts]:
    """Yield a running server; stop it afterwards."""
    made = SlowSts(**how)  # type: ignore[arg-type]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            status, body = made.answer(self.headers["Authorization"], form)
            data = body.encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the client has closed the connection

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def serve(delays: Mapping[str, float]) -> None:
    """Print the address to standard output, and serve until standard input ends."""
    opt_in = dict.fromkeys(delays, "opt-in-not-required")
    with slow_sts(delays=delays, opt_in=opt_in, listed=True) as made:
        sys.stdout.write(made.url + "\n")
        sys.stdout.flush()
        sys.stdin.read()
