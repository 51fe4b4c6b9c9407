"""The hunt for leaked secrets: everything that children were given and every file, in all usual disguises.

What a child gets is told exactly by Python's audit events for the children of this process, and sampled from
the process table for their children (Terraform's plugins, gpg's agent). Files that live for a moment only are
sampled too. The secrets are named at the end: half of them are made on the way.
"""

from __future__ import annotations

import base64
import html
import json
import os
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

_BETWEEN = 0.01
_BETWEEN_FILES = 0.05
_LARGEST = 4_000_000

_watching: set[LeakHunt] = set()


def forms_of(secret: str | bytes) -> tuple[bytes, ...]:
    """A secret as it is, and as base64 (at any offset), hexadecimal, UTF-16, and in URLs, JSON or HTML."""
    plain = secret.encode() if isinstance(secret, str) else secret
    forms = {plain, plain.hex().encode(), plain.hex().upper().encode()}
    for offset in range(3):
        # What is the same whatever stands before and after it.
        coded = base64.b64encode(b"\0" * offset + plain).decode()
        inner = coded[4 if offset else 0 : len(coded) // 4 * 4 - 4]
        forms |= {inner.encode(), inner.translate(str.maketrans("+/", "-_")).encode()}
    if isinstance(secret, str):
        forms |= {secret.encode("utf-16-le"), urllib.parse.quote(secret).encode()}
        forms |= {json.dumps(secret)[1:-1].encode(), html.escape(secret).encode()}
        forms |= {secret.replace(" ", "\u00a0").encode(), html.escape(secret).replace(" ", "&#160;").encode()}
    return tuple(forms)


class LeakHunt:
    """Watches from the beginning, and tells at the end where secrets were.

    Args:
        folders: where files are sampled that may be gone in the end.
    """

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._seen: dict[bytes, str] = {}
        self._files: set[tuple[str, int, int]] = set()
        self._known: dict[tuple[int, float], int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="leak-hunt", daemon=True)

    def saw(self, program: str) -> bool:
        """Whether a child whose name begins so was seen with its arguments and its environment."""
        kinds = ("the arguments of ", "the environment of ")
        return all(any(what.startswith(kind + program) for what in self._seen.values()) for kind in kinds)

    def start(self) -> None:
        _watching.add(self)
        self._thread.start()

    def stop(self) -> None:
        _watching.discard(self)
        self._stop.set()
        self._thread.join()

    def keep(self, what: str, content: bytes) -> None:
        """Something to be searched in the end."""
        self._seen.setdefault(content, what)

    def leaks(self, secrets: Iterable[str | bytes], *roots: Path, but: Iterable[Path] = ()) -> list[str]:
        """Where secrets were or are.

        Args:
            secrets: what is looked for.
            roots: folders whose every file is read now.
            but: files and folders that may hold secrets.

        Returns:
            The place of each leak; never the secret.
        """
        forms = [form for secret in secrets for form in forms_of(secret)]
        spared = tuple(but)
        found = [what for content, what in self._seen.items() if any(form in content for form in forms)]
        for root in roots:
            for path in _files(root):
                if not any(path.is_relative_to(one) for one in spared):
                    content = str(path).encode() + b"\0" + path.read_bytes()
                    found += [f"the file {path}"] if any(form in content for form in forms) else []
        return found

    # -- watching ----------------------------------------------------------------------------------

    def _watch(self) -> None:
        me, look_at_files = psutil.Process(), 0.0
        while not self._stop.wait(_BETWEEN):
            for child in me.children(recursive=True):
                self._look_at(child)
            if time.monotonic() > look_at_files:
                look_at_files = time.monotonic() + _BETWEEN_FILES
                for folder in self._folders:
                    self._look_into(folder)

    def _look_at(self, child: psutil.Process) -> None:
        """Twice at each: what was a copy of this process is another program a moment later."""
        try:
            key = (child.pid, child.create_time())
            times = self._known.get(key, 0)
            if times >= 3:
                return
            command, environment = child.cmdline(), child.environ()
        except psutil.Error:
            return  # it has ended meanwhile
        self._known[key] = times + 1
        name = Path(command[0]).name if command else "?"
        self.keep(f"the arguments of {name}", "\0".join(command).encode())
        self.keep(f"the environment of {name}", repr(environment).encode() + _lines(environment))

    def _look_into(self, folder: Path) -> None:
        for path in _files(folder):
            try:
                state = path.stat()
                mark = (str(path), state.st_mtime_ns, state.st_size)
                if mark in self._files or state.st_size > _LARGEST:
                    continue
                self._files.add(mark)
                self.keep(f"the file {path}, for a moment", path.read_bytes())
            except OSError:
                continue  # it has gone meanwhile


def _files(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        yield from (path for name in names if (path := Path(place, name)).is_file() and not path.is_symlink())


def _lines(environment: dict[str, str]) -> bytes:
    return "\n".join(f"{name}={value}" for name, value in environment.items()).encode()


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    """Every child of this process, however short it lives; an audit hook cannot be taken away again."""
    if event != "subprocess.Popen" or not _watching:
        return
    _, command, _, environment = arguments
    words = [command] if isinstance(command, (str, bytes)) else list(command)
    given = b"\0".join(os.fsencode(word) for word in words)
    for hunt in tuple(_watching):
        name = Path(os.fsdecode(words[0])).name
        hunt.keep(f"the arguments of {name}", given)
        if environment is not None:
            hunt.keep(f"the environment of {name}", _lines({**environment}))


sys.addaudithook(_audit)


@contextmanager
def hunting(*folders: Path) -> Iterator[LeakHunt]:
    """A hunt while the block runs."""
    hunt = LeakHunt(*folders)
    hunt.start()
    try:
        yield hunt
    finally:
        hunt.stop()
