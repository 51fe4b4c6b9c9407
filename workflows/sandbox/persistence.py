"""What the sandbox's AWS knows, kept on disk from one run to the next.

moto keeps everything in memory. Its backends pickle whole, and go on as before in a new process.
"""

from __future__ import annotations

import json
import pickle
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from workflows.core.files import replace_file
from workflows.sandbox.layout import Layout

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from workflows.sandbox.strict import StrictAws

SERVICES = ("iam", "s3", "dynamodb", "sts", "organizations")


class Gate:
    """Lets one request through at a time, and none while the state is being copied.

    moto's backends are plain objects without locks: two requests side by side can lose an answer, which an
    SDK then asks for again, and a lock that it has taken itself looks like somebody else's.

    `changed` says whether a request that may have changed something went through since the last copy.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self._alone = threading.Lock()
        self.changed = False
        self._answers: dict[str, tuple[str, list[tuple[str, str]], bytes]] = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        with self._alone:
            self.changed = self.changed or environ["REQUEST_METHOD"] not in ("GET", "HEAD", "OPTIONS")
            call = environ.get("HTTP_AMZ_SDK_INVOCATION_ID", "")
            if not call or not environ.get("HTTP_X_AMZ_TARGET", "").endswith(".PutItem"):
                return self._app(environ, start_response)
            return self._once(call, environ, start_response)

    def _once(self, call: str, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """A conditional write that an SDK asks for again gets the answer that was lost on the way."""
        if call not in self._answers:
            told: list[Any] = []

            def note(status: str, headers: list[tuple[str, str]], *_: object) -> Any:
                told[:] = [status, headers]
                return None

            body = b"".join(self._app(environ, note))
            if str(told[0]).startswith("5"):
                start_response(told[0], told[1])  # a failure of ours is to be tried again
                return [body]
            self._answers[call] = (told[0], told[1], body)
        status, headers, body = self._answers[call]
        start_response(status, headers)
        return [body]

    @contextmanager
    def still(self) -> Iterator[None]:
        """Wait for the request that is inside, and hold new ones back."""
        with self._alone:
            yield


def save(layout: Layout, strict: StrictAws, gate: Gate) -> None:
    """Write everything to the sandbox's folder, each file atomically."""
    from moto.backends import get_backend  # noqa: PLC0415 - moto belongs to the server's process

    with gate.still():
        pickled = pickle.dumps({name: get_backend(cast("Any", name)) for name in SERVICES}, protocol=5)
        strict_state = json.dumps(strict.dump()).encode()
        gate.changed = False
    replace_file(layout.aws_state, pickled, synced=False)
    replace_file(layout.strict_state, strict_state, synced=False)


def load(layout: Layout, strict: StrictAws) -> bool:
    """Take over what `save` wrote; tells whether anything was."""
    from moto.backends import get_backend  # noqa: PLC0415 - moto belongs to the server's process

    if layout.aws_state.exists():
        saved: dict[str, Any] = pickle.loads(layout.aws_state.read_bytes())  # noqa: S301 - our own file, mode 0600
        for name, backend in saved.items():
            live: Any = get_backend(cast("Any", name))
            live.clear()
            live.update(backend)
            vars(live).update(vars(backend))
    if layout.strict_state.exists():
        strict.load(json.loads(layout.strict_state.read_bytes()))
    return layout.aws_state.exists()
