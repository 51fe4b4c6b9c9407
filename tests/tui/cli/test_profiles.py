"""`iam-onboard profiles` and `verify` from their arguments to their exit codes, against a strict AWS."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.own_machine import Keyring, Terminal, own_machine
from support.panes import settle
from support.served_aws import BASE, ROLE, NewUserAws, jane, user_key
from support.strict_aws import APPS, SECURITY

from tui.cli import asking
from tui.cli.arguments import DONE, REFUSED, USAGE
from tui.cli.main import main
from tui.cli.profiles import State
from tui.host import Machine
from workflows.catalogue import WORKFLOWS
from workflows.machine.events import StepKey
from workflows.machine.sessions import Sessions
from workflows.sandbox.project import lay_out
from workflows.steps.new_user.verify import COMMAND
from workflows.stores.key_records import KeyRecords

SERIAL = f"arn:aws:iam::{SECURITY}:mfa/jane.doe"
DEVOPS = ["bb-security-devops", "bb-shared-devops", "bb-apps-devstg-devops", "bb-apps-prd-devops"]
AS = ["--as", "security"]


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


@pytest.fixture
def checkout(new_user: NewUserAws, terminal: Terminal) -> str:
    """The project's folder; its account apps-devstg is the one that AWS has the role in."""
    del terminal
    root = new_user.folder / "checkout"
    lay_out(root)
    common = root / "config" / "common.tfvars"
    common.write_text(
        common.read_text().replace("444444444444", APPS).replace('"333333333333"', '"333333333334"', 0)
    )
    return str(root)


def joined(new_user: NewUserAws) -> None:
    """A session of the person's own that has taken the handoff in."""
    sessions = Sessions(new_user.folder / "state" / "sessions", WORKFLOWS, lambda: datetime.now(UTC))
    session = sessions.create("new-user", {})
    facts = new_user.context().facts
    settle(session, StepKey("before-you-start"), {"project": "", "user": "jane.doe", "tools": {}})
    settle(
        session,
        StepKey("pgp-key"),
        {"fingerprint": new_user.identities[0].key_fingerprint, "key_made": False, "request_sent": ""},
    )
    settle(session, StepKey("handoff"), {name: facts[name] for name in ("handoff", "identities")})
    session.close()


def folder(new_user: NewUserAws) -> Path:
    return new_user.environment.home / ".aws" / "bb"


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def states(record: dict[str, Any]) -> dict[str, str]:
    return {profile["name"]: profile["state"] for profile in record["profiles"]}


def test_without_a_handoff_the_accounts_give_the_usual_names(
    new_user: NewUserAws, checkout: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["profiles", "show", checkout, *AS, "--json"]) == DONE
    record = told(capsys)
    assert states(record) == dict.fromkeys([BASE, *DEVOPS], State.NEW)
    assert record["source"].startswith("`accounts`")
    assert main(["profiles", "show", checkout, "--as", "management", "--json"]) == DONE
    names = [profile["name"] for profile in told(capsys)["profiles"]]
    assert names[0] == "bb-management"
    assert all(name.endswith("-oaar") for name in names[1:])
    assert not folder(new_user).exists()
    assert main(["profiles", "write", checkout, *AS, "--mfa-serial", SERIAL]) == DONE
    assert (folder(new_user) / "config").read_text().count(f"mfa_serial = {SERIAL}") == 5
    capsys.readouterr()
    assert main(["profiles", "show", checkout, *AS, "--json"]) == DONE  # the device is remembered
    assert set(states(told(capsys)).values()) == {State.AS_WANTED}


