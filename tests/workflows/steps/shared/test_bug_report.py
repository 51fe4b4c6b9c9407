"""A session as a bug report, which must not contain people, accounts, keys or secrets."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support.repository import TESTS

from workflows.core.files import FileError
from workflows.machine.summaries import JOURNAL
from workflows.steps.shared.bug_report import bug_report
from workflows.terraform.redaction import left_over

JOURNALS = sorted((TESTS / "journals").glob("*.jsonl"))


@pytest.mark.parametrize("journal", JOURNALS, ids=lambda path: path.stem)
def test_every_event_is_there_and_nothing_that_names_somebody(journal: Path, tmp_path: Path) -> None:
    home = tmp_path / "home" / "sam"
    lines = journal.read_text().replace("{folder}", str(home)).split("\n")[:-1]
    (tmp_path / JOURNAL).write_text("\n".join([*lines, ""]))
    text = bug_report(tmp_path, home)
    first, *events, _end = text.split("\n")
    assert first.startswith("iam-onboard ")
    kept = [json.loads(line) for line in events]
    assert [event.get("event") for event in kept] == [json.loads(line).get("event") for line in lines]
    assert (left_over(text), str(home) in text) == ((), False)
    assert not re.search(r"jane|juan|alex|\w@\w+\.|[0-9A-F]{40}|\b\d{12}\b", text)


def test_mails_owners_and_free_texts_are_redacted_too(tmp_path: Path) -> None:
    facts = {
        "joining": ["ann.lee", "ann.lee-2"],
        "keys": {
            "ann.lee": {"text": "mQINBG", "user_ids": ["Ann Lee <ann@a.example>"], "source": "ann@b.example"}
        },
        "handoff": {"encrypted_password": "wcFMA1", "encrypted_secret": "wcFMA2", "mfa_required": True},
    }
    failed = {"title": "x", "what": 'keys/ann.lee-2 of 111122223333: password = "hunter2hunter2"'}
    events = [
        {"schema": 2, "details": {"by": "root@host"}},
        {"event": "succeeded", "facts": facts},
        {"event": "failed", "error": failed},
    ]
    torn = b"\xff{"
    (tmp_path / JOURNAL).write_bytes(b"\n".join([*(json.dumps(event).encode() for event in events), torn]))
    text = bug_report(tmp_path, tmp_path)
    for secret in (
        "ann",
        "a.example",
        "b.example",
        "mQINBG",
        "wcFMA",
        "root@host",
        "hunter2",
        "1111",
        "Ann Lee",
    ):
        assert secret not in text
    assert "keys/person-2 of" in text
    assert "<account-id>" in text
    assert "mfa_required" in text
    assert text.splitlines()[-1].startswith('"2 bytes')


def test_a_session_without_a_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError):
        bug_report(tmp_path, tmp_path)
