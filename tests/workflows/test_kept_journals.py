"""Sessions of earlier versions work in this one: they are opened, replayed and continued.

The journals in `tests/journals` are real ones of both workflows: `admin-decided` has every kind of decision
and waits for its review; the `done` ones were completed in a sandbox. `admin-moved` is a later one, with
checksums; its project was moved after its review. `{folder}` stands for their folder.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.admin_project import AdminProject, quiet
from support.fakes import fake_environment
from support.repository import TESTS

from workflows.catalogue import WORKFLOWS
from workflows.core.shapes import WrongShape
from workflows.environment import Environment
from workflows.machine.declaration import Step
from workflows.machine.events import AGREES, StepKey
from workflows.machine.journal import DamagedJournal
from workflows.machine.session import Session
from workflows.machine.sessions import Sessions
from workflows.machine.state import SETTLED, Status
from workflows.machine.summaries import JOURNAL
from workflows.new_user import PROFILES
from workflows.run import SessionRun
from workflows.step_modules import MODULES
from workflows.steps.admin import apply, hand_over, review
from workflows.steps.admin.accepted_plan import Planned, decided
from workflows.steps.admin.admissions import admissions
from workflows.steps.admin.status_grid import PersonStatus, status_grid
from workflows.steps.decisions import Comparison
from workflows.steps.new_user import profiles

JOURNALS = TESTS / "journals"
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
BY_HAND = """
module "user_pat" {
  source = "../../../modules/iam-user"

  name                          = "pat.jones"
  force_destroy                 = true
  create_iam_user_login_profile = true
  create_iam_access_key         = false
  pgp_key                       = file("keys/pat.jones")

  tags = local.tags
}
"""
Opened = Callable[..., SessionRun]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """Yield a function that opens a journal in the test's folder, without its last lines if asked."""
    sessions: list[Session] = []

    def open_one(name: str, environment: Environment | None = None, without: str = "") -> SessionRun:
        text = (JOURNALS / f"{name}.jsonl").read_text().replace("{folder}", str(tmp_path))
        lines = text.splitlines(keepends=True)
        if without:
            lines = lines[: next(at for at, line in enumerate(lines) if f'"step":"{without}"' in line)]
        folder = tmp_path / "sessions" / name
        folder.mkdir(parents=True)
        (folder / JOURNAL).write_text("".join(lines))
        session = Sessions(folder.parent, WORKFLOWS, lambda: NOW).open(name)
        sessions.append(session)
        environment = environment or fake_environment(
            tmp_path / "sandbox" / "new-user" / "home", {"PATH": ""}
        )
        return SessionRun(session, replace(environment, now=lambda: NOW), MODULES[session.header.workflow])

    yield open_one
    for session in sessions:
        session.close()


def settled(run: SessionRun) -> bool:
    return all(run.session.status(key) in SETTLED for key in run.session.state.expected())


def test_a_review_of_every_kind_of_decision_writes_what_it_always_wrote(
    admin_project: AdminProject, opened: Opened
) -> None:
    admin_project.file("security", "users.tf").write_text(
        admin_project.text("security", "users.tf") + BY_HAND
    )
    keys = admin_project.file("security", "keys")
    shutil.copy(keys / "sam.okafor", keys / "pat.jones")
    run = opened("admin-decided", admin_project.environment)
    key = run.session.proposal()
    assert key == StepKey("review")
    assert run.observe() == ()

    context = run.context(key)
    change_set = review.prepare(context, quiet).change_set
    texts = [change.diff() for change in change_set.changes if change.name.endswith(".tf")]
    assert "".join(texts) == (JOURNALS / "admin-decided.diff").read_text()
    assert {change.name for change in change_set.changes if not change.name.endswith(".tf")} == {
        *(f"keys/{name}" for name in ("alex.kim", "dana.lopez", "jane.doe")),
        *(f"keys/{name}" for name in ("machine.gitlab", "machine.github.actions", "github")),
    }
    run.session.start(key)
    run.session.succeed(key, review.perform(review.Request(change_set), context, quiet))

    assert run.observe() == ()
    assert review.prepare(run.context(key), quiet).change_set.diff() == ""
    assert run.session.proposal() == StepKey("mfa-reset", "management")
    grid = dict(status_grid(run.session_context()).rows)
    both = (PersonStatus.WRITTEN, PersonStatus.WRITTEN)
    assert grid == {
        **dict.fromkeys(("jane.doe", "alex.kim", "sam.okafor", "dana.lopez"), both),
        **dict.fromkeys(
            ("machine.gitlab", "machine.github.actions", "pat.jones"), (PersonStatus.NOT_HERE, both[1])
        ),
    }


