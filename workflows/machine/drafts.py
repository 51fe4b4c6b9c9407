"""Half-filled input, kept beside the journal so that leaving in the middle of a step loses nothing.

A draft isn't an event: it is overwritten as the person types. An answer that other steps rely on, such as
one about somebody's key, is kept the same way, but synced. Like a fact it can't hold a secret; screens
leave secret fields out. It ends with a checksum: pages fill their fields from a draft without checks, so a
damaged or edited one counts as none.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from urllib.parse import quote

from workflows.core.files import OWN_LIMIT, explained, load_file, private_folder, replace_file
from workflows.core.secret import holds_secret
from workflows.core.shapes import with_texts
from workflows.machine.events import Facts, JsonValue, StepKey, in_folder
from workflows.machine.journal import decode, encode


class Drafts:
    """The drafts of one session, a small 0600 file per step in a 0700 folder.

    Args:
        folder: the folder; created with the first draft.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, key: StepKey, draft: Facts, *, synced: bool = False) -> None:
        """Replace a step's draft, atomically, omitting texts that hold a secret.

        Args:
            synced: whether it must survive a power failure from now on.

        Raises:
            UnstorableFactError: a value isn't JSON, or is a secret.
            FileError: it couldn't be written; the earlier draft is still there.
        """
        content = encode(with_texts(draft, lambda text: "" if holds_secret(text) else text))
        private_folder(self._folder)
        _write(self._path(key), content, synced=synced)

    def load(self, key: StepKey) -> dict[str, JsonValue]:
        """Return a step's draft; empty if there is none or it is damaged.

        Raises:
            FileError: it exists and can't be read.
        """
        return _read(self._path(key))

    def move(self, before: str, now: str) -> None:
        """Replace the path of a moved folder in every draft.

        Args:
            before: the folder's old path.
            now: its new path.

        Raises:
            FileError: a draft couldn't be read or written.
        """
        for path in self._folder.glob("*.json"):
            draft = _read(path)
            moved = in_folder(draft, before, now)
            if moved != draft:
                _write(path, encode(moved))

    def drop(self, key: StepKey) -> None:
        """Delete a step's draft, if there is one.

        Raises:
            FileError: it can't be removed.
        """
        path = self._path(key)
        with explained(path, "removed"):
            path.unlink(missing_ok=True)

    def _path(self, key: StepKey) -> Path:
        return self._folder / (quote(str(key), safe="@") + ".json")


def _write(path: Path, content: bytes, *, synced: bool = False) -> None:
    with explained(path, "written"):
        replace_file(path, content + _sum_of(content), synced=synced)


def _read(path: Path) -> dict[str, JsonValue]:
    with explained(path, "read"):
        try:
            content, end, checksum = load_file(path, OWN_LIMIT).partition(b"\n")
        except FileNotFoundError:
            return {}
    content += end
    return decode(content) if checksum == _sum_of(content) else {}


def _sum_of(content: bytes) -> bytes:
    return b"%08x\n" % zlib.crc32(content)
