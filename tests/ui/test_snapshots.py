"""Every screen in its most typical state, compared with the picture that was accepted (`make snapshots`).

Rendering is Textual's and does not depend on the version of Python, but on that of Textual: the pictures are
those of the version in requirements/dev.txt, and with another one they are not compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from support.fitting import misfits
from support.repository import ROOT
from support.scenes import Stage, in_state
from support.scenes.admin import Office
from support.scenes.catalogue import SHOTS, scene
from textual.pilot import Pilot

from tui.app.wizard import WizardScreen

_LOCK = ROOT / "requirements" / "dev.txt"
_PINNED = f"textual=={version('textual')}" in _LOCK.read_text().split()

pytestmark = [
    pytest.mark.xdist_group("snapshots"),
    pytest.mark.skipif(not _PINNED, reason="the pictures are those of the Textual in requirements/dev.txt"),
]


@pytest.mark.parametrize(
    ("name", "size", "theme"),
    SHOTS,
    ids=[f"{name}-{size[0] if theme == 'dark' else theme}" for name, size, theme in SHOTS],
)
def test_screen(
    name: str,
    size: tuple[int, int],
    theme: str,
    opened_office: Callable[[], Office],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    snap_compare: Callable[..., bool],
) -> None:
    for variable in ("NO_COLOR", "TEXTUAL", "TEXTUAL_ANIMATIONS", "TEXTUAL_COLOR_SYSTEM", "TEXTUAL_THEME"):
        monkeypatch.delenv(variable, raising=False)
    with Stage(tmp_path) as stage:
        shown = scene(name, stage, opened_office)
        shown.app.theme = theme
        bring, found = in_state(shown), list[str]()

        async def look(pilot: Pilot[Any]) -> None:
            await bring(pilot)
            found.extend(misfits(pilot.app.screen))
            if isinstance(pilot.app.screen, WizardScreen):
                offered = Counter(command.title for command in pilot.app.screen.commands())
                found.extend(
                    f"{name} is in the palette twice" for name, times in offered.items() if times > 1
                )

        assert snap_compare(shown.app, terminal_size=size, run_before=look)
        assert not found, "\n".join(found)
