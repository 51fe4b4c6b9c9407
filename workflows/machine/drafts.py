"""Half-filled input, kept beside the journal so that leaving in the middle of a step loses nothing.

A draft is no event: it is overwritten as often as the person types, and nothing is derived from it. Like a
fact it can hold no secret; screens leave their secret fields out.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from workflows.machine.events import Facts, JsonValue, StepKey
from workflows.machine.lines import decode, encode


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
            OSError: it could not be written; the earlier draft is still there.
        """
        content = encode(draft)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = self._folder / f".{self._name(key)}.{os.getpid()}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            temporary.replace(self._folder / self._name(key))
        except OSError:
            temporary.unlink(missing_ok=True)
            raise

    def load(self, key: StepKey) -> dict[str, JsonValue]:
        """The draft of a step; empty when there is none or it was torn by a crash.

        Raises:
            OSError: it is there and cannot be read.
        """
        try:
            return decode((self._folder / self._name(key)).read_bytes())
        except (FileNotFoundError, ValueError):
            return {}

    def drop(self, key: StepKey) -> None:
        """Forget the draft of a step, if there is one."""
        (self._folder / self._name(key)).unlink(missing_ok=True)

    @staticmethod
    def _name(key: StepKey) -> str:
        return quote(str(key), safe="@") + ".json"
