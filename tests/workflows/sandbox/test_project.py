from __future__ import annotations

import base64
import re
import subprocess
import tempfile
from pathlib import Path
from re import MULTILINE

import pytest

from workflows.sandbox import project, sandbox


@pytest.fixture
def root(tmp_path: Path) -> Path:
    project.lay_out(tmp_path / "bb")
    return tmp_path / "bb"


def test_every_account_of_the_project_is_one_of_the_sandbox(root: Path) -> None:
    text = (root / "config" / "common.tfvars").read_text()
    declared = dict(
        re.findall(
            r'^  ([a-z-]+) = \{\n    email = "[^"]+@example\.com"\n    id    = "(\d{12})"', text, MULTILINE
        )
    )
    assert declared == project.ACCOUNTS


def test_the_profiles_are_those_that_the_backends_name(root: Path) -> None:
    named = {
        account: re.findall(
            r'^profile = "(.+)"$', (root / account / "config" / "backend.tfvars").read_text(), MULTILINE
        )
        for account in sandbox.PROFILES
    }
    assert named == {account: [profile] for account, profile in sandbox.PROFILES.items()}


def test_common_variables_is_a_link_that_leads_somewhere(root: Path) -> None:
    for layer in project.layers(root):
        link = layer / "common-variables.tf"
        assert link.is_symlink()
        assert not link.readlink().is_absolute()
        assert link.resolve() == root / "config" / "common-variables.tf"


def test_everybody_has_a_key_that_gpg_reads_and_can_encrypt_to(root: Path) -> None:
    for layer in project.layers(root):
        locals_file = (layer / "locals.tf").read_text()
        people = re.findall(r'^    "([a-z.]+)",$', locals_file, MULTILINE)
        machines = re.findall(r'^    "[a-z.]+" = "([a-z.]+)"$', locals_file, MULTILINE)
        assert len(people) == 3
        assert len(machines) == 1
        assert sorted(key.name for key in (layer / "keys").iterdir()) == sorted(people + machines)
        for name in people + machines:
            binary = base64.b64decode((layer / "keys" / name).read_text(), validate=False)
            with tempfile.TemporaryDirectory(prefix="io-", dir="/tmp") as home:
                shown = subprocess.run(
                    [
                        "gpg",
                        "--homedir",
                        home,
                        "--no-keyring",
                        "--no-autostart",
                        "--show-keys",
                        "--with-colons",
                    ],
                    input=binary,
                    capture_output=True,
                    check=True,
                ).stdout.decode()
            assert re.search(
                rf"^uid:.*:{re.escape(name)} <{re.escape(name)}@example\.com>:", shown, MULTILINE
            )
            assert re.search(r"^sub:.*:e:", shown, MULTILINE)


def test_pointing_at_another_address_makes_the_layer_initialise_again(root: Path) -> None:
    project.point_at(root, "http://127.0.0.1:20000")
    for layer in project.layers(root):
        (layer / ".terraform").mkdir()
    project.point_at(root, "http://127.0.0.1:20000")
    assert all((layer / ".terraform").is_dir() for layer in project.layers(root))
    project.point_at(root, "http://127.0.0.1:20001")
    for layer in project.layers(root):
        assert not (layer / ".terraform").exists()
        override = (layer / "zz_override.tf").read_text()
        assert "20001" in override
        assert "20000" not in override
        assert f'key = "{project.account_of(layer)}/base-identities/terraform.tfstate"' in override


def test_a_project_that_was_moved_away_does_not_stop_its_sandbox(root: Path) -> None:
    moved = root.rename(root.with_name("elsewhere"))
    project.point_at(root, "http://127.0.0.1:20000")
    assert not root.exists()
    assert not any(moved.rglob("zz_override.tf"))
