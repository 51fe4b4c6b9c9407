"""The desktop's real keyring (Secret Service): storing keys, use by SDKs and by ten at once, locking."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.secret_service import lock, needs_secret_service, secret_service, skip_if_it_crashed
from support.served_aws import BASE, NewUserAws, served, user_key

from workflows.profiles.plan import BaseProfile, KeyFromProcess, WantedProfiles
from workflows.profiles.write import profile_paths, write_profiles

pytestmark = [pytest.mark.e2e, needs_secret_service, pytest.mark.xdist_group("secret-service")]

BIN = Path(sys.executable).parent
PROGRAM = BIN / "iam-onboard"
PROFILE = ["--project", "bb", "--profile", BASE]
AT_ONCE = 10


@pytest.fixture
def new_user(tmp_path: Path) -> Iterator[NewUserAws]:
    with served(tmp_path) as made:
        yield made


@pytest.fixture
def desktop(new_user: NewUserAws) -> Iterator[dict[str, str]]:
    """Yield the environment of a person with a desktop, in a folder with a short path for sockets."""
    with tempfile.TemporaryDirectory(prefix="ss-") as folder:
        environment = {
            **new_user.environment.variables,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "AWS_ENDPOINT_URL": new_user.environment.endpoint_url or "",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        with secret_service(Path(folder), environment) as found:
            yield found


def run(environment: Mapping[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(argument) for argument in arguments],
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def imported(new_user: NewUserAws, desktop: dict[str, str]) -> dict[str, str]:
    key = user_key(new_user)
    done = run(desktop, PROGRAM, "access-key", "import", new_user.csv(key), *PROFILE, "--keyring", "--json")
    if done.returncode:
        skip_if_it_crashed(desktop)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["kept"] == "keyring"
    return key


def aws_files(desktop: dict[str, str]) -> dict[str, str]:
    """Write the two files as the wizard does, and return the environment that names them."""
    paths = profile_paths(Path(desktop["HOME"]), "bb")
    command = f"{PROGRAM} credential-process --project bb --profile {BASE}"
    wanted = WantedProfiles((BaseProfile(BASE, "us-east-1", KeyFromProcess(command)),), ())
    write_profiles(paths, wanted, datetime.now(UTC))
    return {
        **desktop,
        "AWS_CONFIG_FILE": str(paths.config),
        "AWS_SHARED_CREDENTIALS_FILE": str(paths.credentials),
        "AWS_PROFILE": BASE,
    }


def test_a_key_in_the_keyring_serves_the_aws_cli_and_boto3(
    new_user: NewUserAws, desktop: dict[str, str]
) -> None:
    key = imported(new_user, desktop)
    there = aws_files(desktop)
    secret = key["SecretAccessKey"]
    everything = b"".join(path.read_bytes() for path in Path(desktop["HOME"]).rglob("*") if path.is_file())
    assert secret.encode() not in everything, "the secret is in a file in clear"
    who = run(there, BIN / "aws", "sts", "get-caller-identity", "--query", "Arn", "--output", "text")
    assert who.stdout.strip().endswith("user/jane.doe"), who.stderr
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    who = run(there, sys.executable, "-c", code)
    assert who.stdout.strip().endswith("user/jane.doe"), who.stderr


def test_ten_that_ask_at_once_all_get_it(new_user: NewUserAws, desktop: dict[str, str]) -> None:
    key = imported(new_user, desktop)
    processes = [
        subprocess.Popen(
            [PROGRAM, "credential-process", *PROFILE],
            env=desktop,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(AT_ONCE)
    ]
    answers = [process.communicate() for process in processes]
    if any(process.returncode for process in processes):
        skip_if_it_crashed(desktop)
    assert [process.returncode for process in processes] == [0] * AT_ONCE, answers
    assert {json.loads(out)["SecretAccessKey"] for out, _ in answers} == {key["SecretAccessKey"]}
    assert all(not errors for _, errors in answers)


def test_a_locked_keyring_that_nobody_unlocks_is_told_at_once(
    new_user: NewUserAws, desktop: dict[str, str]
) -> None:
    imported(new_user, desktop)
    lock(desktop)
    asked = run(desktop, PROGRAM, "credential-process", *PROFILE)
    assert asked.returncode == 1
    assert asked.stdout == ""
    assert "is locked" in asked.stderr
    doctor = run(desktop, PROGRAM, "doctor")
    assert "is locked" in doctor.stdout
    again = run(
        desktop,
        PROGRAM,
        "access-key",
        "import",
        new_user.csv({"AccessKeyId": "A", "SecretAccessKey": "s"}),
        *PROFILE,
    )
    assert again.returncode == 1
    assert "is locked" in again.stderr, "the place is looked at before the key"
