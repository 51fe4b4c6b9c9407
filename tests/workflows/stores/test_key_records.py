"""The records of stored keys on disk."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from workflows.stores.key_records import KeyRecord, KeyRecords


def test_what_a_killed_writer_left_goes_with_the_next_one_and_what_a_living_one_has_stays(
    tmp_path: Path,
) -> None:
    records = KeyRecords(tmp_path / "records")
    kept_at = datetime(2026, 3, 1, tzinfo=UTC)
    record = KeyRecord(
        "bb", "bb-security", "AKIAIOSFODNN7EXAMPLE", "keyring", "jane", "222222222222", "", kept_at
    )
    with records.staged(record) as put:
        (waiting,) = records.folder.iterdir()
        records.put(record)
        assert waiting.exists()
        put()
    waiting.touch()
    records.put(record)
    assert not waiting.exists()
    assert records.all() == (record,)
