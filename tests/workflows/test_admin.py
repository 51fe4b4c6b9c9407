from __future__ import annotations

from typing import Any

import pytest

from workflows.admin import ADMIN, HAND_OVER
from workflows.machine.state import Knowledge, KnownFact

BOTH = {"project_root": "/p", "layers": ["management", "security"]}
ADDED = {"user_changes": {"add": {"security": ["jane.doe"]}, "remove": {}}}


def handing_over(facts: dict[str, Any]) -> list[str]:
    """The accounts that have a step Hand over."""
    known = {name: KnownFact(value) for name, value in {**BOTH, **facts}.items()}
    return [key.item for key in Knowledge(ADMIN, known).layout if key.step == HAND_OVER.id]


@pytest.mark.parametrize(
    ("facts", "accounts"),
    [
        ({"joining": ["jane.doe"]}, ["management", "security"]),
        ({"joining": ["jane.doe"], **ADDED}, ["security"]),
        ({"leaving": ["jane.doe"]}, []),
        ({"resetting": ["alex.kim"]}, ["management", "security"]),
        (
            {
                "resetting": ["alex.kim"],
                "plan@management": {"passwords": ["alex.kim"]},
                "plan@security": {"passwords": []},
            },
            ["management"],
        ),
        ({"regrouping": ["alex.kim"]}, []),
    ],
    ids=["undecided", "added", "leaving", "reset", "reset planned", "groups"],
)
def test_hand_over_is_a_step_where_somebody_gets_something_or_may(
    facts: dict[str, Any], accounts: list[str]
) -> None:
    assert handing_over(facts) == accounts
