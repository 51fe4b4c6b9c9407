"""The search for leaked secrets in children's arguments and environments and in files, in usual encodings.

Python's audit events show exactly what the children of this process get. Their own children (Terraform's
plugins, gpg's agent) are sampled from the process table, and so are files that exist only briefly. The
secrets are given at the end, as half of them are made during the test.
"""

from __future__ import annotations

import base64
import html
import json
import os
import pickle
import subprocess
import sys
import urllib.parse
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support import leak_watch

_watching: set[LeakHunt] = set()


def forms_of(secret: str | bytes) -> tuple[bytes, ...]:
    """Return a secret unchanged and in base64 (at any offset), hexadecimal, UTF-16, URLs, JSON and HTML."""
    plain = secret.encode() if isinstance(secret, str) else secret
    forms = {plain, plain.hex().encode(), plain.hex().upper().encode()}
    for offset in range(3):
        # The part that does not depend on what precedes and follows it.
        coded = base64.b64encode(b"\0" * offset + plain).decode()
        inner = coded[4 if offset else 0 : len(coded) // 4 * 4 - 4]
        forms |= {inner.encode(), inner.translate(str.maketrans("+/", "-_")).encode()}
    if isinstance(secret, str):
        forms |= {secret.encode("utf-16-le"), urllib.parse.quote(secret).encode()}
        forms |= {json.dumps(secret)[1:-1].encode(), html.escape(secret).encode()}
        forms |= {secret.replace(" ", "\u00a0").encode(), html.escape(secret).replace(" ", "&#160;").encode()}
    return tuple(forms)


class LeakHunt:
    """Records what processes and files contain, and reports at the end where secrets were.

    Args:
        folders: the folders in which files are sampled that may be gone at the end.
    """

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._seen: dict[bytes, str] = {}
        self._watch: subprocess.Popen[bytes] | None = None

    def programs(self) -> set[str]:
        """Return the names of the children whose arguments were recorded."""
        kind = "the arguments of "
        return {what.removeprefix(kind) for what in self._seen.values() if what.startswith(kind)}

    def start(self) -> None:
        """Start recording."""
        command = [sys.executable, leak_watch.__file__, str(os.getpid()), *map(str, self._folders)]
        pipe = subprocess.PIPE
        self._watch = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)
        assert self._watch.stdout is not None
        assert self._watch.stdout.read(1) == b"!"
        _watching.add(self)

    def catch_up(self) -> None:
        """Wait until everything that exists now has been recorded."""
        assert self._watch is not None
        assert self._watch.stdin is not None
        assert self._watch.stdout is not None
        self._watch.stdin.write(b"?")
        self._watch.stdin.flush()
        assert self._watch.stdout.read(1) == b"?"

    def stop(self) -> None:
        """Stop recording; then everything recorded can be searched."""
        _watching.discard(self)
        if self._watch is not None:
            told, reason = self._watch.communicate()
            assert self._watch.returncode == 0, reason.decode()
            for content, what in pickle.loads(told).items():  # noqa: S301 - from our own child
                self.keep(what, content)
            self._watch = None

    def keep(self, what: str, content: bytes) -> None:
        """Record a content that is searched at the end."""
        self._seen.setdefault(content, what)

    def leaks(self, secrets: Iterable[str | bytes], *roots: Path, but: Iterable[Path] = ()) -> list[str]:
        """Return the places where secrets were or are.

        Args:
            secrets: the secrets to search for.
            roots: folders whose files are all searched now.
            but: files and folders that may contain secrets.

        Returns:
            The place of each leak, never the secret.
        """
        assert self._watch is None, "what was seen is known once the hunt has been stopped"
        forms = [form for secret in secrets for form in forms_of(secret)]
        spared = tuple(but)
        found = [what for content, what in self._seen.items() if any(form in content for form in forms)]
        for root in roots:
            for path in leak_watch.files_in(root):
                if not any(path.is_relative_to(place) for place in spared):
                    content = str(path).encode() + b"\0" + path.read_bytes()
                    found += [f"the file {path}"] if any(form in content for form in forms) else []
        return found


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    """Record every child of this process, even a short-lived one; audit hooks cannot be removed."""
    if event != "subprocess.Popen" or not _watching:
        return
    _, command, _, environment = arguments
    words = [command] if isinstance(command, (str, bytes)) else list(command)
    given = b"\0".join(os.fsencode(word) for word in words)
    for hunt in tuple(_watching):
        name = Path(os.fsdecode(words[0])).name
        hunt.keep(f"the arguments of {name}", given)
        if environment is not None:
            hunt.keep(f"the environment of {name}", leak_watch.lines_of({**environment}))


sys.addaudithook(_audit)


@contextmanager
def hunting(*folders: Path) -> Iterator[LeakHunt]:
    """Yield a hunt that records while the block runs."""
    hunt = LeakHunt(*folders)
    hunt.start()
    try:
        yield hunt
    finally:
        hunt.stop()
