"""Clients over HTTP against moto, and profile files read by botocore."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from moto.server import ThreadedMotoServer

from workflows.aws import clients, iam, sts
from workflows.aws.clients import ClientFactory, Patience, ProfileFiles, profile_map
from workflows.aws.errors import AwsError, AwsFailure
from workflows.core.secret import Credentials, Secret

ROOT = Credentials("AKIAEXAMPLEEXAMPLE01", Secret("s" * 40))


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
    server._server.server_close()


@pytest.fixture
def factory(endpoint: str) -> ClientFactory:
    return ClientFactory(endpoint, "us-east-1")


@pytest.fixture
def files(tmp_path: Path) -> ProfileFiles:
    return ProfileFiles(tmp_path / "config", tmp_path / "credentials")


@pytest.fixture(autouse=True)
def misleading_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Set variables of another project in the shell, which must have no effect."""
    wrong = tmp_path / "wrong"
    wrong.write_text("[profile of-another-project]\nregion = eu-west-3\n[profile p]\nregion = eu-west-3\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_PROFILE", "of-another-project")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAWRONGWRONGWRONG1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(wrong))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")


def test_a_user_gets_a_key_uses_it_and_rotates_it(factory: ClientFactory) -> None:
    with factory.client("iam", ROOT) as root:
        root.create_user(UserName="juan.delacruz")
        key_id, secret = iam.create_access_key(root, "juan.delacruz")
        arn = iam.find_user(root, "juan.delacruz")
        assert arn == "arn:aws:iam::123456789012:user/juan.delacruz"
        assert iam.password_last_used(root, "juan.delacruz") is None
    with factory.client("sts", Credentials(key_id, secret)) as own:
        who = sts.caller_identity(own)
    assert (who.user_name, who.account, who.partition) == ("juan.delacruz", "123456789012", "aws")
    with factory.client("iam", ROOT) as root:
        new_id, _ = iam.create_access_key(root, "juan.delacruz")
        assert new_id != key_id
        iam.set_access_key_active(root, key_id, active=False, user="juan.delacruz")
        assert {key.access_key_id: key.active for key in iam.list_access_keys(root, "juan.delacruz")} == {
            key_id: False,
            new_id: True,
        }
        iam.delete_access_key(root, key_id, "juan.delacruz")
        assert [key.access_key_id for key in iam.list_access_keys(root, "juan.delacruz")] == [new_id]
        with pytest.raises(AwsError) as missing:
            iam.password_last_used(root, "nobody")
        assert missing.value.failure is AwsFailure.NOT_FOUND


def test_a_device_is_created_once_enabled_and_listed(factory: ClientFactory) -> None:
    with factory.client("iam", ROOT) as root:
        root.create_user(UserName="jane.doe")
        owner = sts.Identity("arn:aws:iam::123456789012:user/jane.doe", "123456789012")
        serial, seed = iam.create_virtual_mfa_device(root, "jane.doe", owner)
        assert serial == "arn:aws:iam::123456789012:mfa/jane.doe"
        assert len(seed.reveal()) == 64
        with pytest.raises(iam.DeviceExists):
            iam.create_virtual_mfa_device(root, "jane.doe", owner)
        iam.enable_mfa_device(root, "jane.doe", serial, ("123456", "654321"), memory=sts.CodeMemory())
        assert [device.serial for device in iam.list_mfa_devices(root, "jane.doe")] == [serial]


def test_a_profile_is_used_and_nothing_of_the_environment(
    factory: ClientFactory, files: ProfileFiles
) -> None:
    files.config_file.write_text("[profile bb-security]\nregion = us-west-2\n")
    files.credentials_file.write_text(
        "[bb-security]\naws_access_key_id = AKIAEXAMPLEEXAMPLE01\naws_secret_access_key = " + "s" * 40 + "\n"
    )
    with factory.profile_client("sts", files, "bb-security") as client:
        assert client.meta.region_name == "us-west-2"
        assert sts.caller_identity(client).account == "123456789012"
    assert factory.profile_credentials(files, "bb-security").access_key_id == "AKIAEXAMPLEEXAMPLE01"


def test_a_role_profile_that_wants_a_code_fails(factory: ClientFactory, files: ProfileFiles) -> None:
    files.config_file.write_text(
        "[profile bb-security]\nregion = us-east-1\n\n[profile bb-shared-devops]\n"
        "role_arn = arn:aws:iam::222222222222:role/DevOps\nsource_profile = bb-security\n"
        "mfa_serial = arn:aws:iam::111111111111:mfa/juan.delacruz\n"
    )
    files.credentials_file.write_text(
        "[bb-security]\naws_access_key_id = AKIAEXAMPLEEXAMPLE01\naws_secret_access_key = " + "s" * 40 + "\n"
    )
    with (
        factory.profile_client("sts", files, "bb-shared-devops") as client,
        pytest.raises(AwsError) as caught,
    ):
        sts.caller_identity(client)
    assert caught.value.failure is AwsFailure.EXPIRED


