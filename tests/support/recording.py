"""Recordings of a test's application as asciinema casts (asciicast v2), for `make recording`.

The frames are real, but the times between them are chosen so that the frames can be read.
"""

from __future__ import annotations

import json
import os
from itertools import zip_longest
from pathlib import Path
from typing import Any

from rich.console import Console
from textual.app import App

READ, TYPED = 1.6, 0.4
"""The seconds for which a page, or typed text, is shown."""
_WANTED = "IAM_ONBOARD_CAST"


class Recording:
    """The frames of one recording, which needs a file name in the environment; does nothing without."""

    def __init__(self) -> None:
        self._file = Path(os.environ[_WANTED]) if _WANTED in os.environ else None
        self._frames: list[tuple[float, str]] = []
        self._shown: list[str] = []
        self._at = 0.0
        self._size = (80, 24)

    def keep(self, app: App[Any], seconds: float) -> None:
        """Add the current screen as a frame; if it has not changed, show the last frame longer."""
        if self._file is None:
            return
        console = Console(force_terminal=True, color_system="truecolor", width=app.size.width)
        self._size = (app.size.width, app.size.height)
        lines = [strip.render(console) for strip in app.screen._compositor.render_strips()]
        changed = [
            f"\x1b[{number};1H{line}"
            for number, (line, before) in enumerate(zip_longest(lines, self._shown), start=1)
            if line is not None and line != before
        ]
        self._shown = lines
        self._frames += [(self._at, "".join(changed))] if changed else []
        self._at += seconds

    def write(self) -> None:
        """Write the recording's file."""
        if self._file is None:
            return
        columns, lines = self._size
        head = {"version": 2, "width": columns, "height": lines, "title": "iam-onboard, both halves"}
        rows = [head, *([round(at, 2), "o", shown] for at, shown in self._frames)]
        self._file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
