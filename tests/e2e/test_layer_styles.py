# ruff: noqa: F811 - fixtures are imported, and then named again as parameters
"""A layer of every style goes through plan and apply: the plan holds exactly the changes that were made."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.sandbox import sandbox, sandbox_cache, sandbox_folder  # noqa: F401
from support.styles import Written

from workflows.layer.change_set import write
from workflows.layer.discover import find_project
from workflows.layer.edit import propose
from workflows.layer.formatting import fmt_clean
from workflows.layer.model import Style
from workflows.layer.operations import AddPerson, RemovePerson, SetGroups
from workflows.layer.project import LayerLocation
from workflows.layer.read import read_layer
from workflows.sandbox.sandbox import Sandbox

pytestmark = pytest.mark.e2e

PEOPLE = ("ada.first", "bea.second", "cid.third")
MACHINES = ("machine.bot",)
MEMBERS = {"admins": PEOPLE[:2], "devops": PEOPLE[:2], "auditors": PEOPLE[1:], "deploymaster": MACHINES}
LOCALS = """locals {
  tags       = { Layer = local.layer_name }
  layer_name = basename(path.cwd)
}
"""


def rewrite(layer: Path, style: str, outputs: str, *, in_file: bool) -> None:
    """Put people of the test's own into the sandbox's layer, declared in a style."""
    written = [Written(style, PEOPLE, outputs=outputs), Written(style, MACHINES, machine=True)]
    (layer / "users.tf").write_text("\n".join(one.users_tf() for one in written).replace("../", "../../../"))
    (layer / "locals.tf").write_text(LOCALS)
    (layer / "outputs.tf").write_text("\n\n".join(one.outputs_tf() for one in written) + "\n")
    values = "\n".join(one.values_tf() for one in written if one.values_tf())
    if in_file:
        (layer / "values.tf").write_text("".join(f'variable "{one.value_name}" {{}}\n' for one in written))
        values = "\n".join(f"{one.value_name} = {one.objects('')}\n" for one in written)
        (layer / "people.auto.tfvars").write_text(values)
    elif values:
        (layer / "values.tf").write_text(values)
    groups = (layer / "groups.tf").read_text()
    for name, members in MEMBERS.items():
        kind = written[1] if members == MACHINES else written[0]
        entries = "".join(f"    {kind.reference(one, 'iam_user_name')},\n" for one in members)
        block = rf'(name += "{name}"\n.*?group_users = )\[\n.*?\n  \]'
        new = rf"\g<1>[\n{entries}  ]"
        groups, number = re.subn(block, new, groups, flags=re.DOTALL)
        assert number == 1
    (layer / "groups.tf").write_text(groups)
    key = (layer / "keys" / "alex.kim").read_bytes()
    for old in (layer / "keys").iterdir():
        old.unlink()
    for name in (*PEOPLE, *MACHINES):
        (layer / "keys" / name).write_bytes(key)


class Terraform:
    """The real binary in a layer of the sandbox."""

    def __init__(self, sandbox: Sandbox, location: LayerLocation) -> None:
        self.sandbox, self.location = sandbox, location

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self.sandbox.terraform_argv, *arguments],
            cwd=self.location.path,
            env=dict(self.sandbox.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def apply(self) -> list[tuple[str, str]]:
        """Plan and apply; the changes of the plan as action and address."""
        backend = f"-backend-config={self.location.backend_config}"
        self.run("init", backend, "-input=false", "-lockfile=readonly")  # a new block is a module to install
        files = [f"-var-file={path}" for path in self.location.var_files]
        self.run("plan", *files, "-input=false", "-out=test.tfplan")
        plan: dict[str, Any] = json.loads(self.run("show", "-json", "test.tfplan"))
        changes = sorted(
            (action, change["address"])
            for change in plan.get("resource_changes", [])
            for action in change["change"]["actions"]
            if action not in {"no-op", "read"}
        )
        if changes:
            self.run("apply", "-input=false", "test.tfplan")
        (self.location.path / "test.tfplan").unlink()
        return changes


@pytest.mark.parametrize(
    ("style", "outputs", "in_file", "read_as"),
    [
        ("list", "live", False, Style.LIST),
        ("block", "starred", False, Style.BLOCK),
        ("objects", "live", False, Style.VARIABLE_MAP),
        ("objects", "hashed", True, Style.VARIABLE_MAP),
    ],
)
def test_the_plan_holds_what_was_changed_and_nothing_else(
    sandbox: Sandbox, style: str, outputs: str, in_file: bool, read_as: Style
) -> None:
    location = find_project(sandbox.project_root).layer("security")
    assert location is not None
    rewrite(location.path, style, outputs, in_file=in_file)
    terraform = Terraform(sandbox, location)
    terraform.apply()
    layer = read_layer(location)
    assert [(one.iam_name, one.style) for one in layer.humans] == [(one, read_as) for one in PEOPLE]
    key = layer.keys["bea.second"]
    changes = propose(
        [
            (
                layer,
                [
                    AddPerson("dan.fourth", key, ("devops",)),
                    RemovePerson("ada.first"),
                    SetGroups("cid.third", add=("devops",), remove=("auditors",)),
                ],
            )
        ]
    )
    written = {
        one.name: one.after for one in changes.changes if one.after and one.name.endswith((".tf", "vars"))
    }
    assert fmt_clean(sandbox.terraform_argv, written, environment=sandbox.environment) == {}
    write(changes)

    def module(name: str) -> str:
        slug = name.replace(".", "_")
        return {"list": f'module.user["{name}"]', "block": f"module.user_{slug}"}.get(
            style, f'module.user["{slug}"]'
        )

    assert terraform.apply() == sorted(
        [
            (action, f"{module(name)}.{resource}.this[0]")
            for action, name in (("create", "dan.fourth"), ("delete", "ada.first"))
            for resource in ("aws_iam_user", "aws_iam_user_login_profile")
        ]
        + [
            ("update", f"module.iam_group_{name}.aws_iam_group_membership.this[0]")
            for name in ("admins", "auditors", "devops")
        ]
    )
    assert terraform.apply() == []
    again = read_layer(location)
    assert {one.name: one.members for one in again.groups}["devops"] == (
        "bea.second",
        "cid.third",
        "dan.fourth",
    )