def test_a_credential_process_gives_the_key_and_gets_the_named_environment(
    endpoint: str, files: ProfileFiles, tmp_path: Path
) -> None:
    program = tmp_path / "give.py"
    program.write_text(
        "import json, os\n"
        "assert 'AWS_ACCESS_KEY_ID' not in os.environ\n"
        "print(json.dumps({'Version': 1, 'AccessKeyId': os.environ['GIVE'], 'SecretAccessKey': 's' * 40}))\n"
    )
    files.config_file.write_text(f"[profile p]\ncredential_process = {sys.executable} {program}\n")
    factory = ClientFactory(endpoint, "us-east-1", environment={"GIVE": "AKIAEXAMPLEEXAMPLE07"})
    assert factory.profile_credentials(files, "p").access_key_id == "AKIAEXAMPLEEXAMPLE07"
    with factory.profile_client("sts", files, "p") as client:
        assert sts.caller_identity(client).account == "123456789012"


def test_a_credential_process_that_never_answers_is_ended_and_named(
    factory: ClientFactory, files: ProfileFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "PROCESS_SECONDS", 0.2)
    files.config_file.write_text("[profile p]\ncredential_process = sleep 600\n")
    others = psutil.Process().children()
    with pytest.raises(AwsError, match=r" p\b") as caught:
        factory.profile_credentials(files, "p")
    assert all(word in caught.value.detail for word in (" 0.2 ", " sleep"))
    assert psutil.Process().children() == others


@pytest.mark.parametrize(
    ("config", "failure", "said"),
    [
        ("[profile other]\nregion = us-east-1\n", AwsFailure.PROFILE, "could not be found"),
        ("[profile p]\nregion = us-east-1\n", AwsFailure.NO_CREDENTIALS, "NoCredentialsError"),
        (
            "[profile p]\naws_access_key_id = AKIAEXAMPLEEXAMPLE01\n",
            AwsFailure.NO_CREDENTIALS,
            "PartialCredentials",
        ),
        ("[profile p]\ncredential_process = /does/not/exist\n", AwsFailure.PROCESS, "/does/not/exist"),
        ("[profile p]\ncredential_process = echo not-json\n", AwsFailure.PROCESS, "no valid JSON"),
        ("[profile p\n", AwsFailure.PROFILE, "parse"),
    ],
)
def test_a_profile_that_cannot_be_used_says_why(
    factory: ClientFactory, files: ProfileFiles, config: str, failure: AwsFailure, said: str
) -> None:
    files.config_file.write_text(config)
    with pytest.raises(AwsError) as caught:
        factory.profile_credentials(files, "p")
    assert caught.value.failure is failure
    assert said in caught.value.detail


def test_profiles_are_merged_from_both_files_as_botocore_does(files: ProfileFiles) -> None:
    assert profile_map(files) == {}, "missing files are empty ones"
    files.config_file.write_text("[profile a]\nregion = us-east-1\n[default]\noutput = json\n")
    files.credentials_file.write_text("[a]\naws_access_key_id = X\n")
    assert profile_map(files)["a"] == {"region": "us-east-1", "aws_access_key_id": "X"}


def test_no_server_is_a_network_failure_and_comes_soon() -> None:
    factory = ClientFactory("http://127.0.0.1:9", "us-east-1")
    with factory.client("sts", ROOT) as client, pytest.raises(AwsError) as caught:
        sts.caller_identity(client)
    assert caught.value.failure is AwsFailure.LOCAL_AWS


def test_nothing_secret_is_logged_at_any_level(
    factory: ClientFactory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with factory.client("iam", ROOT) as root:
        root.create_user(UserName="log.canary")
        _, secret = iam.create_access_key(root, "log.canary")
    assert secret.reveal() not in caplog.text
    assert json.dumps(secret.reveal())[1:-1] not in caplog.text


def test_a_region_is_asked_at_its_own_endpoint_whatever_the_environment_prefers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy")
    with ClientFactory(None, "us-east-1").client("sts", ROOT, "us-west-2") as client:
        assert client.meta.endpoint_url == "https://sts.us-west-2.amazonaws.com"


def test_the_caller_decides_how_long_a_client_waits(endpoint: str) -> None:
    factory = ClientFactory(endpoint, "us-east-1", patience=Patience(connect=3, read=4, attempts=1))
    with factory.client("sts", ROOT) as client:
        config = client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (3, 4)
    assert config.retries["total_max_attempts"] == 1
