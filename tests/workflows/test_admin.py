from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from support.growth import growth

from workflows.admin import ADMIN, HAND_OVER
from workflows.machine.state import Knowledge, KnownFact, State

BOTH = {"project_root": "/p", "layers": ["management", "security"]}
ADDED = {"user_changes": {"add": {"security": ["jane.doe"]}, "remove": {}}}
REGROUPED = {"regrouping": ["alex.kim"], "memberships": {"security": {"alex.kim": {"add": ["ops"]}}}}


def handing_over(facts: dict[str, Any]) -> list[str]:
    """Return the accounts that have a step Hand over."""
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
        (
            {
                "rekeying": ["alex.kim"],
                "keys": {"alex.kim": {"text": "KEY", "resets": {"security": {"file": "keys/alex.kim"}}}},
            },
            [],
        ),
        (
            {
                "rekeying": ["alex.kim"],
                "keys": {
                    "alex.kim": {
                        "text": "KEY",
                        "resets": {"security": {"file": "keys/alex.kim", "passwords": ["alex.kim"]}},
                    }
                },
            },
            ["security"],
        ),
        (
            {
                "rekeying": ["alex.kim"],
                "keys": {"alex.kim": {"text": "KEY", "resets": None}},
                "user_changes": {"add": None, "remove": None},
            },
            [],
        ),
        ({"regrouping": ["alex.kim"]}, ["management", "security"]),
        (REGROUPED, ["security"]),
        ({**REGROUPED, "group_changes": {"management": {"remove": ["ops"]}}}, ["management", "security"]),
        ({**REGROUPED, "plan@security": {"roles": {}}}, []),
        ({**REGROUPED, "plan@security": {"roles": {"alex.kim": {"went": {}}}}}, ["security"]),
    ],
    ids=[
        *("undecided", "added", "leaving", "reset", "reset planned", "key of nobody", "key", "null"),
        *("groups undecided", "groups", "a removed group", "the same roles", "roles"),
    ],
)
def test_hand_over_is_a_step_where_somebody_gets_something_or_may(
    facts: dict[str, Any], accounts: list[str]
) -> None:
    assert handing_over(facts) == accounts


@pytest.mark.parametrize(
    ("facts", "accounts"),
    [
        ({"account_wanted": True}, ["management", "security"]),
        ({"account_wanted": True, "changed_files": []}, ["management", "security"]),
        ({"account_wanted": True, "changed_files": [{"account": "security"}]}, ["security"]),
        ({"account_wanted": True, "changed_files": [{"layer": "as older sessions"}]}, [*BOTH["layers"]]),
        (
            {"account_wanted": True, "changed_files": [{"account": "security"}], "plan@management": {}},
            ["management", "security"],
        ),
        ({"joining": ["jane.doe"], **ADDED, "changed_files": [{"account": "security"}]}, ["security"]),
        ({"joining": ["jane.doe"], **ADDED, "changed_files": [{"account": "management"}]}, [*BOTH["layers"]]),
        ({"resetting": ["alex.kim"], "changed_files": [{"account": "security"}]}, [*BOTH["layers"]]),
        (
            {
                "joining": ["jane.doe"],
                **ADDED,
                "resetting": ["alex.kim"],
                "changed_files": [{"account": "security"}],
            },
            ["management", "security"],
        ),
    ],
    ids=[
        "undecided",
        "nothing written",
        "one account",
        "unknown accounts",
        "planned anyway",
        "somebody joins in the other",
        "another session wrote it",
        "a new password",
        "a new password beside files",
    ],
)
def test_an_account_that_stays_needs_neither_plan_nor_apply(
    facts: dict[str, Any], accounts: list[str]
) -> None:
    known = {name: KnownFact(value) for name, value in {**BOTH, **facts}.items()}
    state = State(Knowledge(ADMIN, known))
    for step in ("plan", "apply"):
        assert [key.item for key in state.expected() if key.step == step] == accounts
        assert [key.item for key in state.layout() if key.step == step] == BOTH["layers"], "it can be done"


@pytest.mark.parametrize(
    ("changes", "accounts"),
    [(None, BOTH["layers"]), ({"remove": {"security": ["sam.okafor"]}}, ["security"])],
)
def test_only_an_account_that_somebody_leaves_needs_deactivate(changes: Any, accounts: list[str]) -> None:
    facts = {**BOTH, "leaving": ["sam.okafor"], "user_changes": changes}
    known = {name: KnownFact(value) for name, value in facts.items()}
    state = State(Knowledge(ADMIN, known))
    assert [key.item for key in state.expected() if key.step == "deactivate"] == accounts
    assert [key.item for key in state.layout() if key.step == "deactivate"] == BOTH["layers"], "as journals"


def test_eight_times_as_many_accounts_are_laid_out_in_as_many_times_as_long() -> None:
    names = [f"user.{number}" for number in range(40)]
    keys = {name: {"text": "KEY"} for name in names}

    def layout(layers: list[str]) -> list[str]:
        added = {"user_changes": {"add": dict.fromkeys(layers, names)}}
        return handing_over({"layers": layers, "joining": names, "keys": keys, **added})

    few, many = ([f"account-{number}" for number in range(most)] for most in (10, 80))
    assert layout(many) == many
    assert growth(partial(layout, few), partial(layout, many), below=16) < 16
