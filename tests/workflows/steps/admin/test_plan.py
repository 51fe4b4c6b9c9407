from __future__ import annotations

import json
import re
import threading
from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from support.fakes import fake_environment

from workflows.admin import REVIEW
from workflows.core.sentences import OnboardError, Sentence, text_of
from workflows.core.shapes import plain, read
from workflows.layer.discover import find_project
from workflows.layer.model import Project
from workflows.machine.events import Verdict
from workflows.sandbox.project import lay_out
from workflows.steps.admin import apply, hand_over, judged_plan, plan, recovery, state_now
from workflows.steps.admin.accepted_plan import (
    HandedOver,
    Planned,
    RoleChange,
    Sent,
    decided,
    marks_in,
    parts_of,
    passwords_of,
    people_of,
    rekeyed_in_plan,
    sent_to,
)
from workflows.steps.admin.deactivate import Appeared
from workflows.steps.admin.edits import LeftOut
from workflows.steps.admin.judged_plan import causes, judged, kept_in_use, staleness, standing, unfinished
from workflows.steps.admin.other_sessions import RemovedFromFiles
from workflows.steps.admin.status_grid import PersonStatus, status_grid
from workflows.steps.admin.terraform_runs import run_folder
from workflows.steps.admin.users import WORDS
from workflows.steps.shared.module import Context, Progress, Refused
from workflows.terraform.plan import Action, OutputChange, Plan, ResourceChange
from workflows.terraform.record import PlanRecord, file_sha256, hash_sources
from workflows.terraform.results import ApplyFailed, ApplyResult, Trouble
from workflows.terraform.state import LoginProfile, Role, State

DEVOPS = {"DevOps": ("shared",)}
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


def quiet(_progress: Progress) -> None:
    """Ignore a progress report."""


def context(tmp_path: Path, **facts: Any) -> Context:
    known = {**FACTS, "project_root": str(tmp_path), **facts}
    environment = fake_environment(tmp_path, {})
    return Context(environment, known, known, "security", tmp_path / "session", threading.Event())


@pytest.fixture
def record(tmp_path: Path) -> PlanRecord:
    layer = tmp_path / "layer"
    layer.mkdir()
    (layer / "users.tf").write_text("# people\n")
    file = tmp_path / "plan.tfplan"
    file.write_bytes(b"a plan")
    return PlanRecord(
        file, file_sha256(file), layer, (), hash_sources(layer, ()), "abc", "Terraform 1.15.5", MADE_AT
    )


def test_a_plan_is_sorted_by_what_was_chosen_in_this_layer(tmp_path: Path, record: PlanRecord) -> None:
    made = judged(record, PLAN, context(tmp_path))
    assert [change.address for change in made.foreign] == ["aws_iam_user.alex", "alias"]
    assert [destroyed.address for destroyed in made.destroys] == ["aws_iam_user.alex", LOGIN]
    assert (made.gone, made.passwords, made.access_keys) == (("alex.kim",), ("jane.doe",), ())
    assert made.rekeyed == ("jane.doe",)
    assert made.counts == {"add": 3, "change": 2, "destroy": 2}
    assert made.owners["members.admins"] == ("jane.doe",)
    assert len(made.drift) == 1


def test_account_settings_and_renamed_groups_belong_once_they_were_edited(
    tmp_path: Path, record: PlanRecord
) -> None:
    renamed = ResourceChange("aws_iam_group.b", "aws_iam_group", Action.UPDATE, group="b")
    own = context(
        tmp_path,
        account_changes={"security": {"alias": "x", "policy": {}}},
        group_changes={"security": {"rename": {"a": "b"}, "remove": ["new"]}},
    )
    made = judged(record, replace(PLAN, changes=(*PLAN.changes, renamed)), own)
    assert [change.address for change in made.foreign] == ["aws_iam_user.alex"]


