from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.layers import ACCOUNT, USERS, Habits, edit_layer, group, layer_of, machine_map, pair
from support.terraform import needs_terraform, terraform_argv, terraform_environment

from workflows.core.sentences import OnboardError
from workflows.layer.edit.account import SetSetting
from workflows.layer.edit.groups import AddGroup, SetGroups
from workflows.layer.edit.people import AddPerson, RemovePerson
from workflows.layer.formatting import fmt_clean


@needs_terraform
def test_edited_files_are_as_the_formatter_wants_them(tmp_path: Path) -> None:
    habits, machines = Habits(trailing_comma=False), {"machine.a": "machine.a", "machine.longer": "infra"}
    members = [f'"{person}"' for person in ("a.a", "c.c")]
    layer = layer_of(
        {
            "account.tf": ACCOUNT,
            "groups.tf": group("devops", ["a.a"], habits) + "\n" + group("finops", [], habits),
            "locals.tf": f"locals {{\n  users = {habits.list(members)}\n\n"
            f"  machine_users = {machine_map(machines)}\n}}\n",
            "outputs.tf": f"{pair('a.a')}\n\n{pair('c.c')}\n",
            "users.tf": USERS,
        }
    )
    edited = edit_layer(
        layer,
        [
            AddPerson("b.b", "K\n", ("devops", "finops")),
            AddPerson("machine.very.long.name", "K\n", machine=True),
            RemovePerson("machine.longer"),
            AddGroup("auditors", "devops"),
            SetGroups("c.c", add=("auditors",)),
            RemovePerson("a.a"),
            SetSetting("allow_users_to_change_password", True),
        ],
    )
    files = {name: document.data for name, document in edited.files.documents.items()}
    argv, environment = terraform_argv(tmp_path), terraform_environment(tmp_path)
    assert fmt_clean(argv, files, environment=environment) == {}
    unclean = fmt_clean(argv, {"x.tf": b"a  = 1\n"}, environment=environment)
    assert "a = 1" in unclean["x.tf"]
    with pytest.raises(OnboardError) as failure:
        fmt_clean(argv, {"x.tf": b"a = [\n"}, environment=environment)
    assert failure.value.detail


def test_a_missing_binary_is_told(tmp_path: Path) -> None:
    with pytest.raises(OnboardError, match=re.escape(str(tmp_path / "tofu"))):
        fmt_clean([str(tmp_path / "tofu")], {"x.tf": b""}, environment={})
