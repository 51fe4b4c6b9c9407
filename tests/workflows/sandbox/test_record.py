from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from workflows.core.sentences import OnboardError
from workflows.sandbox.layout import Record
from workflows.sandbox.sandbox import new_directory


def record() -> Record:
    return Record(
        port=23456, cache=Path("/cache"), short="/tmp/io-x/s", directory=new_directory(), token="t0ken"
    )


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = record()
    written.write(tmp_path / "sandbox.json")
    assert Record.read(tmp_path / "sandbox.json") == written


def test_a_record_is_for_its_owner_only(tmp_path: Path) -> None:
    record().write(tmp_path / "sandbox.json")
    assert (tmp_path / "sandbox.json").stat().st_mode & 0o777 == 0o600


def test_a_missing_record_says_that_there_is_no_sandbox(tmp_path: Path) -> None:
    with pytest.raises(OnboardError, match=re.escape(str(tmp_path))):
        Record.read(tmp_path / "sandbox.json")


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"version": 4}', "\x00"])
def test_a_damaged_record_says_so(tmp_path: Path, content: str) -> None:
    path = tmp_path / "sandbox.json"
    path.write_text(content)
    with pytest.raises(OnboardError) as raised:
        Record.read(path)
    assert str(path) in raised.value.what


def test_a_record_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.json"
    record().write(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 99}))
    with pytest.raises(OnboardError, match="another version") as raised:
        Record.read(path)
    assert "99" in raised.value.what


def test_every_account_has_a_bootstrap_key_and_no_two_sandboxes_share_one() -> None:
    first, second = new_directory(), new_directory()
    assert sorted(key.account_id for key in first.bootstrap_keys.values()) == sorted(first.accounts.values())
    assert not first.bootstrap_keys.keys() & second.bootstrap_keys.keys()