def test_a_finished_session_of_the_admin_is_still_finished(opened: Opened) -> None:
    run = opened("admin-done")
    assert settled(run)
    assert status_grid(run.session_context()).rows == (
        ("jane.doe", (PersonStatus.HANDED_OVER, PersonStatus.HANDED_OVER)),
    )
    gone = {change.key for change in run.observe() if change.observation.contradicts}
    assert gone == {StepKey("project")}
    assert run.session.status(StepKey("review")) is Status.UNCONFIRMED  # the project and its files are gone
    for account in ("management", "security"):
        fact = run.session.facts(account)["plan"]
        assert {**Planned.from_facts(fact).as_facts(), "acknowledged": []} == {
            **fact,
            "people": [],
            "besides": [],
            "notes": [],
            "uncommitted": [],
        }


def test_a_session_whose_project_moved_on_the_way_goes_on_there_and_can_move_again(opened: Opened) -> None:
    run = opened("admin-moved")
    session = run.session
    assert settled(run)
    assert str(run.session_context().root) == "/srv/bb-infra"
    session.move(StepKey("project"), run.session_context().root, Path("/srv/again"))
    assert settled(run)
    known = json.dumps([session.facts(item) for item in ("", "management", "security")])
    assert ("/srv/again/" in known, "/srv/b" in known) == (True, False)
    found = admissions(session.folder)
    assert (found.by, [person.compared for person in found.people]) == ("sam@laptop", [Comparison.SAME])


def test_a_plan_that_was_accepted_waits_for_its_apply(opened: Opened) -> None:
    run = opened("admin-done", without="apply@security")
    key = run.session.proposal()
    assert key == StepKey("apply", "security")
    context = run.context(key)
    planned = decided(context)
    assert planned is not None
    assert (planned.passwords, planned.gone, planned.empty) == (("jane.doe",), (), False)
    outlook = apply.survey(context, quiet)
    assert (outlook.begun, bool(outlook.refusal)) == (False, True)  # the sandbox and its plan file are gone
    assert dict(status_grid(run.session_context()).rows) == {
        "jane.doe": (PersonStatus.HANDED_OVER, PersonStatus.PLANNED)
    }


def test_nothing_is_handed_over_while_a_key_is_asked_for_again(opened: Opened) -> None:
    run = opened("admin-done", without="hand-over@security")
    key = StepKey("hand-over", "security")
    assert run.session.status(key) is Status.READY
    run.session.reopen(StepKey("pgp-keys"))
    assert run.session.status(key) is Status.LOCKED
    assert run.session.status(StepKey("apply", "security")) is Status.DONE


def test_the_last_hand_over_ends_the_session(opened: Opened) -> None:
    run = opened("admin-done", without="hand-over@security")
    key = run.session.proposal()
    assert key == StepKey("hand-over", "security")
    context = run.context(key)
    sent = {"jane.doe": hand_over.sent_now("copied", context)}
    run.session.start(key)
    run.session.succeed(key, hand_over.perform(hand_over.Request(sent), context, quiet))
    assert settled(run)


def test_a_finished_session_of_the_new_user_is_still_finished(opened: Opened) -> None:
    run = opened("new-user-done")
    assert settled(run)
    assert {run.session.status(key) for key in run.session.layout()} == {Status.DONE}


def test_a_step_that_was_out_of_date_for_an_earlier_version_may_be_done_again(tmp_path: Path) -> None:
    """A handoff with another region made Sign in out of date in earlier versions, so it was done again."""
    lines = (JOURNALS / "new-user-done.jsonl").read_text().splitlines(keepends=True)
    handoff = next(line for line in lines if '"handoff":{' in line)
    signed_in = [line for line in lines if '"step":"sign-in@management"' in line]
    reopened = {"event": "reopened", "step": "handoff", "run": "r", "at": "", "reason": "other input"}
    again = [
        json.dumps(reopened) + "\n",
        next(line for line in lines if '"step":"handoff"' in line),
        handoff.replace('"region":"us-east-1"', '"region":"us-east-2"'),
    ]
    assert again[-1] != handoff
    folder = tmp_path / "sessions" / "old"
    folder.mkdir(parents=True)
    (folder / JOURNAL).write_text("".join([*lines, *again, *signed_in]))
    session = Sessions(folder.parent, WORKFLOWS, lambda: NOW).open("old")
    sign_in = StepKey("sign-in", "management")
    record = session.record(sign_in)
    assert (session.status(sign_in), session.state.events) == (
        Status.DONE,
        len([*lines, *again, *signed_in]) - 1,
    )
    assert record is not None
    assert "us-east" not in str(record.used)
    session.start(StepKey("profiles", "management"))
    session.close()
    assert Sessions(folder.parent, WORKFLOWS, lambda: NOW).summaries()[0].damage == ""


