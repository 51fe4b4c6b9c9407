"""The recorded resources of a plan, and the difference between two plans."""

from __future__ import annotations

import re
import subprocess
import threading
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.fakes import fake_environment

from workflows.core.files import write_atomically
from workflows.core.sentences import OnboardError
from workflows.steps.admin import judged_plan, plan, plan_resources
from workflows.steps.admin.accepted_plan import Planned
from workflows.steps.admin.plan_resources import Resource, compared
from workflows.steps.admin.terraform_runs import run_folder
from workflows.steps.shared.module import Context
from workflows.terraform.plan import Action, Plan, ResourceChange
from workflows.terraform.record import PlanRecord, StateMark, file_sha256, hash_sources

USER = ResourceChange(
    'module.user["jane.doe"].aws_iam_user.this[0]',
    "aws_iam_user",
    Action.CREATE,
    user="jane.doe",
    details=('+ name = "jane.doe"',),
)
MEMBERS = ResourceChange(
    "module.group.aws_iam_group_membership.this[0]",
    "aws_iam_group_membership",
    Action.UPDATE,
    group="devops",
    joining=("jane.doe",),
    details=("~ users", '  + "jane.doe"'),
)
POLICY = ResourceChange("module.policies[0].aws_iam_policy.x", "aws_iam_policy", Action.DELETE)
ALIAS = ResourceChange("aws_iam_account_alias.this", "aws_iam_account_alias", Action.REPLACE)
DRIFT = ResourceChange("aws_iam_user.sam", "aws_iam_user", Action.UPDATE, user="sam.okafor")
PLAN = Plan((POLICY, ALIAS, MEMBERS, USER), drift=(DRIFT,))


def context(tmp_path: Path, **facts: Any) -> Context:
    known = {"project": "bb", "project_root": str(tmp_path), **facts}
    return Context(
        fake_environment(tmp_path, {}), known, known, "security", tmp_path / "session", threading.Event()
    )


def test_people_come_first_then_groups_then_modules_and_what_drifted_is_last() -> None:
    found = plan_resources.resources_of(PLAN, [ALIAS.address])
    assert [(row.sign, row.about, row.words) for row in found] == [
        ("+", "jane.doe", "new user"),
        ("~", "group devops", "jane.doe joins"),
        ("-", "module policies", "destroyed"),
        ("±", "other resources", "replaced"),
        ("~", "sam.okafor", "settings change"),
    ]
    assert [change.address for change in found if change.foreign] == [ALIAS.address]
    assert [row.about for row in found if row.drift] == ["sam.okafor"]


def test_what_is_kept_is_private_and_comes_back_whole(tmp_path: Path) -> None:
    own = context(tmp_path)
    assert plan_resources.kept(own) == ()
    run_folder(own).mkdir(parents=True)
    plan_resources.keep(PLAN, [], own)
    assert plan_resources.kept(own) == plan_resources.resources_of(PLAN, [])
    (file,) = run_folder(own).iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_difference_is_to_the_plan_before_and_not_to_one_that_was_applied(tmp_path: Path) -> None:
    own = context(tmp_path)
    run_folder(own).mkdir(parents=True)
    plan_resources.keep(PLAN, [], own)
    assert plan_resources.differences(own) == ()
    plan_resources.keep(Plan((USER, MEMBERS, ALIAS), drift=(DRIFT,)), [], own)
    (gone,) = plan_resources.differences(own)
    assert (gone.sign, gone.address) == ("-", POLICY.address)
    plan_resources.keep(PLAN, [], context(tmp_path, applied={"at": "now"}))
    assert plan_resources.differences(own) == ()


def test_two_plans_are_compared_by_address_action_and_attributes() -> None:
    def made(*changes: ResourceChange) -> tuple[Resource, ...]:
        return plan_resources.resources_of(Plan(changes), [])

    other_members = replace(
        MEMBERS, joining=("jane.doe", "sam.okafor"), details=("~ users", '  + "sam.okafor"')
    )
    other_user = replace(USER, details=('+ name = "jane.doe"', '+ path = "/x/"'))
    replaced = replace(POLICY, action=Action.REPLACE)
    found = list(compared(made(USER, MEMBERS, POLICY), made(other_user, other_members, replaced, ALIAS)))
    assert [(change.sign, change.address, change.lines) for change in found] == [
        ("~", USER.address, ('+ + path = "/x/"',)),
        ("~", MEMBERS.address, ('-   + "jane.doe"', '+   + "sam.okafor"')),
        ("~", POLICY.address, ()),
        ("+", ALIAS.address, ()),
    ]
    assert "jane.doe" in found[0].words
    assert re.search(r" destroyed\. .* replaced\.", found[2].as_text())
    assert list(compared(made(USER), made(USER))) == []


# -- coming back -----------------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "users.tf").write_text("# people\n")
    git(folder, "init", "--quiet", "-b", "main")
    commit(folder, "First")
    return folder


