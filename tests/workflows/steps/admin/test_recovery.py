from __future__ import annotations

import threading
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.fakes import fake_environment

from workflows.core.processes import write_record
from workflows.core.sentences import OnboardError
from workflows.core.shapes import plain
from workflows.steps.admin import recovery
from workflows.steps.admin.recovery import Repair, Way
from workflows.steps.admin.terraform_runs import run_folder, watching
from workflows.steps.shared.module import Context, Progress
from workflows.terraform.events import Progress as Running, ResourceEvent
from workflows.terraform.plan import LOGIN_PROFILE, USER, Action, Plan, ResourceChange
from workflows.terraform.results import ApplyResult, Trouble, keep_repairs_left
from workflows.terraform.runner import Update
from workflows.terraform.state import State

JANE, LOGIN = "aws_iam_user.jane", "aws_iam_user_login_profile.jane"
PLAN = Plan(
    (
        ResourceChange(LOGIN, LOGIN_PROFILE, Action.CREATE, user="jane.doe", import_id="jane.doe"),
        ResourceChange(JANE, USER, Action.CREATE, user="jane.doe", import_id="jane.doe"),
    )
)
EXISTS = ApplyResult(1, (), (JANE,), (LOGIN,), existing=(JANE,))
KILLED = ApplyResult(None, (), (), (JANE, LOGIN), begun=(JANE,))


@pytest.mark.parametrize(
    ("last", "made_at", "listed"),
    [
        (EXISTS, datetime(2026, 1, 1, tzinfo=UTC), [JANE, LOGIN]),
        (EXISTS, None, [JANE]),
        (EXISTS, OnboardError("Denied", "AWS denied it."), [JANE, LOGIN]),
        (KILLED, None, [JANE]),
    ],
)
def test_a_password_that_nobody_tried_to_make_is_recovered_only_if_aws_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: ApplyResult, made_at: Any, listed: list[str]
) -> None:
    def password_made_at(_iam: object, _name: str) -> datetime | None:
        if isinstance(made_at, OnboardError):
            raise made_at
        return made_at  # type: ignore[no-any-return]

    monkeypatch.setattr(recovery, "iam_client", lambda *_: nullcontext())
    monkeypatch.setattr(recovery, "password_made_at", password_made_at)
    binary = SimpleNamespace(product=SimpleNamespace(program="terraform"))
    layer: Any = SimpleNamespace(
        project=None,
        files=None,
        location=SimpleNamespace(account_id="1" * 12),
        terraform=SimpleNamespace(binary=binary),
    )
    context = Context(fake_environment(tmp_path, {}), {}, {}, "security", tmp_path, threading.Event())
    repairs = recovery._repairs(last, PLAN, State(), layer, context)
    assert [repair.address for repair in repairs] == listed


def after_an_apply(context: Context, result: ApplyResult) -> None:
    write_record(run_folder(context) / "apply.json", {"plan_sha256": "", "result": plain(result)})


def test_what_was_recovered_stays_so_until_another_apply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = Context(fake_environment(tmp_path, {}), {}, {}, "security", tmp_path, threading.Event())
    run_folder(context).mkdir(parents=True)
    user, password = (Repair(Way.IMPORT, address, "jane.doe", "", "") for address in (JANE, LOGIN))
    there = [True, False]
    terraform = SimpleNamespace(
        plan=lambda **_: (None, PLAN), give_up_plan=lambda: None, import_=lambda *_, **__: there.pop()
    )
    layer = SimpleNamespace(terraform=terraform)
    monkeypatch.setattr(recovery, "open_layer", lambda *_, **__: nullcontext(layer))
    monkeypatch.setattr(recovery, "read_state", lambda *_: State())
    monkeypatch.setattr(recovery, "_repairs", lambda *_: iter((user, password)))

    def quiet(_progress: object) -> None: ...

    assert not recovery.is_open(context)
    after_an_apply(context, EXISTS)
    assert recovery.is_open(context)
    assert recovery.examine(context, quiet) == (user, password)
    recovery.carry_out(user, context, quiet)  # AWS has no such user, so a plan would still create it
    assert recovery.examine(context, quiet) == (password,)
    follow_up = recovery.carry_out(password, context, quiet).follow_up
    assert recovery.is_open(context)
    assert follow_up is not None
    recovery.carry_out(follow_up, context, quiet)
    assert not recovery.is_open(context)
    assert recovery.examine(context, quiet) == ()
    after_an_apply(context, KILLED)
    assert recovery.is_open(context)


def test_what_was_imported_is_no_trouble_any_more(tmp_path: Path) -> None:
    context = Context(fake_environment(tmp_path, {}), {}, {}, "security", tmp_path, threading.Event())
    run_folder(context).mkdir(parents=True)
    result = replace(
        EXISTS, existing=(JANE, LOGIN), troubles=tuple(map(Trouble, (JANE, LOGIN, "other"), "jlo"))
    )
    after_an_apply(context, result)

    def left() -> list[str]:
        found = recovery.without_imported(result, context)
        return [trouble.address for trouble in found.troubles] if found else []

    assert left() == [JANE, LOGIN, "other"]
    user, password = (Repair(Way.IMPORT, address, "jane.doe", "", "") for address in (JANE, LOGIN))
    keep_repairs_left(run_folder(context), [user.id, password.id])
    assert left() == [JANE, LOGIN, "other"]
    keep_repairs_left(run_folder(context), [replace(password, way=Way.REPLACE).id])
    assert left() == ["other"]


def test_wrapped_text_of_an_import_leaves_the_line_that_says_what_is_imported(tmp_path: Path) -> None:
    context = Context(fake_environment(tmp_path, {}), {}, {}, "security", tmp_path, threading.Event())
    reported: list[Progress] = []
    on_update = watching(context, reported.append).on_update
    assert on_update is not None
    on_update(
        Update(
            ("", "Warning: Deprecated parameter", "Use the parameter", "use_lockfile instead."), (), Running()
        )
    )
    planned = ResourceEvent("planned_change", JANE, "create")
    on_update(Update((f"{JANE}: Plan to create",), (planned,), Running(), f"{JANE}: Plan to create"))
    assert [bool(progress.words) for progress in reported] == [False, True]
