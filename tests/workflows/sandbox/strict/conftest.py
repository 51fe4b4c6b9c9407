"""The strict AWS that each test has to itself."""

from __future__ import annotations

import pytest
from support.strict_aws import StrictWorld


@pytest.fixture
def environment() -> StrictWorld:
    return StrictWorld()
