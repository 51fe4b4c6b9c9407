"""A plan of the security layer for jane.doe, and what is known where it is judged."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from support.fakes import fake_environment

from workflows.core.processes import write_record
from workflows.core.shapes import plain
from workflows.steps.admin.terraform_runs import run_folder
from workflows.steps.shared.module import Context
from workflows.terraform.plan import Action, Plan, ResourceChange
from workflows.terraform.record import PlanRecord
from workflows.terraform.results import ApplyResult

USER, LOGIN = "aws_iam_user.jane", "aws_iam_user_login_profile.jane"
MADE_AT = "2026-03-01T09:00:00+00:00"
PLAN = Plan(
    changes=(
        ResourceChange(USER, "aws_iam_user", Action.CREATE, user="jane.doe"),
        ResourceChange(LOGIN, "aws_iam_user_login_profile", Action.REPLACE, user="jane.doe", rekeyed=True),
        ResourceChange(
            "members.admins",
            "aws_iam_group_membership",
            Action.UPDATE,
            group="admins",
            joining=("jane.doe",),
        ),
        ResourceChange("aws_iam_user.alex", "aws_iam_user", Action.DELETE, user="alex.kim"),
        ResourceChange("aws_iam_group.new", "aws_iam_group", Action.CREATE, group="new"),
        ResourceChange("alias", "aws_iam_account_alias", Action.UPDATE),
    ),
    drift=(ResourceChange("aws_iam_user.sam", "aws_iam_user", Action.UPDATE, user="sam.okafor"),),
)
FACTS: dict[str, Any] = {
    "layers": ["management", "security"],
    "user_changes": {"add": {"security": ["jane.doe"]}, "remove": {"management": ["alex.kim"]}},
    "memberships": {"security": {"jane.doe": {"add": ["Admins"], "remove": []}}},
    "group_changes": {"security": {"add": [{"name": "new", "sibling": "admins"}]}},
    "changed_files": [],
}


def context(tmp_path: Path, **facts: Any) -> Context:
    known = {**FACTS, "project_root": str(tmp_path), **facts}
    environment = fake_environment(tmp_path, {})
    return Context(environment, known, known, "security", tmp_path / "session", threading.Event())


def keep_result(own: Context, record: PlanRecord, result: ApplyResult) -> None:
    """Leave the result of an apply of this plan in the session's folder."""
    folder = run_folder(own)
    folder.mkdir(parents=True, exist_ok=True)
    write_record(folder / "apply.json", {"plan_sha256": record.plan_sha256, "result": plain(result)})