def test_a_plan_survives_the_journal(tmp_path: Path, record: PlanRecord) -> None:
    made = judged(record, PLAN, context(tmp_path))
    facts = {**made.as_facts(), "acknowledged": ["alias"]}
    assert Planned.from_facts(facts) == made
    assert decided(context(tmp_path, plan=facts)) == made


def test_only_outputs_changing_is_no_empty_plan(tmp_path: Path, record: PlanRecord) -> None:
    outputs = Plan((), outputs=(OutputChange("user_name", Action.CREATE),))
    assert not judged(record, outputs, context(tmp_path)).empty
    assert judged(record, Plan(()), context(tmp_path)).empty


def test_an_unacknowledged_foreign_change_refuses_the_plan(tmp_path: Path, record: PlanRecord) -> None:
    own = context(tmp_path)
    made = judged(record, PLAN, own)
    (problem,) = plan.validate(plan.Request(made, ("alias",)), own)
    assert problem.fatal
    assert problem.message.startswith("1 ")
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


@pytest.mark.parametrize(("applied", "failed"), [(True, False), (False, False), (False, True)])
def test_plans_remember_whose_password_an_applied_one_made_and_for_another_key(
    tmp_path: Path, record: PlanRecord, *, applied: bool, failed: bool
) -> None:
    after = own = context(tmp_path)
    first = plan.perform(plan.Request(judged(record, PLAN, own)), own, quiet)
    facts = {**first, **({"applied": {"at": "2026-03-01T10:00:00+00:00"}} if applied else {})}
    if failed:
        result = ApplyResult(1, (LOGIN,), (USER,), ())
        run_folder(own).mkdir(parents=True)
        (run_folder(own) / "apply.json").write_text(
            json.dumps({"plan_sha256": record.plan_sha256, "result": plain(result)})
        )
    for hour in ("11", "12"):  # nobody applies these plans
        again = replace(record, plan_sha256=hour, made_at=f"2026-03-01T{hour}:00:00+00:00")
        later = context(tmp_path, **facts, **{f"{name}@security": fact for name, fact in facts.items()})
        facts |= plan.perform(plan.Request(judged(again, Plan(()), later)), later, quiet)
        after = context(tmp_path, **{"plan@security": facts["plan"]})
    for remembered in (passwords_of, rekeyed_in_plan):
        assert remembered("security", after) == (("jane.doe",) if applied or failed else ())


def test_a_sent_text_about_roles_stays_sent_until_an_apply_changes_them(
    tmp_path: Path, record: PlanRecord
) -> None:
    def at(hour: int, minute: str = "00") -> str:
        return f"2026-03-01T{hour:02}:{minute}:00+00:00"

    def marks(sent_at: str, facts: dict[str, Any]) -> Collection[str]:
        facts = {**facts, "handed_over": plain(HandedOver({"sam.okafor": Sent(sent_at)}))}
        return marks_in("security", context(tmp_path, **{f"{name}@security": facts[name] for name in facts}))

    facts, changed, again = dict[str, Any](), RoleChange(DEVOPS), RoleChange({}, DEVOPS)
    for hour, roles in ((9, changed), (11, changed), (13, again), (15, again)):
        own = context(tmp_path, **facts, **{f"{name}@security": fact for name, fact in facts.items()})
        made = judged(replace(record, made_at=at(hour)), PLAN, own)
        for _ in range(2):  # planned again before it is applied
            facts |= plan.perform(plan.Request(replace(made, roles={"sam.okafor": roles})), own, quiet)
        facts["applied"] = {"at": at(hour + 1)}
        own_time = at(10 if roles is changed else 14, "30")
        assert "sam.okafor" in marks(own_time, facts)
        assert ("sam.okafor" in marks(at(10, "30"), facts)) is (roles is changed)
        assert "sam.okafor" not in marks(at(9, "30"), facts)