def git(folder: Path, *arguments: str) -> str:
    own = ["git", "-c", "user.name=Jane", "-c", "user.email=jane@example.org", *arguments]
    return subprocess.run(own, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path, message: str) -> str:
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def planned_in(folder: Path, made_at: str = "2026-03-01T10:00:00+00:00") -> Planned:
    file = folder.parent / "plan.tfplan"
    file.write_bytes(b"a plan")
    record = PlanRecord(
        file,
        file_sha256(file),
        folder,
        (),
        hash_sources(folder, ()),
        git(folder, "rev-parse", "HEAD"),
        "Terraform 1.15.5",
        made_at,
        branch="main",
        state=StateMark("a", 3),
    )
    return Planned(record, ("jane.doe: new user",), {"add": 1, "change": 0, "destroy": 0})


def at(checkout: Path, **facts: Any) -> Context:
    own = context(checkout.parent, project_root=str(checkout), **facts)
    return replace(own, environment=replace(own.environment, variables={"PATH": "/usr/bin:/bin"}))


def test_nothing_is_told_where_nothing_happened(checkout: Path) -> None:
    found = judged_plan.survey(planned_in(checkout), at(checkout))
    assert (found.refusal, found.since) == ("", ())
    assert judged_plan.survey(None, at(checkout)) == judged_plan.Return()


def test_another_branch_and_another_commit_are_told_and_refuse_nothing_while_the_files_are_the_same(
    checkout: Path,
) -> None:
    made = planned_in(checkout)
    git(checkout, "switch", "--quiet", "-c", "other")
    commit(checkout, "Nothing in it")
    found = judged_plan.survey(made, at(checkout))
    assert found.refusal == ""
    branch, commits = found.since
    assert all(name in branch for name in ("main", "other"))
    assert f" {made.record.commit[:8]} " in commits
    (checkout / "users.tf").write_text("# other people\n")
    assert "users.tf" in judged_plan.survey(made, at(checkout)).refusal


def test_a_commit_that_was_merged_upstream_is_told(checkout: Path, tmp_path: Path) -> None:
    upstream = tmp_path / "upstream.git"
    git(tmp_path, "init", "--quiet", "--bare", "-b", "main", str(upstream))
    git(checkout, "remote", "add", "origin", str(upstream))
    git(checkout, "push", "--quiet", "-u", "origin", "main")
    git(checkout, "switch", "--quiet", "-c", "onboard/jane.doe")
    sha = commit(checkout, "Add jane.doe")
    made = replace(
        planned_in(checkout), record=replace(planned_in(checkout).record, branch="onboard/jane.doe")
    )
    facts = {"commit": {"branch": "onboard/jane.doe", "sha": sha}}
    assert judged_plan.survey(made, at(checkout, **facts)).since == ()
    git(checkout, "push", "--quiet", "origin", "HEAD:main")
    (told,) = judged_plan.survey(made, at(checkout, **facts)).since
    assert all(part in told for part in (f" {sha[:8]} ", " origin/main"))


def test_a_plan_from_before_is_old_and_one_of_just_now_is_not(checkout: Path) -> None:
    own = at(checkout)
    now = own.environment.now()
    for minutes, old in ((0, False), (5, False), (60, True)):
        made = planned_in(checkout, (now - timedelta(minutes=minutes)).isoformat())
        assert judged_plan.survey(made, own).old is old
    assert judged_plan.survey(planned_in(checkout, "2026-03-01"), own).old is False


def test_a_state_that_somebody_changed_refuses_the_plan(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, marks = planned_in(checkout), iter((StateMark("a", 4), StateMark("a", 3)))
    terraform = SimpleNamespace(state_mark=lambda **_cancelled: next(marks))
    opened = nullcontext(SimpleNamespace(terraform=terraform))
    monkeypatch.setattr(judged_plan, "open_layer", lambda *_arguments, **_code: opened)
    assert judged_plan.check(made, at(checkout), lambda _: None).refusal
    assert not judged_plan.check(made, at(checkout), lambda _: None).refusal


# -- export ----------------------------------------------------------------------------------------


def test_nothing_is_exported_that_still_gives_something_away(tmp_path: Path) -> None:
    own = context(tmp_path)
    run_folder(own).mkdir(parents=True)
    write_atomically(run_folder(own) / "plan.md", b"### Plan for security\n123456789012\n")
    with pytest.raises(OnboardError, match="account"):
        plan.export("~/plan.md", own)
    assert not (tmp_path / "plan.md").exists()


def test_an_export_replaces_only_an_export(tmp_path: Path) -> None:
    own = context(tmp_path)
    run_folder(own).mkdir(parents=True)
    write_atomically(run_folder(own) / "plan.md", b"### Plan for security\nnew\n")
    (tmp_path / "mine.md").write_text("mine")
    with pytest.raises(OnboardError, match=re.escape("mine.md")):
        plan.export("mine.md", own)
    assert (tmp_path / "mine.md").read_text() == "mine"
    (tmp_path / "plan.md").write_text("### Plan for security\nold\n")
    plan.export("plan.md", own)
    assert (tmp_path / "plan.md").read_text().endswith("new\n")
