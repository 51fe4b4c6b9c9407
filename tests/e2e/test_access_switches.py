# ruff: noqa: F811 - fixtures are imported, and then named again as parameters
"""What people sign in with is switched, from Users to Hand over: the plan holds just that."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.admin_project import AdminProject, decide, put, quiet, write
from support.admin_runs import AdminRuns, administrator
from support.sandbox import sandbox, sandbox_cache, sandbox_folder  # noqa: F401
from support.styled_project import Styling, moves, restyle

from workflows.layer.discover import find_project
from workflows.sandbox.sandbox import Sandbox
from workflows.steps.admin import apply, hand_over, plan, users
from workflows.steps.admin.accepted_plan import Planned

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

STYLING = Styling("block", "objects", outputs="starred")
ACCESS = {
    "sam.okafor": {"access_key": True},
    "dana.lopez": {"login_profile": False},
}


def terraform(sandbox: Sandbox, *arguments: str) -> str:
    """Terraform's output in the layer of security."""
    location = find_project(sandbox.project_root).layer("security")
    assert location is not None
    done = subprocess.run(
        [*sandbox.terraform_argv, *arguments],
        cwd=location.path,
        env=dict(sandbox.administrator.environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def declare_in_blocks(sandbox: Sandbox) -> None:
    """Write the layer in a style that has a switch for each person, and bring the state to it."""
    location = find_project(sandbox.project_root).layer("security")
    assert location is not None
    restyle(location.path, STYLING)
    moved = location.path / "moved.tf"
    moved.write_text(moves(STYLING))
    files = [f"-var-file={path}" for path in location.var_files]
    terraform(sandbox, "init", f"-backend-config={location.backend_config}", "-input=false")
    terraform(sandbox, "apply", *files, "-auto-approve", "-input=false")
    moved.unlink()
    for command in (("add", "--all"), ("commit", "--quiet", "--message", "Blocks"), ("push", "--quiet")):
        subprocess.run(
            ["git", *command],
            cwd=sandbox.project_root,
            env=dict(sandbox.administrator.environment),
            check=True,
        )


def changes(sandbox: Sandbox, planned: Planned) -> list[tuple[str, str]]:
    """What the plan file holds, as action and address, in Terraform's own words."""
    shown: dict[str, Any] = json.loads(terraform(sandbox, "show", "-json", str(planned.record.plan)))
    return sorted(
        ("+".join(resource_change["change"]["actions"]), resource_change["address"])
        for resource_change in shown["resource_changes"]
        if resource_change["change"]["actions"] not in (["no-op"], ["read"])
    )


def test_passwords_and_access_keys_are_switched_and_a_renamed_key_file_changes_nothing(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    declare_in_blocks(sandbox)
    environment = administrator(sandbox, tmp_path)
    admin = AdminProject(sandbox.project_root, sandbox.folder / "upstream.git", environment, tmp_path)
    decide(admin, {}, regrouping=("sam.okafor",), layers=("security",))
    wanted = users.Request(
        access={"security": ACCESS},
        key_files={"security": {"sam.okafor": "okafor.sam", "machine.github.actions": "github"}},
    )
    warned = [problem.message for problem in users.validate(wanted, admin.context())]
    assert ["security: " in words and " dana.lopez " in words for words in warned] == [True]
    admin.run(users, wanted)
    put(admin, {})
    write(admin)

    runs = AdminRuns(admin.environment, tmp_path, admin.facts)
    planned = plan.make(runs.context("security"), quiet)
    assert changes(sandbox, planned) == [
        ("create", "module.user_sam_okafor.aws_iam_access_key.this[0]"),
        ("delete", "module.user_dana_lopez.aws_iam_user_login_profile.this[0]"),
    ]
    assert planned.foreign == ()
    assert (planned.access_keys, planned.passwords, planned.gone) == (("sam.okafor",), (), ())
    runs.learn("security", plan.perform(plan.Request(planned), runs.context("security"), quiet))
    runs.learn("security", apply.perform(apply.Request(), runs.context("security"), quiet))
    (handoff,) = hand_over.prepare(runs.context("security"), quiet)
    assert handoff.name == "sam.okafor"
    assert plan.make(runs.context("security"), quiet).empty
    assert plan.applied_elsewhere(runs.context("security"), quiet)["elsewhere"]
