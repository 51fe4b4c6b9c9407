"""Draws the pictures of docs/images from the same scenes as the snapshot tests: `make pictures`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
PICTURES = {
    **dict.fromkeys(
        (
            *("home-sandbox", "project", "pgp-keys-compare", "groups", "apply-asks", "hand-over", "finished"),
            *("before-you-start", "pgp-key-new", "handoff-arrived", "mfa", "access-keys", "profiles"),
        ),
        (80, 24),
    ),
    "users": (112, 26),
    "review": (100, 30),
    "plan": (100, 26),
    "sign-in-open": (100, 26),
    "verify-answered": (100, 32),
}
"""Scenes, and the columns and lines that each is drawn in."""


def draw(folder: Path) -> None:
    """Write every picture.

    Args:
        folder: a scratch folder.
    """
    sys.path.insert(0, str(ROOT / "tests"))
    from support import without_clock  # noqa: PLC0415 - found only now
    from support.scenes import Stage, picture  # noqa: PLC0415
    from support.scenes.admin import open_office  # noqa: PLC0415
    from support.scenes.catalogue import scene  # noqa: PLC0415

    without_clock.install()
    office = open_office(folder / "office")
    IMAGES.mkdir(exist_ok=True)
    for name, size in PICTURES.items():
        own = folder / name
        own.mkdir()
        with Stage(own) as stage:
            svg = picture(scene(name, stage, lambda: office), size)
        svg = svg.replace("<text ", '<text xml:space="preserve" ')  # for readers that drop leading spaces
        (IMAGES / f"{name}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="io-") as scratch:
        draw(Path(scratch))
