from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from support.fakes import MemoryVault

from workflows.aws.clients import profile_map
from workflows.core.secret import Credentials, Secret
from workflows.stores.kept_credentials import keep_credentials, kept_credentials, write_pair

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)


def temporary(lasts: timedelta) -> Credentials:
    return Credentials("ASIAROLEROLEROLE0001", Secret("s3cr%t"), Secret("token=="), NOW + lasts)


def test_kept_credentials_come_back_while_they_last() -> None:
    vault = MemoryVault()
    keep_credentials(vault, "bb/terraform/x", temporary(timedelta(hours=1)))
    found = kept_credentials(vault, "bb/terraform/x", NOW)
    assert found is not None
    assert found.session_token is not None
    assert (found.secret_access_key.reveal(), found.session_token.reveal()) == ("s3cr%t", "token==")
    assert kept_credentials(vault, "bb/terraform/x", NOW + timedelta(minutes=55)) is None
    assert vault.kept == {}


def test_what_was_never_kept_or_is_damaged_is_none() -> None:
    vault = MemoryVault()
    assert kept_credentials(None, "name", NOW) is None
    assert kept_credentials(vault, "name", NOW) is None
    for damaged in ("no json", "[]", '{"id": "x"}', '{"expires_at": ""}'):
        vault.kept["name"] = damaged
        assert kept_credentials(vault, "name", NOW) is None
        assert vault.kept == {}


def test_the_pair_is_private_and_read_by_the_sdk_as_it_is_meant(tmp_path: Path) -> None:
    folder = tmp_path / "aws"
    folder.mkdir()
    (folder / "left").write_text("by a killed program")
    credentials = temporary(timedelta(hours=1))
    files = write_pair(
        folder,
        {"bb-security-devops": {"region": "us-east-1"}, "default": {"aws_access_key_id": "AKIAX"}},
        {"bb-security-devops": credentials},
    )
    assert sorted(path.name for path in folder.iterdir()) == ["config", "credentials"]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert profile_map(files)["bb-security-devops"] == {
        "region": "us-east-1",
        "aws_access_key_id": "ASIAROLEROLEROLE0001",
        "aws_secret_access_key": "s3cr%t",
        "aws_session_token": "token==",
    }
    assert profile_map(files)["default"] == {"aws_access_key_id": "AKIAX"}
