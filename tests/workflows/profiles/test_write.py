from __future__ import annotations

import json
import os
import re
import shlex
import stat
import subprocess
import sys
import textwrap
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import botocore.session
import pytest
from support.profile_samples import SERIAL, devops
from support.repository import ROOT

from workflows.core import files
from workflows.core.files import FileError
from workflows.core.secret import Credentials, Secret
from workflows.profiles.merge import ProfileFileError
from workflows.profiles.plan import KeyFromProcess
from workflows.profiles.write import ProfilePaths, prepare, preview, profile_paths, write_profiles

NOW = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)
KEY_ID = "AKIA" + "A" * 16
CANARY = "canary" + "s" * 34


def key(secret: str = CANARY) -> Credentials:
    return Credentials(KEY_ID, Secret(secret))


@pytest.fixture
def paths(tmp_path: Path) -> ProfilePaths:
    return profile_paths(tmp_path, "bb")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def as_botocore_sees(paths: ProfilePaths, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, str]]:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(paths.config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(paths.credentials))
    profiles: dict[str, dict[str, str]] = botocore.session.Session().full_config["profiles"]
    return profiles


def test_botocore_reads_back_what_was_written(paths: ProfilePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    written = write_profiles(paths, devops(key()), NOW)
    profiles = as_botocore_sees(paths, monkeypatch)
    assert profiles["bb-security"] == {
        "region": "us-east-1",
        "output": "json",
        "mfa_serial": SERIAL,
        "aws_access_key_id": KEY_ID,
        "aws_secret_access_key": CANARY,
    }
    assert profiles["bb-shared-devops"] == {
        "role_arn": "arn:aws:iam::333333333333:role/DevOps",
        "source_profile": "bb-security",
        "region": "us-east-1",
        "output": "json",
        "mfa_serial": SERIAL,
    }
    assert written.added == ("bb-security", "bb-security-devops", "bb-shared-devops")
    assert written.changed == (paths.credentials, paths.config)
    assert written.backups == ()
    assert CANARY not in repr(written)


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["get", "role_arn", "--profile", "bb-shared-devops"], "arn:aws:iam::333333333333:role/DevOps"),
        (["get", "mfa_serial", "--profile", "bb-security"], SERIAL),
        (["get", "aws_access_key_id", "--profile", "bb-security"], KEY_ID),
    ],
)
def test_the_real_command_reads_the_profiles(paths: ProfilePaths, arguments: list[str], answer: str) -> None:
    write_profiles(paths, devops(key()), NOW)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(paths.folder),
        "AWS_CONFIG_FILE": str(paths.config),
        "AWS_SHARED_CREDENTIALS_FILE": str(paths.credentials),
    }
    command = [sys.executable, "-m", "awscli", "configure", *arguments]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == answer