@pytest.mark.parametrize("unwatched", [True, False])
def test_an_apply_records_when_it_made_something_for_whom(
    tmp_path: Path, record: PlanRecord, monkeypatch: pytest.MonkeyPatch, *, unwatched: bool
) -> None:
    """Another session may apply between the end of an unwatched apply and its record."""
    own = context(tmp_path)
    began = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    run = SimpleNamespace(description=SimpleNamespace(begun_at=began.timestamp()))
    done = SimpleNamespace(terraform=SimpleNamespace(apply=lambda *_, **__: None))
    keys = {"jane.doe": "A" * 40}
    answers = {"apply_run": run, "apply_begun": unwatched, "reopen_layer": done, "fingerprints_there": keys}
    for name, answer in answers.items():
        monkeypatch.setattr(apply, name, lambda *_, answer=answer: answer)
    monkeypatch.setattr(apply, "refuse_rejected_keys", lambda *_: None)
    monkeypatch.setattr(apply, "open_layer", lambda *_, **__: nullcontext(done))
    before = {"made": {"sam.okafor": MADE_AT, "jane.doe": MADE_AT}}
    plans = judged(record, PLAN, own).as_facts()
    applied = apply.perform(apply.Request(), context(tmp_path, plan=plans, applied=before), quiet)["applied"]
    last = began.isoformat() if unwatched else applied["at"]
    assert applied["made"] == {"sam.okafor": MADE_AT, "jane.doe": last}
    assert datetime.fromisoformat(applied["at"]) > began
    assert applied["keys"] == keys


