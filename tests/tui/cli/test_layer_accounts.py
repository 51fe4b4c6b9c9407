from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tui.cli.arguments import DONE, USAGE, UsageError
from tui.cli.parser import build_parser
from tui.host import Machine
from workflows.core.sentences import OnboardError
from workflows.layer.discover import find_project
from workflows.sandbox.project import lay_out

ADD = ("--add", "data-science", "--email", "aws+data@example.com", "--id", "999999999999")
MIXED = """# the project
project = "bb"

accounts = {
  management = {
    email = "aws@example.com",
    id    = 111111111111
  },
  # the users
  security = {
    email = "aws+security@example.com",
    id    = 222222222222
  }
  apps-prd = { # customers
    email = "aws+prd@example.com",
    id    = 333333333333 /* paid apart */
  }
}

external_accounts = {
  security = { aws_account_id = "" }
}
"""
MIXED_ENTRY = """  data-science = { # customers
    email = "aws+data@example.com",
    id    = 999999999999 /* paid apart */
  }
"""
ONE_LINE = 'project="bb"\naccounts = { a = { email = "a@b.cd", id = "111111111111" }, }'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    lay_out(tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def machine(project: Path) -> Machine:
    return Machine.this()._replace(working_folder=project)


def run(machine: Machine, *words: str) -> int:
    options = build_parser().parse_args(["layer", "accounts", *words])
    return options.run(machine, options) or DONE


def common(project: Path) -> Path:
    return project / "config" / "common.tfvars"


def test_the_accounts_are_told(machine: Machine, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(machine) == DONE
    text = capsys.readouterr().out
    assert run(machine, "security/config", "--json") == DONE
    records = json.loads(capsys.readouterr().out)
    assert [record["name"] for record in records] == [
        account.name for account in find_project(project).accounts
    ]
    assert all(
        record["name"] in text and record["id"] in text and record["email"] in text for record in records
    )


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_an_account_joins_and_goes_without_another_byte(
    machine: Machine, project: Path, newline: str, mark: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (mark + MIXED).replace("\n", newline).encode()
    common(project).write_bytes(before)
    assert run(machine, *ADD, "--dry-run") == DONE
    diff = capsys.readouterr().out
    assert common(project).read_bytes() == before
    applied = subprocess.run(
        ["patch", "-p1", "--dry-run", "--binary"],
        input=diff.encode(),
        cwd=project,
        capture_output=True,
        check=False,
    )
    assert applied.returncode == 0, applied.stdout
    assert run(machine, *ADD) == DONE
    assert "Added data-science" in capsys.readouterr().out
    head, tail = before.split(b"\n}\n".replace(b"\n", newline.encode()), 1)
    entry = MIXED_ENTRY.replace("\n", newline).encode()
    end = newline.encode()
    assert common(project).read_bytes() == head + end + entry + b"}" + end + tail
    assert run(machine, "--remove", "data-science") == DONE
    assert common(project).read_bytes() == before


def test_a_list_on_one_line_stays_one(machine: Machine, project: Path) -> None:
    common(project).write_text(ONE_LINE)
    assert run(machine, *ADD) == DONE
    assert 'data-science = { email = "aws+data@example.com", id = "999999999999" }' in (
        common(project).read_text()
    )
    assert common(project).read_text().count("\n") == 1
    assert run(machine, "--remove", "data-science") == DONE
    assert common(project).read_text() == ONE_LINE


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--add", "Data", "--email", "a@b.cd"), "lower-case"),
        (("--add", "security", "--email", "a@b.cd"), "already"),
        (("--add", "data", "--email", "nobody"), "address"),
        (("--add", "data", "--email", "AWS+security@example.com"), "address"),
        (("--add", "data", "--email", "a@b.cd", "--id", "12345678901"), "12 digits"),
        (("--add", "data", "--email", "a@b.cd", "--id", "222222222222"), "taken by security"),
        (("--remove", "nope"), "no account nope"),
    ],
)
def test_a_wrong_request_is_refused_with_its_reason(
    machine: Machine, project: Path, words: tuple[str, ...], reason: str
) -> None:
    common(project).write_text(MIXED)
    with pytest.raises(OnboardError) as refusal:
        run(machine, *words)
    assert reason in refusal.value.as_text()
    assert refusal.value.next
    assert common(project).read_text() == MIXED


@pytest.mark.parametrize("words", [("--add", "data"), ("--email", "a@b.cd")])
def test_wrong_usage_is_told_apart(machine: Machine, words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        run(machine, *words)


def test_an_account_is_added_or_removed_not_both(machine: Machine) -> None:
    with pytest.raises(SystemExit) as usage:
        run(machine, "--add", "data", "--email", "a@b.cd", "--remove", "x")
    assert usage.value.code == USAGE


def test_single_variables_of_2020_are_told_and_left_to_be_edited_by_hand(
    machine: Machine, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common(project).rename(project / "config/common.config")
    (project / "apps-prd").mkdir()
    (project / "config/common.config").write_text(
        'project = "bb"\nsecurity_account_id = "222222222222"\nappsprd_account_id = "033333333333"\n'
    )
    assert run(machine, "--json") == DONE
    told = {row["name"]: row["id"] for row in json.loads(capsys.readouterr().out)}
    assert told == {"security": "222222222222", "apps-prd": "033333333333"}
    with pytest.raises(OnboardError) as refusal:
        run(machine, *ADD)
    assert "common.config:3" in refusal.value.next


def test_a_missing_file_names_its_example_and_an_ignored_one_is_told(
    machine: Machine, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    (project / ".gitignore").write_text("common.tfvars\n")
    assert run(machine, *ADD) == DONE
    assert "Git ignores" in capsys.readouterr().err
    common(project).rename(project / "config/common.tfvars.example")
    with pytest.raises(OnboardError) as refusal:
        run(machine, *ADD)
    assert "common.tfvars.example" in refusal.value.next


def test_what_stays_behind_is_told(
    machine: Machine, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(machine, *ADD) == DONE
    (project / "data-science/config").mkdir(parents=True)
    capsys.readouterr()
    assert run(machine, "--remove", "data-science", "--dry-run", "--json") == DONE
    record = json.loads(capsys.readouterr().out)
    assert record["written"] is False
    assert any("folder data-science" in warning for warning in record["warnings"])


def test_an_account_that_layers_need_is_refused_with_their_places(machine: Machine, project: Path) -> None:
    before = common(project).read_bytes()
    with pytest.raises(OnboardError) as refusal:
        run(machine, "--remove", "shared", "--dry-run")
    assert "management/global/base-identities/policies.tf:12" in refusal.value.as_text()
    assert common(project).read_bytes() == before
