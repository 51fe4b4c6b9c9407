"""When an old key is left to be deleted."""

from __future__ import annotations

from typing import Any

import pytest

from workflows.rotation import RETIREMENT


@pytest.mark.parametrize(
    ("facts", "applies"),
    [({"rotated": {"old_id": "AKIAOLD"}}, True), ({"rotated": {"old_id": ""}}, False), ({}, False)],
)
def test_a_key_is_deleted_only_where_a_rotation_left_one(facts: dict[str, Any], *, applies: bool) -> None:
    assert RETIREMENT.applies is not None
    assert RETIREMENT.applies.holds(facts) is applies