def test_a_credential_process_hands_its_key_to_botocore(
    paths: ProfilePaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = json.dumps({"Version": 1, "AccessKeyId": KEY_ID, "SecretAccessKey": CANARY})
    command = shlex.join([sys.executable, "-c", f"print('{answer}')"])
    write_profiles(paths, devops(key()), NOW)
    write_profiles(paths, devops(KeyFromProcess(command)), NOW)
    assert CANARY not in paths.credentials.read_text()
    as_botocore_sees(paths, monkeypatch)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    credentials = botocore.session.Session(profile="bb-security").get_credentials()
    assert (credentials.access_key, credentials.method) == (KEY_ID, "custom-process")


def test_going_back_to_the_file_takes_the_process_out(paths: ProfilePaths) -> None:
    write_profiles(paths, devops(KeyFromProcess("/bin/true")), NOW)
    assert not paths.credentials.exists()
    write_profiles(paths, devops(key()), NOW)
    assert "credential_process" not in paths.config.read_text()


def test_without_a_key_the_stored_one_stays(paths: ProfilePaths) -> None:
    write_profiles(paths, devops(key()), NOW)
    before = paths.credentials.read_bytes()
    write_profiles(paths, devops(None, serial=None), NOW)
    assert paths.credentials.read_bytes() == before
    assert "mfa_serial" not in paths.config.read_text()


def test_everything_is_private(paths: ProfilePaths) -> None:
    old = os.umask(0)
    try:
        write_profiles(paths, devops(key()), NOW)
        write_profiles(paths, devops(key("n" * 40)), NOW)
    finally:
        os.umask(old)
    assert mode(paths.folder) == 0o700
    assert mode(paths.folder.parent) == 0o700
    assert {mode(path) for path in paths.folder.iterdir()} == {0o600}


def test_lax_modes_are_tightened_and_told_even_where_nothing_changes(paths: ProfilePaths) -> None:
    write_profiles(paths, devops(key()), NOW)
    paths.folder.chmod(0o755)
    paths.credentials.chmod(0o644)
    written = write_profiles(paths, devops(key()), NOW)
    assert set(written.tightened) == {paths.folder, paths.credentials}
    assert written.changed == ()
    assert (mode(paths.folder), mode(paths.credentials)) == (0o700, 0o600)


def test_writing_twice_changes_nothing_and_makes_no_backup(paths: ProfilePaths) -> None:
    write_profiles(paths, devops(key()), NOW)
    before = {path: (path.read_bytes(), path.stat().st_ino) for path in paths.folder.iterdir()}
    written = write_profiles(paths, devops(key()), NOW)
    assert (written.changed, written.backups, written.added, written.updated) == ((), (), (), ())
    assert {path: (path.read_bytes(), path.stat().st_ino) for path in paths.folder.iterdir()} == before


def test_a_backup_holds_what_was_there_and_is_never_overwritten(paths: ProfilePaths) -> None:
    write_profiles(paths, devops(key("0" * 40)), NOW)
    first = paths.credentials.read_bytes()
    [backup] = write_profiles(paths, devops(key("1" * 40)), NOW).backups
    [second] = write_profiles(paths, devops(key("2" * 40)), NOW).backups
    assert backup.read_bytes() == first
    assert second != backup
    assert mode(backup) == 0o600


def test_a_symbolic_link_stays_one(paths: ProfilePaths, tmp_path: Path) -> None:
    files.private_folder(paths.folder)
    real = tmp_path / "dotfiles-config"
    real.write_text("[profile mine]\nregion = eu-west-1\n")
    real.chmod(0o644)
    paths.config.symlink_to(real)
    write_profiles(paths, devops(key()), NOW)
    assert paths.config.is_symlink()
    assert "bb-security" in real.read_text()
    assert mode(real) == 0o600


def test_the_persons_own_file_is_never_touched(paths: ProfilePaths) -> None:
    own = paths.folder.parent / "config"
    own.parent.mkdir(parents=True)
    twice = "[default]\nx = y\n[default]\n"
    own.write_text(twice)
    write_profiles(paths, devops(key()), NOW)
    assert own.read_text() == twice


@pytest.mark.parametrize("linked", ["config", "credentials", "folder", "to each other"])
def test_a_link_that_leads_to_the_persons_own_file_is_refused(paths: ProfilePaths, linked: str) -> None:
    own = paths.folder.parent
    files.private_folder(own)
    (own / "config").write_text("[default]\nregion = x\n")
    (own / "credentials").write_text("[default]\naws_access_key_id = x\n")
    if linked == "folder":
        paths.folder.symlink_to(own)
    else:
        files.private_folder(paths.folder)
        if linked == "to each other":
            paths.config.write_text("")
            paths.credentials.symlink_to(paths.config)
        else:
            (paths.folder / linked).symlink_to(own / linked)
    before = {path: path.read_bytes() for path in own.rglob("*") if path.is_file()}
    with pytest.raises(ProfileFileError, match=f" {re.escape(str(paths.folder))}"):
        write_profiles(paths, devops(key()), NOW)
    assert {path: path.read_bytes() for path in own.rglob("*") if path.is_file() and path in before} == before
    assert not list(own.rglob("*backup*"))


def test_both_files_or_neither_when_one_is_refused(paths: ProfilePaths) -> None:
    files.private_folder(paths.folder)
    paths.config.write_text("[a]\n[a]\n")
    with pytest.raises(ProfileFileError, match="line 2"):
        write_profiles(paths, devops(key()), NOW)
    assert [path.name for path in paths.folder.iterdir()] == ["config"]


@pytest.mark.parametrize("failing", [1, 2])
def test_both_files_or_neither_when_a_rename_fails(
    paths: ProfilePaths, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    write_profiles(paths, devops(key("0" * 40), serial=None), NOW)
    before = {path.name: path.read_bytes() for path in paths.folder.iterdir()}
    real_replace = Path.replace
    calls = iter(range(1, 100))

    def replace(self: Path, target: Path) -> Path:
        if next(calls) == failing:
            raise PermissionError(13, "no")
        return real_replace(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(FileError):
        write_profiles(paths, devops(key("1" * 40)), NOW)
    after = {path.name: path.read_bytes() for path in paths.folder.iterdir() if "backup" not in path.name}
    assert after == before


def test_the_preview_shows_the_change_and_no_secret(paths: ProfilePaths) -> None:
    text = preview(prepare(paths, devops(key())))
    assert f"--- /dev/null\n+++ {paths.config}" in text
    assert "+aws_secret_access_key = ****\n" in text
    write_profiles(paths, devops(key("0" * 40)), NOW)
    paths.credentials.write_text(
        paths.credentials.read_text() + "# aws_session_token: canary-t\n[x]\naws_session_token=\n  k=canary\n"
    )
    text = preview(prepare(paths, devops(key())))
    assert "-aws_secret_access_key = ****\n+aws_secret_access_key = ****\n" in text
    for secret in (CANARY, "0" * 20, "canary-t", "k=canary", "\0"):
        assert secret not in text
    assert not paths.folder.joinpath("x").exists()


def test_the_preview_writes_nothing_and_is_empty_where_nothing_changes(paths: ProfilePaths) -> None:
    assert prepare(paths, devops(key())).changes
    assert not paths.folder.exists()
    write_profiles(paths, devops(key()), NOW)
    prepared = prepare(paths, devops(key()))
    assert preview(prepared) == ""
    assert not prepared.changes


@pytest.mark.parametrize("project", ["", "..", "a/b", ".bb", "a b"])
def test_a_project_is_a_plain_folder_name(tmp_path: Path, project: str) -> None:
    with pytest.raises(ValueError, match="short name"):
        profile_paths(tmp_path, project)


def test_twenty_processes_at_once_lose_nothing(paths: ProfilePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    script = textwrap.dedent(f"""
        import sys
        from datetime import UTC, datetime
        from pathlib import Path
        from workflows.core.secret import Credentials, Secret
        from workflows.profiles import plan
        from workflows.profiles.write import profile_paths, write_profiles
        sys.stdin.read()
        key = Credentials({KEY_ID!r}, Secret("k" * 40))
        base = plan.BaseProfile(f"p-{{sys.argv[1]}}", "us-east-1", key)
        paths = profile_paths(Path({str(paths.folder.parent.parent)!r}), "bb")
        write_profiles(paths, plan.WantedProfiles((base,), ()), datetime.now(UTC))
    """)
    with ExitStack() as stack:
        children = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", script, str(number)],
                    stdin=subprocess.PIPE,
                    cwd=ROOT,
                )
            )
            for number in range(20)
        ]
        for child in children:  # they begin together, once all are started
            assert child.stdin is not None
            child.stdin.close()
        assert [child.wait(60) for child in children] == [0] * 20
    profiles = as_botocore_sees(paths, monkeypatch)
    assert set(profiles) == {f"p-{number}" for number in range(20)}
    assert all("aws_secret_access_key" in profile for profile in profiles.values())


def test_a_killed_writer_leaves_files_that_botocore_reads(
    paths: ProfilePaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_profiles(paths, devops(key("0" * 40)), NOW)
    paths.config.write_text(paths.config.read_text() + "\n# mine\n[profile mine]\nregion = eu-west-1\n")
    script = textwrap.dedent(f"""
        from datetime import UTC, datetime
        from pathlib import Path
        from workflows.core.secret import Credentials, Secret
        from workflows.profiles import plan
        from workflows.profiles.write import profile_paths, write_profiles
        paths = profile_paths(Path({str(paths.folder.parent.parent)!r}), "bb")
        for number in range(10_000):
            key = Credentials({KEY_ID!r}, Secret(str(number % 10) * 40))
            base = plan.BaseProfile("bb-security", f"us-west-{{number % 2 + 1}}", key)
            write_profiles(paths, plan.WantedProfiles((base,), ()), datetime.now(UTC))
            if number == 1:
                print("ready", flush=True)
    """)
    for attempt in range(6):
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=ROOT) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            time.sleep(0.01 + 0.004 * attempt)
            child.kill()
        profiles = as_botocore_sees(paths, monkeypatch)
        assert profiles["mine"] == {"region": "eu-west-1"}
        assert len(profiles["bb-security"]["aws_secret_access_key"]) == 40
        assert "# mine\n" in paths.config.read_text()
    written = write_profiles(paths, devops(key()), NOW)
    assert paths.config in written.changed
    assert not [path.name for path in paths.folder.iterdir() if path.name.startswith(".")]
