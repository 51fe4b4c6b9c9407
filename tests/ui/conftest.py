"""What every test of whole pages needs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.scenes.admin import Office, open_office


@pytest.fixture(scope="module")
def opened_office(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Office]:
    """Opens the administrator's project, once, for the scenes that need it."""
    opened: list[Office] = []

    def open_once() -> Office:
        if not opened:
            opened.append(open_office(tmp_path_factory.mktemp("office")))
        return opened[0]

    return open_once
