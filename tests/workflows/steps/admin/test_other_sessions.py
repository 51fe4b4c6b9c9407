"""What git contains of the files that a session wrote, in a real checkout with a remote."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.admin_project import AdminProject

from workflows.sandbox.project import git
from workflows.steps.admin import other_sessions
from workflows.steps.admin.other_sessions import left_by_facts, left_in_git


def test_a_commit_is_to_be_pushed_until_a_branch_of_the_remote_has_it(admin_project: AdminProject) -> None:
    def run(*arguments: str) -> None:
        git([*arguments], folder=admin_project.root, environment=admin_project.environment.variables)

    def left(**commit: Any) -> str:
        context = admin_project.context()
        facts = {"project_root": str(admin_project.root), "changed_files": [{"path": str(file)}]}
        if commit:
            facts["commit"] = {"branch": "onboard/jane", "remote": "origin", **commit}
        return str(left_in_git(replace(context, facts=facts)))

    file = admin_project.root / "README.md"
    file.write_text("mine\n")
    assert "uncommitted" in left()
    run("switch", "--quiet", "--create", "onboard/jane")
    run("add", "README.md")
    run("commit", "--quiet", "--message", "mine")
    sha = (admin_project.root / ".git/refs/heads/onboard/jane").read_text().strip()
    assert left() == left(sha=sha, remote="") == ""
    assert "git push -u origin onboard/jane" in left(sha=sha)
    assert left(sha="0" * 40) == left(sha=None) == ""
    run("push", "--quiet", "origin", "onboard/jane")
    assert left(sha=sha) == ""
    file.write_text("other\n")
    assert "uncommitted" in left(sha=sha)


def test_files_that_a_later_session_wrote_to_are_to_be_committed_all_the_same(
    admin_project: AdminProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [admin_project.root / "README.md", admin_project.root / ".gitignore"]
    later = dict[str, str]()
    monkeypatch.setattr(other_sessions, "written_since", lambda *_: later)
    admin_project.facts = {"changed_files": [{"path": str(file)} for file in files]}
    admin_project.facts["project_root"] = str(admin_project.root)
    for changed in files:
        changed.write_text("ours and theirs\n")
    before = str(left_in_git(admin_project.context()))
    assert "2 files have" in before
    later[str(files[0])] = "Remove jane.doe"
    after = str(left_in_git(admin_project.context()))
    assert after.startswith(before)
    assert "Remove jane.doe" in after


@pytest.mark.parametrize(
    ("facts", "left"),
    [
        ({}, ""),
        ({"changed_files": [1]}, "if you haven't"),
        ({"changed_files": [1], "commit": {"branch": "b", "sha": "s"}}, "git push -u origin b"),
        ({"changed_files": [1], "commit": {"branch": "a$(b)", "sha": "s"}}, "git push -u origin 'a$(b)'"),
        ({"changed_files": [1], "commit": {"branch": "", "sha": "s"}}, ""),
        ({"changed_files": [1], "commit": {"remote": "origin"}}, ""),
    ],
)
def test_without_a_look_it_is_what_the_session_did(facts: dict[str, Any], left: str) -> None:
    said = str(left_by_facts(facts))
    assert left in said
    assert bool(said) is bool(left)
