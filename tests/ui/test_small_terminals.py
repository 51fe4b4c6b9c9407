"""Pages with long lists in a terminal smaller than the one they are designed for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.fitting import scrollbars
from support.scenes import Stage, in_state
from support.scenes.admin import Office
from support.scenes.catalogue import scene

SMALL = (60, 20)
LISTS = (
    *("pgp-keys", "pgp-keys-complete", "pgp-keys-refused", "pgp-keys-in-the-layer"),
    *("users", "groups", "sts-regions", "hand-over", "verify-answered", "verify-refused", "everybody"),
)


@pytest.mark.parametrize("name", LISTS)
async def test_either_the_page_scrolls_or_its_list(
    name: str, opened_office: Callable[[], Office], tmp_path: Path
) -> None:
    with Stage(tmp_path) as stage:
        shown = scene(name, stage, opened_office)
        async with shown.app.run_test(size=SMALL) as pilot:
            await in_state(shown)(pilot)
            assert list(scrollbars(pilot.app.screen)) == []
