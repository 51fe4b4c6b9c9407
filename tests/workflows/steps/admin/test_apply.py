"""An apply of exactly the accepted plan, and what is recorded of it."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest
from support.admin_project import quiet
from support.fakes import fake_environment
from support.sample_plan import MADE_AT, PLAN, USER, context, keep_result

from workflows.core.sentences import OnboardError
from workflows.steps.admin import apply, judged_plan
from workflows.steps.admin.deactivate import Appeared
from workflows.steps.admin.judged_plan import judged
from workflows.steps.admin.terraform_runs import run_folder
from workflows.terraform.record import PlanRecord
from workflows.terraform.results import ApplyFailed, ApplyResult, Trouble, keep_repairs_left


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
    monkeypatch.setattr(apply, "refuse_appeared", lambda *_: None)
    monkeypatch.setattr(apply, "open_layer", lambda *_, **__: nullcontext(done))
    before = {"made": {"sam.okafor": MADE_AT, "jane.doe": MADE_AT}}
    plans = judged(record, PLAN, own).as_facts()
    ended = began + timedelta(minutes=5)
    environment = fake_environment(tmp_path, {}, now=lambda: ended)
    own = replace(context(tmp_path, plan=plans, applied=before), environment=environment)
    applied = apply.perform(apply.Request(), own, quiet)["applied"]
    last = began.isoformat() if unwatched else applied["at"]
    assert applied["made"] == {"sam.okafor": MADE_AT, "jane.doe": last}
    assert applied["at"] == ended.isoformat()
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
    keep_result(own, record, result)
    monkeypatch.setattr(apply, "doubts_of", lambda *_: judged_plan.Doubts("It is used up."))
    assert apply.survey(own, quiet).causes
    keep_repairs_left(run_folder(own), ())
    assert not apply.survey(own, quiet).causes


def test_every_removal_has_to_be_confirmed_by_name(tmp_path: Path, record: PlanRecord) -> None:
    own = context(tmp_path, plan=judged(record, PLAN, context(tmp_path)).as_facts())
    assert "alex.kim" in apply.validate(apply.Request(), own)[0].message
    assert apply.validate(apply.Request(removals=("alex.kim",)), own) == []
