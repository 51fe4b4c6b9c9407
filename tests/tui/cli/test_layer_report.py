from __future__ import annotations

import pytest
from support.layers import USERS, layer_of

from tui.cli.layer import layer_lines, layer_record
from workflows.layer.model import Layer

TEAMS = [f"team-of-{number:02d}" for number in range(14)]


@pytest.fixture(scope="module")
def layer() -> Layer:
    groups = "".join(
        f'module "iam_group_{team}" {{\n  source = "x"\n  name = "{team}"\n'
        f'  group_users = [module.user["alex.kim"].iam_user_name]\n}}\n'
        for team in TEAMS
    )
    users = 'locals {\n  users = ["alex.kim", "jane.doe"]\n  machine_users = {}\n}\n'
    return layer_of({"users.tf": USERS + users, "groups.tf": groups})


def test_one_person_of_many_groups_makes_no_other_line_longer(layer: Layer) -> None:
    lines = list(layer_lines(layer, None))
    alex, jane = (
        next(line for line in lines if line.startswith(f"  {name} ")) for name in layer_names(layer)
    )
    assert alex.endswith(", ".join(TEAMS))
    assert " users.tf:23 " in jane
    assert not any(name in jane for name in TEAMS)
    assert not [line for line in lines if line != line.rstrip()]


@pytest.mark.parametrize("width", [120, 80, 60])
def test_a_terminal_that_is_too_narrow_gets_more_lines_and_loses_nothing(
    layer: Layer, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr("tui.cli.output.on_terminal", lambda: True)
    lines = list(layer_lines(layer, None))
    assert max(map(len, lines)) <= width
    words = " ".join(lines).replace(",", " ").split()
    assert all(words.count(name) == 2 for name in TEAMS)  # once of a person, once of its own
    assert not [line for line in lines if "…" in line]


def test_json_is_whole_whatever_the_width(layer: Layer) -> None:
    assert layer_record(layer, None)["people"][0]["groups"] == TEAMS


def layer_names(layer: Layer) -> list[str]:
    return [person.iam_name for person in layer.people]
