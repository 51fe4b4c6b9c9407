from __future__ import annotations

from pathlib import Path

from workflows.sandbox.sandbox import environment_for

HOST = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/home/real",
    "LANG": "C.UTF-8",
    "LC_TIME": "C",
    "TERM": "xterm",
    "AWS_PROFILE": "real",
    "AWS_ACCESS_KEY_ID": "real",
    "AWS_ENDPOINT_URL": "https://real",
    "GIT_DIR": "/home/real/.git",
    "GNUPGHOME": "/home/real/.gnupg",
    "TF_VAR_x": "real",
    "SSH_AUTH_SOCK": "/run/real",
    "XDG_CONFIG_HOME": "/home/real/.config",
    "XDG_RUNTIME_DIR": "/run/user/real",
}


def built() -> dict[str, str]:
    base = Path("/sandbox")
    return environment_for(
        base,
        home=base / "home",
        gnupg_home=base / "gnupg",
        endpoint_url="http://127.0.0.1:20000",
        host=HOST,
    )


def test_nothing_of_the_real_person_comes_through() -> None:
    assert not [value for value in built().values() if "real" in value]


def test_language_and_terminal_come_through() -> None:
    assert {name: built()[name] for name in ("LANG", "LC_TIME", "TERM")} == {
        "LANG": "C.UTF-8",
        "LC_TIME": "C",
        "TERM": "xterm",
    }


def test_the_sandbox_terraform_is_found_first() -> None:
    assert built()["PATH"] == "/sandbox/bin:/usr/bin:/bin"


def test_aws_files_and_endpoint_are_the_sandbox_ones() -> None:
    environment = built()
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:20000"
    assert environment["AWS_SHARED_CREDENTIALS_FILE"] == "/sandbox/home/.aws/bb/credentials"
    assert environment["AWS_CONFIG_FILE"] == "/sandbox/home/.aws/bb/config"
    assert environment["AWS_EC2_METADATA_DISABLED"] == "true"