def test_the_short_name_is_enough_inside_the_checkout(
    new_user: NewUserAws, checkout: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    inside = Machine.this()._replace(working_folder=Path(checkout) / "config")
    monkeypatch.setattr(Machine, "this", lambda: inside)
    for _ in range(2):  # before and after its files are here
        assert main(["profiles", "write", "bb", *AS, "--json"]) == DONE
        assert told(capsys)["source"].startswith("`accounts`")
    assert folder(new_user).exists()
    assert main(["profiles", "show", "cc", *AS]) == REFUSED


def test_the_names_for_mfa_come_where_the_project_asks_for_them(
    new_user: NewUserAws, checkout: str, capsys: pytest.CaptureFixture[str]
) -> None:
    del new_user
    env = Path(checkout) / "build.env"
    text = env.read_text().replace("MFA_ENABLED=false", "MFA_ENABLED=true")
    env.write_text(text if "MFA_ENABLED" in text else f"{text}MFA_ENABLED=true\n")
    assert main(["profiles", "show", checkout, *AS, "--json"]) == DONE
    assert {f"{name}-mfa" for name in DEVOPS} < set(states(told(capsys)))


def test_the_handoff_of_a_session_comes_first_and_needs_no_checkout(
    new_user: NewUserAws, checkout: str, capsys: pytest.CaptureFixture[str]
) -> None:
    joined(new_user)
    for project in ("bb", "", checkout):
        assert main(["profiles", "show", project, *AS, "--json"]) == DONE
        record = told(capsys)
        assert list(states(record)) == [BASE, ROLE]
        assert "jane.doe" in record["source"]
    assert main(["profiles", "show", "bb", "--as", "management"]) == REFUSED
    assert "security" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["show", "write"])
