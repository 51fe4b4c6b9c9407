"""`iam-onboard access-key` from its arguments to its exit code, against a strict AWS."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.own_machine import Keyring, Terminal, own_machine
from support.pgp import GpgHome, gpg_home
from support.served_aws import BASE, NewUserAws, user_key

from tui.cli.arguments import DONE, REFUSED, USAGE
from tui.cli.main import main
from tui.host import Machine
from workflows.stores import system_keyring

PROFILE = ["--project", "bb", "--profile", BASE]


@pytest.fixture
def new_user(new_user: NewUserAws, monkeypatch: pytest.MonkeyPatch) -> NewUserAws:
    here = own_machine(new_user)
    monkeypatch.setattr(Machine, "this", lambda: here)
    return new_user


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    made = Terminal()
    made.stand_in(monkeypatch)
    return made


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    out = capsys.readouterr().out
    found: dict[str, Any] = json.loads(out)
    return found


def kept_secret(keyring: Keyring) -> str:
    text: str = json.loads(keyring.kept["iam-onboard", f"bb/{BASE}/access-key"])["secret"]
    return text


def test_import_create_rotate_and_finish(
    new_user: NewUserAws, keyring: Keyring, terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    first = user_key(new_user)
    serial, seed = new_user.aws.device()
    path = new_user.csv(first)
    assert main(["access-key", "import", str(path), *PROFILE, "--delete", "--json"]) == DONE
    record = told(capsys)
    assert (record["id"], record["kept"], record["user"]) == (first["AccessKeyId"], "keyring", "jane.doe")
    assert kept_secret(keyring) == first["SecretAccessKey"]
    assert not path.exists()

    terminal.answers = [new_user.code(seed, 1)]
    assert main(["access-key", "rotate", *PROFILE, "--json"]) == DONE
    record = told(capsys)
    assert terminal.asked == [serial]
    assert record["old_id"] == first["AccessKeyId"]
    assert record["rotation"] == "waiting"
    assert kept_secret(keyring) != first["SecretAccessKey"]
    states = {key["AccessKeyId"]: key["Status"] for key in listed(new_user)}
    assert states == {first["AccessKeyId"]: "Inactive", record["id"]: "Active"}

    assert main(["access-key", "list", "--json"]) == DONE
    assert [key["rotation"] for key in json.loads(capsys.readouterr().out)] == ["waiting"]

    new_user.aws.ahead += 30
    terminal.answers = [new_user.code(seed, 1)]
    with new_user.aws.later(0):
        assert main(["access-key", "rotate", *PROFILE, "--finish"]) == DONE
    assert new_user.keys() == [record["id"]]
    assert [name for _, name in keyring.kept] == [f"bb/{BASE}/access-key"]

    new_user.aws.ahead += 30
    terminal.answers = [new_user.code(seed, 1)]
    with new_user.aws.later(0):
        assert main(["access-key", "create", *PROFILE]) == DONE
    assert len(new_user.keys()) == 2
    assert kept_secret(keyring) not in capsys.readouterr().out


def listed(new_user: NewUserAws) -> list[dict[str, Any]]:
    answer = new_user.aws.administrator("iam").list_access_keys(UserName="jane.doe")
    found: list[dict[str, Any]] = answer["AccessKeyMetadata"]
    return found


def test_the_account_is_named_in_which_the_key_before_still_works(
    new_user: NewUserAws, keyring: Keyring, capsys: pytest.CaptureFixture[str]
) -> None:
    first = user_key(new_user)
    assert main(["access-key", "import", str(new_user.csv(first)), *PROFILE]) == DONE
    second = new_user.aws.administrator("iam").create_access_key(UserName="jane.doe")["AccessKey"]
    capsys.readouterr()
    assert main(["access-key", "import", str(new_user.csv(second)), *PROFILE]) == DONE
    said = capsys.readouterr()
    (line,) = (line for line in (said.out + said.err).splitlines() if first["AccessKeyId"] in line)
    assert "222222222222" in line
    assert kept_secret(keyring) == second["SecretAccessKey"]


def test_a_code_that_aws_does_not_take_is_asked_for_again(
    new_user: NewUserAws, keyring: Keyring, terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    first = user_key(new_user)
    serial, seed = new_user.aws.device()
    assert main(["access-key", "import", str(new_user.csv(first)), *PROFILE]) == DONE
    good = new_user.code(seed, 1)
    wrong = f"{(int(good) + 1) % 1_000_000:06}"
    terminal.answers = [wrong, wrong, wrong, good]
    assert main(["access-key", "rotate", *PROFILE]) == REFUSED
    assert kept_secret(keyring) == first["SecretAccessKey"]
    assert terminal.answers == [good]
    capsys.readouterr()
    terminal.answers = [wrong, good]
    assert main(["access-key", "rotate", *PROFILE]) == DONE
    assert kept_secret(keyring) != first["SecretAccessKey"]
    assert terminal.asked[-2:] == [serial, serial], "each question names the device"
    assert capsys.readouterr().err, "between them it says why it asks again"


def test_a_kept_key_that_aws_does_not_know_is_told_with_its_profile(
    new_user: NewUserAws, keyring: Keyring, terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    del keyring, terminal
    first = user_key(new_user)
    assert main(["access-key", "import", str(new_user.csv(first)), *PROFILE]) == DONE
    new_user.aws.administrator("iam").delete_access_key(UserName="jane.doe", AccessKeyId=first["AccessKeyId"])
    capsys.readouterr()
    for part in ("rotate", "create"):
        assert main(["access-key", part, *PROFILE]) == REFUSED
        assert f" {BASE}." in capsys.readouterr().err
    assert main(["access-key", "create", *PROFILE, "--with", str(new_user.csv(first))]) == REFUSED
    assert f" {BASE}." not in capsys.readouterr().err


def test_two_keys_are_shown_and_an_inactive_one_makes_room_only_when_told(
    new_user: NewUserAws, keyring: Keyring, terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    first = user_key(new_user)
    _, seed = new_user.aws.device()
    assert main(["access-key", "import", str(new_user.csv(first)), *PROFILE]) == DONE
    administrator = new_user.aws.administrator("iam")
    spare = administrator.create_access_key(UserName="jane.doe")["AccessKey"]["AccessKeyId"]
    administrator.update_access_key(UserName="jane.doe", AccessKeyId=spare, Status="Inactive")
    terminal.answers = [new_user.code(seed, 1)]
    capsys.readouterr()
    assert main(["access-key", "rotate", *PROFILE]) == REFUSED
    said = capsys.readouterr().err
    assert re.search(rf"{spare} +inactive\b", said)
    assert "delete it" in said
    assert kept_secret(keyring) == first["SecretAccessKey"]
    new_user.aws.ahead += 30
    terminal.answers = [new_user.code(seed, 1)]
    with new_user.aws.later(0):
        assert main(["access-key", "rotate", *PROFILE, "--delete-inactive"]) == DONE
    keys = new_user.keys()
    assert spare not in keys


def test_a_typed_key_in_plain_text_only_by_choice_and_it_is_rotated_there(
    new_user: NewUserAws, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system_keyring, "system_keyrings", lambda: ())
    key = user_key(new_user)
    _, seed = new_user.aws.device()
    terminal.answers = [key["AccessKeyId"], key["SecretAccessKey"]]
    assert main(["access-key", "import", *PROFILE, "--keyring"]) == REFUSED
    assert terminal.asked == [], "the place is asked before the key"
    assert main(["access-key", "import", *PROFILE, "--credentials-file"]) == DONE
    file = new_user.environment.home / ".aws" / "bb" / "credentials"
    assert key["AccessKeyId"] in file.read_text()
    shutil.rmtree(new_user.folder / "state" / "access-keys")  # as one that was put there by hand
    terminal.answers = [new_user.code(seed, 1)]
    assert main(["access-key", "rotate", *PROFILE]) == DONE
    assert key["AccessKeyId"] not in file.read_text()
    config = file.with_name("config").read_text()
    assert "mfa_serial = arn:aws:iam::222222222222:mfa/jane.doe\n" in config


def test_without_a_keyring_the_file_is_encrypted_to_the_own_key(
    new_user: NewUserAws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(system_keyring, "system_keyrings", lambda: ())
    with gpg_home() as gpg:
        here = Machine.this()
        environment = {**here.environment, "GNUPGHOME": str(gpg.path)}
        there = here._replace(environment=environment)
        monkeypatch.setattr(Machine, "this", lambda: there)
        path = new_user.csv(user_key(new_user))
        assert main(["access-key", "import", str(path), *PROFILE]) == REFUSED
        refused = capsys.readouterr().err
        assert "--credentials-file" in refused
        make_key(gpg)
        assert main(["access-key", "import", str(path), *PROFILE, "--json"]) == DONE
        assert told(capsys)["kept"] == "pgp-file"
        assert main(["credential-process", *PROFILE]) == DONE
        assert told(capsys)["Version"] == 1


def make_key(gpg: GpgHome) -> None:
    gpg.key("jane")


def test_an_old_key_is_told_without_asking_aws(
    new_user: NewUserAws, keyring: Keyring, capsys: pytest.CaptureFixture[str]
) -> None:
    del keyring
    path = new_user.csv(user_key(new_user))
    assert main(["access-key", "import", str(path), *PROFILE]) == DONE
    capsys.readouterr()
    there = new_user.environment.now() + timedelta(days=100)
    new_user.environment = replace(new_user.environment, now=lambda: there, endpoint_url="http://127.0.0.1:9")
    assert main(["access-key", "list"]) == DONE
    assert "rotate it" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--profile", "bb sec]"], "“bb sec]” isn't a profile name"),
        (["--profile", "bb\nsecurity"], "isn't a profile name"),
        (["--profile", ""], "isn't a profile name"),
        (["--profile", BASE, "--region", "mars-1"], "AWS has no region “mars-1”"),
    ],
)
@pytest.mark.parametrize("store", ["--keyring", "--credentials-file"])
def test_what_no_profile_can_be_is_refused_before_the_key_is_kept(
    new_user: NewUserAws,
    keyring: Keyring,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    said: str,
    store: str,
) -> None:
    path = str(new_user.csv(user_key(new_user)))
    assert main(["access-key", "import", path, "--project", "bb", *more, store]) == REFUSED
    assert said in capsys.readouterr().err
    assert keyring.kept == {}
    assert not (new_user.environment.home / ".aws").exists()


def test_a_key_that_no_profile_uses_yet_says_how_it_comes_to_be_used(
    new_user: NewUserAws, keyring: Keyring, capsys: pytest.CaptureFixture[str]
) -> None:
    del keyring
    path = str(new_user.csv(user_key(new_user)))
    assert main(["access-key", "import", path, *PROFILE]) == DONE
    assert "iam-onboard profiles write bb --as security" in capsys.readouterr().out
    config = new_user.environment.home / ".aws" / "bb" / "config"
    config.parent.mkdir(parents=True)
    config.write_text(f"[profile {BASE}]\ncredential_process = iam-onboard credential-process\n")
    assert main(["access-key", "import", path, *PROFILE]) == DONE
    assert "profiles write" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], USAGE),
        (["rotate"], USAGE),
        (["import", *PROFILE, "--keyring", "--credentials-file"], USAGE),
        (["rotate", *PROFILE], REFUSED),
        (["import", "nowhere.csv", *PROFILE], REFUSED),
        (["import", "x", "--project", "../up", "--profile", "x"], REFUSED),
        (["list"], DONE),
    ],
)
def test_exit_codes(new_user: NewUserAws, keyring: Keyring, arguments: list[str], code: int) -> None:
    del new_user, keyring
    try:
        found = main(["access-key", *arguments])
    except SystemExit as ended:
        found = int(str(ended.code))
    assert found == code
