"""`iam-onboard regions` against a strict AWS on loopback: its three forms, its exit codes, its questions."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.loaded import loaded
from support.own_machine import Terminal
from support.pgp import ENVIRONMENT
from support.regions_project import RegionsProject, regions_project
from support.strict_aws import SECURITY

from tui.cli import asking, regions
from tui.cli.arguments import DONE, REFUSED, USAGE
from tui.cli.main import main
from tui.cli.parser import build_parser
from tui.host import Machine, Places
from workflows.aws.sts_regions.answers import OptIn, StsState, Verdict
from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError


@pytest.fixture
def project(tmp_path: Path) -> Iterator[RegionsProject]:
    with regions_project(tmp_path) as made:
        yield made


def run(project: RegionsProject, *words: str) -> int:
    environment = {**ENVIRONMENT, "AWS_ENDPOINT_URL": project.environment.endpoint_url or ""}
    folder = project.made.folder
    places = Places(folder / "sessions", folder / "sandboxes", folder / "vault", folder / "cache")
    machine = Machine(
        places, project.environment.home, folder, project.root, environment, project.environment.now
    )
    return regions.regions(machine, build_parser().parse_args(["regions", *words]))


def test_the_answers_are_told_as_lines_with_what_to_click(
    project: RegionsProject, capsys: pytest.CaptureFixture[str]
) -> None:
    project.settings.of(SECURITY).off.add("us-west-2")
    assert run(project, "--account", "security") == DONE
    text = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in text.splitlines()]
    rows = {line.split()[1]: line for line in lines if line[:2] in {"✗ ", "! ", "✓ "}}
    for mark, region, sts, verdict in (
        ("✗", "us-west-2", StsState.DEACTIVATED, Verdict.NEEDED),
        ("!", "eu-west-1", StsState.ACTIVE, Verdict.UNUSED),
        ("✓", "us-east-1", StsState.FIXED, Verdict.ALLOWED),
    ):
        assert rows[region] == f"{mark} {region} {sts} {OptIn.DEFAULT} {verdict}"
    assert lines[-1] not in rows.values()
    assert "account_settings" in text
    assert "management" not in text


def test_json_is_for_programs(project: RegionsProject, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(project, "--json") == DONE
    told = json.loads(capsys.readouterr().out)
    accounts = {account["account"]: account for account in told["accounts"]}
    assert list(accounts) == ["management", "security", "shared", "apps-devstg", "apps-prd"]
    assert accounts["security"]["account_id"] == SECURITY
    assert accounts["security"]["global_endpoint_token_version"] == 1
    assert "eu-west-1" in accounts["security"]["deactivate"]
    assert "no profile" in accounts["shared"]["problem"]


def test_markdown_leaves_account_ids_out_unless_they_are_wanted(
    project: RegionsProject, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(project, "--markdown", "--account", "security") == DONE
    text = capsys.readouterr().out
    assert "## security\n" in text
    assert SECURITY not in text
    assert run(project, "--markdown", "--with-account-ids", "--account", "security") == DONE
    assert f"## security ({SECURITY})\n" in capsys.readouterr().out


def test_markdown_does_not_tell_where_a_home_is(
    project: RegionsProject, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(project, "--markdown", "--account", "shared") == REFUSED
    text = capsys.readouterr().out
    assert all(part in text for part in (" ~/.aws/bb,", " bb-shared-"))
    assert str(project.environment.home) not in text


def test_an_account_that_was_named_and_cannot_be_asked_is_a_refusal(
    project: RegionsProject, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(project, "--account", "shared", "--account", "security") == REFUSED
    captured = capsys.readouterr()
    assert "shared" in captured.out
    assert "shared" in captured.err
    assert "security" not in captured.err
    with pytest.raises(OnboardError) as refusal:
        run(project, "--account", "nope")
    assert "security" in refusal.value.next


def test_a_code_is_asked_for_on_the_terminal_alone(
    project: RegionsProject, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = project.role_with_mfa()
    terminal = Terminal()
    terminal.stand_in(monkeypatch)
    assert run(project, "--account", "shared") == REFUSED
    assert "terminal" in capsys.readouterr().out
    terminal.answers = [project.made.code(seed, 1)]
    assert run(project, "--json", "--account", "shared") == DONE
    assert terminal.asked == [f"arn:aws:iam::{SECURITY}:mfa/jane.doe"]
    assert json.loads(capsys.readouterr().out)["accounts"][0]["regions"]


def test_a_code_that_aws_does_not_take_is_asked_for_again(
    project: RegionsProject, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = project.role_with_mfa()
    good = project.made.code(seed, 1)
    wrong = f"{(int(good) + 1) % 1_000_000:06}"
    terminal = Terminal()
    terminal.stand_in(monkeypatch)
    terminal.answers = [wrong, wrong, good]
    assert run(project, "--json", "--account", "shared") == DONE
    captured = capsys.readouterr()
    assert json.loads(captured.out)["accounts"][0]["regions"]
    assert captured.err
    assert len(terminal.asked) == 3


def test_accounts_that_need_no_code_are_told_where_none_was_taken(
    project: RegionsProject, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = project.role_with_mfa()
    wrong = f"{(int(project.made.code(seed, 1)) + 1) % 1_000_000:06}"
    terminal = Terminal()
    terminal.stand_in(monkeypatch)
    terminal.answers = [wrong, wrong, wrong]
    assert run(project, "--json", "--account", "security", "--account", "shared") == REFUSED
    security, shared = json.loads(capsys.readouterr().out)["accounts"]
    assert security["regions"]
    assert f"arn:aws:iam::{SECURITY}:mfa/jane.doe" in shared["problem"]
    assert not shared["regions"]
    assert terminal.answers == []


def test_what_never_was_a_code_leaves_only_its_accounts_out(
    project: RegionsProject, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project.role_with_mfa()

    def never(serial: str, _environment: object) -> Secret:
        raise asking.NoCode(device=serial)

    monkeypatch.setattr(asking, "ask_code", never)
    monkeypatch.setattr(asking, "has_terminal", lambda: True)
    assert run(project, "--json", "--account", "security", "--account", "shared") == REFUSED
    security, shared = json.loads(capsys.readouterr().out)["accounts"]
    assert security["regions"]
    assert shared["problem"]
    assert not shared["regions"]


def test_a_key_that_aws_does_not_know_is_told_with_its_profile(
    project: RegionsProject, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = project.role_with_mfa()
    file = project.profiles / "credentials"
    before, mark, after = file.read_text().rpartition("[bb-security]\naws_access_key_id = ")
    assert mark
    file.write_text(before + mark + "AKIANOBODYNOBODY0001" + after[20:])
    terminal = Terminal()
    terminal.stand_in(monkeypatch)
    terminal.answers = [project.made.code(seed, 1)]
    assert run(project, "--json", "--account", "shared") == REFUSED
    (shared,) = json.loads(capsys.readouterr().out)["accounts"]
    assert " bb-security." in shared["problem"]


def test_an_own_key_that_aws_does_not_know_is_told_with_its_profile(
    project: RegionsProject, capsys: pytest.CaptureFixture[str]
) -> None:
    file = project.profiles / "credentials"
    file.write_text(re.sub(r"AKIA\w+", "AKIANOBODYNOBODY0001", file.read_text()))
    assert run(project, "--json", "--account", "security") == REFUSED
    (security,) = json.loads(capsys.readouterr().out)["accounts"]
    assert f" {security['profile']}." in security["problem"]


def test_wrong_usage_and_no_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as usage:
        main(["regions", "--json", "--markdown"])
    assert usage.value.code == USAGE
    assert main(["regions", "--with-account-ids"]) == USAGE
    assert main(["regions", str(tmp_path)]) == REFUSED
    assert str(tmp_path) in capsys.readouterr().err


def test_no_screen_is_loaded_for_it(tmp_path: Path) -> None:
    program = f"from tui.cli.main import main; assert main(['regions', {os.fspath(tmp_path)!r}]) == 1"
    assert not loaded(program) & {"textual", "rich", "moto", "flask"}
