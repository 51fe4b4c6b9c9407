from __future__ import annotations

from pathlib import Path

import pytest
from support.layers import Habits, edit_layer, group, layer_of
from support.styles import BANNERS, OUTPUTS, Written, files_of
from support.terraform import needs_terraform, terraform_argv, terraform_environment

from workflows.layer.edit.groups import AddGroupPolicy, RemoveGroupPolicy, SetGroups
from workflows.layer.edit.key_files import RenameKeyFile
from workflows.layer.edit.operation import Operation
from workflows.layer.edit.people import AddPerson, RemovePerson, SetAccess
from workflows.layer.formatting import fmt_clean

POLICY = "arn:aws:iam::aws:policy/job-function/Billing"


@needs_terraform
@pytest.mark.parametrize("style", ["list", "block", "objects"])
def test_what_is_edited_stays_as_the_formatter_wants_it(tmp_path: Path, style: str) -> None:
    argv, environment = terraform_argv(tmp_path), terraform_environment(tmp_path)
    for banner, outputs in zip((*BANNERS, "box"), OUTPUTS, strict=True):
        people = Written(style, ("ann.one", "cat.two"), banner=banner, outputs=outputs)
        machines = Written(style, ("machine.bot",), machine=True, banner=banner, outputs=outputs)
        member = people.reference("ann.one", "iam_user_name")
        ops = (
            'module "iam_group_ops" {\n  source = "../modules/iam-group-with-policies"\n  name   = "ops"\n\n'
            f"  group_users = [\n    {member},\n  ]\n}}\n"
        )
        groups = [ops, *(group(name, [], Habits()) for name in ("audit", "robots"))]
        files = files_of([people, machines], groups)
        layer = layer_of(files, dict.fromkeys(("ann.one", "cat.two", "machine.bot"), "K\n"))
        own: list[Operation] = []
        if style != "list":
            own = [SetAccess("bob.new", access_key=True), RenameKeyFile("machine.bot", "bot")]
        operations: list[Operation] = [
            AddPerson("bob.new", "K\n", ("ops",)),
            AddPerson("machine.a.much.longer.name", "K\n", ("robots",), machine=True),
            RemovePerson("ann.one"),
            SetGroups("cat.two", add=("ops", "audit")),
            AddGroupPolicy("ops", POLICY),
            AddGroupPolicy("audit", POLICY),
            RemoveGroupPolicy("audit", "aws_iam_policy.odd.arn"),
            *own,
        ]
        edited = edit_layer(layer, operations)
        for version in (layer, edited):
            data = {name: document.data for name, document in version.files.documents.items()}
            assert fmt_clean(argv, data, environment=environment) == {}
