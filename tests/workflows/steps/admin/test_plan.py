from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.admin_project import quiet
from support.sample_plan import LOGIN, PLAN, USER, context, keep_result

from workflows.admin import REVIEW
from workflows.core.sentences import OnboardError
from workflows.layer.discover import find_project
from workflows.layer.model import Project
from workflows.sandbox.project import lay_out
from workflows.steps.admin import apply, plan
from workflows.steps.admin.accepted_plan import Planned, RoleChange, parts_of, people_of
from workflows.steps.admin.edits import LeftOut
from workflows.steps.admin.judged_plan import judged
from workflows.steps.admin.other_sessions import RemovedFromFiles
from workflows.steps.admin.status_grid import PersonStatus, status_grid
from workflows.steps.admin.terraform_runs import run_folder
from workflows.steps.shared.module import Context, Refused
from workflows.terraform.plan import Action, Plan, ResourceChange
from workflows.terraform.record import PlanRecord
from workflows.terraform.results import ApplyResult
from workflows.terraform.state import Role, State

DEVOPS = {"DevOps": ("shared",)}


def test_an_unacknowledged_foreign_change_refuses_the_plan(tmp_path: Path, record: PlanRecord) -> None:
    own = context(tmp_path)
    made = judged(record, PLAN, own)
    (problem,) = plan.validate(plan.Request(made, ("alias",)), own)
    assert problem.fatal
    assert " 1 " in problem.message
    (problem,) = plan.validate(plan.Request(made, ("alias",), undoing={"Remove alex.kim": False}), own)
    assert "Remove alex.kim" in problem.message
    assert plan.validate(plan.Request(made, ("alias", "aws_iam_user.alex")), own) == []
    assert plan.validate(plan.Request(), own)[0].fatal


def test_an_accepted_plan_is_the_one_that_was_shown(tmp_path: Path, record: PlanRecord) -> None:
    own = context(tmp_path)
    made = judged(record, PLAN, own)
    assert plan.perform(plan.Request(made), own, quiet)["plan"]["plan_sha256"] == record.plan_sha256
    record.plan.write_bytes(b"another plan")
    with pytest.raises(Refused):
        plan.perform(plan.Request(made), own, quiet)


@pytest.mark.parametrize("there", [True, False])
def test_an_empty_plans_file_is_removed_when_it_is_accepted(
    tmp_path: Path, record: PlanRecord, *, there: bool
) -> None:
    own = context(tmp_path)
    if not there:
        record.plan.unlink()
    given = plan.perform(plan.Request(judged(record, Plan(()), own)), own, quiet)
    assert not record.plan.exists()
    later = context(tmp_path, **given)
    assert apply.nothing_to_do(later)
    assert apply.perform(apply.Request(), later, quiet)["applied"]["added"] == 0


def plans_are(
    monkeypatch: pytest.MonkeyPatch,
    own: Context,
    record: PlanRecord,
    made: Plan,
    project: Project | None = None,
) -> list[str]:
    """Make Terraform return this plan, without asking the layer's account; return what is given up."""
    run_folder(own).mkdir(parents=True)
    given_up = list[str]()
    terraform = SimpleNamespace(
        plan=lambda **_: (record, made), give_up_plan=lambda: given_up.append("the plan")
    )
    location = SimpleNamespace(account_id="", relative="security", account="security")
    layer = SimpleNamespace(terraform=terraform, location=location, project=project)
    monkeypatch.setattr(plan, "open_layer", lambda *_, **__: nullcontext(layer))
    monkeypatch.setattr(plan, "_least_length", lambda *_: None)
    monkeypatch.setattr(plan, "not_checked", lambda *_: ())
    return given_up