def test_nothing_is_applied_if_something_appeared_since_deactivate(
    tmp_path: Path, record: PlanRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied: list[object] = []
    layer = SimpleNamespace(terraform=SimpleNamespace(apply=lambda *_, **__: applied.append(0)))

    def refuse(names: Collection[str], *_: object) -> NoReturn:
        raise Appeared("Appeared", ", ".join(names))

    monkeypatch.setattr(apply, "refuse_rejected_keys", lambda *_: None)
    monkeypatch.setattr(apply, "refuse_appeared", refuse)
    monkeypatch.setattr(apply, "open_layer", lambda *_, **__: nullcontext(layer))
    plans = replace(judged(record, PLAN, context(tmp_path)), gone=("sam.okafor",)).as_facts()
    with pytest.raises(Appeared, match=r"sam\.okafor"):
        apply.perform(apply.Request(), context(tmp_path, plan=plans), quiet)
    assert not applied


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


def test_staleness_names_the_files_and_ends_with_the_apply(tmp_path: Path, record: PlanRecord) -> None:
    own = context(tmp_path)
    made = judged(record, PLAN, own)
    assert staleness(made, own) == ""
    (record.layer / "users.tf").write_text("# others\n")
    (record.layer / "new.tf").write_text("")
    assert "layer/new.tf, layer/users.tf" in staleness(made, own)
    facts = {"plan": made.as_facts()}
    assert plan.observe(context(tmp_path, **facts)).contradicts
    for at, verdict in (("2000-01-01", Verdict.CHANGED), ("9999-12-31", Verdict.AS_DECIDED)):
        applied = {"at": f"{at}T00:00:00+00:00"}  # an apply of an earlier plan
        assert plan.observe(context(tmp_path, **facts, applied=applied)).verdict is verdict
    why = staleness(made, own)
    record.plan.unlink()
    assert staleness(made, own) == why, "recovering removes the plan, which isn't the cause"
    (record.layer / "users.tf").write_text("# people\n")
    (record.layer / "new.tf").unlink()
    gone = staleness(made, own)
    assert gone not in {"", why}
    record.plan.write_bytes(b"another plan")
    assert staleness(made, own) == gone
    stopped = ApplyResult(1, (), (), (USER,), stopped=True)
    kept = run_folder(own) / "apply.json"
    kept.parent.mkdir(parents=True)
    kept.write_text(json.dumps({"plan_sha256": record.plan_sha256, "result": plain(stopped)}))
    assert "You stopped" in staleness(made, own)


@pytest.mark.parametrize(
    ("planned", "now", "written", "agrees"),
    [
        pytest.param("# people\n", "# people\n", "12:00", True, id="planned as reviewed"),
        pytest.param("# strangers\n", "# people\n", "12:00", False, id="put back since"),
        pytest.param("# strangers\n", "# people\n", "08:00", True, id="put back by another session"),
        pytest.param("# strangers\n", "# others\n", "12:00", True, id="changed since"),
    ],
)
def test_an_applied_plan_of_other_lines_than_reviewed_does_not_stand(
    tmp_path: Path,
    record: PlanRecord,
    monkeypatch: pytest.MonkeyPatch,
    planned: str,
    now: str,
    written: str,
    *,
    agrees: bool,
) -> None:
    at = int(datetime.fromisoformat(f"2026-03-01T{written}:00+00:00").timestamp()) * 10**9
    monkeypatch.setattr(judged_plan, "written_at", lambda _folder: at)
    file = record.layer / "users.tf"
    reviewed = [{"layer": "layer", "path": str(file), "sha256": file_sha256(file)}]
    file.write_text(planned)
    made = judged(replace(record, sources=hash_sources(record.layer, ())), PLAN, context(tmp_path))
    file.write_text(now)
    own = context(
        tmp_path,
        plan=made.as_facts(),
        applied={"at": "2026-03-01T10:00:00+00:00"},
        changed_files=reviewed,
    )
    seen = plan.observe(own)
    assert (seen.contradicts, seen.asks) == (not agrees, not agrees)


def named(words: Sentence) -> list[str]:
    """Return the lists of names after colons in a sentence."""
    return re.findall(r": ([\w.]+(?:, [\w.]+)*?)\.(?: |$)", text_of(words))


def test_who_is_done_after_a_stop_is_told_by_name(tmp_path: Path, record: PlanRecord) -> None:
    made = judged(record, PLAN, context(tmp_path))
    result = ApplyResult(1, (USER, "aws_iam_user.alex"), (LOGIN,), ("alias",))
    assert named(standing(made, ApplyResult(1, (), (), (USER,)))) == []
    assert named(standing(made, ApplyResult(1, (), (LOGIN,), ()))) == ["alex.kim, jane.doe"]
    assert unfinished(made, result) == ["jane.doe"]
    assert named(standing(made, result)) == ["alex.kim", "jane.doe"], "done, and not done"
    assert " 2 " in standing(made, result)
    done = ApplyResult(0, (USER,), (), ())
    assert (unfinished(made, done), named(standing(made, done))) == ([], ["alex.kim, jane.doe"])


def test_nobody_is_called_done_for_certain_after_a_kill(tmp_path: Path, record: PlanRecord) -> None:
    made = judged(record, PLAN, context(tmp_path))
    result = ApplyResult(1, (USER, "aws_iam_user.alex"), (), (LOGIN,))
    for exit_code in (None, -9):
        words = standing(made, replace(result, exit_code=exit_code))
        assert named(words) == named(standing(made, result)) == ["alex.kim", "jane.doe"]
        assert words != standing(made, result)


def test_nobody_is_in_a_state_that_could_not_be_written(tmp_path: Path, record: PlanRecord) -> None:
    made = judged(record, PLAN, context(tmp_path))
    result = ApplyResult(1, tuple(made.owners), (), (), unwritten=True)
    assert read(ApplyResult, plain(result)).unwritten
    assert named(standing(made, result)) == ["alex.kim, jane.doe"]
    assert standing(made, result) != standing(made, replace(result, unwritten=False))


def test_what_went_wrong_is_told_by_person_with_the_cause_they_share(
    tmp_path: Path, record: PlanRecord
) -> None:
    made = judged(record, PLAN, context(tmp_path))
    exists = {"title": "Exists", "why": "AWS.", "next": "Import."}
    troubles = (
        Trouble(USER, **exists),
        Trouble("aws_iam_user.alex", **exists),
        Trouble("aws_iam_group.other", "Headline"),
        Trouble("", "Somewhere else"),
    )
    result = ApplyResult(1, (), (USER,), (), troubles=troubles)
    assert causes(made, read(ApplyResult, plain(result))) == (
        "jane.doe, alex.kim: Exists. AWS. Import.",
        "aws_iam_group.other: Headline.",
        "Somewhere else.",
    )


@pytest.mark.parametrize("begun", [(USER,), ()])
def test_a_failed_apply_gives_its_advice_once(
    tmp_path: Path, record: PlanRecord, monkeypatch: pytest.MonkeyPatch, begun: tuple[str, ...]
) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        result = ApplyResult(1, (), (), (), begun=begun, troubles=(Trouble(USER, "Exists", next="Import."),))
        raise ApplyFailed(OnboardError("Exists", "It failed.", why="AWS has it.", next="Import."), result)

    own = context(tmp_path, plan=judged(record, PLAN, context(tmp_path)).as_facts())
    layer = SimpleNamespace(terraform=SimpleNamespace(apply=fail))
    monkeypatch.setattr(apply, "apply_begun", lambda *_: True)
    monkeypatch.setattr(apply, "reopen_layer", lambda *_: layer)
    with pytest.raises(ApplyFailed) as failed:
        apply.perform(apply.Request(), own, quiet)
    assert failed.value.as_text().count("Import.") == 1


def test_what_was_imported_since_is_no_cause_of_the_failure_any_more(
    tmp_path: Path, record: PlanRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = context(tmp_path, plan=judged(record, PLAN, context(tmp_path)).as_facts())
    result = ApplyResult(1, (), (), (), begun=(USER,), existing=(USER,), troubles=(Trouble(USER, "Exists"),))
    monkeypatch.setattr(apply, "result_of", lambda *_: result)
    monkeypatch.setattr(apply, "doubts_of", lambda *_: judged_plan.Doubts("It is used up."))
    assert apply.survey(own, quiet).causes
    monkeypatch.setattr(recovery, "repairs_left", lambda _: frozenset())
    assert not apply.survey(own, quiet).causes


def test_only_a_removal_that_meets_what_is_attached_is_in_use(tmp_path: Path, record: PlanRecord) -> None:
    made = judged(record, PLAN, context(tmp_path))
    for address, in_use, found in (
        ("aws_iam_user.alex", True, True),
        ("", True, True),
        (USER, True, False),
        ("aws_iam_user.alex", False, False),
    ):
        result = ApplyResult(1, (), (address,), (), troubles=(Trouble(address, "Kept", in_use=in_use),))
        assert kept_in_use(made, read(ApplyResult, plain(result))) is found


def test_every_removal_has_to_be_confirmed_by_name(tmp_path: Path, record: PlanRecord) -> None:
    own = context(tmp_path, plan=judged(record, PLAN, context(tmp_path)).as_facts())
    assert "alex.kim" in apply.validate(apply.Request(), own)[0].message
    assert apply.validate(apply.Request(removals=("alex.kim",)), own) == []


def test_what_the_state_lacks_is_told_for_everybody(tmp_path: Path) -> None:
    own = context(tmp_path)
    login = LoginProfile("jane.doe", LOGIN, "", "", clear=False)
    lacking = state_now.not_applied(State(addresses=("another",)), own)
    assert ["Admins" in words for words in lacking] == [False, True]
    assert all(words.startswith("jane.doe ") for words in lacking)
    half = State(users={"jane.doe": "arn"}, groups={"admins": ("jane.doe",)})
    (lacking,) = state_now.not_applied(half, own)
    assert WORDS["login_profile"] in lacking
    assert state_now.not_applied(replace(half, login_profiles={"jane.doe": login}), own) == []
    leaving = context(tmp_path, user_changes={"remove": {"security": ["jane.doe"]}}, memberships={})
    assert [words.split()[0] for words in state_now.not_applied(half, leaving)] == ["jane.doe"]


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
    monkeypatch.setattr(judged_plan, "result_of", lambda *_: result)
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
    for absent, stand in (["mary"], PersonStatus.UNCHANGED), ([], PersonStatus.REMOVED):
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


def test_people_of_a_layer_are_those_added_and_those_with_something_new(tmp_path: Path) -> None:
    made = {"passwords": ["jane.doe", "sam.okafor"], "access_keys": ["machine.ci"]}
    own = context(tmp_path, **{"plan@security": made})
    assert people_of("security", own) == ("jane.doe", "sam.okafor", "machine.ci")
    assert people_of("management", own) == ()


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


def test_whose_text_was_not_sent_is_a_warning(tmp_path: Path) -> None:
    own = context(tmp_path)
    sent = hand_over.sent_now("by hand", own)
    assert hand_over.validate(hand_over.Request({"jane.doe": sent}), own) == []
    (problem,) = hand_over.validate(hand_over.Request({"jane.doe": Sent()}), own)
    assert not problem.fatal
    given = hand_over.perform(hand_over.Request({"jane.doe": sent}), own, quiet)
    assert given["handed_over"]["people"]["jane.doe"] == {"sent_at": sent.sent_at, "how": "by hand"}
    by_hand = {"people": {"jane.doe": plain(hand_over.marked_by_hand(own, "you said so"))}}
    assert sent_to(by_hand)["jane.doe"].by_hand


@pytest.mark.parametrize(
    ("applied", "passwords", "counts"),
    [
        pytest.param("2026-03-01T10:00:00+00:00", ["jane.doe"], True, id="sent after the apply"),
        pytest.param("2026-03-01T12:00:00+00:00", ["jane.doe"], False, id="her password was made anew"),
        pytest.param("2026-03-01T12:00:00+00:00", ["sam.okafor"], True, id="somebody else's was"),
    ],
)
@pytest.mark.parametrize("account", ["management", "security"])
def test_a_text_that_was_sent_before_its_password_was_made_anew_does_not_count(
    tmp_path: Path, account: str, applied: str, passwords: list[str], counts: bool
) -> None:
    sent = {"people": {"jane.doe": plain(Sent("2026-03-01T11:00:00+00:00", "copied"))}}
    facts = {
        "layers": ["management", "security"],
        "handed_over@security": sent,
        f"plan@{account}": {"passwords": passwords},
        f"applied@{account}": {"at": applied},
    }
    own = context(tmp_path, **facts)
    assert ("jane.doe" in marks_in("security", own)) is counts
    drafted = context(tmp_path, **{**facts, "handed_over@security": {}})
    assert ("jane.doe" in marks_in("security", drafted, sent)) is counts
    apart = context(tmp_path, **facts, **{"handed_over@management": {}})  # management has a separate handoff
    assert ("jane.doe" in marks_in("security", apart)) is (counts or account == "management")


def test_a_later_accounts_text_covers_an_earlier_one_only_until_that_is_applied_again(tmp_path: Path) -> None:
    sent = {"people": {"jane.doe": plain(Sent("2026-03-01T11:00:00+00:00", "copied"))}}
    facts: dict[str, Any] = {
        "layers": ["management", "security"],
        "joining": ["jane.doe"],
        "user_changes": {"add": {"management": ["jane.doe"], "security": ["jane.doe"]}},
        "handed_over@security": sent,
        **{f"plan@{account}": {"passwords": ["jane.doe"]} for account in ("management", "security")},
        "applied@security": {"at": "2026-03-01T10:00:00+00:00"},
    }
    for at, stand in (("10", PersonStatus.HANDED_OVER), ("12", PersonStatus.TO_HAND_OVER)):
        own = context(tmp_path, **facts, **{"applied@management": {"at": f"2026-03-01T{at}:00:00+00:00"}})
        ((_, (management, _security)),) = status_grid(own).rows
        assert management is stand
