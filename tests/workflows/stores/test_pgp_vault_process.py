"""`credential-process` with a key in a file that is encrypted to the person's PGP key, with real gpg."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from support.pgp import ENVIRONMENT, GpgHome, gpg_home

from tui.host import encrypted_files
from workflows.core.secret import Credentials, Secret
from workflows.stores.key_records import KeyRecord, KeyRecords
from workflows.stores.vault import store_access_key

PROGRAM = Path(sys.executable).with_name("iam-onboard")
PASSPHRASE = "canary-passphrase-2f"
SECRET = "s3cret+/" * 5
SLOW = {"argparse", "dataclasses", "datetime", "hashlib", "keyring", "platformdirs", "shutil", "textwrap"}
"""What takes as long to load as gpg takes to decrypt, all together or alone."""


@pytest.fixture
def gpg() -> Iterator[GpgHome]:
    with gpg_home() as home:
        yield home


def asked(gpg: GpgHome, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Call it as an SDK does: without a terminal, windows or a keyring."""
    return subprocess.run(
        [PROGRAM, "credential-process", "--project", "bb", "--profile", "bb-security"],
        env={**environment(gpg, home), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )


def environment(gpg: GpgHome, home: Path) -> Mapping[str, str]:
    return {
        **ENVIRONMENT,
        "HOME": str(home),
        "GNUPGHOME": str(gpg.path),
        "PATH": os.environ["PATH"],
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }


def keep(gpg: GpgHome, home: Path, passphrase: str) -> Path:
    fingerprint = gpg.key("jane", passphrase=passphrase)
    folder = home / ".local" / "share" / "iam-onboard" / "vault"
    vault = encrypted_files(fingerprint, folder, gpg.path, environment(gpg, home))
    store_access_key(vault, "bb", "bb-security", Credentials("AKIAEXAMPLEEXAMPLE01", Secret(SECRET)))
    (kept,) = folder.iterdir()
    assert SECRET.encode() not in kept.read_bytes()
    return kept


def forget(gpg: GpgHome) -> None:
    command = ["gpg-connect-agent", "--homedir", str(gpg.path), "reloadagent", "/bye"]
    subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True)


def test_the_agent_answers_while_it_remembers_and_a_question_is_refused_in_words(
    gpg: GpgHome, tmp_path: Path
) -> None:
    kept = keep(gpg, tmp_path, PASSPHRASE)
    forget(gpg)
    refused = asked(gpg, tmp_path)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "passphrase" in refused.stderr
    assert "What next:" in refused.stderr
    assert SECRET not in refused.stderr
    gpg.run("--decrypt", str(kept), passphrase=PASSPHRASE)  # the agent caches the passphrase from now on
    answer = asked(gpg, tmp_path)
    assert json.loads(answer.stdout)["SecretAccessKey"] == SECRET, answer.stderr


def test_a_recorded_key_is_read_without_loading_anything_slow(gpg: GpgHome, tmp_path: Path) -> None:
    keep(gpg, tmp_path, "")
    names = {"project": "bb", "profile": "bb-security", "user": "jane.doe", "account_id": "222222222222"}
    record = KeyRecord(
        **names,
        id="AKIAEXAMPLEEXAMPLE01",
        kept="pgp-file",
        region="us-east-1",
        kept_at=datetime(2026, 1, 1, tzinfo=UTC),
        fingerprint="F" * 40,
    )
    KeyRecords(tmp_path / ".local" / "state" / "iam-onboard" / "access-keys").put(record)
    answer = asked(gpg, tmp_path, PYTHONPROFILEIMPORTTIME="1")
    assert json.loads(answer.stdout)["SecretAccessKey"] == SECRET
    loaded = {line.rpartition("|")[2].strip() for line in answer.stderr.splitlines()}
    assert "subprocess" in loaded
    assert not loaded & SLOW


def test_ten_at_once(gpg: GpgHome, tmp_path: Path) -> None:
    keep(gpg, tmp_path, "")
    start = partial(
        subprocess.Popen,
        [PROGRAM, "credential-process", "--project", "bb", "--profile", "bb-security"],
        env=environment(gpg, tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    processes = [start() for _ in range(10)]
    answers = [process.communicate() for process in processes]
    assert [json.loads(out)["SecretAccessKey"] for out, _ in answers] == [SECRET] * 10, answers


def test_the_fail_backend_is_no_keyring(gpg: GpgHome, tmp_path: Path) -> None:
    refused = asked(gpg, tmp_path)
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert {"bb-security", "bb."} <= set(refused.stderr.split())


def test_a_keyring_that_raises_is_told_and_the_file_is_asked_all_the_same(
    gpg: GpgHome, tmp_path: Path
) -> None:
    keep(gpg, tmp_path, "")
    module = tmp_path / "sitecustomize.py"
    module.write_text(
        "from keyring.backend import KeyringBackend\n"
        "from keyring.backends import kwallet\n"
        "class Broken(KeyringBackend):\n"
        "    priority = 9\n"
        "    __module__ = 'keyring.backends.kwallet'\n"
        "    def get_password(self, service, username):\n"
        "        raise OSError('canary of the backend')\n"
        "    set_password = delete_password = get_password\n"
        "kwallet.DBusKeyring = Broken\n"  # only known ones are used
    )
    there = {
        **environment(gpg, tmp_path),
        "PYTHONPATH": str(tmp_path),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.kwallet.DBusKeyring",
    }
    command = [PROGRAM, "credential-process", "--project", "bb", "--profile"]
    found = subprocess.run([*command, "bb-security"], env=there, capture_output=True, text=True, check=False)
    assert json.loads(found.stdout)["SecretAccessKey"] == SECRET, found.stderr
    missing = subprocess.run([*command, "other"], env=there, capture_output=True, text=True, check=False)
    assert missing.returncode == 1
    assert missing.stdout == ""
    assert missing.stderr
    assert "canary" not in missing.stderr
    assert "Traceback" not in missing.stderr
