from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.pgp import gpg_home

from tui.cli.arguments import DONE, REFUSED, UsageError
from tui.cli.parser import build_parser
from tui.host import Machine
from workflows.core.openpgp import grouped
from workflows.core.sentences import OnboardError
from workflows.gpg.inspect import check_key
from workflows.layer.discover import find_project
from workflows.layer.model import Style
from workflows.layer.read.layer import read_layer
from workflows.sandbox.project import lay_out

LAYER = "security/global/base-identities"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    lay_out(tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def machine(project: Path) -> Machine:
    return Machine.this()._replace(working_folder=project)


@pytest.fixture(scope="module")
def key() -> Iterator[bytes]:
    with gpg_home() as home:
        home.key("jane.doe")
        yield home.export("jane.doe")


def run(machine: Machine, *words: str) -> int:
    options = build_parser().parse_args(["layer", *words])
    return options.run(machine, options) or DONE


def test_whom_a_computed_list_names_is_shown_with_the_place_and_refused(
    machine: Machine, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = project / LAYER / "locals.tf"
    text = re.sub(
        r"users = (\[.*?\])", r'users = concat(["b.sample"], \1)', path.read_text(), flags=re.DOTALL
    )
    path.write_text(text)
    before = contents(project)
    assert run(machine, "show", "security") == DONE
    line = text.partition('"b.sample"')[0].count("\n") + 1
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("  b.sample "))
    assert f"locals.tf:{line} (by hand)" in row
    with pytest.raises(OnboardError) as refusal:
        run(machine, "remove", "security", "b.sample")
    assert f" locals.tf:{line}" in refusal.value.what
    assert "local.users" in refusal.value.what
    assert contents(project) == before


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["security", LAYER, f"{LAYER}/keys/..", "./security"])
def test_a_layer_is_named_by_its_account_or_its_folder(
    machine: Machine, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(machine, "show", name, "--json") == DONE
    shown = json.loads(capsys.readouterr().out)
    assert shown["layer"] == LAYER
    assert shown["styles"] == [Style.LIST, Style.MACHINE_MAP]
    assert {person["name"] for person in shown["people"]} >= {"alex.kim", "machine.github.actions"}
    assert {group["name"]: group["members"] for group in shown["groups"]}["auditors"] == ["sam.okafor"]


def test_a_layer_is_shown_in_words(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(machine, "show", "security") == DONE
    text = capsys.readouterr().out
    assert "alex.kim" in text
    assert "minimum_password_length = 16\n" in text
    (alias,) = (line for line in text.splitlines() if "account_alias = binbash-security " in line)
    assert '"${var.project_long}-${var.environment}"' in alias


def test_nobody_is_in_no_group_while_the_groups_cannot_be_read(
    machine: Machine, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = project / LAYER / "groups.tf"
    path.write_text('module "conflicted" {\n<<<<<<< HEAD\n' + path.read_text())
    assert run(machine, "show", "security") == DONE
    shown = capsys.readouterr().out
    assert "no group" not in shown
    assert "groups.tf:2" in shown
    assert run(machine, "groups", "security", "alex.kim") == DONE
    assert "line 2" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["nope", ".", "config"])
def test_what_is_no_single_layer_is_refused_with_those_there_are(machine: Machine, name: str) -> None:
    with pytest.raises(OnboardError) as refusal:
        run(machine, "show", name)
    assert LAYER in refusal.value.next


def test_a_dry_run_prints_the_diff_that_the_run_makes(
    machine: Machine, project: Path, key: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "jane.key").write_bytes(key)
    before = contents(project / LAYER)
    words = ("security", "jane.doe", "--key", "jane.key", "--group", "devops")
    assert run(machine, "add", *words, "--dry-run") == DONE
    diff = capsys.readouterr().out
    assert contents(project / LAYER) == before
    assert '+    module.user["jane.doe"].iam_user_name,' in diff
    applied = subprocess.run(
        ["git", "apply", "--check", "-"], input=diff, text=True, cwd=project, capture_output=True, check=False
    )
    assert applied.returncode == 0, applied.stderr
    assert run(machine, "add", *words, "--json") == DONE
    done = json.loads(capsys.readouterr().out)
    assert done["written"] is True
    assert done["diff"] == diff
    assert run(machine, "groups", "security", "jane.doe") == DONE
    assert capsys.readouterr().out == "devops\n"
    assert run(machine, "groups", "security", "jane.doe", "--add", "auditors", "--remove", "devops") == DONE
    assert "+1 -1" in capsys.readouterr().out
    assert run(machine, "groups", "security", "jane.doe", "--json") == DONE
    assert json.loads(capsys.readouterr().out)["groups"] == ["auditors"]
    assert run(machine, "remove", "security", "jane.doe") == DONE
    assert contents(project / LAYER) == before


@pytest.mark.parametrize(("name", "ignored", "warnings"), [("jane.doe", "", 2), ("zoe.last", "keys/", 4)])
def test_a_key_that_looks_like_somebody_elses_or_that_git_ignores_is_warned_of(
    machine: Machine,
    project: Path,
    key: bytes,
    capsys: pytest.CaptureFixture[str],
    name: str,
    ignored: str,
    warnings: int,
) -> None:
    (project / "jane.key").write_bytes(key)
    subprocess.run(["git", "init", "--quiet"], cwd=project, check=True)
    (project / ".git/info/exclude").write_text(ignored)
    assert run(machine, "add", "security", name, "--key", "jane.key", "--dry-run") == DONE
    said = capsys.readouterr().err
    assert len(re.findall(r"^warning: ", said, re.MULTILINE)) == warnings
    assert grouped(check_key(key, environment=machine.environment).details.fingerprint) in said


def test_a_machine_user_gets_an_access_key(
    machine: Machine, project: Path, key: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "ci.key").write_bytes(key)
    words = ("add", "security", "machine.ci", "--key", "ci.key", "--group", "deploymaster", "--dry-run")
    assert run(machine, *words, "--access-key") == DONE
    shown = capsys.readouterr().out
    assert '"machine.ci"             = "machine.ci"' in shown
    assert run(machine, *words) == DONE, "its name says what it is"
    assert capsys.readouterr().out == shown


def test_a_machine_user_joins_no_group_of_people(machine: Machine, project: Path) -> None:
    before = contents(project)
    with pytest.raises(OnboardError):
        run(machine, "groups", "security", "machine.github.actions", "--add", "auditors")
    assert contents(project) == before


@pytest.mark.parametrize("named", ["machine.infra", f"{LAYER}/keys/machine.infra"])
def test_a_machine_user_shares_a_key_file_of_the_layer_by_its_name(
    machine: Machine, project: Path, key: bytes, named: str
) -> None:
    keys = project / LAYER / "keys"
    (project / "k").write_bytes(key)
    assert (
        run(machine, "add", "security", "machine.infra", "--key", "k", "--access-key", "--no-outputs") == DONE
    )
    before = contents(keys)
    words = ("add", "security", "machine.ci", "--key", named, "--access-key", "--no-outputs")
    assert run(machine, *words) == DONE
    assert contents(keys) == before
    assert '"machine.ci"             = "machine.infra"' in (project / LAYER / "locals.tf").read_text()
    assert run(machine, "remove", "security", "machine.ci") == DONE
    assert contents(keys) == before
    for name, *options in (("jane.doe",), ("machine.ci", "--access-key")):
        with pytest.raises(OnboardError):  # a person shares none, and nobody shares a person's
            run(
                machine,
                "add",
                "security",
                name,
                "--key",
                "machine.infra" if not options else "alex.kim",
                *options,
            )


def test_a_bad_key_is_told_as_the_check_of_keys_tells_it(
    machine: Machine, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with gpg_home() as home:
        home.key("sign.only", subkey=None)
        (project / "bad.key").write_bytes(home.export("sign.only"))
    with pytest.raises(OnboardError) as refusal:
        run(machine, "add", "security", "sign.only", "--key", "bad.key")
    for layer in (str(project / LAYER), "security"):
        options = build_parser().parse_args(["pgp", "check", str(project / "bad.key"), "--layer", layer])
        assert options.run(machine, options) == REFUSED
        assert capsys.readouterr().out.rstrip("\n") == refusal.value.what


def test_a_bad_key_or_name_is_refused_and_nothing_is_written(
    machine: Machine, project: Path, key: bytes
) -> None:
    (project / "good.key").write_bytes(key)
    (project / "bad.key").write_text("no key at all")
    before = contents(project)
    for words in (
        ("jane.doe", "--key", "bad.key"),
        ("jane.doe", "--key", "gone.key"),
        ("alex.kim", "--key", "good.key"),
        ("jane doe", "--key", "good.key"),
        ("jane.doe", "--key", "good.key", "--group", "nope"),
    ):
        with pytest.raises(OnboardError):
            run(machine, "add", "security", *words)
    with pytest.raises(OnboardError, match="nobody"):
        run(machine, "remove", "security", "nobody")
    assert contents(project) == before


def test_members_that_cannot_be_told_are_not_called_nobody(
    machine: Machine, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = project / LAYER / "groups.tf"
    path.write_text(
        re.sub(r"group_users = \[.*?\n  \]", "group_users = var.members", path.read_text(), flags=re.DOTALL)
    )
    assert run(machine, "show", "security") == DONE
    groups = capsys.readouterr().out.partition("Groups\n")[2].partition("Account")[0]
    assert "not known" in groups
    assert "nobody" not in groups


def test_a_user_whose_outputs_labels_are_taken_is_added_without_any(
    machine: Machine, project: Path, key: bytes, tmp_path: Path
) -> None:
    (tmp_path / "key").write_bytes(key)
    taken = re.findall(r'module\.user\["([^"]+\.[^"]+)"\]', (project / LAYER / "outputs.tf").read_text())[0]
    words = ("add", "security", taken.replace(".", "-"), "--key", str(tmp_path / "key"), "--group", "devops")
    before = (project / LAYER / "outputs.tf").read_bytes()
    with pytest.raises(OnboardError, match=" output "):
        run(machine, *words)
    assert run(machine, *words, "--no-outputs") == DONE
    assert (project / LAYER / "outputs.tf").read_bytes() == before


def test_the_account_is_shown_and_changed(
    machine: Machine, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(machine, "account", "security", "--policy", "max_password_age=80") == DONE
    assert "= 80" in (project / LAYER / "account.tf").read_text()
    capsys.readouterr()
    assert run(machine, "account", "security", "--json") == DONE
    assert json.loads(capsys.readouterr().out)["policy"]["max_password_age"]["value"] == 80
    with pytest.raises(OnboardError, match="leaves alone"):
        run(machine, "account", "security", "--alias", "other-alias")
    with pytest.raises(OnboardError, match=r"\b3 \w+ 63 .*\b0\b"):
        run(machine, "account", "security", "--alias", "")
    with pytest.raises(OnboardError, match="1 to 1095"):
        run(machine, "account", "security", "--policy", "max_password_age=2000")
    with pytest.raises(UsageError, match="minimum_password_length"):
        run(machine, "account", "security", "--policy", "nope=1")
    with pytest.raises(UsageError, match="KEY=VALUE"):
        run(machine, "account", "security", "--policy", "max_password_age=x")


def test_no_screen_is_loaded_for_it(project: Path) -> None:
    code = (
        "import sys; from tui.cli.main import main; code = main(sys.argv[1:]);"
        "assert code == 0, code; assert 'textual' not in sys.modules; assert 'boto3' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "layer", "show", str(project / LAYER)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_any_spelling_of_the_folder_does_and_paths_of_the_diff_stay_the_projects(
    machine: Machine, project: Path, key: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "jane.key").write_bytes(key)
    diffs = set()
    for folder, name in (
        (project, "security"),
        (project, LAYER),
        (project, str(project / LAYER)),
        (project / LAYER, "."),
        (project / LAYER, "keys"),
        (project / "security", "global/base-identities"),
        (project / "management", "security"),
        (project.parent, f"{project.name}/{LAYER}/"),
    ):
        here = machine._replace(working_folder=folder)
        assert run(here, "add", name, "jane.doe", "--key", str(project / "jane.key"), "--dry-run") == DONE
        diffs.add(capsys.readouterr().out)
    (diff,) = diffs
    before = contents(project)
    for program in (["git", "apply", "--check", "-"], ["patch", "-p1", "--dry-run"]):
        applied = subprocess.run(
            program, input=diff, text=True, cwd=project, capture_output=True, check=False
        )
        assert applied.returncode == 0, (program, applied.stdout, applied.stderr)
    assert contents(project) == before


def moved(layer: Path, to: Path) -> None:
    """The layer somewhere else; its links to the project's files become files."""
    for path in list(layer.iterdir()):
        if path.is_symlink():
            data = path.read_bytes()
            path.unlink()
            path.write_bytes(data)
    layer.rename(to)


def test_a_linked_layer_folder_is_edited_with_a_word_about_it(
    machine: Machine, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    real = project / "shared-identities"
    moved(project / LAYER, real)
    (project / LAYER).symlink_to(real)
    assert run(machine, "account", "security", "--policy", "max_password_age=0", "--json") == DONE
    told = capsys.readouterr()
    assert str(real) in told.err
    record = json.loads(told.out)
    assert record["written"] is True
    assert any("never expire" in warning for warning in record["warnings"])
    assert "= 0\n" in (real / "account.tf").read_text()
    assert (project / LAYER).is_symlink()


def test_a_folder_of_users_is_taken_without_a_project(
    machine: Machine, project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = tmp_path / "other" / "iam"
    alone.parent.mkdir()
    moved(project / LAYER, alone)
    here = machine._replace(working_folder=tmp_path)
    assert run(here, "remove", "other/iam", "alex.kim") == DONE
    told = capsys.readouterr()
    assert told.err
    assert "alex.kim" in told.out
    assert run(here, "show", "other/iam", "--json") == DONE
    assert "alex.kim" not in capsys.readouterr().out
    common = project / "config/common.tfvars"
    common.rename(common.with_suffix(".tfvars.example"))
    alone.rename(project / LAYER)
    assert run(machine, "show", LAYER) == DONE
    assert "common.tfvars" in capsys.readouterr().err


def test_who_is_in_no_group_and_a_group_that_is_left_empty_are_said(
    machine: Machine, project: Path, key: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "jane.key").write_bytes(key)
    assert run(machine, "add", "security", "jane.doe", "--key", "jane.key") == DONE
    capsys.readouterr()
    assert run(machine, "groups", "security", "jane.doe") == DONE
    shown = capsys.readouterr()
    assert (shown.out, "jane.doe" in shown.err) == ("", True)
    layer = read_layer(find_project(project).layers[1])
    alone = next(group for group in layer.groups if len(group.members) == 1)
    assert run(machine, "remove", "security", alone.members[0]) == DONE
    assert alone.name in capsys.readouterr().err
