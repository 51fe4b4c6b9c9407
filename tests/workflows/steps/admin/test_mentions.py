"""Mentions of a person who leaves, in all forms of a name."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

from support.fakes import fake_environment
from support.pgp import gpg_home

from workflows.steps.admin.deactivate import Mentioned, find_mentions
from workflows.steps.shared.module import Context, Progress


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


def quiet(_progress: Progress) -> None:
    """Ignore a progress report."""


def found(root: Path, name: str) -> Mentioned:
    facts = {"project_root": str(root)}
    context = Context(fake_environment(root.parent, {}), facts, facts, "security", root.parent / "session")
    return find_mentions([name], context, quiet)[name]


def test_a_name_is_found_as_labels_handles_and_sentences_have_it(tmp_path: Path) -> None:
    root = tmp_path / "bb"
    lines = {
        "user_sam_okafor = 1": True,
        "* @Sam-Okafor": True,
        'owner: "Sam Okafor"': True,
        "SAM.OKAFOR": True,
        "not-sam.okaforte": False,
        "samXokafor": False,
        "sam, okafor": False,
    }
    git(tmp_path, "init", "-q", "bb")
    (root / "CODEOWNERS").write_text("\n".join(lines) + "\n")
    told = [mention.place for mention in found(root, "sam.okafor").mentions]
    assert told == [f"CODEOWNERS:{line}" for line, there in enumerate(lines.values(), 1) if there]


def test_the_name_and_the_address_in_the_key_are_looked_for_too(tmp_path: Path) -> None:
    root = tmp_path / "bb"
    (root / "keys").mkdir(parents=True)
    git(tmp_path, "init", "-q", "bb")
    with gpg_home() as home:
        home.key("Samuel Ö. Okafor")
        (root / "keys" / "so").write_bytes(base64.encodebytes(home.export("Samuel Ö. Okafor")))
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "x")
    (root / "README.md").write_text("Ask samuel Ö. okafor.\nOr Samuel.\n")
    key, line = found(root, "so").mentions
    assert (key.place, line.place) == ("keys/so", "README.md:1")
    assert line.by not in {key.by, "name"}
