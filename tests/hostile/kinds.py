"""What somebody hostile, a broken disk or a slip of the hand puts in the place of a file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

SPARSE = 20_000_000_000
"""Bytes that a file pretends to have."""


def in_place(path: Path) -> None:
    """Make room for something else at a path."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def _linked(target: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.symlink_to(target)

    return make


def _holding(data: bytes) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.write_bytes(data)
        path.chmod(0o600)

    return make


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(SPARSE)


KINDS: Mapping[str, Callable[[Path], None]] = {
    "a pipe": os.mkfifo,
    "a device without an end": _linked("/dev/zero"),
    "a huge file": _sparse,
    "a folder": Path.mkdir,
    "a link to itself": lambda path: path.symlink_to(path.name),
    "deep JSON": _holding(b'{"a":' * 900 + b"1" + b"}" * 900),
    "deep lists": _holding(b"[" * 900 + b"]" * 900),
    "deep HCL": _holding(b"a = " + b"[" * 100_000),
    "NUL bytes": _holding(b"\0" * 1_000),
    "no UTF-8": _holding(b'{"a": "\xff\xfe\xed\xa0\x80"}\na = "\xff"\n'),
    "nothing": _holding(b""),
    "JSON of another shape": _holding(b"[1]\n"),
}


def put(kind: str, path: Path) -> None:
    """Put something of a kind at a path, in place of what is there."""
    in_place(path)
    KINDS[kind](path)