def test_the_account_needs_no_name_where_the_handoff_has_no_other(
    new_user: NewUserAws, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    joined(new_user)
    assert main(["profiles", command, "bb", "--json"]) == DONE
    assert told(capsys)["account"] == "security"


def test_the_accounts_to_choose_from_are_named(
    new_user: NewUserAws, checkout: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["profiles", "show", checkout]) == REFUSED
    assert {"management", "security"} <= set(re.findall(r"\w+", capsys.readouterr().err))
    second = replace(jane(), account_name="apps", account_id=APPS, profiles=())
    joined(replace(new_user, identities=(*new_user.identities, second)))
    assert main(["profiles", "write", "bb"]) == REFUSED
    assert {"apps", "security"} <= set(re.findall(r"\w+", capsys.readouterr().err))
    assert not folder(new_user).exists()


def test_a_dry_run_shows_the_masked_difference_and_touches_nothing(
    new_user: NewUserAws, checkout: str, keyring: Keyring, capsys: pytest.CaptureFixture[str]
) -> None:
    key = user_key(new_user)
    csv = ["--access-keys", str(new_user.csv(key))]
    assert main(["profiles", "write", checkout, *AS, *csv, "--dry-run"]) == DONE
    assert "+credential_process = " in capsys.readouterr().out
    assert main(["profiles", "write", checkout, *AS, *csv, "--dry-run", "--credentials-file"]) == DONE
    shown = capsys.readouterr()
    assert "+aws_secret_access_key = ****\n" in shown.out
    assert key["SecretAccessKey"] not in shown.out + shown.err
    assert not folder(new_user).exists()
    assert keyring.kept == {}


def test_a_key_is_proved_kept_and_found_and_every_profile_says_who_it_is(
    new_user: NewUserAws,
    checkout: str,
    keyring: Keyring,
    terminal: Terminal,
    capsys: pytest.CaptureFixture[str],
) -> None:
    key = user_key(new_user)
    serial, seed = new_user.aws.device()
    csv = str(new_user.csv(key))
    assert main(["profiles", "write", checkout, *AS, "--access-keys", csv, "--json"]) == DONE
    record = told(capsys)
    assert record["mfa_serial"] == serial
    assert list(keyring.kept) == [("iam-onboard", f"bb/{BASE}/access-key")]
    assert f"credential-process --project bb --profile {BASE}\n" in (folder(new_user) / "config").read_text()
    assert not (folder(new_user) / "credentials").exists()

    plain = ["profiles", "write", checkout, *AS, "--credentials-file"]  # moves it
    assert main(plain) == DONE
    assert keyring.kept == {}
    assert key["SecretAccessKey"] in (folder(new_user) / "credentials").read_text()
    assert "credential_process" not in (folder(new_user) / "config").read_text()
    capsys.readouterr()

    terminal.answers = [new_user.code(seed, 1)]
    assert main(["verify", "bb", "--json"]) == REFUSED  # only one of the roles is there
    found = {profile["profile"]: profile for profile in told(capsys)["profiles"]}
    assert terminal.asked == [f"{serial} or none"]
    assert found[BASE]["arn"] == f"arn:aws:iam::{SECURITY}:user/jane.doe"
    assert found[ROLE]["arn"] == f"arn:aws:sts::{APPS}:assumed-role/DevOps/iam-onboard"
    assert f"account={APPS}&roleName=DevOps" in found[ROLE]["switch_role"]
    refused = found["bb-apps-prd-devops"]
    assert not refused["arn"]
    assert "DevOps" in refused["problem"]["what"]

    assert main(["profiles", "write", checkout, *AS, "--keyring"]) == DONE  # and back
    assert key["SecretAccessKey"] not in (folder(new_user) / "credentials").read_text()
    assert "`credentials`" in capsys.readouterr().err
    record = json.loads(next(KeyRecords(new_user.folder / "state/access-keys").folder.iterdir()).read_text())
    assert record["kept"] == "keyring"


def test_one_command_tells_what_the_files_were_before_all_of_it(
    new_user: NewUserAws, checkout: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A key in plain text is written before the profiles, so `config` is written twice."""
    config, mine = folder(new_user) / "config", "[profile mine]\nregion = eu-west-1\n"
    csv = str(new_user.csv(user_key(new_user)))
    write = ["profiles", "write", checkout, *AS, "--credentials-file", "--access-keys", csv, "--json"]
    assert main(write) == DONE
    assert told(capsys)["backups"] == [], "there was nothing before"
    shutil.rmtree(folder(new_user))
    folder(new_user).mkdir()
    config.write_text(mine)
    assert main(write) == DONE
    record = told(capsys)
    (backup,) = record["backups"]
    assert Path(backup).read_text() == mine
    assert record["added"] == [BASE, *DEVOPS]
    assert record["updated"] == []
    assert main(write) == DONE
    record = told(capsys)
    assert record["backups"] == record["added"] == []


def test_another_ones_key_is_refused_before_anything_is_kept(
    new_user: NewUserAws, checkout: str, keyring: Keyring, capsys: pytest.CaptureFixture[str]
) -> None:
    csv = str(new_user.csv(new_user.aws.user("ann", account=APPS)))
    assert main(["profiles", "write", checkout, *AS, "--access-keys", csv]) == REFUSED
    assert " ann " in capsys.readouterr().err
    joined(new_user)
    csv = str(new_user.csv(user_key(new_user, "juan.delacruz")))
    assert main(["profiles", "write", checkout, *AS, "--access-keys", csv]) == REFUSED
    assert {"juan.delacruz", "jane.doe"} <= set(re.findall(r"\w+\.\w+", capsys.readouterr().err))
    assert keyring.kept == {}
    assert not folder(new_user).exists()


def test_what_was_changed_by_hand_is_asked_about_and_stays_where_nobody_is_asked(
    new_user: NewUserAws, checkout: str, terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    write = ["profiles", "write", checkout, *AS]
    assert main(write) == DONE
    config = folder(new_user) / "config"
    wanted = config.read_text()
    head, _, tail = wanted.partition(f"[profile {ROLE}]")
    changed = f"{head}[profile {ROLE}]{tail.replace('us-east-1', 'eu-west-1', 1)}"
    config.write_text(changed)
    capsys.readouterr()
    assert main(write) == DONE
    assert config.read_text() == changed
    assert f"--overwrite {ROLE}" in capsys.readouterr().err
    assert main(["profiles", "show", checkout, *AS, "--json"]) == DONE
    assert states(told(capsys))[ROLE] == State.BY_HAND
    terminal.answers = [""]
    assert main(write) == DONE
    assert config.read_text() == changed
    assert "eu-west-1 → us-east-1\n" in terminal.asked[0]
    assert terminal.asked[0].endswith(" [y/N] ")
    terminal.answers = ["y"]
    assert main(write) == DONE
    assert config.read_text() == wanted
    config.write_text(changed)
    assert main([*write, "--overwrite", ROLE, "--json"]) == DONE
    assert config.read_text() == wanted
    capsys.readouterr()
    assert main([*write, "--overwrite", "bb-nobody"]) == REFUSED
    assert "bb-nobody" in capsys.readouterr().err


def test_a_profile_that_changes_while_it_is_asked_about_is_not_written_over(
    new_user: NewUserAws, checkout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = ["profiles", "write", checkout, *AS]
    assert main(write) == DONE
    config = folder(new_user) / "config"
    config.write_text(config.read_text().replace("us-east-1", "eu-west-1"))
    by_hand = config.read_text().replace("eu-west-1", "eu-central-1")
    monkeypatch.setattr(asking, "has_terminal", lambda: True)
    monkeypatch.setattr(asking, "yes", lambda _question: bool(config.write_text(by_hand)))
    assert main(write) == REFUSED
    assert config.read_text() == by_hand


def test_what_is_no_longer_wanted_goes_only_when_told(
    new_user: NewUserAws, checkout: str, terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    write = ["profiles", "write", checkout, *AS]
    assert main(write) == DONE
    config = folder(new_user) / "config"
    before = config.read_text()
    joined(new_user)  # its handoff names one role alone
    capsys.readouterr()
    assert main(write) == DONE
    assert config.read_text() == before
    assert "--prune" in capsys.readouterr().err
    terminal.answers = ["y", "", ""]
    assert main(write) == DONE
    assert "bb-security-devops" not in config.read_text()
    last = "555555555555:role/"
    config.write_text(config.read_text().replace(f"{last}DevOps", f"{last}Other"))
    assert main([*write, "--prune", "--json"]) == DONE
    assert "bb-shared-devops" not in config.read_text()
    assert f"{last}Other" in config.read_text(), "it was changed by hand"
    assert main([*write, "--prune", "--overwrite", "bb-apps-prd-devops"]) == DONE
    assert config.read_text().count("role_arn") == 1


def test_a_file_that_the_aws_tools_reject_is_refused_before_a_key_is_kept(
    new_user: NewUserAws, checkout: str, keyring: Keyring, capsys: pytest.CaptureFixture[str]
) -> None:
    folder(new_user).mkdir(parents=True)
    (folder(new_user) / "config").write_text("[profile a]\n[profile a]\n")
    csv = str(new_user.csv(user_key(new_user)))
    assert main(["profiles", "write", checkout, *AS, "--access-keys", csv]) == REFUSED
    assert "line 2" in capsys.readouterr().err
    assert keyring.kept == {}


def test_verify_tells_every_reason_in_words_and_what_comes_next(
    new_user: NewUserAws,
    checkout: str,
    keyring: Keyring,
    terminal: Terminal,
    capsys: pytest.CaptureFixture[str],
) -> None:
    del keyring
    key = user_key(new_user)
    _, seed = new_user.aws.device()
    csv = str(new_user.csv(key))
    joined(new_user)
    write = ["profiles", "write", checkout, *AS, "--credentials-file"]
    assert main([*write, "--access-keys", csv]) == DONE
    with (folder(new_user) / "config").open("a") as config:
        config.write("[profile bb-lost]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = bb-nobody\n")
    capsys.readouterr()
    assert main(["verify", "bb"]) == REFUSED
    out = capsys.readouterr().out
    without_code = re.findall(f"✗ {ROLE}: (.+)", out)
    assert any(line.startswith("✗ bb-lost") and "bb-nobody" in line for line in out.splitlines())
    terminal.answers = [new_user.code(seed, 1)]
    assert main(["verify", "bb", "--as", "security", "--shell", "fish"]) == DONE
    out = capsys.readouterr().out
    assert "2 of 2" in out
    assert f"https://signin.aws.amazon.com/switchrole?account={APPS}" in out
    assert f"set -gx AWS_PROFILE '{ROLE}'" in out
    assert COMMAND in out
    terminal.answers = ["000000"]
    assert main(["verify", "bb", "--as", "security"]) == REFUSED
    (wrong_code,) = re.findall(f"✗ {ROLE}: (.+)", capsys.readouterr().out)
    assert without_code not in ([], [wrong_code])
    assert key["SecretAccessKey"] not in out


def test_verify_says_of_odd_profiles_what_is_odd_and_names_those_that_it_does_not_ask(
    new_user: NewUserAws, checkout: str, keyring: Keyring, capsys: pytest.CaptureFixture[str]
) -> None:
    del keyring
    csv = str(new_user.csv(user_key(new_user)))
    assert main(["profiles", "write", checkout, *AS, "--credentials-file", "--access-keys", csv]) == DONE
    role = f"role_arn = arn:aws:iam::{APPS}:role/DevOps\n"
    with (folder(new_user) / "config").open("a") as config:
        config.write("[profile odd]\nrole_arn = DevOps\nsource_profile = bb-security\n")
        config.write(f"[profile mars]\n{role}source_profile = bb-security\nregion = mars-1\n")
        config.write(f"[profile chained]\n{role}source_profile = bb-security-devops\n")
        config.write(f"[profile circle]\n{role}source_profile = circle\n")
        config.write("[profile sso]\nsso_session = x\n")
    capsys.readouterr()
    assert main(["verify", "bb", "--json"]) == REFUSED
    record = told(capsys)
    assert record["not_asked"] == ["chained", "circle", "sso"]
    problems = {
        profile["profile"]: profile["problem"] for profile in record["profiles"] if profile["problem"]
    }
    assert "“DevOps”" in problems["odd"]["what"]
    assert "mars-1" in problems["mars"]["what"]
    assert main(["verify", "bb"]) == REFUSED
    assert "chained, circle, sso" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["profiles"], USAGE),
        (["profiles", "show"], REFUSED),
        (["profiles", "write", ".", *AS, "--keyring", "--credentials-file"], USAGE),
        (["profiles", "show", "nowhere", *AS], REFUSED),
        (["profiles", "show", "", *AS], REFUSED),
        (["verify"], REFUSED),
        (["verify", "--shell", "tcsh"], USAGE),
    ],
)
def test_exit_codes(new_user: NewUserAws, arguments: list[str], code: int) -> None:
    del new_user
    try:
        found = main(arguments)
    except SystemExit as ended:
        found = int(str(ended.code))
    assert found == code


@pytest.mark.parametrize("region", ["nowhere-1", "eu-west-1"])
def test_a_region_is_one_that_aws_has(
    new_user: NewUserAws, checkout: str, region: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["profiles", "write", checkout, *AS, "--region", region])
    assert code == (REFUSED if region == "nowhere-1" else DONE)
    assert capsys.readouterr().err.count("nowhere-1") == (code == REFUSED)
    assert (folder(new_user) / "config").exists() == (code == DONE)


def test_a_new_backup_has_the_moment_in_its_name(new_user: NewUserAws, checkout: str) -> None:
    assert main(["profiles", "write", checkout, *AS]) == DONE
    assert main(["profiles", "write", checkout, *AS, "--region", "eu-west-1"]) == DONE
    (backup,) = folder(new_user).glob("config.backup-*")
    year = datetime.fromtimestamp(new_user.aws.now(), UTC).year
    assert f"backup-{year}" in backup.name
