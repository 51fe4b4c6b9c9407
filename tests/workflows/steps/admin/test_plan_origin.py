"""What a plan was made from, for readers of a pull request."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from workflows.core.sentences import text_of
from workflows.git import Git
from workflows.steps.admin.plan import origin_words
from workflows.terraform.record import PlanRecord, hash_sources, record_plan


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
    git_there = Git(layer, {"PATH": os.environ["PATH"]})
    head = git_there.head()
    plan = tmp_path / "plan"
    plan.write_bytes(b"")
    sources = hash_sources(layer, (outside,))

    def recorded() -> PlanRecord:
        return record_plan(
            plan,
            "",
            layer,
            (outside,),
            sources=sources,
            git=git_there,
            binary="Terraform 1.15.5",
            made_at=datetime(2026, 3, 1, tzinfo=UTC),
        )

    said = text_of(origin_words(recorded()))
    assert all(part in said for part in ("Terraform 1.15.5", head[:8], "onboard/jane"))

    (root / "README.md").write_text("no source of the plan\n")
    assert origin_words(recorded()) == said
    (layer / "keys" / "sam.okafor").unlink()
    (layer / "groups.tf").write_text("2\n")
    shared.write_text("2\n")
    words = text_of(origin_words(recorded()))
    assert words.startswith(f"{said} 3 ")
    layer_name = "security/base-identities"
    named = words.rpartition(": ")[2]
    assert named == f"config/common.tf, {layer_name}/groups.tf, {layer_name}/keys/sam.okafor."
    alone = text_of(origin_words(replace(recorded(), commit="")))
    assert "Terraform 1.15.5" in alone
    assert not any(part in alone for part in (head[:8], "onboard/jane", "groups.tf"))
    (layer / "common.tf").unlink()
    (layer / "common.tf").symlink_to(outside)
    sources = hash_sources(layer, ())
    assert f"{layer_name}/common.tf" in recorded().uncommitted, "a link out of the checkout"
