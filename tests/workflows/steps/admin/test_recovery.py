from __future__ import annotations

import threading
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.fakes import fake_environment

from workflows.core.errors import OnboardError
from workflows.steps.admin import recovery
from workflows.steps.shared.module import Context
from workflows.terraform.plan import LOGIN_PROFILE, USER, Action, Plan, ResourceChange
from workflows.terraform.results import ApplyResult
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
