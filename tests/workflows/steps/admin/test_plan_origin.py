"""What a plan was made from, for readers of a pull request."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

from support.fakes import fake_environment

from workflows.core.sentences import text_of
from workflows.git import Git
from workflows.steps.admin.plan import origin_words
from workflows.steps.shared.module import Context
from workflows.terraform.record import PlanRecord, hash_sources


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


def test_the_commit_and_what_is_in_no_commit_are_told(tmp_path: Path) -> None:
    layer = tmp_path / "bb" / "security" / "base-identities"
    (layer / "keys").mkdir(parents=True)
    (tmp_path / "bb" / "config").mkdir()
    shared = tmp_path / "bb" / "config" / "common.tf"
    for file in (layer / "users.tf", layer / "keys" / "sam.okafor", shared):
        file.write_text("1\n")
    (layer / "common.tf").symlink_to(shared)
    outside = tmp_path / "outside.tfvars"
    outside.write_text("x\n")
    root = tmp_path / "bb"
    git(tmp_path, "init", "-q", "-b", "onboard/jane", "bb")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "x")
    facts = {"project_root": str(root)}
    context = Context(fake_environment(tmp_path, {}), facts, facts, "security", tmp_path / "session")
    head = Git(root, context.environment.variables).head()
    record = PlanRecord(
        tmp_path / "plan",
        "",
        layer,
        (outside,),
        hash_sources(layer, (outside,)),
        head,
        "Terraform 1.15.5",
        "",
    )
    record = replace(record, branch="onboard/jane")
    said = f"Made with Terraform 1.15.5 from commit {head[:8]} on the branch onboard/jane."
    assert origin_words(record, context) == said

    (root / "README.md").write_text("no source of the plan\n")
    assert origin_words(record, context) == said
    (layer / "keys" / "sam.okafor").unlink()
    (layer / "groups.tf").write_text("2\n")
    shared.write_text("2\n")
    words = text_of(origin_words(record, context))
    assert words.startswith(f"{said} 3 ")
    layer_name = "security/base-identities"
    named = words.rpartition(": ")[2]
    assert named == f"config/common.tf, {layer_name}/groups.tf, {layer_name}/keys/sam.okafor."
    uncommitted = origin_words(replace(record, commit=""), context)
    assert str(record.binary) in uncommitted
    assert head[:8] not in uncommitted
