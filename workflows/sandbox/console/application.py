"""The WSGI application of the console and the phone, closed to other sites and other users.

Every address begins with the sandbox's token. Only the sandbox's private record and the addresses that the
wizard shows and opens contain it, so a web page or another user of this machine cannot see anything.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from workflows.core.text import safe
from workflows.sandbox.console import pages, phone
from workflows.sandbox.console.desk import Desk
from workflows.sandbox.strict.application import StrictAws

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_NO_TOKEN = Response(
    "Only the addresses that the wizard shows and opens are answered here.\n", 403, mimetype="text/plain"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def console_application(strict: StrictAws, token: str) -> WSGIApplication:
    """Return the application for `/TOKEN/console` and `/TOKEN/phone`; add its state to the strict layer's."""
    application = Flask(__name__)
    application.extensions |= {"desk": Desk(strict), "phone": strict.state.part("phone", phone.Entry)}
    application.jinja_env.finalize = _seen
    application.url_map.strict_slashes = False
    application.register_blueprint(pages.pages)
    application.register_blueprint(phone.pages)
    application.before_request(_refuse_other_sites)
    application.after_request(_harden)

    def below_the_token(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}"
        given, _, page = path.removeprefix("/").partition("/")
        if not hmac.compare_digest(given.encode(), token.encode()):
            return _NO_TOKEN(environ, start_response)
        return application({**environ, "SCRIPT_NAME": f"/{token}", "PATH_INFO": f"/{page}"}, start_response)

    return below_the_token


def _refuse_other_sites() -> tuple[str, int] | None:
    """Reject requests that did not come to loopback, and forms that a page of another site sent."""
    host = urlsplit(f"//{request.host}").hostname
    origin = request.headers.get("Origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.host
    if host not in _LOOPBACK or (request.method == "POST" and foreign):
        return "This sandbox answers only to pages of its own.\n", 403
    return None


def _harden(response: Response) -> Response:
    response.headers.update(_HEADERS)
    return response


def _seen(value: object) -> object:
    """Remove invisible characters from a template's value; markup stays unchanged."""
    return safe(value) if isinstance(value, str) and not isinstance(value, Markup) else value
