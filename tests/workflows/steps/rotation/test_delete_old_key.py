"""The end of a rotation: the old key is deleted once, and only where the record says that it waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.admin_project import quiet
from support.fakes import fake_environment

from workflows.core.sentences import OnboardError
from workflows.machine.events import AGREES, Verdict
from workflows.steps.rotation.delete_old_key import Request, observe, perform, validate
from workflows.steps.shared.module import Context
from workflows.stores.key_records import KeyRecord, KeyRecords, Phase, Rotation
from workflows.stores.key_store import KEPT_IN_KEYRING

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OLD, NEW = "AKIAOLDOLDOLDOLDOLD1", "AKIANEWNEWNEWNEWNEW1"
WAITING = Rotation(Phase.WAITING, OLD, NEW, (OLD,), NOW)
ROTATED = {"project": "bb", "profile": "bb-security", "id": NEW, "old_id": OLD}
RECORD = KeyRecord(
    "bb", "bb-security", NEW, KEPT_IN_KEYRING, "jane.doe", "222222222222", "us-east-1", NOW, rotation=WAITING
)


def context(home: Path, record: KeyRecord | None, **rotated: Any) -> Context:
    facts = {"rotated": {**ROTATED, **rotated}, "retired": {"id": OLD, "told": []}}
    own = Context(fake_environment(home, {}), facts, facts, "", home)
    if record is not None:
        KeyRecords(own.environment.key_records_folder).put(record)
    return own


@pytest.mark.parametrize(
    ("mfa", "code", "fields"),
    [
        (True, "123 456", []),
        (True, "", ["code"]),
        (False, "", []),
        (False, "12", ["code"]),
        (None, "", []),
    ],
)
def test_a_code_is_needed_where_the_rotation_needed_one(
    tmp_path: Path, mfa: bool | None, code: str, fields: list[str]
) -> None:
    problems = validate(Request(code), context(tmp_path, None, mfa=mfa))
    assert [problem.field for problem in problems] == fields


def test_a_key_that_was_deleted_already_is_not_deleted_again(tmp_path: Path) -> None:
    own = context(tmp_path, replace(RECORD, rotation=None))
    assert perform(Request(), own, quiet)["retired"]["id"] == OLD


@pytest.mark.parametrize(
    "record",
    [
        None,
        replace(RECORD, rotation=None, id="AKIAANOTHERANOTHERA1"),
        replace(RECORD, rotation=replace(WAITING, phase=Phase.STORING)),
    ],
    ids=["no record", "another key", "an interrupted rotation"],
)
def test_nothing_is_deleted_that_no_finished_rotation_left(tmp_path: Path, record: KeyRecord | None) -> None:
    with pytest.raises(OnboardError):
        perform(Request(), context(tmp_path, record), quiet)


@pytest.mark.parametrize(
    ("record", "verdict"),
    [
        (None, Verdict.UNKNOWN),
        (RECORD, Verdict.CHANGED),
        (replace(RECORD, rotation=None), AGREES.verdict),
        (replace(RECORD, rotation=replace(WAITING, old_id=NEW)), AGREES.verdict),
    ],
    ids=["no record", "it still waits", "it is gone", "a later rotation"],
)
def test_a_deleted_key_is_missed_only_where_the_record_still_has_it(
    tmp_path: Path, record: KeyRecord | None, verdict: Verdict
) -> None:
    assert observe(context(tmp_path, record)).verdict is verdict
