"""Half-filled input, kept beside the journal so that leaving in the middle of a step loses nothing.

A draft is no event: it is overwritten as often as the person types, and nothing is derived from it. Like a
fact it can hold no secret; screens leave their secret fields out. A checksum stands below it: pages fill
their fields with a draft as it is, so one that was damaged or edited by hand is as good as none.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from urllib.parse import quote

from workflows.core.files import OWN_LIMIT, explained, load_file, private_folder, replace_file
from workflows.machine.events import Facts, JsonValue, StepKey, in_folder
from workflows.machine.journal import decode, encode


class Drafts:
    """The drafts of one session, a small 0600 file a step in a 0700 folder.

    Args:
        folder: where they are kept; made when the first one is saved.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, key: StepKey, draft: Facts) -> None:
        """Keep the draft of a step in place of its earlier one, atomically.

        Raises:
            UnstorableFactError: a value is no JSON value, or is a secret.
            FileError: it could not be written; the earlier draft is still there.
        """
        content = encode(draft)
        private_folder(self._folder)
        _write(self._path(key), content)

    def load(self, key: StepKey) -> dict[str, JsonValue]:
        """The draft of a step; empty when there is none or it was damaged.

        Raises:
            FileError: it is there and cannot be read.
        """
        return _read(self._path(key))

    def move(self, before: str, now: str) -> None:
        """Change the paths of a folder that was moved in every draft.

        Args:
            before: where the folder was.
            now: where it is.

        Raises:
            FileError: a draft could not be read or written.
        """
        for path in self._folder.glob("*.json"):
            draft = _read(path)
            moved = in_folder(draft, before, now)
            if moved != draft:
                _write(path, encode(moved))

    def drop(self, key: StepKey) -> None:
        """Forget the draft of a step, if there is one.

        Raises:
            FileError: it cannot be removed.
        """
        path = self._path(key)
        with explained(path, "removed"):
            path.unlink(missing_ok=True)

    def _path(self, key: StepKey) -> Path:
        return self._folder / (quote(str(key), safe="@") + ".json")


def _write(path: Path, content: bytes) -> None:
    with explained(path, "written"):
        replace_file(path, content + _sum_of(content), synced=False)


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
