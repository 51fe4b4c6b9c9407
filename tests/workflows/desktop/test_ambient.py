"""Variables of a shell that change which account programs use."""

from __future__ import annotations

from pathlib import Path

import pytest

from workflows.aws import clients
from workflows.aws.clients import ProfileFiles
from workflows.core.processes import child_environment
from workflows.desktop.ambient import AMBIENT, endpoints, found_in

SHELL = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_SECRET_ACCESS_KEY": "canary",
    "TF_VAR_password": "canary",
    "https_proxy": "http://me:canary@proxy:3128",
    "TF_WORKSPACE": "blue",
    "TF_DATA_DIR": "",
    "EDITOR": "vi",
}


def test_what_is_set_is_found_and_no_secret_is_shown() -> None:
    words = [name for name, _ in found_in(SHELL)]
    assert "AWS_ENDPOINT_URL=http://127.0.0.1:4566" in words
    assert {"TF_WORKSPACE=blue", "TF_VAR_password", "AWS_SECRET_ACCESS_KEY", "https_proxy"} <= set(words)
    assert not any("canary" in word or word.startswith(("TF_DATA_DIR", "EDITOR")) for word in words)


def test_hosts_without_a_proxy_are_not_said_to_be_one() -> None:
    ((_, proxy), (_, exceptions)) = found_in({"https_proxy": "http://proxy:3128", "NO_PROXY": "x"})
    assert proxy != exceptions


def test_terraform_is_told_the_endpoints_that_the_sdk_reads_itself() -> None:
    assert set(endpoints(SHELL)) == {"AWS_ENDPOINT_URL", "AWS_USE_FIPS_ENDPOINT"}


def test_what_is_said_not_to_be_passed_on_is_not() -> None:
    dropped = [name for known in AMBIENT if known.effect.startswith("Isn't") for name in known.names]
    shell = {name.replace("*", "X"): "x" for name in dropped}
    assert child_environment(shell) == {}


@pytest.mark.parametrize("name", ["AWS_CA_BUNDLE", "SSL_CERT_FILE", "NIX_SSL_CERT_FILE"])
@pytest.mark.parametrize("there", [True, False])
def test_the_certificates_of_the_shell_are_trusted(
    name: str, there: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    certificates = tmp_path / "certificates.pem"
    if there:
        certificates.write_text("")
    for other in ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "NIX_SSL_CERT_FILE"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, str(certificates))
    files = ProfileFiles(tmp_path / "config", tmp_path / "credentials")
    session = clients._new_session(files, profile=None, region=None)
    wanted = str(certificates) if there or name == "AWS_CA_BUNDLE" else None
    assert session.get_config_variable("ca_bundle") == wanted