def test_a_plan_that_only_takes_somebody_out_of_a_group_or_creates_them_is_no_removal(
    tmp_path: Path, record: PlanRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = context(tmp_path, user_changes={"add": {}, "remove": {"security": ["mary"]}}, memberships={})
    leaves = ResourceChange(
        "members.devops", "aws_iam_group_membership", Action.UPDATE, group="devops", leaving=("mary",)
    )
    removes = ResourceChange("aws_iam_user.mary", "aws_iam_user", Action.DELETE, user="mary")
    monkeypatch.setattr(plan, "removed_from_files", lambda *_: RemovedFromFiles("", {}))
    monkeypatch.setattr(plan, "read_state", lambda *_, **__: State(users={"mary": "arn"}))
    plans_are(monkeypatch, own, record, Plan((leaves,)))
    with pytest.raises(LeftOut) as left_out:
        plan.make(own, quiet)
    assert left_out.value.step == REVIEW.id
    creates = ResourceChange("aws_iam_user.mary", "aws_iam_user", Action.CREATE, user="mary")
    monkeypatch.setattr(plan, "read_state", lambda *_, **__: State())
    plans_are(monkeypatch, replace(own, folder=tmp_path / "back"), record, Plan((leaves, creates)))
    with pytest.raises(LeftOut):
        plan.make(replace(own, folder=tmp_path / "back"), quiet)
    plans_are(monkeypatch, replace(own, folder=tmp_path / "another"), record, Plan((leaves, removes)))
    assert plan.make(replace(own, folder=tmp_path / "another"), quiet).gone == ("mary",)


@pytest.mark.parametrize(("exit_code", "drifted"), [(1, 1), (0, 2), (None, 1)])
def test_what_an_apply_from_here_left_half_done_is_no_change_from_outside(
    tmp_path: Path,
    record: PlanRecord,
    monkeypatch: pytest.MonkeyPatch,
    exit_code: int | None,
    drifted: int,
) -> None:
    own = context(tmp_path, plan=judged(record, PLAN, context(tmp_path)).as_facts())
    left = ResourceChange(
        "members.admins", "aws_iam_group_membership", Action.UPDATE, group="admins", leaving=("alex.kim",)
    )
    plans_are(monkeypatch, own, record, replace(PLAN, drift=(left, *PLAN.drift)))
    monkeypatch.setattr(plan, "removed_from_files", lambda *_: RemovedFromFiles("", {}))
    result = ApplyResult(exit_code, (USER, LOGIN), ("aws_iam_user.alex",), ("members.admins",))
    keep_result(own, record, result)
    assert len(plan.make(own, quiet).drift) == drifted


@pytest.mark.parametrize(("fingerprint", "notes"), [("A" * 40, 0), ("B" * 40, 1)])
def test_a_plan_says_that_a_later_session_took_in_another_key_for_somebody(
    tmp_path: Path, record: PlanRecord, monkeypatch: pytest.MonkeyPatch, fingerprint: str, notes: int
) -> None:
    key = {"text": "x", "fingerprint": "A" * 40, "source": "pasted"}
    own = context(tmp_path, keys={"jane.doe": key}, joining=["jane.doe"])
    plans_are(monkeypatch, own, record, PLAN)
    monkeypatch.setattr(plan, "removed_from_files", lambda *_: RemovedFromFiles("", {}))
    monkeypatch.setattr(plan, "refuse_unusable_keys", lambda _: None)
    monkeypatch.setattr(plan, "located", lambda _: (None, None))
    monkeypatch.setattr(plan, "read_layer", lambda _: None)
    for name, answer in (("refuse_other_keys", None), ("other_keys", ())):
        monkeypatch.setattr(plan, name, lambda *_, answer=answer, **__: answer)
    monkeypatch.setattr(plan, "keys_of_later_sessions", lambda _: {("jane.doe", fingerprint): "Replace"})
    assert len(plan.make(own, quiet).notes) == notes


def test_a_key_that_another_session_rejected_stops_plan_and_apply(
    tmp_path: Path, record: PlanRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = context(tmp_path, plan=judged(record, PLAN, context(tmp_path)).as_facts())
    given_up = plans_are(monkeypatch, own, record, PLAN)

    def refuse(planned: Planned, _context: Context) -> None:
        raise OnboardError("A PGP key belongs to someone else", planned.passwords[0])

    for module in (plan, apply):
        monkeypatch.setattr(module, "refuse_rejected_keys", refuse)
    with pytest.raises(OnboardError, match="someone else"):
        plan.make(own, quiet)
    assert given_up == ["the plan"]
    with pytest.raises(OnboardError, match="someone else"):
        apply.perform(apply.Request(), own, quiet)


def test_who_was_never_in_the_account_is_not_called_removed(
    tmp_path: Path, record: PlanRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts: dict[str, Any] = {
        "leaving": ["mary"],
        "user_changes": {"add": {}, "remove": {"security": ["mary"]}},
    }
    facts |= {"memberships": {}, "joining": []}
    own = context(tmp_path, **facts)
    monkeypatch.setattr(plan, "removed_from_files", lambda *_: RemovedFromFiles("", {}))
    plans_are(monkeypatch, own, record, Plan(()))

    def made(own: Context, *, there: bool = False) -> tuple[str, ...]:
        state = State(users={"sam": "arn", **({"mary": "arn"} if there else {})})
        monkeypatch.setattr(plan, "read_state", lambda *_, **__: state)
        gone = ResourceChange("aws_iam_user.mary", "aws_iam_user", Action.DELETE, user="mary")
        lost = replace(gone, address="module.mary", type="aws_iam_user")
        plans = Plan((), drift=(lost,)) if there else Plan(())
        layer = SimpleNamespace(plan=lambda **_: (record, plans), give_up_plan=lambda: None)
        location = SimpleNamespace(account_id="", relative="security", account="security")
        opened = SimpleNamespace(terraform=layer, location=location, project=None)
        monkeypatch.setattr(plan, "open_layer", lambda *_, **__: nullcontext(opened))
        return plan.make(own, quiet).absent

    assert made(own, there=True) == (), "it was deleted by hand"
    assert made(own) == ("mary",)
    again = {**judged(record, Plan(()), own).as_facts(), "gone": ["mary"]}
    assert made(context(tmp_path, **facts, plan=again)) == (), (
        "an apply of the earlier plan may have removed her"
    )
    assert made(context(tmp_path, **facts, plan={**again, "absent": ["mary"]})) == ("mary",)
    applied = {
        "at": "2026-03-01T10:00:00+00:00",
        "added": 0,
        "changed": 0,
        "destroyed": 0,
        "elsewhere": False,
    }
    for absent, stand in (["mary"], PersonStatus.NO_USER), ([], PersonStatus.REMOVED):
        plans = {"plan@security": {**again, "absent": absent}, "applied@security": applied}
        after = replace(own, every={**own.every, **plans})
        assert dict(status_grid(after).rows)["mary"][1] is stand


def test_whom_a_later_session_took_out_of_the_files_is_no_part_of_the_plan_or_of_what_follows(
    tmp_path: Path, record: PlanRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = {"add": {"security": ["jane.doe", "ana.paz"]}, "remove": {}}
    own = context(tmp_path, user_changes=both, changed_files=[])
    plans_are(monkeypatch, own, record, PLAN)
    gone = RemovedFromFiles("Removed by a later session.", {"security": ("ana.paz",)})
    monkeypatch.setattr(plan, "removed_from_files", lambda *_: gone)
    made = plan.make(own, quiet)
    assert (made.left_out, made.notes) == (("ana.paz",), (gone.words,))
    planned = context(tmp_path, user_changes=both, plan=made.as_facts())
    monkeypatch.setattr(apply, "apply_begun", lambda *_: True)
    finished = SimpleNamespace(terraform=SimpleNamespace(apply=lambda *_, **__: None))
    monkeypatch.setattr(apply, "reopen_layer", lambda *_: finished)
    facts = apply.perform(apply.Request(), planned, quiet)
    assert facts["applied"]["left_out"] == ["ana.paz"]
    after = context(tmp_path, **{"plan@security": made.as_facts(), "applied@security": facts["applied"]})
    after = replace(after, facts={**after.facts, "user_changes": both})
    assert people_of("security", after) == ("jane.doe",)
    assert dict(status_grid(after).rows)["ana.paz"] == (PersonStatus.NOT_HERE, PersonStatus.WRITTEN)


@pytest.mark.parametrize(
    ("groups", "groups_now", "move", "changes", "found"),
    [
        pytest.param("ops", "", {"remove": ["Ops"]}, {}, ({}, DEVOPS), id="one role goes"),
        pytest.param("", "ops", {"add": ["ops"]}, {}, (DEVOPS, {}), id="one comes"),
        pytest.param(
            "ops", "same", {"add": ["same"], "remove": ["ops"]}, {}, None, id="the same by another group"
        ),
        pytest.param("ops same", "same", {"remove": ["ops"]}, {}, None, id="another group has it, too"),
        pytest.param("", "plain", {"add": ["plain"]}, {}, None, id="a group without roles"),
        pytest.param(
            "", "", {"add": ["new"]}, {"add": [{"name": "new", "sibling": "ops"}]}, (DEVOPS, {}), id="new"
        ),
        pytest.param("", "", {"add": ["now"]}, {"rename": {"ops": "now"}}, (DEVOPS, {}), id="renamed"),
        pytest.param(
            "ops", "", {"remove": ["now"]}, {"rename": {"ops": "now"}}, ({}, DEVOPS), id="renamed and left"
        ),
        pytest.param("ops", None, {}, {"remove": ["Ops"]}, ({}, DEVOPS), id="its group goes"),
        pytest.param(
            "ops", None, {"add": ["plain"]}, {"remove": ["ops"]}, ({}, DEVOPS), id="moved as its group goes"
        ),
        pytest.param("ops same", None, {}, {"remove": ["ops"]}, None, id="one of two groups goes"),
    ],
)
def test_a_plan_says_who_can_use_other_roles_whether_or_not_it_is_applied(
    groups: str,
    groups_now: str | None,
    move: dict[str, list[str]],
    changes: dict[str, Any],
    found: tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]] | None,
    tmp_path: Path,
    record: PlanRecord,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: Any = None
    lay_out(tmp_path / "bb")
    shared = find_project(tmp_path / "bb").account("shared")
    assert shared is not None
    moves = {"security": {"sam.okafor": move, "jane.doe": {"add": ["ops"]}, "mary": {"add": ["plain"]}}}
    own = context(tmp_path, memberships=moves, group_changes={"security": changes}, regrouping=["sam.okafor"])
    plans_are(monkeypatch, own, record, PLAN, find_project(tmp_path / "bb"))
    for there in (groups, groups_now) if groups_now is not None else (groups, "emptied", None):
        gone = there in {"emptied", None}
        if gone:  # the state no longer has the removed group, or its members, but the plan before knows
            own = replace(own, facts={**own.facts, "plan": made.as_facts()})
        left = groups.replace("ops", "") if gone else str(there)
        members = dict.fromkeys(left.split(), ("sam.okafor",)) | ({"ops": ()} if there == "emptied" else {})
        roles = dict.fromkeys(("ops", "same"), (Role(shared.id, "DevOps"),))
        state = State({"sam.okafor": "arn"}, groups=members, group_roles=roles, account_id="222222222222")
        monkeypatch.setattr(plan, "read_state", lambda *_, state=state, **__: state)
        made = plan.make(own, quiet)
        assert made.roles == ({"sam.okafor": RoleChange(*found)} if found else {})
        planned = {"plan@security": made.as_facts()}
        after = replace(own, every={**own.every, **planned})
        assert people_of("security", after) == ("jane.doe", *made.roles)
        assert parts_of("sam.okafor", "security", after) == frozenset()
        assert Planned.from_facts(json.loads(json.dumps(made.as_facts()))) == made