@pytest.mark.parametrize(
    ("field", "value", "stale"),
    [
        ("profiles", [], {"profiles", "verify"}),
        ("encrypted_password", "aGk=", {"sign-in"}),
        ("user", "another", {"sign-in", "mfa", "access-keys", "profiles", "verify"}),
    ],
)
def test_a_handoff_makes_out_of_date_what_uses_its_changed_part_alone(
    field: str, value: object, stale: set[str], opened: Opened
) -> None:
    session = opened("new-user-done").session
    facts = session.facts()
    handoff = json.loads(json.dumps(facts["handoff"]))
    handoff["identities"][0][field] = value
    parts = {step.id: step.parts.get("handoff") for step in session.state.workflow.steps}
    account = handoff["identities"][0]["account_name"]
    changed = {
        step
        for step, part in parts.items()
        if part and part(handoff, account) != part(facts["handoff"], account)
    }
    assert changed == stale


@pytest.mark.parametrize(("changed", "same"), [("at", True), ("id", False), ("mfa_serial", False)])
def test_profiles_rest_on_which_key_is_kept_and_not_on_when(changed: str, same: bool) -> None:
    key = {"id": "AKIA1", "kept": "vault", "mfa_serial": "arn", "at": "2026-01-01T00:00:00+00:00"}
    part = PROFILES.parts["access_key"]
    assert (part({**key, changed: "other"}, "") == part(key, "")) is same


def test_a_new_user_writes_the_profiles_that_were_still_to_come(opened: Opened, tmp_path: Path) -> None:
    run = opened("new-user-done", without="profiles@management")
    for account, base in (("management", "bb-management"), ("security", "bb-security")):
        if account == "security":
            run.session.close()
            shutil.rmtree(run.session.folder)
            run = opened("new-user-done", without="profiles@security")
        key = run.session.proposal()
        assert key == StepKey("profiles", account)
        context = run.context(key)
        request = profiles.proposal(context)
        assert profiles.validate(request, context) == []
        run.session.start(key)
        run.session.succeed(key, profiles.perform(request, context, quiet))
        known = run.session.facts(account)["profiles"]
        assert (known["base"], len(known["names"]), request.mfa_serial[-8:]) == (base, 5, "jane.doe")
    assert run.session.proposal() == StepKey("verify")
    for account in ("management", "security"):
        assert profiles.observe(run.context(StepKey("profiles", account))) is AGREES


@pytest.mark.parametrize(
    ("step", "name"),
    [
        pytest.param(step, name, id=f"{step.id}: {name}")
        for workflow in WORKFLOWS
        for step in workflow.steps
        for name in step.gives
        if name not in workflow.repeated_over
    ],
)
def test_each_step_refuses_a_fact_of_another_kind(step: Step, name: str) -> None:
    with pytest.raises(WrongShape, match=name):
        step.reads({name: 0.5})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"user":"jane.doe"', '"user":"jane\\u0007doe"'),
        ('"account_id":"111111111111"', '"account_id":"11111111111"'),
        ('"identities":["management"', '"identities":["shared"'),
        ('"signed_in":{', '"signed_in":5,"x":{'),
    ],
    ids=["a handoff's user", "a handoff's account", "an account that it lacks", "a number"],
)
def test_a_new_users_facts_that_break_a_rule_are_a_damaged_session(
    tmp_path: Path, before: str, after: str
) -> None:
    head, _, rest = (JOURNALS / "new-user-done.jsonl").read_text().partition('"handoff":{')
    assert before in rest
    folder = tmp_path / "sessions" / "new-user-done"
    folder.mkdir(parents=True)
    (folder / JOURNAL).write_text(head + '"handoff":{' + rest.replace(before, after, 1))
    with pytest.raises(DamagedJournal):
        Sessions(tmp_path / "sessions", WORKFLOWS, lambda: NOW).open("new-user-done")
