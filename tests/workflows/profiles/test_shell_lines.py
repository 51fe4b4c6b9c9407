"""The lines for a shell, and the links that switch roles."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import PurePosixPath
from urllib.parse import parse_qs, urlsplit

import pytest

from workflows.core.sentences import OnboardError
from workflows.profiles import shell_lines


@pytest.mark.parametrize(
    ("partition", "host"),
    [
        ("aws", "signin.aws.amazon.com"),
        ("aws-us-gov", "signin.amazonaws-us-gov.com"),
        ("aws-cn", "signin.amazonaws.cn"),
    ],
)
def test_the_link_that_switches_role(partition: str, host: str) -> None:
    parts = urlsplit(shell_lines.switch_role_url("222222222222", "ops/DevOps", "bb & more", partition))
    assert (parts.scheme, parts.netloc, parts.path) == ("https", host, "/switchrole")
    assert parse_qs(parts.query) == {
        "account": ["222222222222"],
        "roleName": ["ops/DevOps"],
        "displayName": ["bb & more"],
    }


def test_no_link_is_invented_for_an_unknown_partition() -> None:
    with pytest.raises(OnboardError):
        shell_lines.switch_role_url("222222222222", "DevOps", "x", "aws-iso")


@pytest.mark.parametrize("way", [".aws/bb", ".aws/b\\b$HOME"])
@pytest.mark.parametrize("shell", list(shell_lines.Shell))
def test_the_export_lines_arrive_in_a_real_shell(shell: shell_lines.Shell, way: str) -> None:
    program = shutil.which(shell.value)
    if program is None:
        pytest.skip(f"{shell.value} is not installed")
    home = PurePosixPath("/home/o'brien $HOME")
    folder = home / way
    lines = shell_lines.export_lines(shell, folder / "config", folder / "credentials", "p", {}, home)
    assert len(lines) == 3
    printed = subprocess.run(
        [program],
        input="\n".join([*lines, "env"]),
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(home)},
    ).stdout.splitlines()
    assert f"AWS_CONFIG_FILE={folder}/config" in printed
    assert f"AWS_SHARED_CREDENTIALS_FILE={folder}/credentials" in printed
    assert "AWS_PROFILE=p" in printed
    assert all('"$HOME/' in line for line in lines[:2]) is (way == ".aws/bb")


def test_the_form_of_the_lines() -> None:
    home = PurePosixPath("/home/it's/.aws/bb")
    assert shell_lines.export_lines(shell_lines.Shell.FISH, home / "config", home / "credentials", "p") == (
        "set -gx AWS_CONFIG_FILE '/home/it\\'s/.aws/bb/config'",
        "set -gx AWS_SHARED_CREDENTIALS_FILE '/home/it\\'s/.aws/bb/credentials'",
        "set -gx AWS_PROFILE 'p'",
    )
    assert (
        shell_lines.export_lines(shell_lines.Shell.ZSH, home / "config", home / "credentials", "p")[2]
        == "export AWS_PROFILE=p"
    )
